"""What comes next: tasks and pending runs in time order, and then the tasks from which nothing comes."""

from __future__ import annotations

from arrcli.dashboard import times
from arrcli.dashboard.cells import DIM, Cell, Line, row
from arrcli.dashboard.glyphs import BROKEN, COMING, IDLE, LATE, PAUSED, RETRY, WAITS, Mark, ended
from arrcli.dashboard.listing import Broken, Item, name_of
from arrcli.dashboard.pane import Context
from arrcli.model.instant import SECOND
from arrcli.model.run import Run
from arrcli.model.snapshot import Idle, Upcoming

_BUSY = "all workers are busy"
_LATE_AFTER = SECOND
"""Due for less than this is not late: it is being started."""


def coming_row(item: Item, context: Context, width: int, selected: bool) -> Line:
    """`● in 1m37s  14:05 CET  import-orders  */5 * * * *  ✓ ok 12.1s 3m ago  waits for pool heavy`."""
    assert not isinstance(item, Run | Broken)  # noqa: S101 - the next pane holds neither
    mark, when = _state(item, context)
    cells = [Cell(mark.text, 11, mark.style)]
    if width >= 60:
        cells.append(Cell(when, 16))
    name = Cell(name_of(item), max(12, min(30, (width - 28) * 2 // 5)))
    rest = width - sum(cell.width + 1 for cell in cells) - name.width - 1
    cells.append(name)
    return row([*cells, *_about(item, context, rest)], width, selected=selected)


def _about(item: Upcoming | Idle, context: Context, room: int) -> list[Cell]:
    """Schedule, how it went last, and what it waits for: all where there is room, else what matters most."""
    schedule, held = _schedule(item), _held(item, context)
    if room >= 60:
        return [Cell(schedule, 16, DIM), last_cell(item, context, 24), Cell(held, room - 42, DIM)]
    if held or room < 28:
        return [Cell(held or schedule, room, DIM)]
    wide = 24 if room >= 45 else 14
    return [Cell(schedule, room - wide - 1, DIM), last_cell(item, context, wide)]


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
    if (record is not None and record.paused) or not item.task.enabled:
        return PAUSED
    return IDLE


def _schedule(item: Upcoming | Idle) -> str:
    if item.task is not None:
        return item.task.schedule_text
    return item.run.func if isinstance(item, Upcoming) and item.run is not None else "once"


def _held(item: Upcoming | Idle, context: Context) -> str:
    """Why it waits, in words; and which run it is, where it is one."""
    if isinstance(item, Idle):
        return item.why
    waits = item.held_by or (_BUSY if _is_late(item, context) and _all_busy(context) else "")
    number = f"run {item.run.id}" if item.run is not None else ""
    tried = f"attempt {item.run.attempt + 1}" if item.run is not None and item.run.attempt else ""
    return "  ".join(part for part in (waits, number, tried) if part)


def _is_late(item: Upcoming, context: Context) -> bool:
    return item.run is not None and item.at <= context.now - _LATE_AFTER


def _all_busy(context: Context) -> bool:
    workers = context.snapshot.workers
    return bool(workers) and all(each.run is not None for each in workers)


def last_cell(item: Upcoming | Idle, context: Context, width: int) -> Cell:
    """`✓ ok 12.1s 3m ago`, or without how long ago where that would be cut."""
    last = context.snapshot.last.get(name_of(item), ())
    if not last:
        return Cell("", width)
    mark = ended(last[0])
    said = f"{mark.text} {times.lasted(last[0].duration)}"
    ago = f" {context.ago(last[0])}"
    return Cell(said + ago if len(said + ago) <= width else said, width, mark.style)
