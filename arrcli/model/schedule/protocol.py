"""What every schedule can do: given an instant, name the next one."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from arrcli.model.instant import Instant, from_datetime, to_datetime


class Schedule(Protocol):
    """A frozen value, hashable, compared by value, that names instants (slots) strictly one after another."""

    @property
    def kind(self) -> str:
        """`cron`, `every`, `at` or `reboot`."""

    @property
    def text(self) -> str:
        """Short, for people: `30 2 * * *`, `every 90s`, `at 2026-01-01T00:00:00Z`."""

    def __hash__(self) -> int: ...

    def after(self, instant: Instant) -> Instant | None:
        """The first slot after the instant; None if there is none before the year 10000."""

    def next_after(self, moment: datetime) -> datetime | None:
        """The same on aware datetimes, answered in UTC; a naive one is a ValueError."""


def next_moment(schedule: Schedule, moment: datetime) -> datetime | None:
    """`next_after` of any schedule, by its `after`."""
    following = schedule.after(from_datetime(moment))
    return None if following is None else to_datetime(following)
