"""Single instants, named one by one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, datetime, time, tzinfo
from typing import ClassVar, TypeAlias
from zoneinfo import ZoneInfo

from arrcli.errors import ScheduleError
from arrcli.model.instant import Instant, from_datetime, to_datetime
from arrcli.model.schedule.protocol import next_moment
from arrcli.model.value import dataclass
from arrcli.model.wall import instant_of, zone_named
from arrcli.model.when import calendar_time

Time: TypeAlias = str | datetime | date
"""ISO text, a datetime, or a date (its midnight); what has no offset is read on the clock of the zone."""


@dataclass(frozen=True, slots=True, init=False)
class At:
    """`At("2026-01-31T09:00", "Europe/Riga")`, or a list of times; without a zone the machine's.

    Local times follow the rule of a fixed job: after a gap, in the first pass of an overlap, and not at all
    in a lost day (`lost` has those). ScheduleError on text that is no time.
    """

    kind: ClassVar[str] = "at"

    times: tuple[Instant, ...]
    """In order, each once."""
    timezone: ZoneInfo
    lost: tuple[str, ...]

    def __init__(self, times: Time | Iterable[Time], timezone: str | tzinfo | None = None) -> None:
        zone = zone_named(timezone)
        given = [times] if isinstance(times, str | date) else list(times)
        read = [(moment, _instant(moment, zone)) for moment in given]
        object.__setattr__(self, "times", tuple(sorted({at for _, at in read if at is not None})))
        object.__setattr__(self, "timezone", zone)
        object.__setattr__(self, "lost", tuple(str(moment) for moment, at in read if at is None))

    @property
    def text(self) -> str:
        """`at 2026-01-31T07:00:00Z`, and how many more there are."""
        if not self.times:
            return "at no time"
        more = f" and {len(self.times) - 1} more" if len(self.times) > 1 else ""
        return f"at {to_datetime(self.times[0]).replace(tzinfo=None).isoformat()}Z{more}"

    @property
    def words(self) -> str:
        """The same for people: `at 2026-01-31 09:00 EET`, on the zone's clock."""
        if not self.times:
            return "at no time"
        wall = to_datetime(self.times[0]).astimezone(self.timezone)
        more = f" and {len(self.times) - 1} more" if len(self.times) > 1 else ""
        return f"at {wall:%Y-%m-%d %H:%M}{f':{wall:%S}' if wall.second else ''} {wall.tzname()}{more}"

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after an aware datetime, in UTC; None after the last; ValueError on a naive one."""
        return next_moment(self, moment)

    def after(self, instant: Instant) -> Instant | None:
        """The first time after the instant; None after the last."""
        place = bisect_right(self.times, instant)
        return self.times[place] if place < len(self.times) else None


def _instant(moment: Time, zone: ZoneInfo) -> Instant | None:
    if isinstance(moment, str):
        return calendar_time(moment, zone)
    if isinstance(moment, datetime):
        return instant_of(moment, zone) if moment.utcoffset() is None else from_datetime(moment)
    if isinstance(moment, date):
        return instant_of(datetime.combine(moment, time()), zone)
    raise ScheduleError(f"{moment!r} is not a time", hint="write 2026-01-31T09:00, or give a datetime")
