"""What became of a slot that has passed: by the row that it left, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, assert_never

from arrcli.model.explain.cause import Cause, Verdict, doing, said
from arrcli.model.instant import SECOND, Instant
from arrcli.model.run import Reason, Run, State, TaskRecord
from arrcli.model.schedule import spread
from arrcli.model.slot import slots
from arrcli.model.snapshot import Snapshot
from arrcli.model.task import Task
from arrcli.model.value import dataclass
from arrcli.model.when import exact, spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the store tells of a slot: the row that it left, and the runs of its task that were active then."""

    row: Run | None = None
    active: Sequence[Run] = ()


NOTHING: Final = Past()


def became(snapshot: Snapshot, task: Task, past: Past) -> tuple[Verdict, list[Cause]]:
    """How the slot's row tells it."""
    row = past.row
    assert row is not None  # noqa: S101 - asked only where there is one
    match row.shown_state:
        case State.SUCCEEDED:
            return "ran", [Cause("ok", f"run {row.id} went well{_took(row)}{_late(row)}")]
        case State.FAILED:
            return "failed", [_failed(row)]
        case State.CANCELLED:
            by = "a newer slot took its place" if row.reason is Reason.OVERLAP else "somebody cancelled it"
            return "was cancelled", [Cause("cancelled", f"run {row.id}: {by}", stops=True)]
        case State.RUNNING:
            return "is running", [Cause("running", f"{doing(row, snapshot.now)}{_late(row)}")]
        case State.PENDING:
            return "waits", [Cause("waits", f"run {row.id} waits: {_waits_for(snapshot, row)}")]
        case State.SKIPPED:
            return "did not run", list(_skipped(task, row, past.active))
        case _:
            assert_never(row.shown_state)


def _failed(row: Run) -> Cause:
    tries = f" after {row.attempt} attempts" if row.attempt > 1 else ""
    reason = "" if row.reason in (None, Reason.ERROR) else f" ({row.reason.value})"
    why = f": {row.fault.type}: {row.fault.message}" if row.fault is not None else ""
    return Cause("failed", f"run {row.id} failed{tries}{reason}{_took(row)}{_late(row)}{why}")


def _waits_for(snapshot: Snapshot, row: Run) -> str:
    entry = next((each for each in snapshot.upcoming if each.run is not None and each.run.id == row.id), None)
    if row.ready_at > snapshot.now:
        again = f"for attempt {row.attempt + 1}" if row.attempt else "for its time"
        return f"{again}, in {spoken(row.ready_at - snapshot.now)}"
    if entry is not None and entry.held_by:
        return entry.held_by
    if snapshot.daemon.pid is None:
        return "no daemon is running (start it: arr run)"
    return "for a worker that is free"


_SKIPPED: Final = {
    Reason.OVERLAP: '{them} was still active (on_overlap = "{task.on_overlap}")',
    Reason.QUEUE_FULL: "{task.queue_max} runs waited already (queue_max) behind {them}",
    Reason.MISSED: 'no daemon took it within its misfire_grace ({grace}), nor later by catch_up ("{task.catch_up}")',
    Reason.PAUSED: "the task was paused, or not enabled",
    Reason.REMOVED: "the task was removed from the file",
    Reason.EXPIRED: "it waited longer than its expires",
    Reason.DENIED: "allow does not name its callable",
    Reason.UPSTREAM: "what it comes after did not end as it should",
}


def _skipped(task: Task, row: Run, active: Sequence[Run]) -> Iterator[Cause]:
    reason = row.reason
    pattern = _SKIPPED.get(reason, "no reason is kept") if reason is not None else "no reason is kept"
    text = pattern.format(task=task, them=_then(active, task), grace=exact(task.misfire_grace))
    yield Cause("skipped" if reason is None else reason.value, f"skipped: {text}", stops=True)
    if row.count > 1 and row.slot is not None:
        last = said(row.last_slot or row.slot, task.timezone)
        first = said(row.slot, task.timezone)
        yield Cause("count", f"{row.count} slots in a row went so, from {first} to {last}")


def _then(active: Sequence[Run], task: Task) -> str:
    """Which runs stood in the way at that time, as far as history tells."""
    return " and ".join(_span(run, task.timezone) for run in active[:3]) or "another run of it"


def _span(run: Run, timezone: str) -> str:
    if run.started_at is None:
        return f"run {run.id}"
    ended = "until now" if run.finished_at is None else f"to {said(run.finished_at, timezone)}"
    return f"run {run.id} ({said(run.started_at, timezone)} {ended})"


def without_row(snapshot: Snapshot, task: Task, at: Instant, record: TaskRecord | None) -> tuple[Verdict, list[Cause]]:
    """The schedule names it and nothing is kept of it: it is still to be considered, or was never the task's."""
    if record is None:
        return "not considered", [Cause("unseen", "no daemon has seen this task yet, which then owes nothing")]
    if at <= record.first_seen:
        seen = f"the task was first seen at {said(record.first_seen, task.timezone)}"
        return "did not run", [Cause("new", seen, stops=True)]
    if at > record.mark:
        return "not considered", [_still_to_come(snapshot, task, at)]
    if at < snapshot.now - task.keep_for:
        return "no record", [Cause("pruned", f"history that old is not kept (keep_for = {exact(task.keep_for)})")]
    why = "the schedule was changed after it and owes nothing of before, or its row was pruned"
    return "no record", [Cause("no_row", f"nothing is kept of it: {why} (keep_runs = {task.keep_runs})")]


def _still_to_come(snapshot: Snapshot, task: Task, at: Instant) -> Cause:
    if snapshot.daemon.pid is not None:
        return Cause("due", "it is due just now: the daemon takes it at its next turn")
    late = snapshot.now - at - spread(task.name, task.jitter)
    fate = "run" if late <= task.misfire_grace else _caught_up(task, at, snapshot.now)
    return Cause("no_daemon", f"no daemon is running: if one starts now, it is {fate}")


def _caught_up(task: Task, at: Instant, now: Instant) -> str:
    """What a daemon that starts now makes of a slot that is later than the grace."""
    until = now - spread(task.name, task.jitter)
    most = {"skip": 0, "latest": 1, "all": task.max_catch_up}[task.catch_up]
    newer = sum(1 for _ in islice(slots(task, at, until - task.misfire_grace - 1), most))
    if newer < most and at >= until - task.catch_up_window:
        return f'caught up (catch_up = "{task.catch_up}")'
    window = f', catch_up_window = "{exact(task.catch_up_window)}"' if newer < most else ""
    return f'recorded as missed (catch_up = "{task.catch_up}"{window})'


def _took(row: Run) -> str:
    return "" if row.duration is None else f" in {spoken(row.duration)}"


def _late(row: Run) -> str:
    """How much later than its due time its (last) attempt began."""
    late = row.lateness
    return f", begun {spoken(late)} late" if late is not None and late >= SECOND else ""
