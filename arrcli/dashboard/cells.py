"""Text made to fit: a terminal is a grid of cells, and no text from outside may move it by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from arrcli.dashboard import strip
from arrcli.dashboard.words import safe
from arrcli.model.run import Run, State
from arrcli.model.value import dataclass

Line: TypeAlias = list[Segment]

PLAIN: Final = Style.null()
BOLD: Final = Style(bold=True)
DIM: Final = Style(dim=True)
GOOD: Final = Style(color="green")
BAD: Final = Style(color="red", bold=True)
BUSY: Final = Style(color="cyan")
HELD: Final = Style(color="yellow")
CURSOR: Final = Style(reverse=True)

_JOINERS: Final = {
    **dict.fromkeys([0x200C, 0x200D, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0100, 0xE01F0)])
}
"""What joins or alters the picture before it: terminals do not agree on how wide that is. Taken away."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A text in its column: `width` cells, cut or filled. `right` sets it flush right."""

    text: str
    width: int
    style: Style = PLAIN
    right: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a pane: the word above it, and how many cells it takes."""

    head: str
    width: int
    right: bool = False

    def cell(self, text: str, style: Style = PLAIN) -> Cell:
        return Cell(text, self.width, style, self.right)


@lru_cache(maxsize=4096)
def tidy(text: str) -> str:
    """An outside text on one line, with nothing in it but what takes up its own cells."""
    return safe(text).translate(_JOINERS)


def width_of(text: str) -> int:
    return cell_len(text)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text`, tidied, in exactly `width` cells; an ellipsis where something was cut."""
    return _fitted(tidy(text), width, right=right)


def _fitted(text: str, width: int, *, right: bool = False) -> str:
    if width <= 0:
        return ""
    if text.isascii():
        cut = text if len(text) <= width else f"{text[: width - 1]}…"
        return cut.rjust(width) if right else cut.ljust(width)
    shown = text[: 4 * width + 8]  # a cell with a heap of marks on it is no reason to send kilobytes
    used = cell_len(shown)
    if used > width:
        return set_cell_size(shown, width - 1) + "…"
    blanks = " " * (width - used)
    return blanks + shown if right else shown + blanks


def row(cells: Iterable[Cell], width: int, *, selected: bool = False) -> Line:
    """The cells side by side, a blank between them, in exactly `width` cells."""
    line: Line = []
    left = width
    for cell in cells:
        if line and left > 0:
            line.append(Segment(" ", CURSOR if selected else PLAIN))
            left -= 1
        room = min(cell.width, left)
        if room > 0:
            style = cell.style + CURSOR if selected else cell.style
            line.append(Segment(fit(cell.text, room, right=cell.right), style))
            left -= room
    if left > 0:
        line.append(Segment(" " * left, CURSOR if selected else PLAIN))
    return line


def whole(text: str, width: int, style: Style = PLAIN) -> Line:
    """One text over the whole line."""
    return row([Cell(text, width, style)], width)


def verbatim(text: str, width: int, style: Style = PLAIN) -> Line:
    """A line that was cleaned before, with the blanks that it begins with."""
    return [Segment(_fitted(text.translate(_JOINERS), width), style)]


def bars(runs: Sequence[Run], width: int, *, selected: bool = False) -> Line:
    """The last durations in exactly `width` cells, the newest at the right end: green, a red cross where one failed."""
    shown = list(runs)[: max(0, width)][::-1]
    over = CURSOR if selected else PLAIN
    lead = [Segment(" " * (width - len(shown)), over)] if len(shown) < width else []
    marks = zip(shown, strip.bars(shown), strict=True)
    return lead + [Segment(mark, (BAD if run.state is State.FAILED else GOOD) + over) for run, mark in marks]


def blank(width: int) -> Line:
    return [Segment(" " * width)]


def rule(title: str, width: int, *, note: str = "", focused: bool = False, columns: Sequence[Column] = ()) -> Line:
    """`─ title ─── due ──── task ──── note ─`, words above their columns; bold where the cursor is in this pane."""
    head = fit(f"─ {tidy(title)} ", min(width, cell_len(tidy(title)) + 3))
    tail = f" {tidy(note)} ─" if note and cell_len(tidy(note)) + 4 + cell_len(head) < width else ""
    dashes = _headed(columns, cell_len(head), width - cell_len(tail))
    style = BOLD + BUSY if focused else DIM
    return [Segment(head, style), Segment(dashes, BUSY if focused else DIM), Segment(tail, DIM)]


def _headed(columns: Sequence[Column], start: int, end: int) -> str:
    """A line from one cell to another, with the heads of those columns that have room on it."""
    line, left = "", 0
    for column in columns:
        at = left + (column.width - len(column.head) if column.right else 0)
        left += column.width + 1
        lead = at - 1 - start - len(line)
        is_next = lead == -1 and line.endswith(" ")  # one blank is enough between two
        if column.head and (lead >= 0 or is_next) and at + len(column.head) + 1 <= end:
            line += f"{column.head} " if is_next else f"{'─' * lead} {column.head} "
    return line + "─" * (end - start - len(line))
