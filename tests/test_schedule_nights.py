"""Nights on which a clock changes: what a fixed and a wild expression do, written out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from arrcli.model.schedule import Cron


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fires(expression: str, zone: str, start: str, count: int) -> list[str]:
    """The next `count` fires, in UTC."""
    cron, moment, found = Cron(expression, zone), utc(start), []
    for _ in range(count):
        following = cron.next_after(moment)
        assert following is not None and following > moment
        found.append(f"{following:%Y-%m-%d %H:%M}")
        moment = following
    return found


def test_a_fixed_time_in_the_repeated_hour_fires_once() -> None:
    nightly = Cron("30 1 * * *", "America/New_York")
    first = nightly.next_after(utc("2026-11-01 05:00"))
    assert first == utc("2026-11-01 05:30")
    assert nightly.next_after(first) == utc("2026-11-02 06:30")


def test_nothing_fixed_fires_in_the_second_pass_even_when_asked_within_it() -> None:
    assert fires("*/15 1 * * *", "America/New_York", "2026-11-01 06:10", 1) == ["2026-11-01 06:15"]
    assert fires("0,15,30,45 1 * * *", "America/New_York", "2026-11-01 06:10", 1) == ["2026-11-02 06:00"]


def test_the_first_time_after_a_repeated_hour_is_not_lost() -> None:
    assert fires("0 1,2 * * *", "America/New_York", "2026-11-01 05:00", 2) == [
        "2026-11-01 07:00",
        "2026-11-02 06:00",
    ]


def test_a_fixed_time_in_a_gap_fires_at_the_first_instant_after_it() -> None:
    assert fires("30 2 * * *", "Europe/Paris", "2026-03-28 02:00", 3) == [
        "2026-03-29 01:00",
        "2026-03-30 00:30",
        "2026-03-31 00:30",
    ]


def test_all_fixed_times_of_one_gap_fire_together_and_with_the_one_at_its_end() -> None:
    assert fires("0,20,40 2,3 * * *", "Europe/Paris", "2026-03-29 00:59", 3) == [
        "2026-03-29 01:00",
        "2026-03-29 01:20",
        "2026-03-29 01:40",
    ]


def test_a_wild_expression_leaves_a_gap_out() -> None:
    assert fires("*/30 * * * *", "Europe/Paris", "2026-03-29 00:15", 3) == [
        "2026-03-29 00:30",
        "2026-03-29 01:00",
        "2026-03-29 01:30",
    ]
    assert fires("*/30 2 * * *", "Europe/Paris", "2026-03-29 00:00", 1) == ["2026-03-30 00:00"]


def test_a_wild_expression_fires_in_both_passes() -> None:
    assert fires("*/30 1 * * *", "America/New_York", "2026-11-01 04:59", 5) == [
        "2026-11-01 05:00",
        "2026-11-01 05:30",
        "2026-11-01 06:00",
        "2026-11-01 06:30",
        "2026-11-02 06:00",
    ]


def test_every_hour_written_as_a_range_is_fixed_and_misses_the_second_pass() -> None:
    assert fires("0 0-23 * * *", "America/New_York", "2026-11-01 04:30", 3) == [
        "2026-11-01 05:00",
        "2026-11-01 07:00",
        "2026-11-01 08:00",
    ]
    assert fires("0 * * * *", "America/New_York", "2026-11-01 04:30", 3) == [
        "2026-11-01 05:00",
        "2026-11-01 06:00",
        "2026-11-01 07:00",
    ]


def test_lord_howe_changes_by_half_an_hour() -> None:
    assert fires("15 2 * * *", "Australia/Lord_Howe", "2026-10-03 10:00", 2) == [
        "2026-10-03 15:30",
        "2026-10-04 15:15",
    ]
    assert fires("45 1 * * *", "Australia/Lord_Howe", "2026-04-04 14:00", 2) == [
        "2026-04-04 14:45",
        "2026-04-05 15:15",
    ]


def test_apia_lost_a_whole_day_and_nothing_fixed_is_made_up_for() -> None:
    assert fires("0 12 * * *", "Pacific/Apia", "2011-12-29 00:00", 2) == [
        "2011-12-29 22:00",
        "2011-12-30 22:00",
    ]
    assert fires("0 12 30 * *", "Pacific/Apia", "2011-12-01 00:00", 1) == ["2012-01-29 22:00"]
    assert fires("0 0 31 12 *", "Pacific/Apia", "2011-12-29 00:00", 1) == ["2011-12-30 10:00"]


def test_st_johns_changed_one_minute_past_midnight() -> None:
    assert fires("30 0 * * *", "America/St_Johns", "2010-03-13 12:00", 2) == [
        "2010-03-14 03:31",
        "2010-03-15 03:00",
    ]
    assert fires("30 23 * * *", "America/St_Johns", "2010-11-06 12:00", 2) == [
        "2010-11-07 02:00",
        "2010-11-08 03:00",
    ]


def test_troll_changes_by_two_hours() -> None:
    assert fires("30 1 * * *", "Antarctica/Troll", "2026-03-28 12:00", 2) == [
        "2026-03-29 01:00",
        "2026-03-29 23:30",
    ]
    assert fires("30 1 * * *", "Antarctica/Troll", "2026-10-24 12:00", 2) == [
        "2026-10-24 23:30",
        "2026-10-26 01:30",
    ]


def test_a_day_without_its_midnight_begins_late() -> None:
    assert fires("0 0 * * *", "Asia/Beirut", "2026-03-28 12:00", 2) == [
        "2026-03-28 22:00",
        "2026-03-29 21:00",
    ]
    assert fires("@daily", "America/Havana", "2026-03-07 12:00", 2) == [
        "2026-03-08 05:00",
        "2026-03-09 04:00",
    ]


def test_a_gap_of_just_three_hours_is_made_up_for() -> None:
    casey = fires("30 2 * * *", "Antarctica/Casey", "2009-10-17 10:00", 1)
    assert casey == ["2009-10-17 18:00"]


def test_kwajalein_repeated_nearly_a_day_and_fixed_times_fired_in_the_first() -> None:
    assert fires("0 12 * * *", "Pacific/Kwajalein", "1969-09-29 12:00", 3) == [
        "1969-09-30 01:00",
        "1969-10-02 00:00",
        "1969-10-03 00:00",
    ]


def test_local_mean_time_has_odd_seconds() -> None:
    first = Cron("0 12 * * *", "Europe/Amsterdam").next_after(utc("1890-01-01 00:00"))
    offset = first and first.astimezone(Cron("* * * * *", "Europe/Amsterdam").timezone).utcoffset()
    assert first is not None and offset is not None
    assert first + offset == utc("1890-01-01 12:00")


def test_a_fraction_of_a_second_before_a_fire_counts_as_before_and_after_it_as_after() -> None:
    cron = Cron("* * * * * *", "UTC")
    assert cron.next_after(utc("2026-01-01 00:00:00.999999")) == utc("2026-01-01 00:00:01")
    assert cron.next_after(utc("2026-01-01 00:00:01")) == utc("2026-01-01 00:00:02")
    assert cron.next_after(utc("2026-01-01 00:00:01.000001")) == utc("2026-01-01 00:00:02")


def test_a_moment_in_another_zone_is_the_same_moment() -> None:
    cron = Cron("0 9 * * *", "Asia/Tokyo")
    moment = utc("2026-01-01 00:00").astimezone(Cron("* * * * *", "America/Lima").timezone)
    assert cron.next_after(moment) == utc("2026-01-02 00:00")


def test_a_naive_moment_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Cron("* * * * *", "UTC").next_after(datetime(2026, 1, 1))


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("expression", ["30 2 * * *", "* * * * *", "0 0 29 2 *"])
def test_after_the_year_9999_there_is_nothing(expression: str, zone: str) -> None:
    cron, moment = Cron(expression, zone), utc("9999-12-30 00:00")
    for _ in range(10_000):
        following = cron.next_after(moment)
        if following is None:
            return
        moment = following
    pytest.fail("it goes on")


def test_the_29th_of_february_on_a_saturday_or_sunday_can_be_decades_away() -> None:
    leap_weekend = Cron("0 0 29 2 */6", "UTC")
    assert leap_weekend.next_after(utc("2032-03-01 00:00")) == utc("2048-02-29 00:00")
    assert Cron("0 0 */28 2 MON#5", "UTC").next_after(utc("2072-03-01 00:00")) == utc("2112-02-29 00:00")


def test_instants_go_on_strictly_through_two_years_of_changes() -> None:
    for zone in ("Africa/Casablanca", "Australia/Lord_Howe", "Europe/Dublin", "America/Asuncion"):
        for expression in ("17 */7 * * *", "30 1,2 * * *", "59 23 L * *"):
            moment, cron = utc("2026-01-01 00:00"), Cron(expression, zone)
            while moment < utc("2028-01-01 00:00"):
                following = cron.next_after(moment)
                assert following is not None and moment < following
                assert following - moment < timedelta(days=33)
                moment = following
