"""A schedule's bound is never after its next fire, and is told without croniter."""

from __future__ import annotations

import random
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from reference_cron import expression
from test_schedule_reference import ODD_ZONES, changes_of

from arrcli.errors import ScheduleError
from arrcli.model.instant import HOUR, SECOND, Instant, from_datetime, parse_iso
from arrcli.model.schedule import At, Cron, Every, Reboot, Schedule, Union
from arrcli.model.schedule.bound import not_before

NEW_YORK = "America/New_York"


def utc(text: str) -> Instant:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("schedule", "after", "bound"),
    [
        (Cron("30 2 * * *", "UTC"), "2026-01-01 02:29", "2026-01-01 02:30"),
        (Cron("30 2 * * *", "UTC"), "2026-01-01 02:30", "2026-01-02 02:30"),
        (Cron("15 30 2,14 * * *", "UTC"), "2026-01-01 02:30:15", "2026-01-01 14:30:15"),
        (Cron("0-29/10 2,3 * * *", "UTC"), "2026-01-01 02:15", "2026-01-01 02:20"),
        (Cron("0 9 L * *", "UTC"), "2026-01-31 09:00", "2026-02-28 09:00"),
        (Cron("0 9 29 2 *", "UTC"), "2026-01-01 00:00", "2028-02-29 09:00"),
        (Cron("0 9 * * MON#2", "UTC"), "2026-01-01 00:00", "2026-01-12 09:00"),
        (Cron("0 9 13 * FRI", "UTC"), "2026-01-03 00:00", "2026-01-09 09:00"),
        (Cron("30 2 * * *", "Europe/Riga"), "2026-01-01 00:00", "2026-01-01 00:30"),
        (Cron("*/5 * * * *", "UTC"), "2026-01-01 00:01", "2026-01-01 00:05"),
        (Union([Cron("0 9 * * *", "UTC"), Cron("0 7 * * *", "UTC")]), "2026-01-01 00:00", "2026-01-01 07:00"),
        (Every("90s"), "2026-01-01 00:00", "2026-01-01 00:01:30"),
        (At("2026-01-31T09:00Z", "UTC"), "2026-01-01 00:00", "2026-01-31 09:00"),
    ],
    ids=lambda each: getattr(each, "text", each),
)
def test_a_bound_is_where_the_next_fire_is(schedule: Schedule, after: str, bound: str) -> None:
    assert not_before(schedule, utc(after)) == utc(bound) == schedule.after(utc(after))


def test_a_time_in_a_gap_may_be_bounded_before_the_gap() -> None:
    nightly, before = Cron("30 2 8 3 *", NEW_YORK), utc("2026-03-08 00:00")
    assert (not_before(nightly, before), nightly.after(before)) == (utc("2026-03-08 06:30"), utc("2026-03-08 07:00"))


def test_what_never_fires_again_has_no_bound() -> None:
    assert not_before(Reboot(), 0) is None
    assert not_before(At("2026-01-31T09:00Z", "UTC"), utc("2026-01-31 09:00")) is None
    assert not_before(Cron("30 2 * * *", "UTC"), parse_iso("9999-12-31T02:30:00Z")) is None


@pytest.mark.parametrize("zone", ODD_ZONES)
def test_no_fire_is_before_its_bound_wherever_clocks_change(zone: str) -> None:
    draw = random.Random(zone)
    for _ in range(40):
        text = expression(draw, often=draw.random() < 0.5, seconds=draw.random() < 0.3)
        try:
            cron = Cron(text, zone)
        except ScheduleError:
            continue
        instant = from_datetime(draw.choice(changes_of(zone))) + draw.randint(-30 * HOUR, 30 * HOUR)
        for at in sorted(instant + draw.randint(0, 3 * HOUR) for _ in range(4)):
            bound, fire = not_before(cron, at), cron.after(at)
            assert fire is None or (bound is not None and at < bound <= fire), f"{text!r} in {zone} after {at}"


def test_bounds_of_a_fixed_time_come_nearer_until_they_are_the_fire() -> None:
    nightly, instant = Cron("30 1 * * *", NEW_YORK), utc("2026-10-31 00:00")
    fires = [instant]
    while len(fires) < 4:
        bound = not_before(nightly, fires[-1])
        assert bound is not None and nightly.after(bound - SECOND) == nightly.after(fires[-1])
        fires.append(nightly.after(bound - SECOND) or 0)
    assert [(later - earlier) // HOUR for earlier, later in pairwise(fires[1:])] == [24, 25]


def test_a_bound_loads_no_croniter() -> None:
    code = (
        "import sys; from arrcli.model.schedule import Cron; from arrcli.model.schedule.bound import not_before; "
        "print(not_before(Cron('30 2 * * *', 'UTC'), 0), 'croniter' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "9000000000 False\n"
