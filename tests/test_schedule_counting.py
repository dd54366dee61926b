"""Fires that are counted by the calendar are those that would be named one after another."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from reference_cron import changes, expression
from test_schedule_reference import ODD_ZONES

from arrcli.errors import ScheduleError
from arrcli.model.instant import DAY, HOUR, MINUTE, SECOND, Instant, from_datetime
from arrcli.model.schedule import Cron
from arrcli.model.schedule.counting import count, last


def utc(text: str) -> Instant:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


def named(cron: Cron, after: Instant, until: Instant) -> list[Instant]:
    """The fires between, one after another."""
    found: list[Instant] = []
    fire = cron.after(after)
    while fire is not None and fire <= until:
        found.append(fire)
        fire = cron.after(fire)
    return found


def agree(cron: Cron, after: Instant, until: Instant) -> None:
    fires = named(cron, after, until)
    said = f"{cron.expression!r} in {cron.timezone} from {after} to {until}"
    assert count(cron, after, until) == len(fires), said
    assert last(cron, after, until) == (fires[-1] if fires else None), said


def drawn(draw: random.Random, zone: str, *, often: bool) -> Cron | None:
    try:
        return Cron(expression(draw, often=often, seconds=False), zone)
    except ScheduleError:
        return None


@pytest.mark.parametrize("zone", ODD_ZONES)
def test_around_the_changes_of_odd_zones(zone: str) -> None:
    draw = random.Random(zone)
    known = changes(ZoneInfo(zone), 1968, 2026)
    for _ in range(25):
        cron = drawn(draw, zone, often=draw.random() < 0.7)
        near = from_datetime(draw.choice(known)) + draw.randint(-30, 4) * HOUR
        if cron is not None:
            agree(cron, near + draw.randint(0, HOUR), near + draw.randint(0, 60) * HOUR + draw.randint(-SECOND, SECOND))


def test_over_months_and_years() -> None:
    draw = random.Random(1970)
    for _ in range(40):
        cron = drawn(draw, draw.choice(["UTC", "Europe/Riga", "America/New_York"]), often=False)
        start = utc("2025-01-01") + draw.randint(0, 365) * DAY + draw.randint(0, DAY)
        if cron is not None and len(named(cron, start, start + 2 * DAY)) < 8:
            agree(cron, start, start + draw.randint(1, 500) * DAY)


FIXED_NIGHTS = [
    # what happens to 02:00 to 02:59 in New York: expression, day, fires of that day
    ("*/10 2 * * *", "2026-03-08", 0),
    ("*/10 2 * * *", "2026-03-09", 6),
    ("*/10 1 * * *", "2026-11-01", 12),
    ("0-59/10 2 * * *", "2026-03-08", 1),
    ("0-59/10 1 * * *", "2026-11-01", 6),
    ("0,30 2,3 * * *", "2026-03-08", 2),
]


@pytest.mark.parametrize(("text", "day", "expected"), FIXED_NIGHTS)
def test_a_night_of_summer_time(text: str, day: str, expected: int) -> None:
    since = utc(day) + 5 * HOUR
    cron = Cron(text, "America/New_York")
    assert count(cron, since - 1, since + 20 * HOUR) == expected
    agree(cron, since - 1, since + 20 * HOUR)


def test_decades_of_minutes_and_seconds_are_counted_at_once() -> None:
    start, years = utc("1970-01-01"), utc("2026-01-01") - utc("1970-01-01")
    began = time.perf_counter()
    assert count(Cron("* * * * *", "UTC"), start, start + years) == years // MINUTE
    assert count(Cron("* * * * * *", "UTC"), start, start + years) == years // SECOND
    assert last(Cron("0 0 29 2 *", "Europe/Riga"), start, start + years) == utc("2024-02-28T22:00:00")
    assert time.perf_counter() - began < 4


def test_nothing_lies_between_an_instant_and_an_earlier_one() -> None:
    cron = Cron("* * * * * *", "UTC")
    assert (count(cron, DAY, DAY), count(cron, DAY, 0), last(cron, DAY, 0)) == (0, 0, None)
    assert (count(cron, DAY - 1, DAY), last(cron, DAY - 1, DAY + 5)) == (1, DAY)
