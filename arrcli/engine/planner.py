"""The planner: slots become runs, none twice, none dropped silently. One planner a store, by its lock."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC
from typing import Final

from arrcli.engine.slots import Due, due, new_era
from arrcli.model.event import Event
from arrcli.model.instant import Instant, to_datetime
from arrcli.model.run import Origin, Reason, Run, State, TaskRecord
from arrcli.model.schedule import At, Every, Reboot, spread
from arrcli.model.slot import due_not_before, next_due
from arrcli.model.task import Task, TasksFile
from arrcli.model.value import dataclass
from arrcli.store.contract import Writing
from arrcli.store.values import TASKS_VERSION, Move

_AT_ONCE: Final = 500
"""So many tasks are planned in one transaction."""


@dataclass(slots=True)
class Planned:
    """What one planning made: events to tell, runs to add, and those that a newer slot replaces."""

    events: list[Event] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    replaced: list[Run] = field(default_factory=list)
    touched: bool = False


class Planner:
    """Holds the tasks of one file and, of each, up to where its slots have been considered."""

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self.records: dict[str, TaskRecord] = {}
        self.paused: frozenset[str] = frozenset()
        """Tasks that are paused: few, and asked for at each turn."""
        self._heap: list[tuple[Instant, str]] = []
        self._bounded: set[str] = set()
        """Tasks that stand in the heap with a bound: their slot is due then or later."""
        self._version: str | None = None
        self._stale = True

    # -- taking a tasks file ------------------------------------------------------------------------------------------

    def adopt(self, w: Writing, file: TasksFile, now: Instant) -> Planned:
        """Take the tasks of `file`: new ones start at now, changed ones owe nothing, removed ones end (SPEC 2,
        Edits)."""
        known = dict(w.task_records())
        planned = Planned(touched=True)
        records = [self._record(w, task, known.get(task.name), now, planned) for task in file.tasks.values()]
        gone = [record for name, record in known.items() if name not in file.tasks]
        for record in gone:
            _end_slots(w, record.name, now, planned)
        records += [replace(_owing_nothing(record), removed=True) for record in gone if not record.removed]
        w.put_task_records(records)
        held = w.held()
        for task in file.tasks.values():
            if task.name in known:
                w.retarget(task.name, pool=task.pool, priority=task.priority, executor=task.executor)
                if (unknown := f"unknown {task.name}") in held:
                    w.unhold(unknown, 0, now=now)
        self.tasks = dict(file.tasks)
        self._know(w, {**known, **{record.name: record for record in records}})
        return planned

    def _record(self, w: Writing, task: Task, known: TaskRecord | None, now: Instant, planned: Planned) -> TaskRecord:
        digest = task.schedule_digest()
        times = task.schedule.times if isinstance(task.schedule, At) else ()
        if known is None or (known.removed and not times):
            base = known or TaskRecord(name=task.name, mark=now, anchor=now, first_seen=now)
            record = replace(base, mark=max(now, base.mark), anchor=now, digest=digest, removed=False)
        elif known.digest == digest:
            record = replace(known, removed=False)
        elif times:
            record = replace(_owing_nothing(known, but=times), digest=digest, removed=False)
        else:
            anchor = known.anchor
            if isinstance(task.schedule, Every):
                anchor = self._last_slot(w, task.name, known) or anchor
            known = _owing_nothing(known)
            record = replace(known, mark=max(now, known.mark), anchor=anchor, digest=digest, removed=False)
        if times:
            record = self._seen_times(w, task, record, times, now, planned)
        return record

    def _last_slot(self, w: Writing, name: str, known: TaskRecord) -> Instant | None:
        """The last slot that its schedule named so far, also where its history is gone."""
        row = w.last_scheduled(name)
        if row is not None:
            return row.last_slot or row.slot
        schedule = self.tasks[name].schedule if name in self.tasks else None
        if not isinstance(schedule, Every) or (following := schedule.after(known.mark)) is None:
            return None
        return following - schedule.period

    def _seen_times(
        self, w: Writing, task: Task, record: TaskRecord, times: Sequence[Instant], now: Instant, planned: Planned
    ) -> TaskRecord:
        """An `at` that was past when first seen is missed; those seen before keep what they have.

        One to come that the mark lies beyond already (the clock was ahead) has its run made here: no planning would.
        """
        new = [slot for slot in sorted(set(times) - set(record.at_times)) if _within(task, slot)]
        past = [slot for slot in new if slot < now]
        if past:
            record = self._passed_over(w, task, record, past[-1], now, planned)
        for slot in past:
            planned.events.append(_skip(w, task, record, Reason.MISSED, (slot, slot, 1), now))
        w.add([_run_of(task, record, slot, now) for slot in new if now <= slot <= record.mark])
        return replace(record, at_times=tuple(sorted({*record.at_times, *times})))

    def _passed_over(
        self, w: Writing, task: Task, record: TaskRecord, upto: Instant, now: Instant, planned: Planned
    ) -> TaskRecord:
        """The record with its mark at `upto` at least; the times that were seen before have their runs as ever."""
        if upto <= record.mark:
            return record
        seen = At([to_datetime(at) for at in record.at_times], UTC)
        occupied = w.active([task.name]).get(task.name, 0) + w.queued_slots([task.name]).get(task.name, 0)
        through = self._plan_task(w, replace(task, schedule=seen), record, now, occupied, planned)
        _add(w, planned)
        jittered = [at for at in seen.times if through < at <= upto and _within(task, at)]
        w.add([_run_of(task, record, at, now) for at in jittered])
        return replace(record, mark=max(through, upto))

    def removed(self) -> frozenset[str]:
        """The tasks that an earlier file named and this one does not."""
        return frozenset(name for name, record in self.records.items() if record.removed)

    def boot(self, w: Writing, now: Instant) -> Planned:
        """Make the `@reboot` runs: once at each start of the daemon."""
        made = Planned(touched=True)
        for task in self.tasks.values():
            if isinstance(task.schedule, Reboot) and _within(task, now):
                record = self.records[task.name]
                if self._paused(task, record, now):
                    _skip(w, task, record, Reason.PAUSED, (now, now, 1), now)
                else:
                    w.add([_run_of(task, record, now, now)])
        return made

    # -- planning -----------------------------------------------------------------------------------------------------

    def next_wake(self) -> Instant | None:
        """When the next slot is due or the next pause ends; None: never by itself."""
        ends = [at for name in self.paused if (at := self.records[name].pause_until) is not None]
        return min([*(entry[0] for entry in self._heap[:1]), *ends], default=None)

    def may_be_due(self, now: Instant) -> bool:
        """From any thread: some slot is due by now, or its bound has come and it was not asked yet."""
        return any(at <= now for at, _ in self._heap[:1])

    def late(self, now: Instant) -> int:
        """How long ago the next slot was due; 0 where it is still to come."""
        self._settle(now)
        return max([0, *(now - at for at, _ in self._heap[:1])])

    def changed(self) -> None:
        """Somebody else may have written to the tasks, or a transaction was rolled back: read again before planning."""
        self._stale = True

    def clock_stepped(self, w: Writing, now: Instant, *, back: int = 0) -> Planned:
        """The clock was set back, by `back` where that is known: begin a new era for the tasks that would otherwise be
        silent (SPEC 3, Clocks)."""
        planned = Planned(touched=self._refreshed(w))
        eras = []
        for name, record in list(self.records.items()):
            task = self.tasks.get(name)
            if task is not None and new_era(task, record, now, back=back):
                self.records[name] = replace(record, mark=now, era=record.era + 1)
                eras.append((name, now, record.era + 1))
                text = f"{name}: its slots were considered up to a later time than now; it starts again from now"
                planned.events.append(Event(at=now, kind="note", details={"text": text}))
        if eras:
            planned.touched = True
            w.put_marks(eras)
            self._rebuild()
        return planned

    def plan(self, w: Writing, now: Instant) -> Planned:
        """Make a run, or a skipped row, of every slot that has come due by `now`."""
        self._stale = self._stale or self.may_be_due(now) or bool(self._pauses_over(now))
        planned = Planned(touched=self._refreshed(w))
        self._resume(w, now, planned)
        names = self._due_names(now)
        if not names:
            return planned
        planned.touched = True
        active = dict(w.active(names))
        queued = dict(w.queued_slots(names))
        marks = []
        for name in names:
            task, record = self.tasks[name], self.records[name]
            occupied = active.get(name, 0) + queued.get(name, 0)
            through = self._plan_task(w, task, record, now, occupied, planned)
            self.records[name] = replace(record, mark=through)
            marks.append((name, through, record.era))
            self._push(name)
        _add(w, planned)
        w.put_marks(marks)
        return planned

    def _plan_task(
        self, w: Writing, task: Task, record: TaskRecord, now: Instant, occupied: int, planned: Planned
    ) -> Instant:
        over = record.pause_until if record.paused else None
        if over is not None and over <= now:
            passed = _passed(w, task, record, over - 1, now, planned)
            if passed.more:
                return passed.through
            record = replace(record, mark=passed.through)
        judged = due(task, record.mark, now)
        for span in judged.missed:
            reason = Reason.PAUSED if self._paused(task, record, span[1]) else Reason.MISSED
            planned.events.append(_skip(w, task, record, reason, span, now))
        runs = [*self._unpaused(w, task, record, judged.caught_up, now, planned)]
        live = [*self._unpaused(w, task, record, judged.live, now, planned)]
        for slot in _replaced_at_once(task, live):
            planned.events.append(_skip(w, task, record, Reason.OVERLAP, (slot, slot, 1), now, runs))
            live.remove(slot)
        for slot in live:
            verdict = _overlap(task, occupied)
            if verdict is not None:
                planned.events.append(_skip(w, task, record, verdict, (slot, slot, 1), now, runs))
                continue
            if task.on_overlap == "replace" and task.limit is not None and occupied >= task.limit:
                victims = _victims(w, task, occupied - task.limit + 1, planned.replaced)
                planned.replaced.extend(victims)
                occupied -= len(victims)
            runs.append(slot)
            occupied += 1
        planned.runs += [_run_of(task, record, slot, now) for slot in runs]
        return judged.through

    def _unpaused(
        self,
        w: Writing,
        task: Task,
        record: TaskRecord,
        found: Iterable[Instant],
        now: Instant,
        planned: Planned,
    ) -> Iterable[Instant]:
        for slot in found:
            if self._paused(task, record, slot):
                planned.events.append(_skip(w, task, record, Reason.PAUSED, (slot, slot, 1), now))
            else:
                yield slot

    def _paused(self, task: Task, record: TaskRecord, slot: Instant) -> bool:
        if not task.enabled:
            return True
        due_at = slot + spread(task.name, task.jitter)
        return record.paused and (record.pause_until is None or due_at < record.pause_until)

    def _pauses_over(self, now: Instant) -> Sequence[TaskRecord]:
        records = [self.records[name] for name in sorted(self.paused)]
        return [record for record in records if record.pause_until is not None and record.pause_until <= now]

    def _resume(self, w: Writing, now: Instant, planned: Planned) -> None:
        ended = self._pauses_over(now)
        known = w.task_records() if ended else {}  # what is remembered here knows no broken marks
        over = [replace(known.get(r.name, r), paused=False, pause_until=None, pause_note="") for r in ended]
        # Slots inside the pause are judged by this plan before the pause is forgotten: only a task without any is
        # freed.
        free = [record for record in over if (at := self._due_at(record.name)) is None or at > now]
        for record in free:
            w.unhold(f"paused {record.name}", 0, now=now)
            self.records[record.name] = record
            planned.events.append(Event(at=now, kind="note", details={"text": f"{record.name}: its pause is over"}))
        if free:
            planned.touched = True
            self._note_paused()
            w.put_task_records(free)

    def _due_at(self, name: str) -> Instant | None:
        task = self.tasks.get(name)
        return None if task is None else next_due(task, self.records[name].mark)

    # -- the heap of what comes next ----------------------------------------------------------------------------------

    def _know(self, w: Writing, records: Mapping[str, TaskRecord]) -> None:
        """These are the records now: find every task's next slot anew."""
        self._version = w.meta(TASKS_VERSION)
        self.records = dict(records)
        for name, task in self.tasks.items():
            if name in self.records:
                self.tasks[name] = task.anchored(self.records[name].anchor)
        self._note_paused()
        self._rebuild()

    def _note_paused(self) -> None:
        self.paused = frozenset(name for name, record in self.records.items() if record.paused)

    def _refreshed(self, w: Writing) -> bool:
        """Whether somebody else, or a transaction rolled back, made our records untrue: then they were read again."""
        untrue = self._stale and w.meta(TASKS_VERSION) != self._version
        if untrue:
            self._know(w, w.task_records())
        self._stale = False
        return untrue

    def rolled_back(self) -> None:
        """What was planned in the last transaction was not: read everything again before the next."""
        self._stale, self._version = True, "\0"

    def _rebuild(self) -> None:
        known = [name for name in self.tasks if name in self.records]
        found = ((due_not_before(self.tasks[name], self.records[name].mark), name) for name in known)
        self._heap = [(at, name) for at, name in found if at is not None]
        heapq.heapify(self._heap)
        self._bounded = {name for _, name in self._heap}

    def _settle(self, now: Instant) -> None:
        """What comes first by its bound alone is asked when it is really due."""
        while self.may_be_due(now) and self._heap[0][1] in self._bounded:
            _, name = heapq.heappop(self._heap)
            self._bounded.discard(name)
            self._push(name)

    def _push(self, name: str) -> None:
        at = next_due(self.tasks[name], self.records[name].mark)
        if at is not None:
            heapq.heappush(self._heap, (at, name))

    def _due_names(self, now: Instant) -> Sequence[str]:
        """Of a crowd the first: their runs begin while the others are planned."""
        names: dict[str, None] = {}
        while len(names) < _AT_ONCE:
            self._settle(now)
            if not self.may_be_due(now):
                break
            names[heapq.heappop(self._heap)[1]] = None
        return list(names)


