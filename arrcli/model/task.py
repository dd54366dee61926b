"""A task: a named callable with its schedule and its policies (SPEC, section 2)."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Literal

from arrcli.model.instant import DAY, MINUTE, SECOND, Instant
from arrcli.model.schedule import At, Every, Schedule
from arrcli.model.value import dataclass

Overlap = Literal["skip", "queue", "replace", "allow"]
CatchUp = Literal["latest", "all", "skip"]
Backoff = Literal["constant", "linear", "exponential"]
OnLost = Literal["retry", "fail"]
AfterPolicy = Literal["success", "done", "failure"]
ExecutorName = Literal["process", "thread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be run, when, and how it is treated. All durations are microseconds, all instants UTC.

    `max_concurrent` is None where the task does not set one: see `limit`. `timezone` is an IANA name.
    """

    name: str
    func: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    schedule: Schedule | None = None
    timezone: str = "UTC"
    start: Instant | None = None
    until: Instant | None = None
    enabled: bool = True
    description: str = ""
    jitter: int = 0
    misfire_grace: int = MINUTE
    catch_up: CatchUp = "latest"
    catch_up_window: int = DAY
    max_catch_up: int = 100
    expires: int | None = None
    on_overlap: Overlap = "skip"
    max_concurrent: int | None = None
    queue_max: int = 100
    pool: str = "default"
    priority: int = 0
    executor: ExecutorName = "process"
    timeout: int | None = None
    stop_grace: int = 5 * SECOND
    retries: int = 0
    retry_delay: int = 5 * SECOND
    retry_backoff: Backoff = "exponential"
    retry_max_delay: int = 5 * MINUTE
    retry_on: tuple[str, ...] | None = None
    no_retry_on: tuple[str, ...] = ()
    on_lost: OnLost = "retry"
    after: tuple[str, ...] = ()
    after_policy: AfterPolicy = "success"
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    on_failure: str | tuple[str, ...] | None = None
    max_output: int = 1 << 20
    keep_runs: int = 1000
    keep_for: int = 30 * DAY

    @property
    def limit(self) -> int | None:
        """How many of its runs may be active at once; None: its pool alone bounds it."""
        if self.max_concurrent is not None or self.schedule is None:
            return self.max_concurrent
        return None if self.on_overlap == "allow" else 1

    @property
    def schedule_text(self) -> str:
        """The schedule as it is shown: `30 2 * * *`, `every 90s`, `by hand`."""
        return self.schedule.text if self.schedule is not None else "by hand"

    @property
    def schedule_words(self) -> str:
        """The same for people: an `at` on the clock of its zone, `at 2030-01-01 00:00 EET and 2 more`."""
        return self.schedule.words if isinstance(self.schedule, At) else self.schedule_text

    def anchored(self, anchor: Instant) -> Task:
        """The task with its `every` counted from `anchor`; any other task is itself."""
        if isinstance(self.schedule, Every):
            return replace(self, schedule=Every(self.schedule.period, anchor))
        return self

    def schedule_digest(self) -> str:
        """A stable fingerprint of what decides its slots: an edit of anything else owes nothing and loses nothing."""
        times = self.schedule.times if isinstance(self.schedule, At) else ()
        facts = json.dumps([self.schedule_text, times, self.timezone, self.start, self.until])
        return hashlib.sha256(facts.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A cap across tasks; `size` None is no cap."""

    name: str
    size: int | None = None
    rate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksFile:
    """A tasks file that was read and found whole: what a daemon runs.

    `workers` and `timezone` are resolved (never None); `python_path` and `folder` are absolute;
    `notes` are warnings that stop nothing.
    """

    path: str
    folder: str
    tasks: Mapping[str, Task]
    pools: Mapping[str, Pool] = field(default_factory=dict)
    timezone: str = "UTC"
    workers: int = 1
    python_path: tuple[str, ...] = ()
    shutdown_grace: int = 8 * SECOND
    allow: tuple[str, ...] | None = None
    reload: Literal["auto", "manual"] = "auto"
    digest: str = ""
    notes: Sequence[str] = ()

    def allows(self, path: str) -> bool:
        """Whether `allow` lets this bare dotted path be asked for."""
        return self.allow is None or any(fnmatch.fnmatchcase(path, pattern) for pattern in self.allow)
