"""The next 24 hours as rows of cells, each a fixed span: when tasks fire, often, together, or would but are held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from arrcli.model.instant import DAY, HOUR, MINUTE, Instant, microseconds
from arrcli.model.schedule import Reboot, spread
from arrcli.model.slot import next_slot
from arrcli.model.snapshot import Snapshot
from arrcli.model.task import Task
from arrcli.model.wall import offset_at, wall_at, zone_named

_SPANS: Final = tuple(minutes * MINUTE for minutes in (5, 10, 15, 20, 30, 60, 120, 180, 240, 360))
_STEPS: Final = (1, 2, 3, 6, 12, 24)


class Fires(StrEnum):
    """What happens to a task within a cell."""

    NONE = "none"
    ONCE = "once"
    OFTEN = "often"
    TOGETHER = "together"
    """Once, in the same minute as another task that fires once in the cell."""
    HELD = "held"
    """It would, and is paused or disabled."""


@dataclass(frozen=True, slots=True)
class Row:
    """One task, or one pending run, through all cells."""

    name: str
    cells: tuple[Fires, ...]


@dataclass(frozen=True, slots=True)
class Crowd:
    """Tasks that fire in one minute."""

    at: Instant
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Rows from `start` on, `span` microseconds a cell; the crowds, the largest first. `hours` labels the cells."""

    start: Instant
    span: int
    rows: Sequence[Row]
    crowds: Sequence[Crowd]
    hours: str


def span_for(cells: int) -> int:
    """The shortest span of which a day has at most so many."""
    return next((span for span in _SPANS if DAY // span <= cells), _SPANS[-1])


def timeline(snapshot: Snapshot, *, cells: int, most: int = 0) -> Timeline:
    """The rows of what fires within a day from now, in that order; `cells` wide and `most` (0: all) rows at most."""
    span = span_for(cells)
    zone = zone_named(snapshot.timezone)
    offset = microseconds(offset_at(snapshot.now, zone))
    start = snapshot.now - (snapshot.now + offset) % span
    drawn = []
    for name, marks in _drawn(snapshot, start, span):
        if marks:
            drawn.append((name, marks))
        if most and len(drawn) >= most:
            break
    crowds = _crowds(drawn)
    crowded = {(name, crowd.at) for crowd in crowds for name in crowd.names}
    rows = [Row(name, _cells(name, marks, crowded, DAY // span)) for name, marks in drawn]
    return Timeline(start=start, span=span, rows=rows, crowds=crowds, hours=_hours(start, span, snapshot.timezone))


_Marks = dict[int, tuple[Fires, Instant]]
"""By cell: what happens in it, and when first."""


def _drawn(snapshot: Snapshot, start: Instant, span: int) -> Iterator[tuple[str, _Marks]]:
    for entry in snapshot.upcoming:
        if entry.run is not None:
            cell = max(0, (entry.at - start) // span)
            fires = {cell: (Fires.ONCE, max(entry.at, snapshot.now))} if cell < DAY // span else {}
            yield f"{entry.name} (run {entry.run.id})", fires
        elif entry.task is not None:
            yield entry.name, _marks(_anchored(snapshot, entry.task), snapshot.now, start, span)
    for idle in snapshot.idle:
        task = idle.task
        if task.schedule is not None and not isinstance(task.schedule, Reboot):
            marks = _marks(_anchored(snapshot, task), snapshot.now, start, span)
            yield task.name, {cell: (Fires.HELD, at) for cell, (_, at) in marks.items()}


def _anchored(snapshot: Snapshot, task: Task) -> Task:
    record = snapshot.records.get(task.name)
    return task.anchored(snapshot.now if record is None else record.anchor)


def _marks(task: Task, now: Instant, start: Instant, span: int) -> _Marks:
    """Two looks a cell that has something in it, however often the task fires there."""
    marks: _Marks = {}
    offset = spread(task.name, task.jitter)
    slot = next_slot(task, now - offset)
    while slot is not None and slot + offset < start + DAY:
        cell = (slot + offset - start) // span
        end = start + (cell + 1) * span - offset
        following = next_slot(task, slot)
        often = following is not None and following < end
        marks[cell] = (Fires.OFTEN if often else Fires.ONCE, slot + offset)
        slot = next_slot(task, end - 1) if often else following
    return marks


def _crowds(drawn: Sequence[tuple[str, _Marks]]) -> Sequence[Crowd]:
    """The minutes in which several fire, of those that fire once in their cell."""
    by_minute: dict[Instant, list[str]] = {}
    for name, marks in drawn:
        for fires, at in marks.values():
            if fires is Fires.ONCE:
                by_minute.setdefault(at - at % MINUTE, []).append(name)
    found = [Crowd(at, tuple(names)) for at, names in by_minute.items() if len(names) > 1]
    return sorted(found, key=lambda crowd: (-len(crowd.names), crowd.at))


def _cells(name: str, marks: _Marks, crowded: set[tuple[str, Instant]], count: int) -> tuple[Fires, ...]:
    def seen(cell: int) -> Fires:
        fires, at = marks.get(cell, (Fires.NONE, 0))
        return Fires.TOGETHER if fires is Fires.ONCE and (name, at - at % MINUTE) in crowded else fires

    return tuple(map(seen, range(count)))


def _hours(start: Instant, span: int, timezone: str) -> str:
    """`14   17   20   23   Thu  03`: the hours of the zone's clock above the cells in which they begin."""
    zone = zone_named(timezone)
    step = next((hours for hours in _STEPS if hours * HOUR >= 5 * span), _STEPS[-1])
    text = ""
    for cell in range(DAY // span):
        wall = wall_at(start + cell * span, zone)
        begins = wall.minute * MINUTE < span and wall.hour % step == 0
        if begins and len(text) <= cell:
            text = text.ljust(cell) + (f"{wall:%a}" if wall.hour == 0 else f"{wall:%H}") + " "
    return text[: DAY // span].rstrip()
