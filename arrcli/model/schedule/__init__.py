"""Schedules: pure values that, given an instant, name the next one. The only room that knows croniter.

fields (text to numbers) -> days (which days) -> pattern (next wall time, by croniter) -> cron (instants).
"""

from __future__ import annotations

from datetime import tzinfo

from arrcli.errors import ScheduleError
from arrcli.model.schedule.at import At
from arrcli.model.schedule.cron import Cron
from arrcli.model.schedule.english import english
from arrcli.model.schedule.every import Every
from arrcli.model.schedule.fields import spread
from arrcli.model.schedule.nights import dst_notes, warnings
from arrcli.model.schedule.protocol import Schedule
from arrcli.model.schedule.union import Reboot, Union
from arrcli.model.wall import machine_zone, zone_named


def parse_cron(text: str, timezone: str | tzinfo | None = None, name: str | None = None) -> Cron | Every | Reboot:
    """The schedule of a `cron` key: an expression, a macro, `@reboot`, `@every 90s`; or ScheduleError."""
    first, _, rest = text.strip().partition(" ")
    if first.lower() == "@reboot" and not rest:
        return Reboot()
    if first.lower() == "@every":
        if not rest.strip():
            raise ScheduleError('"@every" has no period', hint="write @every 90s")
        return Every(rest.strip())
    return Cron(text, timezone, name)


__all__ = [
    "At",
    "Cron",
    "Every",
    "Reboot",
    "Schedule",
    "Union",
    "dst_notes",
    "english",
    "machine_zone",
    "parse_cron",
    "spread",
    "warnings",
    "zone_named",
]