def _within(task: Task, slot: Instant) -> bool:
    return (task.start is None or slot >= task.start) and (task.until is None or slot <= task.until)


def let_pass(w: Writing, task: Task, record: TaskRecord, now: Instant) -> TaskRecord:
    """Leave `paused` rows for the slots up to `now` that no daemon considered; the record with its new mark."""
    task = task.anchored(record.anchor)
    more = True
    while more:
        passed = _passed(w, task, record, now, now, Planned())
        record, more = replace(record, mark=passed.through), passed.more
    return record


def _passed(w: Writing, task: Task, record: TaskRecord, until: Instant, now: Instant, planned: Planned) -> Due:
    """Leave `paused` rows for the slots that were due by `until`, so many as are judged in one go."""
    judged = due(task, record.mark, until)
    slots = (*judged.caught_up, *judged.live)
    for span in (*judged.missed, *((slot, slot, 1) for slot in slots)):
        planned.events.append(_skip(w, task, record, Reason.PAUSED, span, now))
    return judged


def _owing_nothing(record: TaskRecord, *, but: Sequence[Instant] = ()) -> TaskRecord:
    """Of a task without its `at`, or without some of its times: those still to come are new to it where they come
    back."""
    return replace(record, at_times=tuple(at for at in record.at_times if at <= record.mark or at in but))


