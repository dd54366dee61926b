"""The next 24 hours as rows of cells, each a fixed span: when tasks fire, often, together, or would but are held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache, partial
from typing import Final, TypeAlias

from arrcli.model.instant import DAY, HOUR, MINUTE, Instant, microseconds
from arrcli.model.schedule import Schedule, spread
from arrcli.model.slot import slot_of
from arrcli.model.snapshot import Snapshot
from arrcli.model.task import Task
from arrcli.model.value import dataclass
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
    dense: bool = False
    """It fires several times in most cells: its picture says nothing more."""


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


def timeline(snapshot: Snapshot, *, cells: int, whole_cells: bool = False) -> Timeline:
    """The rows of what fires within a day from now, in that order, `cells` wide at most.

    `whole_cells`: also what fired since the first cell began, so that nothing changes, and nothing is worked out again,
    until the next cell begins.
    """
    span = span_for(cells)
    offset = microseconds(offset_at(snapshot.now, zone_named(snapshot.timezone)))
    start = snapshot.now - (snapshot.now + offset) % span
    since = start - 1 if whole_cells else snapshot.now
    return _laid_out(tuple(_entries(snapshot)), since, start, span, snapshot.timezone)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What decides a row: a task's schedule with its bounds and jitter, or the one instant of a pending run."""

    schedule: Schedule | None
    start: Instant | None = None
    until: Instant | None = None
    offset: int = 0
    held: bool = False
    at: Instant = 0


def _entries(snapshot: Snapshot) -> Iterator[tuple[str, _Rule]]:
    for each in snapshot.upcoming:
        if each.run is not None:
            yield f"{each.name} (run {each.run.id})", _Rule(None, at=max(each.at, snapshot.now))
        elif each.task is not None:
            yield each.task.name, _rule(snapshot, each.task, held=False)
    for idle in snapshot.idle:
        if idle.task.schedule is not None:
            yield idle.task.name, _rule(snapshot, idle.task, held=True)


def _rule(snapshot: Snapshot, task: Task, *, held: bool) -> _Rule:
    record = snapshot.records.get(task.name)
    schedule = task.anchored(snapshot.now if record is None else record.anchor).schedule
    return _Rule(schedule, task.start, task.until, spread(task.name, task.jitter), held)


_Marks: TypeAlias = Mapping[int, tuple[Fires, Instant]]
"""By cell: what happens in it, and when first."""


@lru_cache(maxsize=64)
def _laid_out(
    entries: Sequence[tuple[str, _Rule]], since: Instant, start: Instant, span: int, timezone: str
) -> Timeline:
    found = [(name, _marks(rule, since, start, span)) for name, rule in entries]
    drawn = [(name, marks) for name, marks in found if marks]
    crowds = _crowds(drawn)
    crowded = {(name, crowd.at) for crowd in crowds for name in crowd.names}
    rows = [_row(name, _cells(name, marks, crowded, DAY // span)) for name, marks in drawn]
    return Timeline(start=start, span=span, rows=rows, crowds=crowds, hours=_hours(start, span, timezone))


def _row(name: str, cells: tuple[Fires, ...]) -> Row:
    return Row(name, cells, dense=2 * cells.count(Fires.OFTEN) > len(cells))


@lru_cache(maxsize=1024)
def _marks(rule: _Rule, since: Instant, start: Instant, span: int) -> _Marks:
    """Two looks a cell that has something in it, however often the task fires there."""
    if rule.schedule is None:
        cell = (rule.at - start) // span
        return {cell: (Fires.ONCE, rule.at)} if cell < DAY // span else {}
    marks: dict[int, tuple[Fires, Instant]] = {}
    following = partial(slot_of, rule.schedule, start=rule.start, until=rule.until)
    slot = following(since - rule.offset)
    while slot is not None and slot + rule.offset < start + DAY:
        cell = (slot + rule.offset - start) // span
        end = start + (cell + 1) * span - rule.offset
        second = following(slot)
        often = second is not None and second < end
        fires = Fires.HELD if rule.held else Fires.OFTEN if often else Fires.ONCE
        marks[cell] = (fires, slot + rule.offset)
        slot = following(end - 1) if often else second
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
        label = f"{wall:%a}" if wall.hour == 0 else f"{wall:%H}"
        if begins and len(text) <= cell and cell + len(label) <= DAY // span:
            text = text.ljust(cell) + label + " "
    return text.rstrip()
