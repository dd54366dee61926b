"""Cron against a second, slow reading of the same contract: random expressions, zones at their changes."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
from reference_cron import Reference, changes, expression

from arrcli.errors import ScheduleError
from arrcli.model.schedule import Cron

ODD_ZONES = [
    "Africa/Casablanca",
    "America/Havana",
    "America/New_York",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/Volgograd",
    "Pacific/Apia",
    "Pacific/Kwajalein",
]
HOURS = 56


def fires_of(cron: Cron, start: datetime, until: datetime) -> list[datetime]:
    def following() -> object:
        moment = cron.next_after(start)
        while moment is not None:
            yield moment
            moment = cron.next_after(moment)

    return list(takewhile(lambda moment: moment <= until, following()))


@lru_cache
def changes_of(name: str) -> list[datetime]:
    return changes(ZoneInfo(name), 1968 if name in ODD_ZONES else 2024, 2026)


def agree_at_a_change(draw: random.Random, name: str) -> None:
    known = changes_of(name)
    if not known:
        return
    start = draw.choice(known) - timedelta(hours=draw.randint(2, 30))
    until = start + timedelta(hours=HOURS)
    text, zone = expression(draw, often=True, seconds=False), ZoneInfo(name)
    expected = list(Reference(text).fires(zone, start, until, tick=timedelta(minutes=1)))
    assert fires_of(Cron(text, name), start, until) == expected, f"{text!r} in {name} after {start}"


@pytest.mark.parametrize("draws", [4, pytest.param(12, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", ODD_ZONES)
def test_fires_agree_at_the_changes_of_odd_zones(name: str, draws: int) -> None:
    draw = random.Random(name)
    for _ in range(draws):
        agree_at_a_change(draw, name)


@pytest.mark.parametrize("zones", [30, pytest.param(100, marks=pytest.mark.long)])
def test_fires_agree_at_a_change_in_a_sample_of_all_zones(zones: int) -> None:
    draw = random.Random(2026)
    names = sorted(available_timezones() - {"localtime", "Factory"})
    for name in draw.sample(names, zones):
        agree_at_a_change(draw, name)


@pytest.mark.parametrize(
    "name",
    ["Africa/Monrovia", *(pytest.param(name, marks=pytest.mark.long) for name in ("Europe/Amsterdam", "Asia/Kolkata"))],
)
def test_second_by_second_fires_agree_where_offsets_have_odd_seconds(name: str) -> None:
    draw = random.Random(1937)
    for _ in range(2):
        zone = ZoneInfo(name)
        change = draw.choice(changes(zone, 1880, 1973))
        start, until = change - timedelta(hours=2), change + timedelta(hours=1)
        text = expression(draw, often=True, seconds=True)
        expected = list(Reference(text).fires(zone, start, until, tick=timedelta(seconds=1)))
        assert fires_of(Cron(text, name), start, until) == expected, f"{text!r} in {name} after {start}"


@pytest.mark.parametrize("draws", [500, pytest.param(2_000, marks=pytest.mark.long)])
def test_next_times_of_random_expressions_agree_without_a_zone(draws: int) -> None:
    draw = random.Random(1970)
    for _ in range(draws):
        text = expression(draw)
        reference = Reference(text)
        moment = datetime(draw.randint(1950, 2090), 1, 1) + timedelta(seconds=draw.randint(0, 366 * 86_400))
        try:
            cron = Cron(text, "UTC")
        except ScheduleError as refused:
            assert "names no day" in str(refused), f"{text!r}: {refused}"
            assert reference.next_without_zone(datetime(2000, 1, 1)) is None, text
            continue
        for _ in range(3):
            expected = reference.next_without_zone(moment)
            found = cron.next_after(moment.replace(tzinfo=UTC))
            assert found is not None and found.replace(tzinfo=None) == expected, f"{text!r} after {moment}"
            moment = expected