def _replaced_at_once(task: Task, live: Sequence[Instant]) -> Sequence[Instant]:
    """Of several slots that came due together, those that a newer one replaces before they were runs."""
    if task.on_overlap != "replace" or task.limit is None:
        return ()
    return live[: max(0, len(live) - task.limit)]


def _overlap(task: Task, occupied: int) -> Reason | None:
    """Why a live slot does not become a run, with so many runs of its task active or waiting; None: it does."""
    limit = task.limit
    if limit is None or occupied < limit or task.on_overlap == "replace":
        return None
    if task.on_overlap == "skip":
        return Reason.OVERLAP
    return Reason.QUEUE_FULL if occupied - limit >= task.queue_max else None


def _victims(w: Writing, task: Task, count: int, already: Sequence[Run]) -> Sequence[Run]:
    """The oldest runs of the task that a newer slot replaces."""
    taken = {run.id for run in already}
    waiting = [run for run in w.pending_of(task.name) if run.scheduled and not run.attempt]
    oldest = sorted([*w.active_runs(task.name), *waiting], key=lambda run: run.id)
    return [run for run in oldest if run.id not in taken][:count]


def _add(w: Writing, planned: Planned) -> None:
    """Runs of many tasks go into the store together."""
    if planned.runs:
        w.add(planned.runs)
        planned.runs = []


