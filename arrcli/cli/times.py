"""Times as lists show them: with the day, the zone, and how long until then."""

from __future__ import annotations

from collections.abc import Iterable

from arrcli.dashboard.times import countdown, local, moment, passed, zone_of
from arrcli.model.instant import SECOND, Instant
from arrcli.model.task import Task


def shown(at: Instant | None, zone: str, *, seconds: bool | None = None) -> str:
    """`Wed 2026-11-25 02:00 CET`, with seconds where there are any (or as `seconds` says); "" for None."""
    if at is None:
        return ""
    wall = local(at, zone_of(zone))
    with_seconds = bool(wall.second) if seconds is None else seconds
    text = f":{wall:%S}" if with_seconds else ""
    return f"{wall:%a} {wall.year:04}-{wall:%m-%d %H:%M}{text} {wall.tzname() or ''}".rstrip()


def when(at: Instant, now: Instant, zone: str, *, seconds: bool | None) -> str:
    """As `shown`; where `seconds` is None as short as it can be: `02:00 CET`, `Wed 02:00 CET`."""
    return moment(at, now, zone_of(zone)) if seconds is None else shown(at, zone, seconds=seconds)


def fine(times: Iterable[Instant]) -> bool:
    """Some of these are not on the minute: a list then shows seconds in every line."""
    return any(at // SECOND % 60 for at in times)


def until(at: Instant, now: Instant) -> str:
    """`1m37s`, `due` for what is past."""
    return countdown(at - now) if at > now else "due"


def countdown_or_late(at: Instant, now: Instant) -> str:
    """`1m37s`, `due` for what is past just now, `3m late` for what waits since then."""
    return until(at, now) if at > now - SECOND else f"{passed(now - at)} late"


def ago(at: Instant | None, now: Instant) -> str:
    """`3m ago`."""
    return "" if at is None else f"{passed(now - at)} ago"


def coming(task: Task, now: Instant, count: int = 3) -> list[Instant]:
    """The next slots of a task that begins now; none where no clock decides them."""
    from itertools import islice

    from arrcli.model.instant import LATEST
    from arrcli.model.slot import slots

    return list(islice(slots(task.anchored(now), now, LATEST), count))


def zone_for(task: Task | None, default: str, *, utc: bool = False) -> str:
    """The zone in which something of a task is shown: its own, else the file's."""
    if utc:
        return "UTC"
    return default if task is None else task.timezone
