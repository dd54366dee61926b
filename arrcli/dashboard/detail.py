"""All about the row that the cursor is on: what it calls, when, how it went, what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from rich.segment import Segment

from arrcli.dashboard import times
from arrcli.dashboard.cells import BAD, DIM, PLAIN, Line, bars, blank, fit, rule, whole
from arrcli.dashboard.glyphs import ended
from arrcli.dashboard.listing import Broken, Item, name_of
from arrcli.dashboard.pane import Context
from arrcli.dashboard.words import source, why
from arrcli.model.instant import Instant
from arrcli.model.policies import policies
from arrcli.model.run import Run, State
from arrcli.model.schedule import Schedule, spread
from arrcli.model.slot import slot_of
from arrcli.model.snapshot import Idle, Upcoming
from arrcli.model.task import Task

_BARS_SHOWN: Final = 12
_TALL: Final = 7
"""Lines of a pane that has room for more than the last runs."""
_TOLD: Final = 4


def detail_pane(item: Item | None, context: Context, width: int, height: int) -> list[Line]:
    """A title and `height` - 1 lines on `item`; the first lines say the most."""
    if height <= 0:
        return []
    if item is None:
        return [rule("", width)] + [blank(width)] * (height - 1)
    lines = [rule(name_of(item), width, note=_number(item))]
    lines += _facts(item, context, width)
    if height >= _TALL and not (isinstance(item, Run) and item.ended):
        lines += _plan(item, context, width)
    lines += _history(name_of(item), context, width, height - len(lines))
    return (lines + [blank(width)] * (height - len(lines)))[:height]


def _facts(item: Item, context: Context, width: int) -> list[Line]:
    """An ended run leads with why; a task with what it calls; then its last durations."""
    task = _task(item, context)
    lines: list[Line] = []
    if isinstance(item, Broken):
        lines.append(whole(item.why, width, BAD))
    if isinstance(item, Run) and item.ended:
        lines.append(_end(item, context, width))
    lines.append(whole(_what(item, task), width, DIM))
    if not (isinstance(item, Run) and item.ended):
        lines.append(_trend(name_of(item), context, width))
    if task is not None and task.description:
        lines.append(whole(task.description, width))
    return lines


def _plan(item: Item, context: Context, width: int) -> list[Line]:
    """When the task comes after that, and its policies that are not the usual ones."""
    task = _task(item, context)
    if task is None:
        return []
    record = context.snapshot.records.get(task.name)
    anchored = task.anchored(context.now if record is None else record.anchor)
    later = spread(task.name, task.jitter)
    mark = max(context.now, item.at if isinstance(item, Upcoming) else 0) - later
    slots = _following(anchored.schedule, task.start, task.until, mark)
    then = ", ".join(context.moment(slot + later, task.name) for slot in slots)
    said = (f"then {then}" if then and not isinstance(item, Idle) else "", "  ".join(policies(task)))
    return [whole(text, width, DIM) for text in said if text]


@lru_cache(maxsize=64)
def _following(
    schedule: Schedule | None, start: Instant | None, until: Instant | None, mark: Instant
) -> Sequence[Instant]:
    """The next slots after the mark, of which a few are told."""
    found: list[Instant] = []
    slot = None if schedule is None else slot_of(schedule, mark, start=start, until=until)
    while slot is not None and schedule is not None and len(found) < _TOLD:
        found.append(slot)
        slot = slot_of(schedule, slot, start=start, until=until)
    return found


def _what(item: Item, task: Task | None) -> str:
    """`demo.import_orders  */5 * * * *  Europe/Paris  pool heavy  by its schedule`."""
    run = _run(item)
    if task is None:
        return "  ".join((run.func, source(run))) if run is not None else ""
    parts = [task.func, task.schedule_words, task.timezone]
    parts += [f"pool {task.pool}"] if task.pool != "default" else []
    parts += [f"run {run.id} {source(run)}"] if run is not None else []
    return "  ".join(parts)


def _end(run: Run, context: Context, width: int) -> Line:
    mark = ended(run)
    took = f" after {times.lasted(run.duration)}" if run.duration is not None else ""
    tries = f", attempt {run.attempt}" if run.attempt > 1 else ""
    reason = f": {said}" if (said := why(run)) else ""
    return whole(f"{mark.text}{took}{tries}, {context.ago(run)}{reason}", width, mark.style)


def _trend(name: str, context: Context, width: int) -> Line:
    """`last 12 ▄▄▆▇▁▁▇▄▇▁▄▆ ✓ ok 10.2s 3m ago`, each bar a duration, red where it failed."""
    runs = list(context.snapshot.last.get(name, ()))[:_BARS_SHOWN]
    if not runs:
        return whole("has not run yet", width, DIM)
    newest = runs[0]
    shown = bars(runs, len(runs))
    mark = ended(newest)
    said = f" {mark.text} {times.lasted(newest.duration)} {context.ago(newest)}"
    reason = f": {why(newest)}" if newest.state is State.FAILED else ""
    title = f"last {len(runs)} "
    line = [Segment(title, DIM), *shown, Segment(" ", PLAIN)]
    room = width - len(title) - len(runs) - 1
    return [*line, Segment(fit(said + reason, room), mark.style)] if room > 0 else whole(said, width, mark.style)


def _history(name: str, context: Context, width: int, room: int) -> list[Line]:
    """The last runs of the task, a line each, in what room is left."""
    lines: list[Line] = []
    for run in list(context.snapshot.last.get(name, ()))[: max(0, room)]:
        mark = ended(run)
        at = context.moment(run.finished_at, run.task) if run.finished_at is not None else ""
        facts = (at, mark.text, times.lasted(run.duration), f"run {run.id}", why(run))
        lines.append(whole("  ".join(fact for fact in facts if fact), width, mark.style))
    return lines


def _run(item: Item) -> Run | None:
    match item:
        case Run():
            return item
        case Upcoming():
            return item.run
        case _:
            return None


def _task(item: Item, context: Context) -> Task | None:
    match item:
        case Upcoming() | Idle():
            return item.task
        case Run():
            return context.snapshot.tasks.get(item.task) if item.task is not None else None
        case Broken():
            return context.snapshot.tasks.get(item.name)


def _number(item: Item) -> str:
    run = _run(item)
    if run is None or not run.id:
        return ""
    return f"arr logs {run.id}" if run.ended or run.begun else f"run {run.id}"
