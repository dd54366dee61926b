"""Draws small charts as SVG: lines over a logarithmic axis, and bars with the spread of their rounds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from row import Spread
from show import number

WIDTH, HEIGHT = 300, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 34, 40
_COLOURS = ("#0b6e4f", "#c1440e", "#3d5a98")
_STYLE = "font-family='sans-serif' font-size='11' fill='#222'"
_BAR, _NAMES = 22, 130


@dataclass(frozen=True)
class Lines:
    """A chart: for each series, spreads by x. Both axes begin at nought or are logarithmic."""

    title: str
    x: str
    series: Mapping[str, Mapping[float, Spread]]
    log_x: bool = True


def panels(charts: Sequence[Lines]) -> str:
    """Charts side by side."""
    parts = [f"<g transform='translate({place * WIDTH},0)'>{_chart(each)}</g>" for place, each in enumerate(charts)]
    return _picture(WIDTH * len(charts), HEIGHT, parts)


def bars(title: str, scale: str, values: Mapping[str, Spread]) -> str:
    """A bar a name, as long as the logarithm of its median, with a thin line from the least to the most."""
    low = 10 ** math.floor(math.log10(min(each.least for each in values.values())))
    high = max(each.most for each in values.values())
    span = 300

    def place(value: float) -> float:
        return _NAMES + span * math.log(value / low) / math.log(high / low)

    parts = [_text(8, 18, title, "start", bold=True), _text(8, 34, scale, "start")]
    for line, (name, spread) in enumerate(values.items()):
        y = 44 + line * _BAR
        parts.append(_text(_NAMES - 6, y + 12, name, "end"))
        parts.append(_bar(y, place(spread.median) - _NAMES, _COLOURS[0] if line == 0 else "#9aa5b1"))
        parts.append(_line(place(spread.least), y + 8, place(spread.most), y + 8, "#222"))
        parts.append(_text(place(spread.most) + 6, y + 12, number(spread.median), "start"))
    return _picture(_NAMES + span + 70, 54 + _BAR * len(values), parts)


def _chart(chart: Lines) -> str:
    xs = sorted({x for points in chart.series.values() for x in points})
    top = _rounded(max(spread.most for points in chart.series.values() for spread in points.values()))
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM

    def along(x: float) -> float:
        low, high = (_log(xs[0]), _log(xs[-1])) if chart.log_x else (0.0, xs[-1])
        value = _log(x) if chart.log_x else x
        return _LEFT + (right - _LEFT) * ((value - low) / (high - low) if high > low else 0.5)

    def up(y: float) -> float:
        return bottom - (bottom - _TOP) * y / top

    parts = [
        _text(_LEFT, 18, chart.title, "start", bold=True),
        _text((_LEFT + right) / 2, HEIGHT - 8, chart.x, "middle"),
    ]
    for part in range(5):
        y = top * part / 4
        parts += [_line(_LEFT, up(y), right, up(y), "#ddd"), _text(_LEFT - 5, up(y) + 4, _short(y), "end")]
    parts += [_text(along(x), bottom + 15, _short(x), "middle") for x in xs]
    for colour, (name, points) in zip(_COLOURS, chart.series.items(), strict=False):
        parts += _drawn(points, along, up, colour)
        last = max(points)
        label = _text(along(last) - 4, up(points[last].median) - 7, name, "end", colour=colour)
        parts += [label] if len(chart.series) > 1 else []
    return "".join(parts)


def _drawn(points: Mapping[float, Spread], along, up, colour: str) -> Iterator[str]:  # type: ignore[no-untyped-def]
    path = " ".join(f"{along(x):.1f},{up(points[x].median):.1f}" for x in sorted(points))
    yield f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>"
    for x, spread in points.items():
        yield _line(along(x), up(spread.least), along(x), up(spread.most), colour)
        yield f"<circle cx='{along(x):.1f}' cy='{up(spread.median):.1f}' r='3' fill='{colour}'/>"


def _log(value: float) -> float:
    return math.log10(max(value, 1))


def _rounded(value: float) -> float:
    """The next larger of 1, 2, 4, 5, 8 times a power of ten."""
    power = 10 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if value <= step * power)


def _short(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1e6:g}M"
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _text(x: float, y: float, said: str, anchor: str, *, bold: bool = False, colour: str = "") -> str:
    more = " font-weight='bold'" if bold else ""
    style = _STYLE.replace("#222", colour) if colour else _STYLE
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' {style}{more}>{escape(said)}</text>"


def _line(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    return f"<line x1='{x:.1f}' y1='{y:.1f}' x2='{to_x:.1f}' y2='{to_y:.1f}' stroke='{colour}'/>"


def _bar(y: float, length: float, colour: str) -> str:
    return f"<rect x='{_NAMES}' y='{y}' width='{max(1.0, length):.1f}' height='16' fill='{colour}'/>"


def _picture(width: float, height: float, parts: Sequence[str]) -> str:
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:g} {height:g}' width='{width:g}'>"
    return "\n".join([head, "<rect width='100%' height='100%' fill='#fff'/>", *parts, "</svg>", ""])
