"""What is so now, in one frozen value: the only thing that lists, statuses and the dashboard are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from arrcli.model.instant import Instant
from arrcli.model.run import AttemptRecord, Run, TaskRecord
from arrcli.model.task import Pool, Task
from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """One thing that comes next: a slot of a task, or a pending run. `at` is when it is due.

    `run` is None for a slot that is not a run yet. `held_by` says in words what it waits for besides time, or "".
    """

    at: Instant
    name: str
    task: Task | None
    kind: str
    run: Run | None = None
    held_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """A task from which nothing comes next, and why: paused, disabled, by hand, past its `until`. `broken` says why a
    run of it would fail, where its import is broken."""

    task: Task
    why: str
    broken: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """One place of the daemon's workers, or (`kind` "thread") one run of their shared host. `run` is what it works on.

    `cpu` (a share of one processor) and `rss_kb` are of its process with its descendants, where the system tells.
    """

    index: int
    pid: int | None
    state: str
    kind: str = "process"
    run: Run | None = None
    since: Instant | None = None
    done: int = 0
    progress: float | None = None
    progress_text: str = ""
    cpu: float | None = None
    rss_kb: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One run whole: its attempts that ended, and the end of what it wrote, up to now where it still runs."""

    run: Run
    attempts: Sequence[AttemptRecord] = ()
    output: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """The daemon of a store, or that there is none (`pid` None).

    `timezone` is that of its tasks file; `faults` are those of an edit that it refused.
    """

    pid: int | None = None
    started_at: Instant | None = None
    version: str = ""
    file: str = ""
    workers: int = 0
    stopping: bool = False
    stalled: bool = False
    lag: int = 0
    message: str = ""
    timezone: str = "UTC"
    faults: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole picture at `now`. Durations and instants are UTC microseconds.

    `upcoming` is in time order, one line a task and one a pending run; of many only the first, and `waiting` says how
    many are ready or held (0: all are there). `recent` are the runs that ended last, newest first; `last` the newest
    executed runs of each task, newest first (at most 20), read when they are asked for; `failing` the newest of those
    tasks that failed last, the latest first; `running` have begun, oldest first. `marked` are the records of tasks that
    are paused or broken; `folders` those of the tasks' own code.
    """

    now: Instant
    file: str
    store: str
    timezone: str
    daemon: DaemonStatus = DaemonStatus()
    tasks: Mapping[str, Task] = field(default_factory=dict)
    records: Mapping[str, TaskRecord] = field(default_factory=dict)
    marked: Sequence[TaskRecord] = ()
    upcoming: Sequence[Upcoming] = ()
    waiting: int = 0
    idle: Sequence[Idle] = ()
    running: Sequence[Run] = ()
    recent: Sequence[Run] = ()
    last: Mapping[str, Sequence[Run]] = field(default_factory=dict)
    failing: Sequence[Run] = ()
    workers: Sequence[WorkerStatus] = ()
    faults: Sequence[str] = ()
    pools: Mapping[str, Pool] = field(default_factory=dict)
    folders: Sequence[str] = ()
