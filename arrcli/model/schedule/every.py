"""A steady period, in UTC: no clock of any zone, no daylight saving."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Final

from arrcli.errors import ScheduleError
from arrcli.model.instant import LATEST, Instant, from_datetime, microseconds
from arrcli.model.schedule.protocol import next_moment
from arrcli.model.value import dataclass
from arrcli.model.when import LONGEST, duration, exact

SHORTEST: Final = 1_000
"""The shortest period, a millisecond: below it a schedule is a busy loop."""


@dataclass(frozen=True, slots=True, init=False)
class Every:
    """`Every("90s", anchor=...)`: slots at anchor + k periods, k any whole number; else from the epoch.

    The period is a text, a timedelta, or whole microseconds; ScheduleError below 1 ms or above a thousand
    years; ValueError on a naive anchor.
    """

    kind: ClassVar[str] = "every"

    period: int
    anchor: Instant

    def __init__(self, period: str | int | timedelta, anchor: datetime | Instant | None = None) -> None:
        object.__setattr__(self, "period", _period(period))
        object.__setattr__(self, "anchor", from_datetime(anchor) if isinstance(anchor, datetime) else anchor or 0)

    @property
    def text(self) -> str:
        """`every 90s`."""
        return f"every {exact(self.period)}"

    def next_after(self, moment: datetime) -> datetime | None:
        """The first slot after an aware datetime, in UTC; ValueError on a naive one."""
        return next_moment(self, moment)

    def after(self, instant: Instant) -> Instant | None:
        """The first slot after the instant; None past the year 9999."""
        slot = instant + self.period - (instant - self.anchor) % self.period
        return slot if slot <= LATEST else None


def _period(said: str | int | timedelta) -> int:
    if isinstance(said, str):
        return duration(said, minimum=SHORTEST)
    span = microseconds(said) if isinstance(said, timedelta) else said
    if not isinstance(span, int) or isinstance(span, bool) or not SHORTEST <= span <= LONGEST:
        raise ScheduleError(f"a period of {said!r}", hint='write "90s", "5m", "1h30m", or a timedelta of 1 ms or more')
    return span