_NEW: Final = Run(task=None, func="", due_at=0, ready_at=0, enqueued_at=0)


def _run_of(task: Task, record: TaskRecord, slot: Instant, now: Instant) -> Run:
    at = slot + spread(task.name, task.jitter)
    assert task.schedule is not None  # noqa: S101 - only tasks with a schedule have slots
    return _NEW.but(
        task=task.name,
        func=task.func,
        args=task.args,
        kwargs=task.kwargs,
        origin=Origin(task.schedule.kind),
        slot=slot,
        era=record.era,
        due_at=at,
        ready_at=at,
        enqueued_at=now,
        pool=task.pool,
        priority=task.priority,
        executor=task.executor,
        expires_at=None if task.expires is None else at + task.expires,
    )


def _skip(
    w: Writing,
    task: Task,
    record: TaskRecord,
    reason: Reason,
    span: tuple[Instant, Instant, int],
    now: Instant,
    apart: Sequence[Instant] = (),
) -> Event:
    """Leave a row for slots that do not run; consecutive ones of one reason share it. `apart`: slots before the first
    that will run, but are not written yet."""
    first, last, count = span
    row = w.last_scheduled(task.name)
    same = row is not None and row.state is State.SKIPPED and row.reason is reason and row.era == record.era
    reached = 0 if row is None else row.last_slot or row.slot or 0
    if row is not None and same and max(apart, default=0) < reached < first:
        w.lengthen(row.id, last_slot=last, count=count, at=now)
        skipped = row.but(last_slot=last, count=row.count + count)
    else:
        made = _run_of(task, record, first, now).but(last_slot=last, count=count)
        (skipped,) = w.add([made.skipped(at=now, reason=reason)])
    details = {"count": count, "slot": first, "last_slot": last, "again": skipped.count > count}
    return Event(at=now, kind="run_skipped", run=skipped, details=details)


def _end_slots(w: Writing, task: str, now: Instant, planned: Planned) -> None:
    """A removed task: its slots end, what was asked for is held and shown."""
    for run in w.pending_of(task):
        if run.scheduled:
            ended = run.skipped(at=now, reason=Reason.REMOVED)
            w.move([Move(was=run, now=ended)])
            planned.events.append(Event(at=now, kind="run_skipped", run=ended))
        else:
            w.hold([run.held(f"unknown {task}")])
