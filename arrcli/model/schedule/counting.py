"""How often expressions fire between two instants, told by the calendar and without naming each fire.

After years of downtime, or a clock that was set that far forward, `* * * * *` has millions of them. The times of a day
are kept as one number whose bits are its seconds: those of a list are united by `|`, so that a second which several
expressions name counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Final, TypeAlias

from arrcli.model.instant import DAY, EPOCH, MINUTE, SECOND, Instant, microseconds
from arrcli.model.schedule.cron import Cron
from arrcli.model.schedule.days import Days
from arrcli.model.schedule.every import Every
from arrcli.model.schedule.protocol import Schedule
from arrcli.model.schedule.union import Union
from arrcli.model.value import dataclass
from arrcli.model.wall import LONGEST_GAP, Transition, offset_at, passed_wall, transitions

Countable: TypeAlias = Cron | Union

_NAIVE_EPOCH: Final = EPOCH.replace(tzinfo=None)
_ONE_DAY: Final = timedelta(days=1)
_ONE_SECOND: Final = timedelta(seconds=1)
_SECONDS_OF_DAY: Final = DAY // SECOND
_WHOLE_DAY: Final = (1 << _SECONDS_OF_DAY) - 1


def countable(schedule: Schedule | None) -> Countable | None:
    """The schedule where it can be counted: an expression, or a list in one zone whose periods are whole seconds."""
    if isinstance(schedule, Cron):
        return schedule
    if not isinstance(schedule, Union):
        return None
    zones = {str(each.timezone) for each in schedule.schedules if isinstance(each, Cron)}
    periods = [each for each in schedule.schedules if isinstance(each, Every)]
    whole = all(each.period % SECOND == 0 and each.anchor % SECOND == 0 for each in periods)
    return schedule if len(zones) == 1 and whole else None


def count(schedule: Countable, after: Instant, until: Instant) -> int:
    """How many fires lie after one instant and up to another; OverflowError beyond the year 9999."""
    low, high = after - after % SECOND, until - until % SECOND  # fires are whole seconds
    if high <= low:
        return 0
    return _Counting.of(schedule).between(low, high)


def last(schedule: Countable, after: Instant, until: Instant, nth: int = 1) -> Instant | None:
    """The last fire after one instant and up to another, or the nth from the end; None where there are fewer."""
    counting = _Counting.of(schedule)
    low, high = after - after % SECOND, until - until % SECOND
    end, span = high, MINUTE
    while counting.between(max(low, end - span), end) < nth:
        if end - span <= low:
            return None
        span *= 8
    low = max(low, end - span)
    while high - low > SECOND:
        middle = (low + high) // (2 * SECOND) * SECOND
        if counting.between(middle, end) < nth:
            high = middle
        else:
            low = middle
    return high


@dataclass(frozen=True, slots=True)
class _Counting:
    """A schedule's members: those that match the clock as it passes, and those of which each wall time has one turn."""

    cron: Cron
    passing: _Walls
    fixed: _Walls
    all: _Walls

    @classmethod
    def of(cls, schedule: Countable) -> _Counting:
        members: Sequence[Cron | Every] = (schedule,) if isinstance(schedule, Cron) else schedule.schedules
        passing = [each for each in members if isinstance(each, Every) or each.wild]
        fixed = [each for each in members if each not in passing]
        cron = next(each for each in members if isinstance(each, Cron))
        return cls(cron, _Walls.of(passing), _Walls.of(fixed), _Walls.of(members))

    def between(self, low: Instant, high: Instant) -> int:
        """After `low` and up to `high`, from one change of the zone's offset to the next."""
        if high <= low:
            return 0
        begin, found, change = low, 0, None
        for following in transitions(self.cron.timezone, low, high):
            found += self._unchanged(begin, following.at - SECOND, change)
            begin, change = following.at - SECOND, following
        return found + self._unchanged(begin, high, change)

    def _unchanged(self, low: Instant, high: Instant, change: Transition | None) -> int:
        """Where the offset is one all the time from the second after `low` on, which `change` has begun if any."""
        offset = offset_at(high, self.cron.timezone)
        begin, end = _shown(low + SECOND, offset), _shown(high + SECOND, offset)
        turn = min(max(begin, passed_wall(low, self.cron.timezone) + _ONE_SECOND), end)
        found = self.passing.between(begin, turn, offset) + self.all.between(turn, end, offset)
        return found + (change is not None and self._fires_after_gap(change))

    def _fires_after_gap(self, change: Transition) -> bool:
        """The fixed times of a gap fire together at its end, unless something does so there anyway."""
        if not change.is_gap or change.after - change.before > LONGEST_GAP:
            return False
        left_out = self.fixed.between(change.start, change.end, change.after)
        return left_out > 0 and not self.all.between(change.end, change.end + _ONE_SECOND, change.after)


