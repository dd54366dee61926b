"""Which days an expression names: day of month against day of week, resolved on the calendar."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from arrcli.model.schedule.fields import LAST, Terms
from arrcli.model.value import dataclass

_ALL_DAYS: Final = frozenset(range(1, 32))
_ALL_WEEKDAYS: Final = frozenset(range(7))
_FOUR_DAYS: Final = timedelta(days=4)
_LENGTHS: Final = {2: (28, 29), 4: (30,), 6: (30,), 9: (30,), 11: (30,)}


@dataclass(frozen=True, slots=True)
class Days:
    """The days of an expression.

    Where either text begins with a star both sides must match, else either is enough.
    """

    day: Terms
    month: Terms
    weekday: Terms

    @property
    def both(self) -> bool:
        """True where day and weekday must both match."""
        return self.day.starred or self.weekday.starred

    @property
    def any_day(self) -> bool:
        """The day of month side names every day."""
        return self.day.numbers >= _ALL_DAYS

    @property
    def any_weekday(self) -> bool:
        """The weekday side names every day."""
        return self.weekday.numbers >= _ALL_WEEKDAYS

    def match(self, day: date) -> bool:
        """Whether the expression names this day."""
        weekday = day.isoweekday() % 7
        length = monthrange(day.year, day.month)[1]
        return day.month in self.month.numbers and self._match(day.day, weekday, length)

    @lru_cache(maxsize=4096)  # noqa: B019 - tasks share their days
    def first(self, day: date) -> date:
        """The first day from this one on that the expression names; OverflowError past the year 9999."""
        while (number := self._in_month(day)) is None:
            day = (day.replace(day=28) + _FOUR_DAYS).replace(day=1)  # the next month
        return day.replace(day=number)

    def _in_month(self, day: date) -> int | None:
        """The day of month, from this one on."""
        if day.month not in self.month.numbers:
            return None
        weekday, length = day.isoweekday() - day.day, monthrange(day.year, day.month)[1]
        left = range(day.day, length + 1)
        return next((each for each in left if self._match(each, (weekday + each) % 7, length)), None)

    @lru_cache(maxsize=1024)  # noqa: B019 - few tell the days of ten thousand tasks
    def possible(self) -> bool:
        """Whether any day of any year is named; months of each length begin, some year, on each weekday."""
        days = (*self.day.numbers, *range(31, 0, -1))  # most expressions name the first that is tried
        return any(
            self._match(day, weekday, length)
            for month in self.month.numbers
            for length in _LENGTHS.get(month, (31,))
            for day in days
            if day <= length
            for weekday in range(7)
        )

    def by_day(self, day: int, length: int) -> bool:
        """The day of month side names this day of a month that has `length` days."""
        return day in self.day.numbers or (self.day.last_day and day == length)

    def by_weekday(self, day: int, weekday: int, length: int) -> bool:
        """The weekday side names this day of month, which is that weekday (0 is Sunday)."""
        return weekday in self.weekday.numbers or any(
            weekday == which and (day + 7 > length if place == LAST else (day + 6) // 7 == place)
            for which, place in self.weekday.nths
        )

    def _match(self, day: int, weekday: int, length: int) -> bool:
        by_day, by_weekday = self.by_day(day, length), self.by_weekday(day, weekday, length)
        return by_day and by_weekday if self.both else by_day or by_weekday
