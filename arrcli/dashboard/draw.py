"""The whole picture: a snapshot and a view become a grid of cells, only what is visible being drawn.

Rows are segments of fixed width, not tables: a frame costs about a millisecond, with ten thousand tasks too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment

from arrcli.dashboard.cells import DIM, Line, blank
from arrcli.dashboard.coming import coming_row
from arrcli.dashboard.detail import detail_pane
from arrcli.dashboard.ended import ended_row, failing_row
from arrcli.dashboard.glyphs import ASCII
from arrcli.dashboard.header import banners, header, status
from arrcli.dashboard.layout import Column, Extra, Part, laid_out
from arrcli.dashboard.listing import Item, Listing, listing, placed
from arrcli.dashboard.overlay import help_page, key_bar
from arrcli.dashboard.pane import Context, DrawRow, pane
from arrcli.dashboard.running import running_row
from arrcli.dashboard.view import Pane, View
from arrcli.dashboard.workers import summary, workers_pane
from arrcli.model.snapshot import Snapshot

SMALLEST: Final = (40, 8)
"""Columns and rows; a smaller window gets one line."""

_ROWS: Final[dict[Pane, DrawRow]] = {
    Pane.NEXT: coming_row,
    Pane.ENDED: ended_row,
    Pane.FAILING: failing_row,
    Pane.RUNNING: running_row,
}


@dataclass(slots=True)
class Frame:
    """One frame of the dashboard. A rich renderable that fills what it is given, line by line.

    `view` is the one given, with the cursor on a row that there is.
    """

    snapshot: Snapshot
    view: View
    listing: Listing

    def __init__(self, snapshot: Snapshot, view: View) -> None:
        self.snapshot = snapshot
        self.listing = listing(snapshot, view)
        self.view = placed(view, self.listing.of(view.pane))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = self.lines(options.max_width, options.height or console.height)
        for index, line in enumerate(lines):
            yield from line
            if index < len(lines) - 1:
                yield Segment.line()

    def lines(self, width: int, height: int) -> list[Line]:
        """The picture: exactly `height` lines of exactly `width` cells."""
        drawn = list(self._drawn(width, height))
        if self.view.ascii:
            drawn = [[Segment(text.translate(ASCII), style) for text, style, _ in line] for line in drawn]
        return drawn

    def page(self, width: int, height: int) -> int:
        """How many rows of the cursor's pane are seen: by that much a page moves."""
        for column in self._columns(width, height - 2 - len(self._trouble(width, height))):
            for part, lines in column.parts:
                if part is self.view.pane:
                    return max(1, lines - 1)
        return 1

    def _drawn(self, width: int, height: int) -> Iterator[Line]:
        context = Context(self.snapshot, self.view)
        if width < SMALLEST[0] or height < SMALLEST[1]:
            yield status(context, self.listing, width)
            yield from (blank(width) for _ in range(height - 1))
            return
        trouble = self._trouble(width, height)
        room = height - 2 - len(trouble)
        yield header(context, self.listing, width)
        yield from trouble
        yield from help_page(width, room) if self.view.help else self._body(context, width, room)
        yield key_bar(self.view, width)

    def _trouble(self, width: int, height: int) -> list[Line]:
        return banners(self.snapshot, width, height // 8)

    def _columns(self, width: int, height: int) -> tuple[Column, ...]:
        return laid_out(self.snapshot, self.listing, self.view.pane, width, height)

    def _body(self, context: Context, width: int, height: int) -> Iterator[Line]:
        """The columns side by side, a line between them."""
        columns = [list(self._column(column, context)) for column in self._columns(width, height)]
        for beside in zip(*columns, strict=True):
            line = list(beside[0])
            for more in beside[1:]:
                line += [Segment("│", DIM), *more]
            yield line

    def _column(self, column: Column, context: Context) -> Iterator[Line]:
        for part, height in column.parts:
            yield from self._part(part, context, column.width, height)

    def _part(self, part: Part, context: Context, width: int, height: int) -> list[Line]:
        match part:
            case Extra.DETAIL:
                return detail_pane(self._under_cursor(), context, width, height)
            case Extra.WORKERS:
                return workers_pane(context, width, height)
            case _:
                rows = self.listing.of(part)
                return pane(self._title(part), part, rows, context, (width, height), _ROWS[part])

    def _title(self, part: Pane) -> str:
        title = f"{part} {len(self.listing.of(part)):,}"
        workers = self.snapshot.workers
        return f"{title}, workers: {summary(workers)}" if part is Pane.RUNNING and workers else title

    def _under_cursor(self) -> Item | None:
        rows = self.listing.of(self.view.pane)
        return rows[self.view.selected] if rows else None
