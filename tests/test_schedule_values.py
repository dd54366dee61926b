"""Every, At, Union and Reboot; what all schedules share; English, notes and warnings."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from arrcli.errors import ScheduleError
from arrcli.model.instant import SECOND, from_datetime
from arrcli.model.schedule import (
    At,
    Cron,
    Every,
    Reboot,
    Schedule,
    Union,
    dst_notes,
    english,
    machine_zone,
    warnings,
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def instant(text: str) -> int:
    return from_datetime(utc(text))


SCHEDULES: list[Schedule] = [
    Cron("30 2 * * *", "Europe/Riga"),
    Every("90s", utc("2026-01-01 00:00")),
    At("2026-01-31T09:00", "Europe/Riga"),
    Union([Cron("0 9 * * *", "UTC"), Cron("30 17 * * *", "UTC")]),
    Reboot(),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.text)
def test_a_schedule_is_a_value(schedule: Schedule) -> None:
    twins = [pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule)]  # noqa: S301 - our own pickle
    for twin in twins:
        assert twin == schedule and hash(twin) == hash(schedule)


def test_a_schedule_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Cron("30 2 * * *", "UTC").expression = "* * * * *"  # type: ignore[misc]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.text)
def test_no_schedule_takes_a_naive_moment(schedule: Schedule) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        schedule.next_after(datetime(2026, 1, 1))


def test_schedules_say_what_they_are() -> None:
    assert [(schedule.kind, schedule.text) for schedule in SCHEDULES] == [
        ("cron", "30 2 * * *"),
        ("every", "every 90s"),
        ("at", "at 2026-01-31T07:00:00Z"),
        ("cron", "0 9 * * *; 30 17 * * *"),
        ("reboot", "@reboot"),
    ]


def test_crons_differ_by_expression_zone_and_name() -> None:
    assert Cron("30  2 * * *", "UTC") == Cron("30 2 * * *", ZoneInfo("UTC"))
    assert Cron("30 2 * * *", UTC) == Cron("30 2 * * *", "UTC")
    assert Cron("30 2 * * *", "UTC") != Cron("30 2 * * *", "Europe/Riga")
    assert Cron("H 2 * * *", "UTC", "a") != Cron("H 2 * * *", "UTC", "b")


def test_without_a_zone_it_is_the_machine_s() -> None:
    assert Cron("30 2 * * *").timezone == machine_zone()


def test_every_counts_from_its_anchor_both_ways() -> None:
    every = Every("90s", utc("2026-01-01 00:00:10"))
    assert every.next_after(utc("2026-01-01 00:00:10")) == utc("2026-01-01 00:01:40")
    assert every.next_after(utc("2026-01-01 00:01:39.999999")) == utc("2026-01-01 00:01:40")
    assert every.next_after(utc("2025-12-31 23:59:00")) == utc("2026-01-01 00:00:10")
    assert every.after(instant("2026-01-01 00:00:10")) == instant("2026-01-01 00:01:40")


def test_every_takes_text_microseconds_or_a_timedelta() -> None:
    assert Every("90s") == Every(90 * SECOND) == Every(timedelta(seconds=90))
    assert Every("90s").next_after(utc("1970-01-01 00:00")) == utc("1970-01-01 00:01:30")


@pytest.mark.parametrize("period", ["0s", 0, -5, "10 minuts", "100us", timedelta(0), timedelta(days=999_999), True])
def test_every_refuses_what_is_no_period(period: str | int | timedelta) -> None:
    with pytest.raises(ScheduleError):
        Every(period)


def test_every_ends_with_the_year_9999() -> None:
    assert Every("1w").next_after(utc("9999-12-31 00:00")) is None


def test_at_names_its_instants_in_order_each_once() -> None:
    at = At(
        [datetime(2026, 5, 1, 9, tzinfo=timezone(timedelta(hours=2))), "2026-02-01", "2026-05-01T07:00Z"],
        "America/New_York",
    )
    assert at.times == (instant("2026-02-01 05:00"), instant("2026-05-01 07:00"))
    assert at.next_after(utc("2026-01-01 00:00")) == utc("2026-02-01 05:00")
    assert at.next_after(utc("2026-02-01 05:00")) == utc("2026-05-01 07:00")
    assert at.next_after(utc("2026-05-01 07:00")) is None
    assert at.text == "at 2026-02-01T05:00:00Z and 1 more"
    assert at.words == "at 2026-02-01 00:00 EST and 1 more"


def test_local_times_of_at_follow_the_rule_of_fixed_jobs() -> None:
    assert At(datetime(2026, 3, 29, 2, 30), "Europe/Paris").times == (instant("2026-03-29 01:00"),)
    assert At(datetime(2026, 10, 25, 2, 30), "Europe/Paris").times == (instant("2026-10-25 00:30"),)
    assert At(date(2026, 1, 1), "Europe/Paris").times == (instant("2025-12-31 23:00"),)


def test_a_local_time_in_a_lost_day_is_kept_as_lost() -> None:
    at = At(["2011-12-30T12:00", "2011-12-31T12:00"], "Pacific/Apia")
    assert at.lost == ("2011-12-30T12:00",)
    assert at.times == (instant("2011-12-30 22:00"),)


@pytest.mark.parametrize("text", ["tomorrow", "2026-02-30", "2026-01-01T25:00", "", "12:00"])
def test_at_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ScheduleError, match="is not a time"):
        At(text, "UTC")


def test_a_union_fires_once_where_its_members_meet() -> None:
    both = Union([Cron("0 */6 * * *", "UTC"), Cron("0 12 * * *", "UTC"), Cron("30 12 * * *", "UTC")])
    found, moment = [], utc("2026-01-01 05:00")
    for _ in range(4):
        following = both.next_after(moment)
        assert following is not None
        found.append(f"{following:%H:%M}")
        moment = following
    assert found == ["06:00", "12:00", "12:30", "18:00"]
    assert both.wild


def test_an_empty_union_is_refused() -> None:
    with pytest.raises(ScheduleError, match="empty list"):
        Union([])


def test_a_list_may_hold_a_period_but_no_reboot() -> None:
    both = Union([Every("1h"), Cron("30 2 * * *", "Europe/Riga")])
    assert both.next_after(utc("2026-01-01 00:00")) == utc("2026-01-01 00:30")
    assert both.next_after(utc("2026-01-01 00:30")) == utc("2026-01-01 01:00")
    assert both.timezone.key == "Europe/Riga"
    with pytest.raises(ScheduleError, match="a task of its own"):
        Union([Reboot(), Cron("30 2 * * *", "UTC")])


def test_reboot_never_fires_by_time() -> None:
    assert Reboot().after(0) is None


def test_one_expression_is_shared_by_threads_without_mixing_up() -> None:
    cron = Cron("*/7 3 1,15,L * *", "UTC")
    starts = [instant("2026-01-01 00:00") + hour * 3_600 * SECOND for hour in range(0, 4_000, 7)]
    alone = [cron.after(start) for start in starts]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(cron.after, starts)) == alone


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (Cron("30 2 * * *", "UTC"), "At 02:30"),
        (Cron("@daily", "UTC"), "At 00:00"),
        (Cron("0 0 * * mon-fri", "UTC"), "At 00:00, Monday through Friday"),
        (Cron("30 2 * * 5L", "UTC"), "At 02:30, on the last Friday of the month"),
        (
            Cron("0 0 1,15,L * 1#2,5L,3", "UTC"),
            "At 00:00, on day 1 and 15 of the month and on the last day of the month, or on Wednesday "
            "and on the second Monday of the month and on the last Friday of the month",
        ),
        (Cron("0 0 1,L * *", "UTC"), "At 00:00, on day 1 of the month and on the last day of the month"),
        (Cron("0 0 15 * FRIL", "UTC"), "At 00:00, on day 15 of the month, or on the last Friday of the month"),
        (Cron("0 0 */2 * MON", "UTC"), "At 00:00, every 2 days, and only on Monday"),
        (Cron("0 0 1,* * MON", "UTC"), "At 00:00"),
        (
            Cron("0 0 * 3 5L,MON#2", "UTC"),
            "At 00:00, on the last Friday of the month and on the second Monday of the month, in March",
        ),
        (Every("90s"), "Every 90s"),
        (Reboot(), "Once, when the daemon starts"),
        (Union([Cron("30 2 * * *", "UTC"), Cron("30 4 * * *", "UTC")]), "At 02:30; At 04:30"),
    ],
)
def test_schedules_in_english(schedule: Schedule, words: str) -> None:
    assert english(schedule) == words


def test_seconds_come_first_in_english_too() -> None:
    assert "every 15 minutes" in english(Cron("10 */15 * * * *", "UTC"))


def notes(expression: str, zone: str) -> list[tuple[str, str]]:
    found = dst_notes(Cron(expression, zone), instant("2026-01-01 00:00"), instant("2027-01-01 00:00"))
    return [(f"{datetime.fromtimestamp(at // SECOND, UTC):%m-%d %H:%M}", text) for at, text in found]


def test_the_nights_on_which_a_fixed_time_is_special_are_noted_at_their_fires() -> None:
    assert notes("30 2 * * *", "Europe/Paris") == [
        ("03-29 01:00", "02:30 does not exist on Sun 2026-03-29: fires once at 03:00"),
        ("10-25 00:30", "02:30 comes twice on Sun 2026-10-25: fires in the first pass only"),
    ]


def test_the_nights_of_a_wild_expression_are_noted_at_the_change() -> None:
    assert notes("*/10 * * * *", "America/New_York") == [
        ("03-08 07:00", "02:00 to 03:00 does not exist on Sun 2026-03-08: does not fire then"),
        ("11-01 06:00", "01:00 to 02:00 comes twice on Sun 2026-11-01: fires in both passes"),
    ]


def test_a_time_that_no_change_touches_has_no_notes() -> None:
    assert notes("30 12 * * *", "Europe/Paris") == []
    assert notes("30 2 * * *", "UTC") == []


def test_a_lost_day_is_noted() -> None:
    found = dst_notes(Cron("0 12 * * *", "Pacific/Apia"), instant("2011-12-01 00:00"), instant("2012-01-01 00:00"))
    assert [text for _, text in found] == ["12:00 does not exist on Fri 2011-12-30: does not fire"]


def test_check_warns_of_days_that_unite_and_of_late_stars() -> None:
    assert warnings(Cron("0 0 13 * 5", "UTC")) == [
        '"0 0 13 * 5": day 13 or weekday 5: either is enough, they need not both match'
    ]
    assert warnings(Cron("0 0 5,* * 1", "UTC")) == [
        '"0 0 5,* * 1": the star in its day does not come first, so it is every day, and does not count as a star'
    ]
    assert warnings(Cron("0 0 * * 5", "UTC")) == warnings(Every("90s")) == []


def test_check_warns_of_the_special_nights_of_a_year_when_told_the_time() -> None:
    cron = Cron("30 2 * * *", "Europe/Paris")
    assert warnings(cron, now=instant("2026-06-01 00:00")) == [
        "02:30 comes twice on Sun 2026-10-25: fires in the first pass only",
        "02:30 does not exist on Sun 2027-03-28: fires once at 03:00",
    ]
