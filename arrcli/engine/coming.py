"""What comes next from each task, kept in time order: a look costs what came due since the last one."""

from __future__ import annotations

import heapq
from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence

from arrcli.model.instant import Instant
from arrcli.model.run import TaskRecord
from arrcli.model.schedule import Reboot
from arrcli.model.slot import due_not_before, next_due
from arrcli.model.snapshot import Idle, Upcoming
from arrcli.model.task import Task, TasksFile
from arrcli.store.contract import Reading
from arrcli.store.values import RECORDS_VERSION


class Coming:
    """The tasks of a file, each with its next due instant or with why there is none.

    Every task is looked at where the file changed, a record did in more than its mark, a pause ended, or the clock was
    set back; else those alone whose time has come. What was given out is never changed.
    """

    def __init__(self, store: Reading) -> None:
        self._store = store
        self._file: TasksFile | None = None
        self._version: str | None = None
        self._now: Instant = 0
        self._pause_ends: Instant | None = None
        self.records: Mapping[str, TaskRecord] = {}
        self.upcoming: Sequence[Upcoming] = ()
        self.idle: Sequence[Idle] = ()
        self.marked: Sequence[TaskRecord] = ()

    def look(self, file: TasksFile, now: Instant) -> None:
        """Bring all of it up to this moment."""
        version = self._store.meta(RECORDS_VERSION)
        is_over = self._pause_ends is not None and now >= self._pause_ends
        if (
            self._file is None
            or file.tasks is not self._file.tasks
            or version != self._version
            or now < self._now
            or is_over
        ):
            self._look_at_all(file, now)
        else:
            self._look_at_due(file, now)
        self._file, self._version, self._now = file, version, now

    def _look_at_all(self, file: TasksFile, now: Instant) -> None:
        before = {entry.name: entry for entry in self.upcoming if now >= self._now and entry.at > now}
        records = self._store.task_records()
        found: list[Upcoming | Idle] = []
        for name, task in file.tasks.items():
            known, record = before.get(name), records.get(name)
            is_same = known is not None and known.task is task and self.records.get(name) == record
            found.append(known if known is not None and is_same else _next(task, record, now))
        self.records = records
        self.upcoming = sorted((each for each in found if isinstance(each, Upcoming)), key=in_order)
        self.idle = [each for each in found if isinstance(each, Idle)]
        self.marked = [r for r in records.values() if (r.paused or r.broken) and r.name in file.tasks]
        ends = (record.pause_until for record in self.marked if record.paused and record.pause_until is not None)
        self._pause_ends = min((at for at in ends if at > now), default=None)

    def _look_at_due(self, file: TasksFile, now: Instant) -> None:
        count = bisect_right(self.upcoming, now, key=lambda entry: entry.at)
        if not count:
            return
        due = [entry.task for entry in self.upcoming[:count] if entry.task is not None]
        fresh = self._store.task_records([task.name for task in due])
        upcoming = list(self.upcoming[count:])
        for task in due:
            entry = _next(task, fresh.get(task.name), now)
            if isinstance(entry, Idle):
                self._look_at_all(file, now)
                return
            insort(upcoming, entry, key=in_order)
        self.records, self.upcoming = {**self.records, **fresh}, upcoming


def first_of(
    tasks: Mapping[str, Task], records: Mapping[str, TaskRecord], now: Instant, count: int
) -> tuple[Sequence[Upcoming], Sequence[Idle]]:
    """The `count` tasks (0: all) that come next, in time order, and those that are idle: all of them, where there are
    fewer. Of the others no more is asked than when they come at the soonest."""
    heap: list[tuple[Instant, str, Upcoming | None]] = []
    found, idle = list[Upcoming](), dict[str, Idle]()
    for name, task in tasks.items():
        bound = _bound(task, records.get(name), now)
        if bound is None:
            idle[name] = _idle(task, records.get(name), now)
        else:
            heap.append((bound, name, None))
    heapq.heapify(heap)
    while heap and not 0 < count <= len(found):
        _, name, known = heapq.heappop(heap)
        entry = known or _next(tasks[name], records.get(name), now)
        if isinstance(entry, Idle):
            idle[name] = entry
        elif known is None:
            heapq.heappush(heap, (*in_order(entry), entry))
        else:
            found.append(entry)
    return found, [idle[name] for name in tasks if name in idle]


def in_order(entry: Upcoming) -> tuple[Instant, str]:
    return entry.at, entry.name


def _next(task: Task, record: TaskRecord | None, now: Instant) -> Upcoming | Idle:
    at = None if why_idle(task, record, now) else _next_due(task, record, now)
    if at is None:
        return _idle(task, record, now)
    kind = task.schedule.kind if task.schedule is not None else "enqueued"
    return Upcoming(at=at, name=task.name, task=task, kind=kind, held_by=_broken(record))


def _idle(task: Task, record: TaskRecord | None, now: Instant) -> Idle:
    return Idle(task=task, why=why_idle(task, record, now) or _done(task, now), broken=_broken(record))


def _bound(task: Task, record: TaskRecord | None, now: Instant) -> Instant | None:
    """It comes no sooner than this; None where it is idle."""
    return None if why_idle(task, record, now) else due_not_before(*_from(task, record, now))


def _from(task: Task, record: TaskRecord | None, now: Instant) -> tuple[Task, Instant]:
    """The task with its anchor, and the mark after which its next slot is looked for."""
    mark = now if record is None else max(record.mark, now - task.jitter)
    return task.anchored(now if record is None else record.anchor), mark


def _next_due(task: Task, record: TaskRecord | None, now: Instant) -> Instant | None:
    """After the mark, and to come: what is due already is a run by now, or will be in a moment."""
    anchored, mark = _from(task, record, now)
    at = next_due(anchored, mark)
    while at is not None and at <= now:
        mark += max(1, now - at)
        at = next_due(anchored, mark)
    return at


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
