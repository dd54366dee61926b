"""One instant of a task, explained: what the schedule says, what stands in the way, what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from arrcli.model.explain.cause import Cause, Verdict
from arrcli.model.explain.named import by_schedule
from arrcli.model.explain.obstacles import obstacles
from arrcli.model.explain.past import NOTHING, Past, became, without_row
from arrcli.model.instant import Instant
from arrcli.model.run import Run
from arrcli.model.schedule import spread
from arrcli.model.schedule.match import Match
from arrcli.model.slot import next_slot
from arrcli.model.snapshot import Snapshot
from arrcli.model.task import Task
from arrcli.model.value import dataclass
from arrcli.model.wall import wall_at, zone_named

__all__ = ["Cause", "Explanation", "Past", "explain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What there is to say of one instant.

    `wall`: the local time that was asked for, where no clock shows it. `named`: the task has a slot then. `checks`: the
    fields of each expression of its schedule. `run`: the row that the slot left. `following`: the next slot after it
    that is still to come.
    """

    task: str
    at: Instant
    wall: datetime | None = None
    verdict: Verdict
    named: bool
    checks: Sequence[Sequence[Match]] = ()
    causes: Sequence[Cause] = ()
    run: Run | None = None
    following: Instant | None = None


def explain(
    snapshot: Snapshot, task: Task, at: Instant, *, wall: datetime | None = None, past: Past = NOTHING
) -> Explanation:
    """Why the task would run at that instant, or did, or not; `wall` is the local time that was asked for."""
    record = snapshot.records.get(task.name)
    task = task.anchored(snapshot.now if record is None else record.anchor)
    named, checks, causes = by_schedule(task, at, wall)
    verdict: Verdict = "no slot"
    more: list[Cause] = []
    if past.row is not None:
        verdict, more = became(snapshot, task, past)
        causes = [cause for cause in causes if cause.kind != "schedule"]
        if not named and past.row.slot is not None:
            causes.append(Cause("changed", "the schedule, as it is now, does not name it: it was another one then"))
    elif named and at + spread(task.name, task.jitter) <= snapshot.now:
        verdict, more = without_row(snapshot, task, at, record)
    elif named:
        more = list(obstacles(snapshot, task, at, record))
        verdict = "would not run" if any(cause.stops for cause in more) else "would run"
    return Explanation(
        task=task.name,
        at=at,
        wall=None if wall == wall_at(at, zone_named(task.timezone)).replace(tzinfo=None) else wall,
        verdict=verdict,
        named=named or past.row is not None,
        checks=checks,
        causes=[*causes, *more],
        run=past.row,
        following=next_slot(task, max(at if named else at - 1, snapshot.now)),
    )
