"""Schedules that are no clock of their own: several crons as one, and the start of the daemon."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from arrcli.errors import ScheduleError
from arrcli.model.instant import Instant
from arrcli.model.schedule.cron import Cron
from arrcli.model.schedule.every import Every
from arrcli.model.schedule.protocol import next_moment
from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True, init=False)
class Union:
    """A list of cron expressions as one schedule: an instant that several name is one slot.

    ScheduleError on an empty list, and on `@reboot` in it, which names no instants.
    """

    kind: ClassVar[str] = "cron"

    schedules: tuple[Cron | Every, ...]

    def __init__(self, schedules: Iterable[Cron | Every | Reboot]) -> None:
        given = tuple(schedules)
        members = tuple(member for member in given if not isinstance(member, Reboot))
        if not given:
            raise ScheduleError("an empty list of cron expressions", hint='write one, as "30 2 * * *"')
        if len(members) < len(given):
            raise ScheduleError("@reboot in a list of cron expressions", hint="give it a task of its own")
        object.__setattr__(self, "schedules", members)

    @property
    def text(self) -> str:
        """The expressions, with semicolons between."""
        return "; ".join(schedule.text for schedule in self.schedules)

    @property
    def timezone(self) -> ZoneInfo:
        """The zone of its first expression; UTC where all are periods."""
        zones = (schedule.timezone for schedule in self.schedules if isinstance(schedule, Cron))
        return next(zones, ZoneInfo("UTC"))

    @property
    def wild(self) -> bool:
        """True if any is."""
        return any(schedule.wild for schedule in self.schedules if isinstance(schedule, Cron))

    def next_after(self, moment: datetime) -> datetime | None:
        """The first fire of any after an aware datetime, in UTC; ValueError on a naive one."""
        return next_moment(self, moment)

    def after(self, instant: Instant) -> Instant | None:
        """The first fire of any after the instant."""
        found = (schedule.after(instant) for schedule in self.schedules)
        return min((fire for fire in found if fire is not None), default=None)


@dataclass(frozen=True, slots=True)
class Reboot:
    """`@reboot`: once when the daemon starts, and never by the time of day."""

    kind: ClassVar[str] = "reboot"
    text: ClassVar[str] = "@reboot"

    def next_after(self, moment: datetime) -> datetime | None:
        """None; ValueError on a naive datetime."""
        return next_moment(self, moment)

    def after(self, instant: Instant) -> Instant | None:
        """None."""
        return None
