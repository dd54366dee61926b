"""Which pictures are drawn of what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from row import Figure, Measured, Spread
from svg import Lines, bars, panels

_BARS = {"noop": "rate", "latency": "median"}
"""Rows that compare contenders, and the figure that is drawn of each."""


def draw(done: Sequence[Measured], folder: Path) -> None:
    """A file a row that grows with something, and one for each comparison."""
    folder.mkdir(parents=True, exist_ok=True)
    for measured in done:
        name = measured.row.name
        if name.startswith("grow-"):
            (folder / f"{name}.svg").write_text(panels([_lines(measured, each) for each in measured.row.figures]))
        elif name in _BARS:
            figure = next(each for each in measured.row.figures if each.key == _BARS[name])
            (folder / f"{name}.svg").write_text(_compared(measured, figure))


def _lines(measured: Measured, figure: Figure) -> Lines:
    points: dict[float, Spread] = {}
    for contender in measured.row.contenders:
        spread = measured.spread(contender.name, figure.key)
        if spread is not None:
            points[float(contender.name)] = spread
    return Lines(figure.what, measured.row.what.removeprefix("by the "), {figure.what: points})


def _compared(measured: Measured, figure: Figure) -> str:
    spreads = {each.name: measured.spread(each.name, figure.key) for each in measured.row.contenders}
    known = {name: spread for name, spread in spreads.items() if spread is not None}
    better = "more is better" if figure.better == "more" else "less is better"
    return bars(measured.row.what, f"{figure.what}, {figure.unit}; {better}; logarithmic", known)
