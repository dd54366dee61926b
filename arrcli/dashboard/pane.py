"""What every pane shares: its title, its window on the rows, and what it needs to know to draw one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo

from arrcli.dashboard import times
from arrcli.dashboard.cells import DIM, Column, Line, blank, rule, whole
from arrcli.dashboard.listing import Item
from arrcli.dashboard.view import Pane, View
from arrcli.model.instant import Instant
from arrcli.model.run import Run
from arrcli.model.snapshot import Snapshot
from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Rows:
    """How a pane's rows are drawn: one of them in so many cells, the columns that they share, what is said for none."""

    draw: Callable[[Item, Context, int, bool], Line]
    columns: Callable[[int], Sequence[Column]]
    none: str


@dataclass(frozen=True, slots=True)
class Context:
    """The picture that rows are drawn against."""

    snapshot: Snapshot
    view: View

    @property
    def now(self) -> Instant:
        return self.snapshot.now

    def zone(self, task: str | None) -> tzinfo:
        """The task's zone; the file's where it has none."""
        known = self.snapshot.tasks.get(task) if task is not None else None
        return times.zone_of(known.timezone if known is not None else self.snapshot.timezone)

    def moment(self, at: Instant, task: str | None) -> str:
        return times.moment(at, self.now, self.zone(task), seconds=True)

    def ago(self, run: Run) -> str:
        """`3m ago`."""
        return "" if run.finished_at is None else f"{times.passed(self.now - run.finished_at)} ago"


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of many are seen, and where the cursor is among them (None: in another pane)."""

    rows: Sequence[Item]
    height: int
    cursor: int | None

    @property
    def top(self) -> int:
        """The first row seen: the cursor's is kept in the middle, but for both ends."""
        middle = (self.cursor or 0) - self.height // 2
        return max(0, min(middle, len(self.rows) - self.height))

    @property
    def note(self) -> str:
        """`8-14 of 120`, where not all are seen."""
        total = len(self.rows)
        if total <= self.height or self.height <= 0:
            return ""
        return f"{self.top + 1:,}-{min(self.top + self.height, total):,} of {total:,}"


def pane(
    title: str, which: Pane, rows: Sequence[Item], context: Context, size: tuple[int, int], kind: Rows, note: str = ""
) -> list[Line]:
    """A titled window of `size` (width, height) on the rows; the title takes the first line, with `note` at its end."""
    width, height = size
    if height <= 0:
        return []
    focused = context.view.pane is which
    window = Window(rows, height - 1, context.view.selected if focused else None)
    notes = "  ".join(part for part in (note, window.note) if part)
    lines = [rule(title, width, note=notes, focused=focused, columns=kind.columns(width))]
    for index in range(window.top, min(window.top + window.height, len(rows))):
        lines.append(kind.draw(rows[index], context, width, index == window.cursor))
    if not rows and height > 1:
        lines.append(whole(_nothing(context.view, kind), width, DIM))
    return lines + [blank(width)] * (height - len(lines))


def _nothing(view: View, kind: Rows) -> str:
    return f'nothing here has "{view.filter}" in it' if view.filter else kind.none
