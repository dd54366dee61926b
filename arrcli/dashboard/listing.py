"""What is in each pane: the snapshot's sequences, filtered, looked into only where a row is drawn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeAlias, TypeVar, overload

from arrcli.dashboard.view import Order, Pane, View
from arrcli.model.instant import Instant
from arrcli.model.run import Run
from arrcli.model.snapshot import Idle, Snapshot, Upcoming
from arrcli.model.value import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Broken:
    """A task whose callable cannot be imported, and why."""

    name: str
    why: str


Item: TypeAlias = Upcoming | Idle | Run | Broken


class Joined(Sequence[T]):
    """Two sequences one after the other, copied never: ten thousand tasks cost what twenty do."""

    def __init__(self, first: Sequence[T], second: Sequence[T]) -> None:
        self._first, self._second = first, second

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def __iter__(self) -> Iterator[T]:
        return chain(self._first, self._second)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        first = len(self._first)
        return self._first[index] if index < first else self._second[index - first]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The rows of every pane, as the filter leaves them; the header counts what there is without it."""

    coming: Sequence[Item]
    ended: Sequence[Item]
    failing: Sequence[Item]
    running: Sequence[Item]
    failing_count: int
    paused_count: int

    def of(self, pane: Pane) -> Sequence[Item]:
        match pane:
            case Pane.NEXT:
                return self.coming
            case Pane.ENDED:
                return self.ended
            case Pane.FAILING:
                return self.failing
            case Pane.RUNNING:
                return self.running


def listing(snapshot: Snapshot, view: View) -> Listing:
    """What the view shows of the snapshot."""
    failing = failures(snapshot)
    coming = _ordered(snapshot, failing, view.order)
    kept = _keeper(view.filter)
    return Listing(
        coming=kept(coming),
        ended=kept(snapshot.recent),
        failing=kept(failing),
        running=kept(snapshot.running),
        failing_count=len(failing),
        paused_count=sum(record.paused for record in snapshot.marked),
    )


def _ordered(snapshot: Snapshot, failing: Sequence[Item], order: Order) -> Sequence[Item]:
    """What comes next, as the view sorts it; in time order nothing is copied."""
    coming: Sequence[Item] = Joined[Item](snapshot.upcoming, snapshot.idle)
    match order:
        case Order.TIME:
            return coming
        case Order.NAME:
            return sorted(coming, key=lambda item: name_of(item).casefold())
        case Order.WORST:
            bad = {name_of(item) for item in failing}
            return sorted(coming, key=lambda item: _badness(item, bad, snapshot.now))


def _badness(item: Item, failing: Collection[str], now: Instant) -> int:
    """What fails, then what is late, then what is held; the others as they come."""
    if name_of(item) in failing:
        return 0
    if isinstance(item, Upcoming):
        return 1 if item.at <= now else 2 if item.held_by else 3
    return 2


def failures(snapshot: Snapshot) -> Sequence[Item]:
    """Broken tasks, then those whose last run failed, the latest first."""
    broken: list[Item] = [Broken(record.name, record.broken) for record in snapshot.marked if record.broken]
    names = {item.name for item in broken if isinstance(item, Broken)}
    return [*broken, *(run for run in snapshot.failing if run.name not in names)]


def name_of(item: Item) -> str:
    return item.task.name if isinstance(item, Idle) else item.name


def key_of(item: Item) -> str:
    """What a row is about, for a cursor to stay on: a run by its id, else a task by its name."""
    match item:
        case Run():
            return f"run {item.id}"
        case Upcoming(run=Run() as run):
            return f"run {run.id}"
        case _:
            return f"task {name_of(item)}"


def placed(view: View, rows: Sequence[Item]) -> View:
    """The view with its cursor on a row that there is: on what it stood on, or else where that was."""
    if not rows:
        return view.at(0, "")
    index = min(max(view.selected, 0), len(rows) - 1)
    if view.key and key_of(rows[index]) != view.key:
        index = next((at for at, item in enumerate(rows) if key_of(item) == view.key), index)
    return view.at(index, view.key)


def _keeper(text: str) -> Callable[[Sequence[Item]], Sequence[Item]]:
    wanted = text.casefold().strip()
    if not wanted:
        return lambda items: items
    return lambda items: [item for item in items if any(wanted in said.casefold() for said in _said(item))]


def _said(item: Item) -> Iterable[str]:
    """What the filter looks at: the task's name, and its callable."""
    yield name_of(item)
    match item:
        case Run():
            yield item.func
        case Upcoming(run=Run() as run):
            yield run.func
        case Upcoming(task=task) | Idle(task=task):
            yield task.func if task is not None else ""
        case Broken():
            pass
