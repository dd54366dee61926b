"""The picture: what is so now, put together from the store and the tasks, for whoever draws or prints it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any, Final

from arrcli.engine.coming import Coming, first_of, in_order
from arrcli.engine.histories import Histories
from arrcli.model.instant import Instant
from arrcli.model.run import Run, State
from arrcli.model.snapshot import DaemonStatus, Snapshot, Upcoming, WorkerStatus
from arrcli.model.task import TasksFile
from arrcli.store.contract import Reading, Store

RECENT: Final = 50
MOST_COUNTED: Final = 10_000
"""Of runs that wait; more are so many and more."""
NEARBY: Final = 200
"""So many pending runs are read beyond those that are wanted: what is told of one may name another."""


class Picture:
    """Remembers what it read, so that a picture costs only what changed since the last one; for one thread at a time.

    Where nobody committed meanwhile nothing is read at all.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._coming = Coming(store)
        self._histories = Histories(store)
        self._read: tuple[Any, ...] = ()
        self._running: Sequence[Run] = ()
        self._recent: Sequence[Run] = ()
        self._pending: Sequence[Upcoming] = ()
        self._waiting = 0
        self._merged: tuple[Sequence[Upcoming], Sequence[Upcoming], Sequence[Upcoming]] = ((), (), ())

    def taken(
        self,
        file: TasksFile,
        now: Instant,
        *,
        daemon: DaemonStatus,
        store: str = "",
        workers: Callable[[Sequence[Run]], Sequence[WorkerStatus]] = lambda running: (),
        faults: Sequence[str] = (),
        pending_limit: int = 200,
    ) -> Snapshot:
        """The snapshot of this moment; at most `pending_limit` (0: all) pending runs in it. `workers` says how they are
        where these runs have begun."""
        self._look(file, pending_limit)
        self._coming.look(file, now)
        return Snapshot(
            now=now,
            file=file.path,
            store=store,
            timezone=file.timezone,
            daemon=daemon,
            tasks=file.tasks,
            records=self._coming.records,
            marked=self._coming.marked,
            upcoming=self._upcoming(),
            waiting=self._waiting,
            idle=self._coming.idle,
            running=self._running,
            recent=self._recent,
            last=self._histories,
            failing=self._histories.failing,
            workers=workers(self._running),
            faults=faults,
            pools=file.pools,
            folders=[folder for folder in (file.folder, *file.python_path) if folder],
        )

    def _look(self, file: TasksFile, pending_limit: int) -> None:
        """Read the runs anew, where there is anything new."""
        as_of = (self._store.commits(), get_ident(), file, pending_limit)
        if as_of == self._read:
            return
        self._read = as_of
        self._running = self._store.begun()
        self._recent = self._store.recent(RECENT)
        newest = self._recent[0].finished_at if self._recent else None
        self._histories.look(file.tasks, newest or 0)
        pending = self._store.pending(limit=pending_limit)
        busy = [*self._running, *(run for run in pending if run.attempt)]
        self._pending = [_pending(run, file, busy) for run in pending]
        is_cut = 0 < pending_limit <= len(pending)
        self._waiting = self._store.waiting(MOST_COUNTED) if is_cut else 0

    def _upcoming(self) -> Sequence[Upcoming]:
        """Slots and pending runs in time order; the same sequence as before where both are."""
        slots, pending = self._coming.upcoming, self._pending
        if self._merged[0] is not slots or self._merged[1] is not pending:
            self._merged = (slots, pending, _merged(slots, pending))
        return self._merged[2]


def beginning(
    store: Reading, file: TasksFile, now: Instant, *, daemon: DaemonStatus, database: str = "", count: int = 0
) -> Snapshot:
    """What comes next alone: of tasks and of pending runs the first `count` at least (0: all). Of the history no more
    than how each task went last."""
    records = store.task_records()
    slots, idle = first_of(file.tasks, records, now, count)
    running = store.begun()
    pending = store.pending(limit=count + NEARBY if count else 0)
    busy = [*running, *(run for run in pending if run.attempt)]
    return Snapshot(
        now=now,
        file=file.path,
        store=database,
        timezone=file.timezone,
        daemon=daemon,
        tasks=file.tasks,
        records=records,
        upcoming=_merged(slots, [_pending(run, file, busy) for run in pending]),
        idle=idle,
        running=running,
        last=Histories(store, each=1).of(file.tasks),
        pools=file.pools,
    )


def _merged(slots: Sequence[Upcoming], pending: Sequence[Upcoming]) -> Sequence[Upcoming]:
    """Most slots come later than all that waits: those are taken as they stand."""
    if not pending:
        return slots
    beyond = bisect_right(slots, max(entry.at for entry in pending), key=lambda entry: entry.at)
    return [*sorted([*slots[:beyond], *pending], key=in_order), *slots[beyond:]]


def _pending(run: Run, file: TasksFile, busy: Sequence[Run]) -> Upcoming:
    task = None if run.task is None else file.tasks.get(run.task)
    return Upcoming(
        at=run.ready_at, name=run.name, task=task, kind=run.origin.value, run=run, held_by=held_words(run, file, busy)
    )


def held_words(run: Run, file: TasksFile, busy: Sequence[Run] = ()) -> str:
    """What a pending run waits for besides time, in words; "" for nothing. `busy`: the runs that may be in its way."""
    if run.state is State.RUNNING:
        return "" if run.begun else "in front of a worker"
    if run.held_by is None:
        return f"retry {run.attempt + 1}" if run.attempt else ""
    kind, _, name = run.held_by.partition(" ")
    if kind == "task":
        return f"behind {_listed([one for one in busy if one.task == name]) or f'another run of {name}'}"
    if kind == "pool":
        pool = file.pools.get(name)
        size = "" if pool is None or pool.size is None else f" ({pool.size})"
        them = _listed([one for one in busy if one.pool == name and one.begun])
        return f"pool {name} is full{size}" + (f": {them}" if them else "")
    if kind == "paused":
        return "paused"
    return f"no task {name} in {file.path.rpartition('/')[2]}"


def _listed(runs: Sequence[Run]) -> str:
    """`run 12`, `run 12, run 13 and 3 more`; "" for none."""
    more = f" and {len(runs) - 2} more" if len(runs) > 2 else ""
    return ", ".join(f"run {run.id}" for run in runs[:2]) + more
