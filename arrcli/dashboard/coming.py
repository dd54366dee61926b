"""What comes next: tasks and pending runs in time order, and then the tasks from which nothing comes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from arrcli.dashboard import times
from arrcli.dashboard.cells import DIM, Cell, Column, Line, row
from arrcli.dashboard.glyphs import BROKEN, COMING, DISABLED, IDLE, LATE, PAUSED, RETRY, WAITS, Mark, ended
from arrcli.dashboard.listing import Broken, Item, name_of
from arrcli.dashboard.pane import Context, Rows
from arrcli.dashboard.words import fault_line
from arrcli.model.instant import SECOND
from arrcli.model.run import Run
from arrcli.model.snapshot import Idle, Upcoming

_BUSY: Final = "all workers are busy"
_LATE_AFTER: Final = SECOND
"""Due for less than this is not late: it is being started."""
_ROOM_FOR_WHY: Final = 75
"""Of what is left of a row: from there on why a task waits has a column of its own."""


@lru_cache(maxsize=32)
def columns(width: int) -> Sequence[Column]:
    """The state, when it is due, which task, and of the others those that have room."""
    name = Column("task", max(12, min(30, (width - 34) * 2 // 5)))
    found = [Column("", 13), *([Column("due", 15)] if width >= 60 else []), name]
    rest = max(0, width - sum(column.width + 1 for column in found))
    if rest >= _ROOM_FOR_WHY:
        return [*found, Column("schedule", 20), Column("last run", 24), Column("why", rest - 46)]
    if rest < 28:
        return [*found, Column("schedule", rest)]
    last = 24 if rest >= 45 else 16
    return [*found, Column("schedule", rest - last - 1), Column("last run", last)]


def coming_row(item: Item, context: Context, width: int, selected: bool) -> Line:
    """`● in 1m37s  14:05:00 CET  import-orders  */5 * * * *  ✓ ok 12.1s 3m ago`; where it waits, why."""
    assert not isinstance(item, Run | Broken)  # noqa: S101 - the next pane holds neither
    mark, when = _state(item, context)
    told = {"": Cell(mark.text, 0, mark.style), "due": Cell(when, 0), "task": Cell(name_of(item), 0)}
    in_order = columns(width)
    cells = [column.cell(told[column.head].text, told[column.head].style) for column in in_order if column.head in told]
    return row([*cells, *_about(item, context, in_order[len(cells) :])], width, selected=selected)


def _about(item: Upcoming | Idle, context: Context, room: Sequence[Column]) -> list[Cell]:
    """Schedule and how it went last; or, over the whole room, what it waits for."""
    why = _why(item, context)
    has_column = len(room) == 3 and isinstance(item, Idle)
    if why and not has_column:
        return [Cell(why, sum(column.width + 1 for column in room) - 1, DIM)]
    schedule, *more = room
    cells = [schedule.cell("" if why == _schedule(item) else _schedule(item), DIM)]
    cells += [last_cell(item, context, column.width) for column in more[:1]]
    return [*cells, *(column.cell(why, DIM) for column in more[1:])]


def _state(item: Upcoming | Idle, context: Context) -> tuple[Mark, str]:
    """The mark of the row, with its countdown, and the local time of what comes."""
    if isinstance(item, Idle):
        return _idle_mark(item, context), ""
    left = item.at - context.now
    run, when = item.run, context.moment(item.at, item.task.name if item.task else None)
    if left > 0:
        mark = RETRY if run is not None and run.attempt > 0 else COMING
        return Mark(mark.glyph, f"in {times.countdown(left)}", mark.style), when
    if left > -_LATE_AFTER:
        return Mark(COMING.glyph, "now", COMING.style), when
    word = WAITS if item.held_by else LATE
    return Mark(word.glyph, f"{word.word} {times.passed(-left)}", word.style), when


def _idle_mark(item: Idle, context: Context) -> Mark:
    record = context.snapshot.records.get(item.task.name)
    if record is not None and record.broken:
        return BROKEN
    if not item.task.enabled:
        return DISABLED
    return PAUSED if record is not None and record.paused else IDLE


def _schedule(item: Upcoming | Idle) -> str:
    if item.task is not None:
        return item.task.schedule_words
    return item.run.func if isinstance(item, Upcoming) and item.run is not None else "once"


def _why(item: Upcoming | Idle, context: Context) -> str:
    """Why it waits, in words; and which run it is, where it is one."""
    if isinstance(item, Idle):
        return item.broken or item.why
    waits = item.held_by or (_BUSY if _is_late(item, context) and _all_busy(context) else "")
    if item.run is None:
        return waits
    tried = f"attempt {item.run.attempt + 1}" if item.run.attempt and not waits.startswith("retry ") else ""
    return "  ".join(part for part in (waits, f"run {item.run.id}", tried, fault_line(item.run.fault)) if part)


def _is_late(item: Upcoming, context: Context) -> bool:
    return item.run is not None and item.at <= context.now - _LATE_AFTER


def _all_busy(context: Context) -> bool:
    places = [each for each in context.snapshot.workers if each.kind == "process"]
    return bool(places) and all(each.run is not None for each in places)


def last_cell(item: Upcoming | Idle, context: Context, width: int) -> Cell:
    """`✓ ok 12.1s 3m ago`, or without how long ago where that would be cut."""
    last = context.snapshot.last.get(name_of(item), ())
    if not last:
        return Cell("", width)
    mark = ended(last[0])
    said = f"{mark.text} {times.lasted(last[0].duration)}"
    ago = f" {context.ago(last[0])}"
    return Cell(said + ago if len(said + ago) <= width else said, width, mark.style)


COMING_ROWS: Final = Rows(coming_row, columns, "no task has a time to come, and no run waits")
