"""Lists for people: columns aligned by cells, cut to the terminal; colour only where a terminal wants it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from arrcli.text import clean, one_line

_COLOURS: Final = {
    "ok": "32",
    "failed": "31",
    "fail": "31",
    "warn": "33",
    "broken": "31",
    "running": "36",
    "pending": "2",
    "skipped": "33",
    "cancelled": "33",
    "paused": "33",
}
_LEAST: Final = 12
"""Cells that are left of a column that gives way."""
ROOM_FOR_DATES: Final = 100
"""In fewer columns lists tell times as short as they can be, and leave out what matters least."""


def print_json(value: Mapping[str, Any]) -> None:
    """One object, with its schema's version."""
    print(json.dumps({"schema_version": 1, **value}))


def print_rows(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, plain: bool = False, shrinks: Sequence[int] = ()
) -> None:
    """A table on stdout: tab-separated without a heading where `plain`, else aligned, cut to the terminal.

    Of the columns that `shrinks` names the widest give way, evenly; then the end of the line is cut.
    """
    cleaned = [[_kept(cell) for cell in row] for row in rows]
    if plain:
        for row in cleaned:
            print("\t".join(row))
        return
    if not rows:
        return
    table = [list(headings), *cleaned]
    widths = [max(cells(row[column]) for row in table) for column in range(len(headings))]
    coloured = wants_colour()
    edge = terminal_width()
    if edge:
        _shrink(widths, shrinks, edge)
    for number, row in enumerate(table):
        fitted = [cut(cell, width) for cell, width in zip(row, widths, strict=True)]
        print(_line(fitted, widths, edge, coloured, heading=number == 0))


def _shrink(widths: list[int], shrinks: Sequence[int], edge: int) -> None:
    """Make the widest of these columns narrower, a cell at a time, until the line fits or none can give way."""
    spare = sum(widths) + 2 * len(widths) - 2 - edge
    for _ in range(max(0, spare)):
        widest = max(shrinks, key=lambda column: widths[column], default=None)
        if widest is None or widths[widest] <= _LEAST:
            return
        widths[widest] -= 1


def is_narrow(*, plain: bool) -> bool:
    """What is printed goes to a terminal of few columns."""
    return 0 < terminal_width() < ROOM_FOR_DATES and not plain


def terminal_width() -> int:
    """The columns of the terminal, or as COLUMNS says; 0 where there is none, and nothing is to be cut."""
    return shutil.get_terminal_size((0, 0)).columns if sys.stdout.isatty() or "COLUMNS" in os.environ else 0


def _kept(cell: str) -> str:
    """On one line, safe, with the blanks that it begins with."""
    return " " * (len(cell) - len(cell.lstrip(" "))) + one_line(cell)


def _line(row: Sequence[str], widths: Sequence[int], edge: int, coloured: bool, *, heading: bool) -> str:
    padded = [cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True)]
    text = "  ".join(padded).rstrip()
    if edge and cells(text) > edge:
        text = cut(text, edge)
    if not coloured:
        return text
    if heading:
        return f"\x1b[2m{text}\x1b[0m"
    for cell in row:
        colour = _COLOURS.get(cell.partition(" ")[0])
        if colour and cell in text:
            return text.replace(cell, f"\x1b[{colour}m{cell}\x1b[0m", 1)
    return text


def coloured(word: str) -> str:
    """A word in the colour of what it says, where colour is wanted."""
    colour = _COLOURS.get(word.strip())
    return f"\x1b[{colour}m{word}\x1b[0m" if colour and wants_colour() else word


def cells(text: str) -> int:
    """How many cells of a terminal the text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """The text, with an ellipsis where it was too wide."""
    if cells(text) <= width:
        return text
    text = text[: 4 * width + 8]  # what has no width of its own is no reason to count for ever
    while text and cells(text) > width - 1:
        text = text[:-1]
    return text + "…"


def wants_colour() -> bool:
    """Colour on a terminal, unless NO_COLOR; FORCE_COLOR anywhere."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def print_file(text: str) -> None:
    """A text that is meant for a file, as it is; on a terminal without what that would obey."""
    sys.stdout.write(clean(text) if sys.stdout.isatty() else text)


def say(text: str) -> None:
    """Words, on stderr: stdout is for what was asked."""
    print(clean(text), file=sys.stderr)
