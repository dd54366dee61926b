"""Instants: whole microseconds of UTC since 1970, the one form in which time is kept and compared."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

Instant: TypeAlias = int

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST: Final[Instant] = -62_135_596_800 * SECOND
"""The first microsecond of the year 1."""
LATEST: Final[Instant] = 253_402_300_800 * SECOND - 1
"""The last microsecond of the year 9999."""

_ISO: Final = r"(?P<wall>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(?P<offset>Z|[+-]\d\d:?\d\d)"


def microseconds(span: timedelta) -> int:
    """The span in whole microseconds, exactly."""
    return (span.days * 86_400 + span.seconds) * SECOND + span.microseconds


def from_datetime(aware: datetime) -> Instant:
    """The instant of an aware datetime; a naive one is a ValueError, since nobody knows its zone."""
    if aware.utcoffset() is None:
        raise ValueError(f"{aware} has no time zone — give an aware datetime, as datetime.now(UTC)")
    return microseconds(aware - EPOCH)


def to_datetime(instant: Instant) -> datetime:
    """The instant as an aware datetime in UTC; OverflowError beyond the years 1 to 9999."""
    return EPOCH + timedelta(microseconds=instant)


def iso(instant: Instant) -> str:
    """The form of every JSON output: `2026-01-01T00:00:00.000000Z`."""
    return to_datetime(instant).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_iso(text: str) -> Instant:
    """The instant of an ISO text with `Z` or an offset; ValueError on anything else."""
    found = re.fullmatch(_ISO, text.strip(), re.ASCII)
    if found is None:
        raise ValueError(f"{text!r} is not an ISO time with Z or an offset — write 2026-01-01T00:00:00Z")
    return from_datetime(datetime.fromisoformat(found["wall"] + found["offset"]))
