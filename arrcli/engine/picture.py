"""The picture: what is so now, put together from the store and the tasks, for whoever draws or prints it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from arrcli.model.instant import Instant
from arrcli.model.run import Run, State, TaskRecord
from arrcli.model.schedule import Reboot
from arrcli.model.slot import next_due
from arrcli.model.snapshot import DaemonStatus, Idle, Snapshot, Upcoming, WorkerStatus
from arrcli.model.task import Task, TasksFile
from arrcli.store.contract import Reading

RECENT: Final = 50
LAST: Final = 20


class Picture:
    """Remembers each task's next due instant, so that a picture costs only what changed since the last one."""

    def __init__(self, store: Reading) -> None:
        self._store = store
        self._next: dict[str, tuple[Instant, Instant | None]] = {}
        self._entries: dict[str, tuple[TaskRecord, Upcoming]] = {}
        """A task whose record is the same object as before comes next as before, until that time has come."""
        self._tasks: Mapping[str, Task] = {}
        self._last: dict[str, Sequence[Run]] = {}
        self._last_ended: int = -1

    def taken(
        self,
        file: TasksFile,
        now: Instant,
        *,
        daemon: DaemonStatus,
        store: str = "",
        workers: Sequence[WorkerStatus] = (),
        faults: Sequence[str] = (),
        pending_limit: int = 200,
    ) -> Snapshot:
        """The snapshot of this moment; at most `pending_limit` (0: all) pending runs in it."""
        if file.tasks is not self._tasks:
            self._tasks, self._next, self._entries = file.tasks, {}, {}
        records = self._store.task_records()
        running = sorted((r for r in self._store.running() if r.begun), key=lambda run: run.started_at or 0)
        pending = self._store.pending(limit=pending_limit)
        recent = self._store.recent(RECENT)
        upcoming, idle = self._coming(file, records, now)
        busy = [*running, *(run for run in pending if run.attempt)]
        upcoming += [_pending(run, file, busy) for run in pending]
        return Snapshot(
            now=now,
            file=file.path,
            store=store,
            timezone=file.timezone,
            daemon=daemon,
            tasks=file.tasks,
            records=records,
            upcoming=sorted(upcoming, key=lambda entry: (entry.at, entry.name)),
            idle=idle,
            running=running,
            recent=recent,
            last=self._last_of(file, recent),
            workers=workers,
            counts=self._store.counts(),
            faults=faults,
            pools=file.pools,
            folders=[folder for folder in (file.folder, *file.python_path) if folder],
        )

    def _coming(
        self, file: TasksFile, records: Mapping[str, TaskRecord], now: Instant
    ) -> tuple[list[Upcoming], list[Idle]]:
        upcoming, idle = [], []
        for name, task in file.tasks.items():
            record = records.get(name)
            known = self._entries.get(name)
            if known is not None and known[0] is record and known[1].at > now:
                upcoming.append(known[1])
                continue
            why = why_idle(task, record, now)
            at = None if why else self._next_due(task, record, now)
            if at is None:
                idle.append(Idle(task=task, why=why or _done(task, now), broken=_broken(record)))
            else:
                kind = task.schedule.kind if task.schedule is not None else "enqueued"
                entry = Upcoming(at=at, name=name, task=task, kind=kind, held_by=_broken(record))
                upcoming.append(entry)
                if record is not None:
                    self._entries[name] = (record, entry)
        return upcoming, idle

    def _next_due(self, task: Task, record: TaskRecord | None, now: Instant) -> Instant | None:
        anchor = record.anchor if record is not None else now
        known = self._next.get(task.name)
        if known is not None and known[0] == anchor and (known[1] is None or known[1] > now):
            return known[1]
        mark = now if record is None else max(record.mark, now - task.jitter)
        anchored = task.anchored(anchor)
        at = next_due(anchored, mark)
        while at is not None and at <= now:
            mark += max(1, now - at)
            at = next_due(anchored, mark)
        self._next[task.name] = (anchor, at)
        return at

    def _last_of(self, file: TasksFile, recent: Sequence[Run]) -> Mapping[str, Sequence[Run]]:
        """History is read again only for tasks of which a run ended since the last picture."""
        if self._last_ended < 0 or len(self._last) > len(file.tasks):
            self._last = dict(self._store.last_runs(file.tasks, LAST))
        else:
            ended = {run.task for run in recent if (run.finished_at or 0) >= self._last_ended and run.task is not None}
            self._last.update(self._store.last_runs(ended & set(file.tasks), LAST))
        self._last_ended = max((run.finished_at or 0 for run in recent), default=0)
        return self._last


def why_idle(task: Task, record: TaskRecord | None, now: Instant) -> str:
    """Why nothing comes next from a task, or "" where its schedule is to say."""
    if not task.enabled:
        return "disabled"
    if record is not None and record.paused and (record.pause_until is None or record.pause_until > now):
        return f"paused: {record.pause_note}" if record.pause_note else "paused"
    if task.schedule is None:
        return f"after {', '.join(task.after)}" if task.after else "by hand"
    if isinstance(task.schedule, Reboot):
        return "when arr starts"
    return ""


def _done(task: Task, now: Instant) -> str:
    if task.until is not None and task.until <= now:
        return "past its until"
    return "its times are past"


def _broken(record: TaskRecord | None) -> str:
    return "" if record is None or not record.broken else f"broken: {record.broken}"


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