def _shown(instant: Instant, offset: timedelta) -> datetime:
    return _NAIVE_EPOCH + timedelta(microseconds=instant) + offset


@dataclass(frozen=True, slots=True)
class _Times:
    """An expression: on the days that match, always the same seconds of the day."""

    days: Days
    seconds: int

    @classmethod
    def of(cls, cron: Cron) -> _Times:
        fields = cron.fields
        minute = _repeated(1, (0,) if fields.second is None else fields.second.numbers, 1)
        hour = _repeated(minute, fields.minute.numbers, 60)
        day = _repeated(hour, fields.hour.numbers, 3600)
        return cls(Days(fields.day, fields.month, fields.weekday), day)

    def on(self, day: date, offset: timedelta) -> int:
        """Its seconds of that day, as bits."""
        return self.seconds if self.days.match(day) else 0


@dataclass(frozen=True, slots=True)
class _Beats:
    """A period of whole seconds, which knows no wall clock."""

    period: int
    anchor: int

    @classmethod
    def of(cls, every: Every) -> _Beats:
        return cls(every.period // SECOND, every.anchor // SECOND)

    def on(self, day: date, offset: timedelta) -> int:
        """Its seconds of the day that begins when a clock so far ahead of UTC shows midnight."""
        midnight = microseconds(datetime(day.year, day.month, day.day) - _NAIVE_EPOCH - offset) // SECOND  # noqa: DTZ001
        pattern, step = 1 << (self.anchor - midnight) % self.period, self.period
        while step < _SECONDS_OF_DAY:
            pattern, step = pattern | pattern << step, 2 * step
        return pattern & _WHOLE_DAY


@dataclass(frozen=True, slots=True)
class _Walls:
    """The naive wall times that any of some members names. `kinds`: how many on a day that these of them match."""

    times: tuple[_Times, ...]
    beats: tuple[_Beats, ...]
    kinds: dict[tuple[bool, ...], int] = field(default_factory=dict)

    @classmethod
    def of(cls, members: Sequence[Cron | Every]) -> _Walls:
        times = tuple(_Times.of(each) for each in members if isinstance(each, Cron))
        return cls(times, tuple(_Beats.of(each) for each in members if isinstance(each, Every)))

    def between(self, low: datetime, high: datetime, offset: timedelta) -> int:
        """How many there are from `low` on and before `high`, on a clock that is `offset` ahead of UTC."""
        if high <= low or not (self.times or self.beats):
            return 0
        day, found = low.date(), 0
        while day < high.date():
            found += self._count(day, offset)
            day += _ONE_DAY
        return found - self._before(low, offset) + self._before(high, offset)

    def _count(self, day: date, offset: timedelta) -> int:
        if self.beats:
            return self._on(day, offset).bit_count()
        kind = tuple([each.days.match(day) for each in self.times])
        if kind not in self.kinds:
            self.kinds[kind] = self._on(day, offset).bit_count()
        return self.kinds[kind]

    def _before(self, wall: datetime, offset: timedelta) -> int:
        """How many times of its day are earlier than this one, which is a whole second."""
        second = wall.hour * 3600 + wall.minute * 60 + wall.second
        return (self._on(wall.date(), offset) & ((1 << second) - 1)).bit_count()

    def _on(self, day: date, offset: timedelta) -> int:
        members: tuple[_Times | _Beats, ...] = (*self.times, *self.beats)
        return reduce(or_, [each.on(day, offset) for each in members])


def _repeated(pattern: int, places: Iterable[int], width: int) -> int:
    return sum(pattern << place * width for place in places)
