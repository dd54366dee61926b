"""Bytes become keys, keys become views, and times become words."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from dashboard_pictures import NOW, picture

from arrcli.dashboard import times
from arrcli.dashboard.draw import Frame
from arrcli.dashboard.keys import ACTS, KEYS, Pairs, bar, decoded, length_of, page_bar
from arrcli.dashboard.moves import pressed
from arrcli.dashboard.view import View
from arrcli.model.instant import DAY, HOUR, MINUTE, SECOND, parse_iso


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("j", (["j"], "")),
        ("\x1b[A\x1b[B\x1bOA", (["up", "down", "up"], "")),
        ("\x1b[5~\x1b[6~\x1b[Z\t\r\x7f", (["pgup", "pgdn", "shift-tab", "tab", "enter", "backspace"], "")),
        ("\x1b[1;5A\x1b[200~x", (["x"], "")),
        ("x\x1b", (["x"], "\x1b")),
        ("\x1b[", ([], "\x1b[")),
        ("\x1bj", (["esc", "j"], "")),
        ("é界", (["é", "界"], "")),
        ("\x00\x1a", ([], "")),
    ],
)
def test_what_a_terminal_sends_is_read_as_keys(text: str, expected: tuple[list[str], str]) -> None:
    assert decoded(text) == expected


def test_every_key_that_is_listed_does_something() -> None:
    frame = Frame(picture(), View())
    beyond_the_view = {"quit", "redraw", "run_now", "again", "pause", "reload"}
    for key in KEYS:
        for name in key.names:
            assert ACTS[name] == key.act
            assert (pressed(name, frame, 5) is None) == (key.act in beyond_the_view)


def test_a_key_that_nobody_knows_is_left_to_the_caller() -> None:
    assert pressed("z", Frame(picture(), View()), 5) is None


def said(pairs: Pairs) -> str:
    return "  ".join(f"{key} {word}".strip() for key, word in pairs)


def test_the_bar_has_every_key_that_matters_and_leaves_out_what_has_no_room() -> None:
    assert said(bar(80)) == (
        "↑↓  ↵ open  r run  x cancel  a retry  p pause  / filter  s sort  R reload  ? help  q quit"
    )
    assert said(bar(120)) == (
        "↑↓  Tab pane  ↵ open  r run  x cancel  a retry  p pause  / filter  s sort  t 24h  R reload  ? help  q quit"
    )
    assert said(bar(80, control=False)) == "↑↓  Tab pane  ↵ open  / filter  s sort  t 24h  ? help  q quit"
    assert said(bar(80, paused=True)).count("p resume") == 1
    assert said(bar(80, ascii=True)).startswith("j/k  Enter open  r run")
    assert said(bar(20)) == "↑↓  ? help  q quit"
    assert bar(3) == []
    assert said(page_bar(80, of_run=True)) == (
        "Esc back  ↑↓ scroll  x cancel  a retry  r run  p pause  G end  ? help  q quit"
    )
    assert said(page_bar(40, of_run=True, control=False)) == "Esc back  ↑↓ scroll  G end  ? help  q quit"


def test_a_bar_takes_no_more_cells_than_it_may() -> None:
    for width in range(130):
        for ascii in (True, False):
            assert length_of(bar(width, ascii=ascii)) <= width
            assert length_of(page_bar(width, of_run=True, ascii=ascii)) <= width


@pytest.mark.parametrize(
    ("us", "expected"),
    [
        (0, "0s"),
        (-5, "0s"),
        (1, "1s"),
        (97 * SECOND, "1m37s"),
        (96_000_001, "1m37s"),
        (HOUR, "1h"),
        (6 * DAY + 18 * HOUR + 59 * MINUTE, "6d18h"),
    ],
)
def test_a_countdown_is_short(us: int, expected: str) -> None:
    assert times.countdown(us) == expected


@pytest.mark.parametrize(
    ("us", "expected"),
    [
        (None, ""),
        (0, "0ms"),
        (40_000, "40ms"),
        (400_000, "0.4s"),
        (12_100_000, "12.1s"),
        (59_940_000, "59.9s"),
        (59_960_000, "1m"),
        (97 * SECOND, "1m37s"),
    ],
)
def test_a_duration_is_short(us: int | None, expected: str) -> None:
    assert times.lasted(us) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-24T14:05:00+01:00", "14:05 CET"),
        ("2026-11-24T14:05:10+01:00", "14:05:10 CET"),
        ("2026-11-25T02:00:00+01:00", "Wed 02:00 CET"),
        ("2026-11-20T02:00:00+01:00", "Fri 02:00 CET"),
        ("2026-12-01T09:00:00+01:00", "12-01 09:00 CET"),
        ("2027-07-01T09:00:00+02:00", "2027-07-01 CEST"),
    ],
)
def test_a_moment_says_no_more_of_its_date_than_it_must(at: str, expected: str) -> None:
    assert times.moment(parse_iso(at), NOW, ZoneInfo("Europe/Paris")) == expected


def test_instants_beyond_the_calendar_and_unknown_zones_break_nothing() -> None:
    nowhere = times.zone_of("Atlantis/Capital")
    assert times.clock(NOW, nowhere) == "13:03:22"
    for at in (10**18, -(10**18), parse_iso("9999-12-31T23:59:59Z"), parse_iso("0001-01-01T00:00:00Z")):
        assert times.moment(at, NOW, ZoneInfo("Pacific/Apia"))
