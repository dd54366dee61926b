"""Wall clocks: what a zone's clock shows at an instant, and the instants at which it shows a time.

All on `zoneinfo`. A zone never changes its offset twice within two days (the shortest distance in the time
zone database is four), so two looks at most a day apart see every change between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from arrcli.errors import ScheduleError
from arrcli.model.instant import DAY, EPOCH, SECOND, Instant, microseconds
from arrcli.model.value import dataclass

LONGEST_GAP: Final = timedelta(hours=3)
"""A fixed time in a longer gap does not fire at all (a lost day is no daylight saving)."""

_NAIVE_EPOCH: Final = EPOCH.replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of a zone's offset; from `at` on, the clock shows `after` more than UTC."""

    at: Instant
    before: timedelta
    after: timedelta

    @property
    def is_gap(self) -> bool:
        """True where wall times are left out, False where they come twice."""
        return self.after > self.before

    @property
    def start(self) -> datetime:
        """The first wall time that is left out, or that comes twice; naive."""
        return _as_naive(self.at) + min(self.before, self.after)

    @property
    def end(self) -> datetime:
        """The first wall time after those; naive."""
        return _as_naive(self.at) + max(self.before, self.after)


def zone_named(zone: str | tzinfo | None) -> ZoneInfo:
    """The zone of an IANA name; None is the machine's; ScheduleError on an unknown one."""
    if zone is None:
        return machine_zone()
    if isinstance(zone, ZoneInfo):
        return zone
    if zone is UTC:
        return ZoneInfo("UTC")
    if not isinstance(zone, str):
        raise ScheduleError(f"{zone!r} is not a zone", hint='write its IANA name, as "Europe/Riga"')
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ScheduleError(f'time zone "{zone}" is unknown', hint=_zone_hint(zone)) from None


def machine_zone() -> ZoneInfo:
    """The zone that this machine is set to; ScheduleError where it cannot be told."""
    import tzlocal  # late: only asked where nothing names a zone

    try:
        return ZoneInfo(tzlocal.get_localzone().key)
    except Exception as error:  # a broken TZ or /etc/localtime: tzlocal raises what it met
        raise ScheduleError(
            f"this machine's time zone cannot be told ({error})", hint='name one, as "Europe/Riga" or "UTC"'
        ) from error


def wall_at(instant: Instant, zone: ZoneInfo) -> datetime:
    """What the zone's clock shows; aware, with `fold` 1 in the second pass of an overlap."""
    return (EPOCH + timedelta(microseconds=instant)).astimezone(zone)


def offset_at(instant: Instant, zone: ZoneInfo) -> timedelta:
    """How far the zone's clock is ahead of UTC."""
    offset = wall_at(instant, zone).utcoffset()
    assert offset is not None  # noqa: S101 - a ZoneInfo always knows
    return offset


def instant_of(wall: datetime, zone: ZoneInfo) -> Instant | None:
    """The instant at which a fixed job of this naive wall time fires.

    In an overlap the first pass; in a gap of up to three hours the first instant after it; in a longer None.
    """
    local = wall.replace(tzinfo=zone, fold=0)
    first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
    assert first is not None and second is not None  # noqa: S101 - a ZoneInfo always knows
    instant = microseconds(wall - _NAIVE_EPOCH - first)
    if first >= second:  # an ordinary time (the two agree), or an overlap
        return instant
    if second - first > LONGEST_GAP:
        return None
    return _change_between(instant - microseconds(second - first), instant, zone).at


def passed_wall(instant: Instant, zone: ZoneInfo) -> datetime:
    """The naive wall time up to which, itself included, fixed times have had their turn at a whole second.

    In the second pass of an overlap that is its last second: the first pass has shown all of it.
    """
    local = wall_at(instant, zone)
    if not local.fold:
        return local.replace(tzinfo=None)
    earlier = local.replace(fold=0).utcoffset()
    later = local.utcoffset()
    assert earlier is not None and later is not None  # noqa: S101 - a ZoneInfo always knows
    change = _change_between(instant - microseconds(earlier - later), instant, zone)
    return change.end - timedelta(seconds=1)


def change_within(since: Instant, until: Instant, zone: ZoneInfo) -> Transition | None:
    """The zone's change after `since` and up to `until`, which are at most a day apart."""
    if offset_at(since, zone) == offset_at(until, zone):
        return None
    return _change_between(since, until, zone)


def transitions(zone: ZoneInfo, since: Instant, until: Instant) -> Iterator[Transition]:
    """Every change of the zone's offset after `since` and up to `until`, in order."""
    while since < until:
        upto = min(since + DAY, until)
        change = change_within(since, upto, zone)
        if change is not None:
            yield change
        since = upto


def _change_between(low: Instant, high: Instant, zone: ZoneInfo) -> Transition:
    """The one change in (low, high], by halving; changes fall on whole seconds."""
    before, after = offset_at(low, zone), offset_at(high, zone)
    below, above = low // SECOND, high // SECOND
    while above - below > 1:
        middle = (below + above) // 2
        if offset_at(middle * SECOND, zone) == before:
            below = middle
        else:
            above = middle
    return Transition(above * SECOND, before, after)


def _as_naive(instant: Instant) -> datetime:
    return _NAIVE_EPOCH + timedelta(microseconds=instant)


def _zone_hint(zone: str) -> str:
    near = get_close_matches(zone.strip().casefold(), _zones_by_fold(), n=1, cutoff=0.75)
    if near:
        return f'did you mean "{_zones_by_fold()[near[0]]}"?'
    return 'write an IANA name, as "Europe/Riga" or "UTC"'


@lru_cache(maxsize=1)
def _zones_by_fold() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()}
