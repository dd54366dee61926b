"""The cron dialect: what is read, as what, and what is refused with which words."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from arrcli.errors import ScheduleError
from arrcli.model.schedule import Cron, Every, Reboot, parse_cron, spread
from arrcli.model.schedule.fields import Fields, read

EVERY_WEEKDAY = {0, 1, 2, 3, 4, 5, 6}


def fields(expression: str) -> Fields:
    return read(expression, seed="nightly")


def days_of(expression: str, year: int, month: int) -> list[int]:
    """The days of a month on which a midnight expression fires."""
    cron, found = Cron(expression, "UTC"), []
    moment = cron.next_after(datetime(year, month, 1, tzinfo=UTC) - timedelta(hours=12))
    while moment is not None and (moment.year, moment.month) == (year, month):
        found.append(moment.day)
        moment = cron.next_after(moment)
    return found


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("5", {5}),
        ("05", {5}),
        ("1,2,3", {1, 2, 3}),
        ("10-13", {10, 11, 12, 13}),
        ("10-20/5", {10, 15, 20}),
        ("50/4", {50, 54, 58}),
        ("59/15", {59}),
        ("7-7", {7}),
        ("7-7/3", {7}),
        ("*/20", {0, 20, 40}),
        ("*/60", {0}),
        ("0,*/30", {0, 30}),
    ],
)
def test_lists_ranges_and_steps(text: str, minutes: set[int]) -> None:
    assert fields(f"{text} 0 * * *").minute.numbers == minutes


@pytest.mark.parametrize(
    ("text", "weekdays"),
    [
        ("7", {0}),
        ("SUN", {0}),
        ("sun", {0}),
        ("fri-sun", {5, 6, 0}),
        ("5-7", {5, 6, 0}),
        ("0-7", EVERY_WEEKDAY),
        ("1-7", EVERY_WEEKDAY),
        ("7-7", {0}),
        ("SUN-SUN", {0}),
        ("SUN-TUE", {0, 1, 2}),
        ("SAT-SUN", {6, 0}),
        ("MON-FRI", {1, 2, 3, 4, 5}),
        ("SAT/2", {6}),
        ("MON/2", {1, 3, 5}),
        ("SUN/3", {0, 3, 6}),
        ("7/2", {0, 2, 4, 6}),
        ("5-7/2", {5, 0}),
        ("*/2", {0, 2, 4, 6}),
        ("?", EVERY_WEEKDAY),
    ],
)
def test_sunday_is_0_and_7_and_closes_a_range(text: str, weekdays: set[int]) -> None:
    assert fields(f"0 0 * * {text}").weekday.numbers == weekdays


def test_months_have_names() -> None:
    assert fields("0 0 1 JAN,mar-May,12 *").month.numbers == {1, 3, 4, 5, 12}
    assert fields("0 0 1 OCT/2 *").month.numbers == {10, 12}


def test_six_fields_have_the_second_first() -> None:
    read_so = fields("10 20 3 * * *")
    assert read_so.second is not None
    assert (read_so.second.numbers, read_so.minute.numbers, read_so.hour.numbers) == ({10}, {20}, {3})
    assert fields("20 3 * * *").second is None


@pytest.mark.parametrize(
    ("expression", "wild"),
    [
        ("* 2 * * *", True),
        ("*/5 2 * * *", True),
        ("0 * * * *", True),
        ("*,5 2 * * *", True),
        ("@hourly", True),
        ("* 0 2 * * *", True),
        ("0 30 2 * * *", False),
        ("0 0-23 * * *", False),
        ("0-59 2 * * *", False),
        ("5,* 2 * * *", False),
        ("H H * * *", False),
        ("0 2 * * */2", False),
        ("@daily", False),
    ],
)
def test_wild_is_what_begins_with_a_star_in_second_minute_or_hour(expression: str, wild: bool) -> None:
    assert Cron(expression, "UTC").wild is wild


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 13 * 5", [2, 9, 13, 16, 23, 30]),  # January 2026 begins on a Thursday
        ("0 0 */10 * 4", [1]),  # 1 11 21 31, of which Thursdays
        ("0 0 1-7 * *", [1, 2, 3, 4, 5, 6, 7]),
        ("0 0 ? * MON", [5, 12, 19, 26]),
        ("0 0 1,* * MON", list(range(1, 32))),
        ("0 0 *,1 * MON", [5, 12, 19, 26]),
        ("0 0 L * *", [31]),
        ("0 0 l * *", [31]),
        ("0 0 1,15,L * *", [1, 15, 31]),
        ("0 0 L * SAT#1", [3, 31]),
        ("0 0 * * 5L", [30]),
        ("0 0 * * fril", [30]),
        ("0 0 * * 7L", [25]),
        ("0 0 * * MON#2", [12]),
        ("0 0 * * 4#5", [29]),
        ("0 0 * * 1#5", []),
        ("0 0 * * 1#2,5L,3", [7, 12, 14, 21, 28, 30]),
        ("0 0 */3 * 4#1,THUL", [1]),
        ("0 0 1 * 1#1", [1, 5]),
        ("0 0 31 * */2", [31]),
    ],
)
def test_day_of_month_and_day_of_week(expression: str, days: list[int]) -> None:
    assert days_of(expression, 2026, 1) == days


def test_the_last_day_of_february_moves() -> None:
    assert days_of("0 0 L 2 *", 2028, 2) == [29]
    assert days_of("0 0 L 2 *", 2100, 2) == [28]


@pytest.mark.parametrize(
    ("macro", "expression"),
    [
        ("@hourly", "0 * * * *"),
        ("@Daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@YEARLY", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ],
)
def test_macros_are_expressions(macro: str, expression: str) -> None:
    assert fields(macro) == fields(expression)


def test_reboot_and_every_are_schedules_of_their_own() -> None:
    assert parse_cron("@reboot") == Reboot()
    assert parse_cron("@every 90s") == Every("90s")
    assert parse_cron("@EVERY 1h30m") == Every("90m")
    assert parse_cron("30 2 * * *", "Europe/Riga", "x") == Cron("30 2 * * *", "Europe/Riga", "x")


def test_h_is_spread_by_the_name_and_stays_where_it_is() -> None:
    minutes = set()
    for number in range(200):
        (minute,) = read("H H(1-5) H * *", seed=f"task {number}").minute.numbers
        (hour,) = read("H H(1-5) H * *", seed=f"task {number}").hour.numbers
        (day,) = read("H H(1-5) H * *", seed=f"task {number}").day.numbers
        minutes.add(minute)
        assert 0 <= minute <= 59 and 1 <= hour <= 5 and 1 <= day <= 28
    assert len(minutes) > 45
    assert fields("H H * * H").text == "43 4 * * 1"


def test_h_with_a_step_starts_within_the_first_step() -> None:
    for number in range(50):
        minutes = sorted(read("H/15 H(8-17)/4 * * *", seed=str(number)).minute.numbers)
        hours = sorted(read("H/15 H(8-17)/4 * * *", seed=str(number)).hour.numbers)
        assert len(minutes) == 4 and minutes[0] < 15 and minutes[1] - minutes[0] == 15
        assert 8 <= hours[0] < 12 and hours[-1] <= 17 and hours[1] - hours[0] == 4


def test_h_without_a_name_is_spread_by_the_expression() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert Cron("H 3 * * *", "UTC").next_after(moment) == Cron("H 3 * * *", "UTC").next_after(moment)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("61 * * * *", "minute 61 is above 59 — fields are: minute hour day month weekday"),
        ("* 25 * * *", "hour 25 is above 23 — fields are: minute hour day month weekday"),
        ("60 0 0 * * *", "second 60 is above 59 — fields are: second minute hour day month weekday"),
        ("0 0 0 * *", "day 0 is below 1 — fields are: minute hour day month weekday"),
        ("0 0 * 13 *", "month 13 is above 12"),
        ("0 0 * * 8", "weekday 8 is above 7"),
        (
            "*/90 * * * *",
            'larger than the field — it has 60 values; for a longer period write every = "90m"',
        ),
        ("0 */25 * * *", "a step of 25 is larger than the field"),
        ("5/61 * * * *", "a step of 61 is larger than the field"),
        ("H/61 * * * *", "a step of 61 is larger than the field"),
        ("*/0 * * * *", "a step of 0"),
        ("0 0 * * FRI-MON", 'weekday range "FRI-MON" runs backwards — write it as a list: 5-6,0-1'),
        ("0 22-3 * * *", 'hour range "22-3" runs backwards — write it as a list: 22-23,0-3'),
        ("0 0 * NOV-FEB *", "write it as a list: 11-12,1-2"),
        ("0 0 * * 7-2", "write it from 0 on: 0-2"),
        ("R * * * *", "R is random"),
        ("0 0 15W * *", "nearest weekdays (W)"),
        ("0 0 LW * *", "nearest weekdays (W)"),
        ("0 0 L-3 * *", "only L itself"),
        ("0 0 * * L", "5L or FRIL is the last Friday"),
        ("0 0 * * L5", "write 5L"),
        ("0 0 * * 1#6", "# takes 1 to 5"),
        ("0 0 * * 1#0", "# takes 1 to 5"),
        ("0 0 * * 1-5#2", "cannot be read"),
        ("0 0 1#2 * *", "cannot be read"),
        ("? * * * *", "? stands in day and weekday only"),
        ("1,,2 * * * *", "an empty item in a list"),
        ("1, * * * *", "an empty item in a list"),
        ("a * * * *", 'minute "A" cannot be read'),
        ("-1 * * * *", "cannot be read"),
        ("1- * * * *", "cannot be read"),
        ("1-2-3 * * * *", "cannot be read"),
        ("1/2/3 * * * *", "cannot be read"),
        ("*-5 * * * *", "cannot be read"),
        ("** * * * *", "cannot be read"),
        ("1.5 * * * *", "cannot be read"),
        ("+5 * * * *", "cannot be read"),
        ("0 0 * JANUARY *", "cannot be read"),
        ("0 0 * MON *", "cannot be read"),
        ("٣ * * * *", "characters other than ASCII"),
        ("", "has 0 fields"),
        ("* * * *", "has 4 fields — write 5: minute hour day month weekday, or 6 with the second first"),
        ("0 0 0 1 1 * 2026", "has 7 fields — there is no year field"),
        ("@fortnightly", "is no macro — there are @hourly"),
        ("@every 90s", 'write Every("90s")'),
        ("@reboot", "names no times"),
        ("0 0 30 2 *", "names no day of any year — the longest of its months has 29 days"),
        ("0 0 30 2 ?", "names no day of any year"),
        ("0 0 31 2,4,6,9,11 *", "the longest of its months has 30 days"),
        ("0 0 */8 2 1#5", "day and weekday must both match"),
        ("0 " * 200, "characters — at most 256"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_hint(expression: str, message: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        Cron(expression, "UTC")
    assert message in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 30 2 1", "0 0 31 1,2 *", "0 0 L 2 *", "0 0 * 2 1#5"])
def test_rare_days_are_no_impossible_ones(expression: str) -> None:
    assert Cron(expression, "UTC").next_after(datetime(2026, 1, 1, tzinfo=UTC)) is not None


@pytest.mark.parametrize("zone", ["Europe/Rigga", "", "../etc/passwd", "America", "EUROPE/\0", "zone.tab"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(ScheduleError, match="is unknown"):
        Cron("* * * * *", zone)


def test_a_misspelt_zone_is_recognised() -> None:
    with pytest.raises(ScheduleError, match='did you mean "Europe/Riga"'):
        Cron("* * * * *", "europe/rigga")


def test_the_spread_of_a_name_is_stable_and_within_the_jitter() -> None:
    assert spread("nightly", 0) == 0
    assert spread("nightly", 60_000_000) == spread("nightly", 60_000_000)
    assert len({spread(f"task {number}", 60_000_000) for number in range(100)}) > 95
    assert all(0 <= spread(f"task {number}", 3) <= 3 for number in range(100))
    assert {spread(f"task {number}", 3) for number in range(100)} == {0, 1, 2, 3}


def test_croniter_is_not_loaded_before_the_first_next_time_is_asked_for() -> None:
    program = (
        "import sys; from arrcli.model.schedule import Cron; cron = Cron('30 2 * * *', 'UTC'); "
        "assert 'croniter' not in sys.modules and 'cron_descriptor' not in sys.modules; cron.after(0); "
        "assert 'croniter' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
