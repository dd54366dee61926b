"""One thing that has to do with it, in a sentence; and how these sentences write times."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from arrcli.model.instant import SECOND, Instant
from arrcli.model.run import Run
from arrcli.model.value import dataclass
from arrcli.model.wall import wall_at, zone_named
from arrcli.model.when import spoken

Verdict = Literal[
    "no slot",
    "would run",
    "would not run",
    "ran",
    "failed",
    "did not run",
    "was cancelled",
    "is running",
    "waits",
    "not considered",
    "no record",
]
"""Of an instant: the schedule does not name it. Of a slot to come: two. Of one that has passed: the others."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that has to do with it, in a sentence; `stops`: this alone keeps the slot from running."""

    kind: str
    text: str
    stops: bool = False


def said(at: Instant, timezone: str) -> str:
    """`Wed 2026-11-25 02:30 EET`, with seconds where there are any."""
    wall = wall_at(at, zone_named(timezone))
    return f"{wall:%a} {wall.year:04}-{wall:%m-%d} {clock(wall)} {wall.tzname()}"


def clock(wall: datetime) -> str:
    return f"{wall:%H:%M:%S}" if wall.second else f"{wall:%H:%M}"


def doing(run: Run, now: Instant) -> str:
    """`run 41 of sync has been running for 12m`, `run 41 of sync awaits its retry`."""
    if run.begun and run.started_at is not None:
        span = spoken(max(0, now - run.started_at) // SECOND * SECOND)
        return f"run {run.id} of {run.name} has been running for {span}"
    return f"run {run.id} of {run.name} awaits its retry"
