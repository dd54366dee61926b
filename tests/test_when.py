"""Words for time: durations, moments, and the forms of an instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arrcli.errors import ScheduleError
from arrcli.model.instant import SECOND, from_datetime, iso, parse_iso, to_datetime
from arrcli.model.when import LONGEST, duration, exact, moment, spoken

RIGA = ZoneInfo("Europe/Riga")
NOW = parse_iso("2026-01-01T00:00:00Z")  # Thursday, 02:00 in Riga


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5_400),
        ("1h 30m", 5_400),
        ("1.5h", 5_400),
        ("2d", 172_800),
        ("1w", 604_800),
        ("500ms", 0.5),
        ("2 days", 172_800),
        ("2 Days", 172_800),
        ("1 hour 5 minutes", 3_900),
        ("10 secs", 10),
        ("0", 0),
        ("0s", 0),
        (30, 30),
        (0.25, 0.25),
    ],
)
def test_durations(text: str | float, seconds: float) -> None:
    assert duration(text) == int(seconds * SECOND)


@pytest.mark.parametrize(
    "text",
    ["10 minuts", "", "5", "-5m", "5M", "1h1h", "30m1h", "1:30", "٣s", "1e3s", ".5h", "h", "1y", True, -1],
)
def test_what_is_no_duration_is_refused(text: str | int) -> None:
    with pytest.raises(ScheduleError, match="is not a duration — write 90s, 5m, 1h30m, 2d"):
        duration(text)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_without_end_are_no_durations(number: float) -> None:
    with pytest.raises(ScheduleError, match="is not a duration"):
        duration(number)


def test_a_duration_has_bounds() -> None:
    with pytest.raises(ScheduleError, match='"0s" is below the least, 1s'):
        duration("0s", minimum=SECOND)
    with pytest.raises(ScheduleError, match="over a thousand years"):
        duration("999999w")


@given(st.integers(min_value=0, max_value=LONGEST))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_a_duration_in_full_is_read_as_itself(span: int) -> None:
    assert duration(exact(span)) == span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(90, "90s"), (300, "5m"), (5_400, "90m"), (3_661, "1h1m1s"), (0.5, "500ms"), (0, "0s"), (172_800, "2d")],
)
def test_a_duration_in_full(seconds: float, text: str) -> None:
    assert exact(int(seconds * SECOND)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"),
        (0.000_005, "5us"),
        (0.012, "12ms"),
        (0.4, "0.4s"),
        (4.29, "4.2s"),
        (36, "36s"),
        (97, "1m37s"),
        (300, "5m"),
        (3_397, "56m"),
        (5_430, "1h30m"),
        (43_020, "11h"),
        (583_200, "6d18h"),
        (3_888_000, "45d"),
        (94_608_000, "3y"),
        (-97, "-1m37s"),
    ],
)
def test_a_duration_at_a_glance(seconds: float, text: str) -> None:
    assert spoken(round(seconds * SECOND)) == text


@pytest.mark.parametrize(
    ("words", "instant"),
    [
        ("now", "2026-01-01T00:00:00Z"),
        ("2025-01-01T00:00", "2024-12-31T22:00:00Z"),
        ("2025-01-01 00:00", "2024-12-31T22:00:00Z"),
        ("2025-01-01", "2024-12-31T22:00:00Z"),
        ("2025-01-01T00:00Z", "2025-01-01T00:00:00Z"),
        ("2025-01-01t00:00:30.5z", "2025-01-01T00:00:30.5Z"),
        ("2025-01-01 00:00 +02:00", "2024-12-31T22:00:00Z"),
        ("2025-01-01T00:00-0530", "2025-01-01T05:30:00Z"),
        ("10:30", "2026-01-01T08:30:00Z"),
        ("01:30", "2026-01-01T23:30:00Z"),
        ("2am", "2026-01-02T00:00:00Z"),
        ("9am", "2026-01-01T07:00:00Z"),
        ("9:30 PM", "2026-01-01T19:30:00Z"),
        ("at 10:30:15", "2026-01-01T08:30:15Z"),
        ("12am", "2026-01-01T22:00:00Z"),
        ("12pm", "2026-01-01T10:00:00Z"),
        ("noon", "2026-01-01T10:00:00Z"),
        ("midnight", "2026-01-01T22:00:00Z"),
        ("tomorrow", "2026-01-01T22:00:00Z"),
        ("tomorrow 9am", "2026-01-02T07:00:00Z"),
        ("tomorrow at 9am", "2026-01-02T07:00:00Z"),
        ("9am tomorrow", "2026-01-02T07:00:00Z"),
        ("Today 17:00", "2026-01-01T15:00:00Z"),
        ("today 1am", "2025-12-31T23:00:00Z"),
        ("yesterday", "2025-12-30T22:00:00Z"),
        ("monday 9am", "2026-01-05T07:00:00Z"),
        ("on mon at noon", "2026-01-05T10:00:00Z"),
        ("next monday", "2026-01-04T22:00:00Z"),
        ("thursday 9am", "2026-01-01T07:00:00Z"),
        ("thu 1am", "2026-01-07T23:00:00Z"),
        ("next thursday 9am", "2026-01-08T07:00:00Z"),
        ("2026-05-04 9am", "2026-05-04T06:00:00Z"),
        ("in 10m", "2026-01-01T00:10:00Z"),
        ("in 2 days", "2026-01-03T00:00:00Z"),
        ("+1h30m", "2026-01-01T01:30:00Z"),
        ("@1700000000", "2023-11-14T22:13:20Z"),
        ("2026-03-29 03:30", "2026-03-29T01:00:00Z"),
        ("2026-10-25 03:30", "2026-10-25T00:30:00Z"),
    ],
)
def test_moments(words: str, instant: str) -> None:
    assert iso(moment(words, now=NOW, zone=RIGA)) == iso(parse_iso(instant))


@pytest.mark.parametrize(
    "words",
    [
        "",
        "5",
        "9",
        "tomorrow 9",
        "13pm",
        "0am",
        "25:00",
        "24:00",
        "10:60",
        "next year",
        "next tomorrow",
        "soon",
        "in",
        "in 5 minuts",
        "2026-02-30",
        "2026-13-01",
        "01/02/2026",
        "2026-01-01T9:00",
        "٢٠٢٦-01-01",
        "in 900 weeks and a bit",
        "@99999999999999",
    ],
)
def test_what_is_no_moment_is_refused_with_the_forms(words: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        moment(words, now=NOW, zone=RIGA)
    assert refused.value.hint


def test_a_moment_on_a_lost_day_is_refused() -> None:
    with pytest.raises(ScheduleError, match="the day was left out"):
        moment("2011-12-30 12:00", now=NOW, zone=ZoneInfo("Pacific/Apia"))


def test_a_time_of_day_in_the_second_pass_means_the_next_day() -> None:
    second_pass = parse_iso("2026-10-25T01:10:00Z")  # 03:10 in Riga, for the second time
    assert iso(moment("03:30", now=second_pass, zone=RIGA)) == "2026-10-26T01:30:00.000000Z"


def test_an_instant_is_exact_and_comes_back() -> None:
    late = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    for aware in (
        late,
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(2026, 5, 1, 9, tzinfo=timezone(timedelta(hours=2))),
    ):
        assert to_datetime(from_datetime(aware)) == aware
        assert parse_iso(iso(from_datetime(aware))) == from_datetime(aware)
    assert iso(0) == "1970-01-01T00:00:00.000000Z"
    assert iso(-1) == "1969-12-31T23:59:59.999999Z"


def test_a_naive_datetime_is_no_instant() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        from_datetime(datetime(2026, 1, 1))


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "2026-01-01", "yesterday", ""])
def test_an_iso_text_without_an_offset_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match="not an ISO time"):
        parse_iso(text)
