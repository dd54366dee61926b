"""Times and durations as people read them: in the task's zone, and never longer than they need to be."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from arrcli.model.instant import MINUTE, SECOND, Instant, to_datetime
from arrcli.model.when import spoken


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name; UTC where the machine does not know it (a screen must not fail)."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def local(at: Instant, zone: tzinfo) -> datetime:
    """The wall clock of `zone` at that instant; the year 1 or 9999 where a calendar ends."""
    try:
        return to_datetime(at).astimezone(zone)
    except (OverflowError, ValueError):
        return datetime.max.replace(tzinfo=UTC) if at > 0 else datetime.min.replace(tzinfo=UTC)


def clock(at: Instant, zone: tzinfo) -> str:
    """`14:03:22`."""
    return local(at, zone).strftime("%H:%M:%S")


def moment(at: Instant, now: Instant, zone: tzinfo, *, seconds: bool = False) -> str:
    """`14:05 CET`, `14:05:10 CET`; on another day `Wed 02:00 CET`, `12-24 02:00 CET`, `2027-12-24 CET`. `seconds`: of
    today always."""
    return _moment(at, local(now, zone).date(), zone, seconds)


@lru_cache(maxsize=1024)
def _moment(at: Instant, today: date, zone: tzinfo, seconds: bool) -> str:
    """It reads alike all day."""
    wall = local(at, zone)
    name = wall.tzname() or ""
    time = wall.strftime("%H:%M:%S" if wall.second or seconds else "%H:%M")
    days = (wall.date() - today).days
    if days == 0:
        return f"{time} {name}"
    if -7 < days < 7:
        return f"{wall:%a} {wall:%H:%M} {name}"
    if wall.year == today.year:
        return f"{wall:%m-%d} {wall:%H:%M} {name}"
    return f"{wall.year:04}-{wall:%m-%d} {name}"


def countdown(us: int) -> str:
    """In whole seconds, what is left of one counting whole: `0s`, `1m37s`, `56m`, `6d18h`."""
    return spoken(-(-max(0, us) // SECOND) * SECOND) if us > 0 else "0s"


def passed(us: int) -> str:
    """As `countdown`, of time gone by: only whole seconds count."""
    return spoken(us // SECOND * SECOND) if us >= SECOND else "0s"


def lasted(us: int | None) -> str:
    """How long a run took: `40ms`, `0.4s`, `12.1s`, `1m37s`; "" where nobody measured it."""
    if us is None:
        return ""
    if us < SECOND // 10:
        return f"{max(0, us) // 1000}ms"
    if us < MINUTE - SECOND // 20:  # 59.95 s would round to 60.0s
        return f"{us / SECOND:.1f}s"
    return passed(us + SECOND // 2)
