"""The next wall time that an expression names. The only place that calls croniter.

croniter gets naive wall time, and only what it reads alike in every version: lists of numbers, or one nth or
last term. Several terms are united here, and what it cannot combine is tried day by day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeAlias

from arrcli.model.schedule.days import Days
from arrcli.model.schedule.fields import LAST, Fields
from arrcli.model.value import dataclass

if TYPE_CHECKING:
    from croniter import croniter

Piece: TypeAlias = str
"""An expression that croniter reads: five fields, and perhaps seconds last, which is its own order."""

_EVERY: Final = "*"


@dataclass(frozen=True, slots=True)
class Pattern:
    """The wall times of an expression: the union of its pieces, less the days that it does not name."""

    pieces: tuple[Piece, ...]
    only: Days | None
    """The days to hold the pieces to, where they name too many."""

    def after(self, wall: datetime) -> datetime | None:
        """The first whole second after a naive wall time that matches; None past the year 9999."""
        while True:
            found = min(filter(None, (_step(piece, wall) for piece in self.pieces)), default=None)
            if found is None or self.only is None or self.only.match(found):
                return found
            wall = found.replace(hour=23, minute=59, second=59)


@lru_cache(maxsize=16_384)
def pattern_of(fields: Fields) -> Pattern:
    """The pattern of an expression whose days are possible."""
    days = Days(fields.day, fields.month, fields.weekday)
    clock = f"{_list(fields.minute.numbers, 60)} {_list(fields.hour.numbers, 24)}"
    month = _list(fields.month.numbers, 12)
    second = "" if fields.second is None else f" {_list(fields.second.numbers, 60)}"
    choices, only = _choices(days)
    return Pattern(tuple(f"{clock} {day} {month} {weekday}{second}" for day, weekday in choices), only)


def _choices(days: Days) -> tuple[list[tuple[str, str]], Days | None]:
    """(day, weekday) texts that together name at least the days, and what holds them to those."""
    by_day = [(text, _EVERY) for text in _day_texts(days)]
    by_weekday = [(_EVERY, text) for text in _weekday_texts(days)]
    if not days.both:
        return ([(_EVERY, _EVERY)] if days.any_day or days.any_weekday else by_day + by_weekday), None
    if days.any_day:
        return by_weekday, None
    if days.any_weekday:
        return by_day, None
    return (by_weekday if days.weekday.nths else by_day), days


def _day_texts(days: Days) -> Iterator[str]:
    if days.any_day:
        yield _EVERY
        return
    # Apart, because croniter 1.4 runs from a 30 past the end of February and so over the 1st of March.
    for part in (range(1, 29), range(29, 32)):
        if numbers := days.day.numbers.intersection(part):
            yield _list(numbers, 31)
    if days.day.last_day:
        yield "L"


def _weekday_texts(days: Days) -> Iterator[str]:
    if days.weekday.numbers:
        yield _list(days.weekday.numbers, 7)
    if not days.any_weekday:
        for weekday, place in sorted(days.weekday.nths):
            yield f"L{weekday}" if place == LAST else f"{weekday}#{place}"


def _list(numbers: Collection[int], size: int) -> str:
    return _EVERY if len(numbers) == size else ",".join(map(str, sorted(numbers)))


def _step(piece: Piece, wall: datetime) -> datetime | None:
    stepper = _Stepper.of(piece)
    try:
        return stepper.after(wall)
    except (ValueError, OverflowError):  # croniter's word for "no more": past 9999, or nothing in 50 years
        return None


class _Stepper:
    """One croniter object, shared by all tasks and threads: it moves when asked, hence the lock."""

    def __init__(self, piece: Piece) -> None:
        from croniter import croniter  # late: it costs 40 ms, and most verbs ask for no next time

        self._lock = Lock()
        self._croniter: croniter = croniter(piece, datetime(2000, 1, 1))  # noqa: DTZ001 - wall time is naive

    @staticmethod
    @lru_cache(maxsize=16_384)
    def of(piece: Piece) -> _Stepper:
        return _Stepper(piece)

    def after(self, wall: datetime) -> datetime:
        with self._lock:
            found: datetime = self._croniter.get_next(datetime, start_time=wall)
        return found
