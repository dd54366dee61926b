"""What ended, the newest first; and what is failing, with where to read on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from rich.style import Style

from arrcli.dashboard import times
from arrcli.dashboard.cells import DIM, PLAIN, Cell, Column, Line, bars, row, tidy, width_of
from arrcli.dashboard.glyphs import BROKEN, FAILING, ended
from arrcli.dashboard.listing import Broken, Item
from arrcli.dashboard.pane import Context, Rows
from arrcli.dashboard.words import memory, safe, why
from arrcli.model.run import Run, State

_ROOM_FOR_TYPES: Final = 56
"""In less room an exception's text is said without its name."""

_ROOM_FOR_HINTS: Final = 30
"""In less room than this an error is told without where to read on."""

_ROOM_FOR_BARS: Final = 29
_ROOM_FOR_TWENTY: Final = 100
"""Of a pane; from there on twenty durations are drawn, else twelve."""


@lru_cache(maxsize=32)
def ended_columns(width: int) -> Sequence[Column]:
    """When, how, which task, how long, the last durations, and what there is to say of it."""
    found = [
        *([Column("ended", 13)] if width >= 70 else []),
        Column("how", 11),
        Column("task", max(12, min(30, width // 5))),
        Column("took", 6, right=True),
    ]
    room = width - sum(column.width + 1 for column in found)
    if room >= _ROOM_FOR_BARS:
        count = 20 if width >= _ROOM_FOR_TWENTY else 12
        found.append(Column(f"last {count}", count, right=True))
        room -= count + 1
    return [*found, Column("", max(0, room))]


def ended_row(item: Item, context: Context, width: int, selected: bool) -> Line:
    """`14:05:40 CET  ✗ failed  backup-db  36.0s ▁▂▂✗▂✗ OperationalError: disk full (arr logs 4824)`."""
    assert isinstance(item, Run)  # noqa: S101 - the ended pane holds runs
    mark = ended(item)
    when = context.moment(item.finished_at, item.task) if item.finished_at is not None else ""
    told = {
        "ended": (when, DIM),
        "how": (mark.text, mark.style),
        "task": (item.name, PLAIN),
        "took": (times.lasted(item.duration), PLAIN),
    }
    in_order = ended_columns(width)
    known = [column for column in in_order if column.head in told]
    shown = in_order[len(known)].width if len(known) + 2 == len(in_order) and item.state is not State.SKIPPED else 0
    used = sum(column.width + 1 for column in known)
    line = row([column.cell(*told[column.head]) for column in known], min(used, width), selected=selected)
    if shown:
        last = context.snapshot.last.get(item.name, ())
        line += bars(last, shown, selected=selected) + row([Cell("", 1)], 1, selected=selected)
    room = max(0, width - used - (shown + 1 if shown else 0))
    return line + row([Cell(_note(item, room), room, _note_style(item))], room, selected=selected)


@lru_cache(maxsize=32)
def failing_columns(width: int) -> Sequence[Column]:
    found = [Column("how", 9), Column("task", max(12, min(30, width // 4))), Column("failed", 10)]
    return [*found, Column("why", max(0, width - sum(column.width + 1 for column in found)))]


def failing_row(item: Item, context: Context, width: int, selected: bool) -> Line:
    """`✗ failing  backup-db  12h ago  OperationalError: disk full (arr logs 4824)`, `✗ broken ...`."""
    assert isinstance(item, Run | Broken)  # noqa: S101 - the failing pane holds runs and broken tasks
    mark = BROKEN if isinstance(item, Broken) else FAILING
    ago = "" if isinstance(item, Broken) else context.ago(item)
    how, task, failed, last = failing_columns(width)
    said = item.why if isinstance(item, Broken) else _note(item, last.width)
    cells = [how.cell(mark.text, mark.style), task.cell(item.name), failed.cell(ago, DIM), last.cell(said)]
    return row(cells, width, selected=selected)


def hinted(said: str, hint: str, room: int) -> str:
    """`said` cut so that `hint` is still to be read behind it."""
    said = tidy(said)
    if width_of(said) + 1 + width_of(hint) <= room:
        return f"{said} {hint}".strip()
    left = room - width_of(hint) - 2
    while said and width_of(said) > left:
        said = said[: max(0, min(len(said) - 1, left))]
    return f"{said}… {hint}" if said else hint


def _note(run: Run, room: int) -> str:
    if run.state is State.FAILED:
        fault = run.fault
        said = safe(fault.message) if fault is not None and room < _ROOM_FOR_TYPES else ""
        if room < _ROOM_FOR_HINTS:
            return said or why(run)
        return hinted(said or why(run), f"(arr logs {run.id})", room)
    facts = (why(run), f"run {run.id}" if run.id else "", memory(run), run.result_note or "")
    return "  ".join(fact for fact in facts if fact)


def _note_style(run: Run) -> Style:
    return PLAIN if run.state is State.FAILED else DIM


ENDED_ROWS: Final = Rows(ended_row, ended_columns, "no run has ended yet")
FAILING_ROWS: Final = Rows(failing_row, failing_columns, "no task fails")
