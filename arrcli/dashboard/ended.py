"""What ended, the newest first; and what is failing, with where to read on."""

from __future__ import annotations

from typing import Final

from rich.style import Style

from arrcli.dashboard import times
from arrcli.dashboard.cells import DIM, PLAIN, Cell, Line, bars, row, tidy, width_of
from arrcli.dashboard.glyphs import BROKEN, FAILING, ended
from arrcli.dashboard.listing import Broken, Item
from arrcli.dashboard.pane import Context
from arrcli.dashboard.words import memory, safe, why
from arrcli.model.run import Run, State

_ROOM_FOR_TYPES: Final = 56
"""In less room an exception's text is said without its name."""

_ROOM_FOR_HINTS: Final = 30
"""In less room than this an error is told without where to read on."""

_ROOM_FOR_BARS: Final = 29
_ROOM_FOR_TWENTY: Final = 100
"""Of a pane; from there on twenty durations are drawn, else twelve."""


def ended_row(item: Item, context: Context, width: int, selected: bool) -> Line:
    """`14:05:40 CET  ✗ failed  backup-db  36.0s ▁▂▂✗▂✗ OperationalError: disk full (arr logs 4824)`."""
    assert isinstance(item, Run)  # noqa: S101 - the ended pane holds runs
    mark = ended(item)
    when = context.moment(item.finished_at, item.task) if item.finished_at is not None else ""
    cells = [Cell(when, 13, DIM)] if width >= 70 else []
    cells += [
        Cell(mark.text, 11, mark.style),
        Cell(item.name, max(12, min(30, width // 5))),
        Cell(times.lasted(item.duration), 6, right=True),
    ]
    used = sum(cell.width + 1 for cell in cells)
    shown = _bars_shown(item, width, width - used)
    line = row(cells, min(used, width), selected=selected)
    if shown:
        last = context.snapshot.last.get(item.name, ())
        line += bars(last, shown, selected=selected) + row([Cell("", 1)], 1, selected=selected)
    room = max(0, width - used - (shown + 1 if shown else 0))
    return line + row([Cell(_note(item, room), room, _note_style(item))], room, selected=selected)


def _bars_shown(run: Run, width: int, room: int) -> int:
    """How many durations are drawn; none of a run that was skipped, which has more to say than to draw."""
    if run.state is State.SKIPPED or room < _ROOM_FOR_BARS:
        return 0
    return 20 if width >= _ROOM_FOR_TWENTY else 12


def failing_row(item: Item, context: Context, width: int, selected: bool) -> Line:
    """`✗ failing  backup-db  12h ago  OperationalError: disk full (arr logs 4824)`, `✗ broken ...`."""
    assert isinstance(item, Run | Broken)  # noqa: S101 - the failing pane holds runs and broken tasks
    mark = BROKEN if isinstance(item, Broken) else FAILING
    ago = "" if isinstance(item, Broken) else context.ago(item)
    cells = [
        Cell(mark.text, 9, mark.style),
        Cell(item.name, _name_width(width)),
        Cell(ago, 10, DIM),
    ]
    room = width - sum(cell.width + 1 for cell in cells)
    said = item.why if isinstance(item, Broken) else _note(item, room)
    return row([*cells, Cell(said, max(0, room))], width, selected=selected)


def hinted(said: str, hint: str, room: int) -> str:
    """`said` cut so that `hint` is still to be read behind it."""
    said = tidy(said)
    if width_of(said) + 1 + width_of(hint) <= room:
        return f"{said} {hint}".strip()
    left = room - width_of(hint) - 2
    while said and width_of(said) > left:
        said = said[: max(0, min(len(said) - 1, left))]
    return f"{said}… {hint}" if said else hint


def _name_width(width: int) -> int:
    return max(12, min(30, width // 4))


def _note(run: Run, room: int) -> str:
    if run.state is State.FAILED:
        fault = run.fault
        said = safe(fault.message) if fault is not None and room < _ROOM_FOR_TYPES else ""
        if room < _ROOM_FOR_HINTS:
            return said or why(run)
        return hinted(said or why(run), f"(arr logs {run.id})", room)
    facts = (f"run {run.id}" if run.id else "", why(run), memory(run), run.result_note or "")
    return "  ".join(fact for fact in facts if fact)


def _note_style(run: Run) -> Style:
    return PLAIN if run.state is State.FAILED else DIM
