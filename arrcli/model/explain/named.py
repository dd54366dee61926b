"""What the schedule itself says of an instant: field by field, and what the clocks of its zone do that night."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from arrcli.model.explain.cause import Cause, clock, said
from arrcli.model.instant import DAY, Instant
from arrcli.model.schedule import At, Cron, Every, Reboot, Schedule, Union
from arrcli.model.schedule.match import Match, field_by_field, names
from arrcli.model.task import Task
from arrcli.model.wall import Transition, transitions, wall_at, zone_named
from arrcli.model.when import spoken

Checks = list[Sequence[Match]]


def by_schedule(task: Task, at: Instant, wall: datetime | None) -> tuple[bool, Checks, list[Cause]]:
    """Whether the task has a slot then, each field of each expression, and what else there is to say.

    `wall` is the local time that was asked for; None: what the clock shows at the instant.
    """
    shown = wall_at(at, zone_named(task.timezone)).replace(tzinfo=None)
    checks, causes = _read(task.schedule, task.timezone, at, shown if wall is None else wall)
    named = task.schedule is not None and task.schedule.after(at - 1) == at
    if wall is not None and wall != shown:  # a clock never showed it
        named = named and any(cause.kind == "gap" and not cause.stops for cause in causes)
    bounds = list(_bounds(task, at))
    return named and not bounds, checks, causes + bounds


def _read(schedule: Schedule | None, timezone: str, at: Instant, wall: datetime) -> tuple[Checks, list[Cause]]:
    match schedule:
        case Cron():
            return [field_by_field(schedule, wall)], list(_nights(schedule, at, wall))
        case Union():
            parts = [_read(each, timezone, at, wall) for each in schedule.schedules]
            causes = dict.fromkeys(cause for _, found in parts for cause in found)
            return [check for checks, _ in parts for check in checks], list(causes)
        case Every():
            return [[_period(schedule, at, timezone)]], []
        case At():
            return [[_one_of(schedule, at, timezone)]], []
        case Reboot():
            return [], [Cause("schedule", "@reboot runs once when arr starts, at no time of day", stops=True)]
        case _:
            return [], [Cause("schedule", "it has no schedule: it runs by hand, or after other tasks", stops=True)]


def _period(every: Every, at: Instant, timezone: str) -> Match:
    since = (at - every.anchor) % every.period
    late = f", {spoken(since)} after one," if since else ""
    wanted = f"a slot of {every.text}, counted from {said(every.anchor, timezone)}"
    return Match("time", f"{said(at, timezone)}{late}", wanted, not since)


def _one_of(times: At, at: Instant, timezone: str) -> Match:
    listed = ", ".join(said(each, timezone) for each in times.times[:3])
    more = f" and {len(times.times) - 3} more" if len(times.times) > 3 else ""
    return Match("time", said(at, timezone), f"{listed}{more}" or "any of none", at in times.times)


def _nights(cron: Cron, at: Instant, wall: datetime) -> Iterator[Cause]:
    """What the clocks do to the time, where they change around it."""
    for change in transitions(cron.timezone, at - DAY, at + DAY):
        touched = change.start <= wall < change.end
        if change.is_gap and touched:
            yield _in_gap(cron, change, wall)
        elif change.is_gap and change.at == at and not names(cron, wall) and cron.after(at - 1) == at:
            lost = f"{clock(change.start)} to {clock(change.end)} does not exist on {wall:%a %Y-%m-%d}"
            yield Cause("gap", f"{lost}: what falls into it fires now, once")
        elif touched and names(cron, wall):
            yield _in_overlap(cron, change, at, wall)


def _in_gap(cron: Cron, change: Transition, wall: datetime) -> Cause:
    start, end = clock(change.start), clock(change.end)
    lost = f"{clock(wall)} does not exist on {wall:%a %Y-%m-%d}: the clock goes from {start} to {end}"
    if not names(cron, wall):
        return Cause("gap", lost, stops=True)
    if cron.wild:
        return Cause("gap", f"{lost}, and a time that begins with a star does not fire then", stops=True)
    return Cause("gap", f"{lost}; a fixed time fires once, at {end}")


def _in_overlap(cron: Cron, change: Transition, at: Instant, wall: datetime) -> Cause:
    twice = f"{clock(wall)} comes twice on {wall:%a %Y-%m-%d}"
    if cron.wild:
        return Cause("twice", f"{twice}: a time that begins with a star fires in both passes")
    if at < change.at:
        return Cause("twice", f"{twice}: a fixed time fires in the first pass only, and this is the first")
    return Cause("twice", f"{twice}: a fixed time fires in the first pass only, and this is the second", stops=True)


def _bounds(task: Task, at: Instant) -> Iterator[Cause]:
    if task.start is not None and at < task.start:
        yield Cause("start", f"its start is {said(task.start, task.timezone)}", stops=True)
    if task.until is not None and at > task.until:
        yield Cause("until", f"its until was {said(task.until, task.timezone)}", stops=True)
