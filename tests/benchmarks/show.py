"""The table as text, for the page in docs as Markdown, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from row import ARR, Figure, Measured, Spread

_HEAD = ("", "median", "least", "most", "unit", "arr is … times better", "target")


def number(value: float) -> str:
    """As many digits as mean something."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def text(measured: Measured) -> str:
    """One row: its figures, contender by contender."""
    lines = [f"{measured.row.name}: {measured.row.what}"]
    cells = list(_cells(measured))
    wide = [max(len(row[column]) for row in [_HEAD, *cells]) for column in range(len(_HEAD))]
    for row in [_HEAD, *cells]:
        numbers = [cell.rjust(width) for cell, width in zip(row[1:4], wide[1:4], strict=True)]
        rest = [cell.ljust(width) for cell, width in zip(row[4:], wide[4:], strict=True)]
        lines.append("  ".join(["", row[0].ljust(wide[0]), *numbers, *rest]).rstrip())
    lines += [f"  {name}: left out: {why}" for name, why in measured.left_out.items() if why]
    return "\n".join(lines)


def markdown(all_measured: Sequence[Measured]) -> str:
    """All rows as one table."""
    lines = ["| | median | least | most | arr is ... times better | target |", "|---|--:|--:|--:|---|---|"]
    for each in all_measured:
        lines.append(f"| **{each.row.what}** | | | | | |")
        for name, median, least, most, unit, better, target in _cells(each):
            lines.append(f"| {name} | {median} {unit} | {least} | {most} | {better} | {target} |")
        lines += [f"| {name} | left out: {why} | | | | |" for name, why in each.left_out.items() if why]
    return "\n".join(lines)


def as_json(all_measured: Sequence[Measured]) -> dict[str, Any]:
    return {
        each.row.name: {
            "what": each.row.what,
            "left_out": each.left_out,
            "figures": {
                figure.key: {
                    "what": figure.what,
                    "unit": figure.unit,
                    "target": figure.target,
                    "values": {
                        contender.name: [spread.median, spread.least, spread.most]
                        for contender in each.row.contenders
                        if (spread := each.spread(contender.name, figure.key)) is not None
                    },
                }
                for figure in each.row.figures
            },
        }
        for each in all_measured
    }


def _cells(measured: Measured) -> Iterator[tuple[str, ...]]:
    for figure in measured.row.figures:
        for contender in measured.row.contenders:
            spread = measured.spread(contender.name, figure.key)
            if spread is not None:
                name = f"{figure.what}: {contender.name}" if len(measured.row.figures) > 1 else contender.name
                values = (number(spread.median), number(spread.least), number(spread.most))
                yield (name, *values, figure.unit, *_judged(measured, contender.name, figure, spread))


def _judged(measured: Measured, name: str, figure: Figure, spread: Spread) -> tuple[str, str]:
    """How arr stands beside it, and what the target is."""
    if name == ARR:
        meets = figure.meets(spread.median)
        if meets is None or figure.target is None:
            return "", ""
        bound = "at least" if figure.better == "more" else "at most"
        return "", f"{bound} {figure.target:,g}: {'met' if meets else 'missed'}"
    ratio = measured.advantage(name, figure)
    if ratio is None:
        return "", ""
    said = f"{number(ratio.median)} ({number(ratio.least)} to {number(ratio.most)})"
    wanted = figure.over.get(name)
    return said, "" if wanted is None else f"{wanted:g} times: {'met' if ratio.median >= wanted else 'missed'}"
