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
from arrcli.model.schedule import Cron, Every, Schedule, Union, parse_cron
from arrcli.model.schedule.counting import count, countable, last


def utc(text: str) -> Instant:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


def named(schedule: Schedule, after: Instant, until: Instant) -> list[Instant]:
    """The fires between, one after another."""
    found: list[Instant] = []
    fire = schedule.after(after)
    while fire is not None and fire <= until:
        found.append(fire)
        fire = schedule.after(fire)
    return found


def agree(schedule: Cron | Union, after: Instant, until: Instant) -> None:
    fires = named(schedule, after, until)
    said = f"{schedule.text!r} in {schedule.timezone} from {after} to {until}"
    assert count(schedule, after, until) == len(fires), said
    for nth in (1, 2, len(fires), len(fires) + 1):
        expected = fires[-nth] if 0 < nth <= len(fires) else None
        assert nth == 0 or last(schedule, after, until, nth) == expected, said


def drawn(draw: random.Random, zone: str, *, often: bool) -> Cron | None:
    try:
        return Cron(expression(draw, often=often, seconds=False), zone)
    except ScheduleError:
        return None


@pytest.mark.parametrize("draws", [6, pytest.param(25, marks=pytest.mark.long)])
@pytest.mark.parametrize("zone", ODD_ZONES)
def test_around_the_changes_of_odd_zones(zone: str, draws: int) -> None:
    draw = random.Random(zone)
    known = changes(ZoneInfo(zone), 1968, 2026)
    for _ in range(draws):
        cron = drawn(draw, zone, often=draw.random() < 0.7)
        near = from_datetime(draw.choice(known)) + draw.randint(-30, 4) * HOUR
        if cron is not None:
            agree(cron, near + draw.randint(0, HOUR), near + draw.randint(0, 60) * HOUR + draw.randint(-SECOND, SECOND))


@pytest.mark.parametrize("draws", [3, pytest.param(10, marks=pytest.mark.long)])
@pytest.mark.parametrize("zone", ODD_ZONES)
def test_lists_around_the_changes_of_odd_zones(zone: str, draws: int) -> None:
    draw = random.Random(zone)
    known = changes(ZoneInfo(zone), 1968, 2026)
    for _ in range(draws):
        crons = [cron for _ in range(3) if (cron := drawn(draw, zone, often=True)) is not None]
        periods = [Every(draw.choice([90, 420, 3600, 86_400, 90_061]) * SECOND)] if draw.random() < 0.5 else []
        near = from_datetime(draw.choice(known)) + draw.randint(-5, 2) * HOUR
        if crons:
            agree(Union([*crons, *periods]), near + draw.randint(0, HOUR), near + draw.randint(0, 9) * HOUR)


LISTS = [
    # fires from midnight on for a day, in Riga: on an ordinary day, as the clock goes forward, as it goes back
    (["0 * * * *", "*/30 * * * *"], (48, 46, 50)),
    (["30 3 * * *", "0 4 * * *"], (2, 1, 2)),
    (["0,30 3 * * *", "0-59/30 4 * * *"], (4, 2, 4)),
    (["30 3 * * *", "@every 30m"], (48, 46, 50)),
    (["15 3 * * *", "@every 30m"], (49, 46, 51)),
    (["0 12 * * *", "0 12 * * *", "0 12 * * MON-SUN"], (1, 1, 1)),
]


@pytest.mark.parametrize(("texts", "expected"), LISTS)
def test_an_instant_that_several_of_a_list_name_counts_once(texts: list[str], expected: tuple[int, ...]) -> None:
    list_of = Union([parse_cron(text, "Europe/Riga") for text in texts])
    days = [("2026-03-28", 24, 2), ("2026-03-29", 23, 2), ("2026-10-25", 25, 3)]
    starts = [(utc(day) - ahead * HOUR, hours) for day, hours, ahead in days]
    assert tuple(count(list_of, start - 1, start + hours * HOUR - 1) for start, hours in starts) == expected
    for start, hours in starts:
        agree(list_of, start - 1, start + hours * HOUR - 1)


def test_what_cannot_be_counted_is_named_one_after_another() -> None:
    riga, utc_ = Cron("* * * * *", "Europe/Riga"), Cron("* * * * *", "UTC")
    assert countable(riga) is riga
    assert countable(Union([riga, Every("2s")])) is not None
    assert [countable(each) for each in (Union([riga, utc_]), Union([riga, Every("1500ms")]), Every("1s"))] == [
        None
    ] * 3


@pytest.mark.parametrize(("draws", "days"), [(5, 200), pytest.param(40, 500, marks=pytest.mark.long)])
def test_over_months_and_years(draws: int, days: int) -> None:
    draw = random.Random(1970)
    for _ in range(draws):
        cron = drawn(draw, draw.choice(["UTC", "Europe/Riga", "America/New_York"]), often=False)
        start = utc("2025-01-01") + draw.randint(0, 365) * DAY + draw.randint(0, DAY)
        if cron is not None and len(named(cron, start, start + 2 * DAY)) < 8:
            agree(cron, start, start + draw.randint(1, days) * DAY)


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
    began = time.process_time()
    assert count(Cron("* * * * *", "UTC"), start, start + years) == years // MINUTE
    assert count(Cron("* * * * * *", "UTC"), start, start + years) == years // SECOND
    assert count(Union([Cron("* * * * *", "UTC"), Cron("30 0 0 * * *", "UTC")]), start, start + years) == (
        years // MINUTE + years // DAY
    )
    assert last(Cron("0 0 29 2 *", "Europe/Riga"), start, start + years) == utc("2024-02-28T22:00:00")
    assert time.process_time() - began < 4


def test_nothing_lies_between_an_instant_and_an_earlier_one() -> None:
    cron = Cron("* * * * * *", "UTC")
    assert (count(cron, DAY, DAY), count(cron, DAY, 0), last(cron, DAY, 0)) == (0, 0, None)
    assert (count(cron, DAY - 1, DAY), last(cron, DAY - 1, DAY + 5)) == (1, DAY)
