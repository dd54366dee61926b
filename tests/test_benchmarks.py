"""The benchmarks' own reckoning: ratios within rounds, who is left out, what is absurd, pictures that are SVG."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from programs import CONTEST, peer
from rounds import measured
from row import Ask, Contender, Figure, LeftOut, Measured, Row, Spread
from rows import GROWTH, ROWS
from servers import Servers
from show import as_json, markdown, text
from svg import Lines, bars, panels

RATE = Figure("rate", "runs a second", "/s", "more", target=1000, over={"other": 3})
WAIT = Figure("wait", "median", "ms", "less", target=10)


def of_turns(name: str, *taken: dict[str, float]) -> Contender:
    turns = iter(taken)
    return Contender(name, lambda ask: next(turns))


def refusing(name: str, why: str) -> Contender:
    def measure(ask: Ask) -> dict[str, float]:
        raise LeftOut(why)

    return Contender(name, measure)


def three_rounds(tmp_path: Path) -> Measured:
    ours = [{"rate": 2000.0, "wait": 5.0}, {"rate": 900.0, "wait": 4.0}, {"rate": 1200.0, "wait": 6.0}]
    theirs = [{"rate": 500.0, "wait": 5.0}, {"rate": 450.0, "wait": 8.0}, {"rate": 300.0, "wait": 30.0}]
    contenders = [of_turns("arr", *ours), of_turns("other", *theirs), refusing("absent", "it is not installed")]
    return measured(Row("row", "a row", [RATE, WAIT], contenders), Ask(tmp_path, Servers()), 3)


def test_a_ratio_is_taken_within_each_round(tmp_path: Path) -> None:
    done = three_rounds(tmp_path)
    assert done.spread("arr", "rate") == Spread(1200, 900, 2000)
    assert done.advantage("other", RATE) == Spread(4, 2, 4)
    assert done.advantage("other", WAIT) == Spread(2, 1, 5)


def test_the_table_tells_spreads_ratios_targets_and_who_is_left_out(tmp_path: Path) -> None:
    lines = [" ".join(line.split()) for line in text(three_rounds(tmp_path)).splitlines()]
    assert "runs a second: arr 1,200 900 2,000 /s at least 1,000: met" in lines
    assert "runs a second: other 450 300 500 /s 4.00 (2.00 to 4.00) 3 times: met" in lines
    assert "median: other 8.00 5.00 30.0 ms 2.00 (1.00 to 5.00)" in lines
    assert "absent: left out: it is not installed" in lines


def test_the_other_forms_tell_the_same(tmp_path: Path) -> None:
    done = three_rounds(tmp_path)
    assert "| median: arr | 5.00 ms | 4.00 | 6.00 |  | at most 10: met |" in markdown([done])
    values = as_json([done])["row"]["figures"]["rate"]["values"]
    assert values == {"arr": [1200, 900, 2000], "other": [450, 300, 500]}


@pytest.mark.parametrize(("rate", "wait", "absurd"), [(101, 99, 0), (99, 99, 1), (99, 101, 2)])
def test_a_tenth_of_a_target_is_absurd(rate: float, wait: float, absurd: int, tmp_path: Path) -> None:
    row = Row("row", "a row", [RATE, WAIT], [of_turns("arr", {"rate": rate, "wait": wait})])
    assert len(measured(row, Ask(tmp_path, Servers()), 1).absurdities()) == absurd


def test_that_arr_itself_cannot_be_measured_is_absurd(tmp_path: Path) -> None:
    row = Row("row", "a row", [RATE], [refusing("arr", "it does not start")])
    assert measured(row, Ask(tmp_path, Servers()), 1).absurdities() == ["row: arr: it does not start"]


def test_a_peer_that_is_not_installed_is_left_out_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(LeftOut, match="no_such_package is not installed"):
        peer("no_such_package", "noop").measure(Ask(tmp_path, Servers()))


def test_rows_have_names_of_their_own_and_contenders_programs() -> None:
    names = [row.name for row in (*ROWS, *GROWTH)]
    assert len(names) == len(set(names))
    peers = {each.name for row in ROWS for each in row.contenders if (CONTEST / f"on_{each.name}.py").exists()}
    assert peers == {"arr", "huey", "pgqueuer", "dbos", "celery", "dramatiq", "rq", "apscheduler"}


def test_pictures_are_svg_with_every_name_and_point() -> None:
    points = {1.0: Spread(10, 9, 11), 100.0: Spread(30, 20, 40)}
    chart = ElementTree.fromstring(panels([Lines("rate <of>", "workers", {"rate": points})] * 2))  # noqa: S314
    assert len(chart.findall(".//{*}circle")) == 4
    assert [each.text for each in chart.findall(".//{*}text")].count("rate <of>") == 2
    compared = ElementTree.fromstring(bars("rate", "log", {"arr": Spread(300, 200, 400), "b": Spread(3, 2, 4)}))  # noqa: S314
    assert {"arr", "b", "300", "3.00"} <= {each.text for each in compared.findall(".//{*}text")}
