"""How soon a schedule can fire at the soonest, told by the calendar at a tenth of what it costs to name the fire.

Of a crowd of tasks few come due in the next minutes: those alone whose bound has come are asked when they fire.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from arrcli.model.instant import EPOCH, LATEST, SECOND, Instant, microseconds
from arrcli.model.schedule.cron import Cron
from arrcli.model.schedule.days import Days
from arrcli.model.schedule.fields import Fields
from arrcli.model.schedule.protocol import Schedule
from arrcli.model.schedule.union import Union
from arrcli.model.wall import passed_wall

_NAIVE_EPOCH: Final = EPOCH.replace(tzinfo=None)
_ONE_DAY: Final = timedelta(days=1)
_ONE_SECOND: Final = timedelta(seconds=1)


def not_before(schedule: Schedule, instant: Instant) -> Instant | None:
    """No slot after the instant is earlier than this, and most are no later; None where there is none at all."""
    if isinstance(schedule, Union):
        bounds = (not_before(each, instant) for each in schedule.schedules)
        return min((bound for bound in bounds if bound is not None), default=None)
    if isinstance(schedule, Cron) and not schedule.wild:  # a wild one fires soon, and shows what comes twice twice
        return _fixed(schedule, instant - instant % SECOND)
    return schedule.after(instant)


def _fixed(cron: Cron, instant: Instant) -> Instant | None:
    try:
        wall = _first_wall(cron.fields, passed_wall(instant, cron.timezone) + _ONE_SECOND)
    except OverflowError:  # past the year 9999
        return None
    bound = max(instant + SECOND, _soonest(wall, cron.timezone))
    return bound if bound <= LATEST else None


def _soonest(wall: datetime, zone: ZoneInfo) -> Instant:
    """The earliest instant at which a fixed job of this naive wall time may fire, also beside a change of the clock."""
    local = wall.replace(tzinfo=zone)
    offsets = (local.utcoffset(), local.replace(fold=1).utcoffset())
    return microseconds(wall - _NAIVE_EPOCH - max(offset for offset in offsets if offset is not None))


def _first_wall(fields: Fields, wall: datetime) -> datetime:
    """The first naive wall time from this one on that the fields name."""
    days = Days(fields.day, fields.month, fields.weekday)
    day = _first_day(days, wall.date())
    clock = _first_time(fields, wall.time()) if day == wall.date() else _earliest(fields)
    if clock is None:
        day, clock = _first_day(days, day + _ONE_DAY), _earliest(fields)
    return datetime.combine(day, clock)


@lru_cache(maxsize=4096)
def _first_day(days: Days, day: date) -> date:
    while not days.match(day):
        if day.month in days.month.numbers:
            day += _ONE_DAY
        else:
            day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)  # the next month
    return day


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
