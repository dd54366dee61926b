"""What the store tells of one slot of a task, for whoever explains it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from arrcli.model.explain import Past
from arrcli.model.instant import DAY, HOUR, MINUTE, SECOND, Instant
from arrcli.model.run import SCHEDULED, Reason, Run, State
from arrcli.model.schedule import spread
from arrcli.model.slot import slots
from arrcli.model.task import Task
from arrcli.store.contract import Reading
from arrcli.store.values import RunQuery

_LOOKED_AT: Final = 500
_SPANS: Final = (SECOND, MINUTE, HOUR, DAY, 30 * DAY, 366 * DAY)


def past_of(store: Reading, task: Task, at: Instant) -> Past:
    """The row that the slot left, and of a slot that others kept from running which those were."""
    due = at + spread(task.name, task.jitter)
    runs = [
        run for run in store.runs(RunQuery(task=task.name, until=due + 1, limit=_LOOKED_AT)) if run.task == task.name
    ]
    row = next((run for run in runs if run.scheduled and _is_of(run, at)), None)
    crowded = row is not None and row.reason in (Reason.OVERLAP, Reason.QUEUE_FULL)
    return Past(row=row, active=_active_at(runs, due) if crowded else ())


def last_run(store: Reading, task: Task) -> Run | None:
    """The newest run of a task, whatever its origin."""
    return next((run for run in store.runs(RunQuery(task=task.name, limit=20)) if run.task == task.name), None)


def last_slot(store: Reading, task: Task, now: Instant) -> Instant | None:
    """The last slot up to now: that the schedule names, or that a row of an earlier schedule tells of."""
    query = RunQuery(task=task.name, origins=SCHEDULED, until=now + 1, limit=20)
    told = [run.last_slot or run.slot or 0 for run in store.runs(query) if run.task == task.name]
    named = _last_named(task, now)
    return max([*(at for at in told if at <= now), *([] if named is None else [named])], default=None)


def _is_of(run: Run, at: Instant) -> bool:
    return run.slot is not None and run.slot <= at <= (run.last_slot or run.slot)


def _active_at(runs: Sequence[Run], at: Instant) -> Sequence[Run]:
    """Those that had begun by then and had not ended, the oldest first."""
    begun = [run for run in runs if run.started_at is not None and run.state is not State.SKIPPED]
    return [run for run in begun[::-1] if (run.started_at or 0) <= at and (run.finished_at or at) >= at]


def _last_named(task: Task, now: Instant) -> Instant | None:
    """Looked for in longer and longer spans, so that a short period is not counted through years."""
    for span in _SPANS:
        newest = deque(slots(task, now - span, now), maxlen=1)
        if newest:
            return newest[0]
    return None
