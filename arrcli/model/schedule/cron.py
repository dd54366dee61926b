"""Cron expressions on the clock of a zone, with Debian's rule for daylight saving.

A fixed expression names wall times, each of which fires once: in the first pass of an overlap, and at the
first instant after a gap. A wild one (its second, minute or hour begins with a star) matches the clock as it
passes.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from arrcli.errors import ScheduleError
from arrcli.model.instant import DAY, EPOCH, LATEST, SECOND, Instant, microseconds
from arrcli.model.schedule.days import Days
from arrcli.model.schedule.fields import Fields, is_hashed, read
from arrcli.model.schedule.first import first_wall
from arrcli.model.schedule.pattern import Pattern, pattern_of
from arrcli.model.schedule.protocol import next_moment
from arrcli.model.value import dataclass
from arrcli.model.wall import change_within, instant_of, passed_wall, wall_at, zone_named

_NAIVE_EPOCH: Final = EPOCH.replace(tzinfo=None)
_ONE_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, init=False)
class Cron:
    """`Cron("30 2 * * *", "Europe/Riga")`; without a zone the machine's; `name` decides what `H` stands for.

    ScheduleError for an expression or a zone that cannot be read, and for days that no year has.
    """

    kind: ClassVar[str] = "cron"

    expression: str
    timezone: ZoneInfo
    name: str | None
    wild: bool = field(compare=False, repr=False)
    fields: Fields = field(compare=False, repr=False)

    def __init__(self, expression: str, timezone: str | tzinfo | None = None, name: str | None = None) -> None:
        expression = " ".join(expression.split())
        fields = _read(expression, _seed(expression, name))
        put = object.__setattr__
        put(self, "expression", expression)
        put(self, "timezone", zone_named(timezone))
        put(self, "name", name)
        put(self, "wild", fields.wild)
        put(self, "fields", fields)

    @property
    def text(self) -> str:
        """The expression as written."""
        return self.expression

    @property
    def pattern(self) -> Pattern:
        """Its wall times, made when they are first asked for."""
        return pattern_of(self.fields)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first fire after an aware datetime, in UTC; None past 9999; ValueError on a naive one."""
        return next_moment(self, moment)

    def after(self, instant: Instant) -> Instant | None:
        """The first fire after the instant; None past the year 9999."""
        whole = instant - instant % SECOND  # fires are whole seconds: none lies between the two
        try:
            fire = self._wild_after(whole) if self.wild else self._fixed_after(whole)
        except OverflowError:  # past the year 9999
            return None
        return fire if fire is not None and fire <= LATEST else None

    def _fixed_after(self, instant: Instant) -> Instant | None:
        wall = self._wall_after(passed_wall(instant, self.timezone))
        while wall is not None:
            fire = instant_of(wall, self.timezone)
            if fire is not None:
                return fire
            wall = self._wall_after(wall)  # it fell into a lost day
        return None

    def _wall_after(self, wall: datetime) -> datetime | None:
        """croniter goes from field to field, and is slow where a time is far: it looks from just before it."""
        return self.pattern.after(first_wall(self.fields, wall + _ONE_SECOND) - _ONE_SECOND)

    def _wild_after(self, instant: Instant) -> Instant | None:
        """Walk from one change of the offset to the next, asking within each what the clock shows.

        `shown` is the wall time after which to look, `offset` holds from `instant` on.
        """
        local = wall_at(instant, self.timezone)
        shown, offset = local.replace(tzinfo=None), _offset(local)
        while True:
            wall = self.pattern.after(shown)
            if wall is None:
                return None
            fire = microseconds(wall - _NAIVE_EPOCH - offset)
            near = min(fire, instant + DAY)
            change = change_within(instant, near, self.timezone)
            if change is not None:
                if fire < change.at:
                    return fire
                instant, offset = change.at, change.after
                shown = _NAIVE_EPOCH + timedelta(microseconds=instant) + offset - _ONE_SECOND
            elif fire <= near:
                return fire
            else:
                # Nothing matches before `wall`, and a day on no clock can go back to what was already shown:
                # look again two days before it, where no zone shows it yet.
                instant = max(near, microseconds(wall - _NAIVE_EPOCH) - 2 * DAY)
                local = wall_at(instant, self.timezone)
                shown, offset = local.replace(tzinfo=None), _offset(local)


def _seed(expression: str, name: str | None) -> str:
    """What `H` is hashed from; nothing where there is none, so that tasks share what was read."""
    if not is_hashed(expression):
        return ""
    return expression if name is None else name


def _offset(local: datetime) -> timedelta:
    offset = local.utcoffset()
    assert offset is not None  # noqa: S101 - a ZoneInfo always knows
    return offset


@lru_cache(maxsize=16_384)
def _read(expression: str, seed: str) -> Fields:
    fields = read(expression, seed=seed)
    if not Days(fields.day, fields.month, fields.weekday).possible():
        raise ScheduleError(f'"{expression}" names no day of any year', hint=_impossible_hint(fields))
    return fields


def _impossible_hint(fields: Fields) -> str:
    longest = max({2: 29, 4: 30, 6: 30, 9: 30, 11: 30}.get(month, 31) for month in fields.month.numbers)
    if fields.day.numbers and min(fields.day.numbers) > longest:
        return f"the longest of its months has {longest} days; L is the last day of a month"
    return "day and weekday must both match, since one of them begins with a star"
