"""How often an expression fires between two instants, told by the calendar and without naming each fire.

After years of downtime, or a clock that was set that far forward, `* * * * *` has millions of them.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from arrcli.model.instant import EPOCH, SECOND, Instant
from arrcli.model.schedule.cron import Cron
from arrcli.model.schedule.days import Days
from arrcli.model.schedule.fields import Fields
from arrcli.model.wall import LONGEST_GAP, Transition, offset_at, passed_wall, transitions

_NAIVE_EPOCH: Final = EPOCH.replace(tzinfo=None)
_ONE_DAY: Final = timedelta(days=1)
_ONE_SECOND: Final = timedelta(seconds=1)


def count(cron: Cron, after: Instant, until: Instant) -> int:
    """How many fires lie after one instant and up to another; OverflowError beyond the year 9999."""
    low, high = after - after % SECOND, until - until % SECOND  # fires are whole seconds
    if high <= low:
        return 0
    walls = _Walls.of(cron.fields)
    changes = list(transitions(cron.timezone, low, high))
    return (_wild if cron.wild else _fixed)(cron, walls, changes, low, high)


def last(cron: Cron, after: Instant, until: Instant) -> Instant | None:
    """The last fire after one instant and up to another, by halving; None where there is none."""
    low, high = after - after % SECOND, until - until % SECOND
    if not count(cron, low, high):
        return None
    while high - low > SECOND:
        middle = (low + high) // (2 * SECOND) * SECOND
        if count(cron, middle, high):
            low = middle
        else:
            high = middle
    return high


def _wild(cron: Cron, walls: _Walls, changes: list[Transition], low: Instant, high: Instant) -> int:
    """What the clock shows from one change of its offset to the next."""
    borders = [low + SECOND, *(change.at for change in changes), high + SECOND]
    found = 0
    for begin, end in pairwise(borders):
        offset = offset_at(begin, cron.timezone)
        found += walls.between(_shown(begin, offset), _shown(end, offset))
    return found


def _fixed(cron: Cron, walls: _Walls, changes: list[Transition], low: Instant, high: Instant) -> int:
    """The wall times that had their turn; those of one gap, and the one at its end, all in one fire, or in none."""
    begin, end = (passed_wall(at, cron.timezone) + _ONE_SECOND for at in (low, high))
    found = walls.between(begin, end)
    for change in changes:
        if change.is_gap and change.after - change.before > LONGEST_GAP:
            found -= walls.between(change.start, change.end)
        elif change.is_gap:
            found -= max(0, walls.between(change.start, change.end + _ONE_SECOND) - 1)
    return found


def _shown(instant: Instant, offset: timedelta) -> datetime:
    return _NAIVE_EPOCH + timedelta(microseconds=instant) + offset


@dataclass(frozen=True, slots=True)
class _Walls:
    """The naive wall times of an expression: on the days that match, always the same times of the day."""

    days: Days
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]

    @classmethod
    def of(cls, fields: Fields) -> _Walls:
        hours, minutes = (tuple(sorted(terms.numbers)) for terms in (fields.hour, fields.minute))
        seconds = (0,) if fields.second is None else tuple(sorted(fields.second.numbers))
        return cls(Days(fields.day, fields.month, fields.weekday), hours, minutes, seconds)

    def between(self, low: datetime, high: datetime) -> int:
        """How many there are from `low` on and before `high`."""
        if high <= low:
            return 0
        each, day, found = len(self.hours) * len(self.minutes) * len(self.seconds), low.date(), 0
        while day < high.date():
            found += each * self.days.match(day)
            day += _ONE_DAY
        found -= self._before(low) * self.days.match(low.date())
        return found + self._before(high) * self.days.match(high.date())

    def _before(self, wall: datetime) -> int:
        """How many times of a day are earlier than this one, which is a whole second."""
        found, same = 0, True
        for numbers, shown in ((self.hours, wall.hour), (self.minutes, wall.minute), (self.seconds, wall.second)):
            found = found * len(numbers) + (bisect_left(numbers, shown) if same else 0)
            same = same and shown in numbers
        return found
