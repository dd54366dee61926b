"""How soon a schedule can fire at the soonest, told by the calendar at a tenth of what it costs to name the fire.

Of a crowd of tasks few come due in the next minutes: those alone whose bound has come are asked when they fire.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from arrcli.model.instant import EPOCH, LATEST, SECOND, Instant, microseconds
from arrcli.model.schedule.cron import Cron
from arrcli.model.schedule.first import first_wall
from arrcli.model.schedule.protocol import Schedule
from arrcli.model.schedule.union import Union
from arrcli.model.wall import passed_wall

_NAIVE_EPOCH: Final = EPOCH.replace(tzinfo=None)
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
        wall = first_wall(cron.fields, passed_wall(instant, cron.timezone) + _ONE_SECOND)
    except OverflowError:  # past the year 9999
        return None
    bound = max(instant + SECOND, _soonest(wall, cron.timezone))
    return bound if bound <= LATEST else None


def _soonest(wall: datetime, zone: ZoneInfo) -> Instant:
    """The earliest instant at which a fixed job of this naive wall time may fire, also beside a change of the clock."""
    local = wall.replace(tzinfo=zone)
    offsets = (local.utcoffset(), local.replace(fold=1).utcoffset())
    return microseconds(wall - _NAIVE_EPOCH - max(offset for offset in offsets if offset is not None))
