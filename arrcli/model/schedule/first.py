"""The first wall time that the fields of an expression name, told by the calendar: how far to look, for who asks
croniter."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final

from arrcli.model.schedule.days import Days
from arrcli.model.schedule.fields import Fields

_ONE_DAY: Final = timedelta(days=1)


def first_wall(fields: Fields, wall: datetime) -> datetime:
    """The first naive wall time from this whole second on that the fields name; OverflowError past the year 9999."""
    days = Days(fields.day, fields.month, fields.weekday)
    day = days.first(wall.date())
    clock = _first_time(fields, wall.time()) if day == wall.date() else _earliest(fields)
    if clock is None:
        day, clock = days.first(day + _ONE_DAY), _earliest(fields)
    return datetime.combine(day, clock)


def _first_time(fields: Fields, clock: time) -> time | None:
    """The first time of day from this one on; None where there is none left that day."""
    seconds = {0} if fields.second is None else fields.second.numbers
    if clock.hour in fields.hour.numbers:
        if clock.minute in fields.minute.numbers and (left := [each for each in seconds if each >= clock.second]):
            return clock.replace(second=min(left))
        if minutes := [each for each in fields.minute.numbers if each > clock.minute]:
            return time(clock.hour, min(minutes), min(seconds))
    hours = [each for each in fields.hour.numbers if each > clock.hour]
    return time(min(hours), min(fields.minute.numbers), min(seconds)) if hours else None


def _earliest(fields: Fields) -> time:
    second = 0 if fields.second is None else min(fields.second.numbers)
    return time(min(fields.hour.numbers), min(fields.minute.numbers), second)
