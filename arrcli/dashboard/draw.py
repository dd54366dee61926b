"""The whole picture: a snapshot and a view become a grid of cells, only what is visible being drawn.

Rows are segments of fixed width, not tables: a frame costs about a millisecond, with ten thousand tasks too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment

from arrcli.dashboard.cells import DIM, Line, blank
from arrcli.dashboard.coming import COMING_ROWS
from arrcli.dashboard.detail import detail_pane
from arrcli.dashboard.ended import ENDED_ROWS, FAILING_ROWS
from arrcli.dashboard.glyphs import ASCII
from arrcli.dashboard.header import banners, header, health, status
from arrcli.dashboard.layout import Column, Extra, Part, laid_out
from arrcli.dashboard.listing import Item, Listing, listing, name_of, placed
from arrcli.dashboard.nextday import timeline_page, timeline_pane
from arrcli.dashboard.overlay import help_page, key_bar
from arrcli.dashboard.pane import Context, Rows, pane
from arrcli.dashboard.running import RUNNING_ROWS
from arrcli.dashboard.runpage import RunPage, run_page
from arrcli.dashboard.view import Order, Page, Pane, View
from arrcli.dashboard.wishes import is_paused
from arrcli.dashboard.workers import brief, workers_pane
from arrcli.model.snapshot import Opened, Snapshot
from arrcli.model.value import dataclass

SMALLEST: Final = (40, 8)
"""Columns and rows; a smaller window gets one line."""
_SECOND_LINE_FROM: Final = 16
"""In a lower window the header is one line."""

_ROWS: Final[dict[Pane, Rows]] = {
    Pane.NEXT: COMING_ROWS,
    Pane.ENDED: ENDED_ROWS,
    Pane.FAILING: FAILING_ROWS,
    Pane.RUNNING: RUNNING_ROWS,
}


@dataclass(slots=True)
class Frame:
    """One frame of the dashboard. A rich renderable that fills what it is given, line by line.

    `view` is the one given, with the cursor on a row that there is; `opened` the run of its page.
    """

    snapshot: Snapshot
    view: View
    opened: Opened | None
    listing: Listing
    _page: RunPage | None

    def __init__(self, snapshot: Snapshot, view: View, opened: Opened | None = None) -> None:
        self.snapshot, self.opened = snapshot, opened
        self.listing = listing(snapshot, view)
        self.view = placed(view, self.listing.of(view.pane))
        self._page = run_page(opened, Context(snapshot, self.view)) if view.page is Page.RUN else None

    def but(self, view: View) -> Frame:
        """The same picture with another view."""
        return Frame(self.snapshot, view, self.opened)

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
        """How many rows of the cursor's pane, or lines of the page, are seen: by that much a page moves."""
        if self.view.page is not Page.NONE:
            return max(1, self._room(width, height) - 2)
        return self.seen(self.view.pane, width, height)

    def seen(self, pane: Pane, width: int, height: int) -> int:
        """How many rows of that pane there is room for."""
        parts = [part for column in self._columns(width, self._room(width, height)) for part in column.parts]
        return max(1, *(lines - 1 for part, lines in parts if part is pane), 1)

    @property
    def length(self) -> int:
        """How many lines the page has."""
        return len(self._page.lines) if self._page is not None else len(self.listing.coming)

    @property
    def follows(self) -> bool:
        """The page's natural place is its end: a run that still writes."""
        return self._page is not None and self._page.follows

    def top(self, page: int) -> int:
        """The first line of the page that is seen, where `page` lines are."""
        end = max(0, self.length - page)
        if self.view.scroll is None:
            return end if self.follows else 0
        return min(self.view.scroll, end)

    def under_cursor(self) -> Item | None:
        """What the cursor is on: the opened run, or the row."""
        if self.opened is not None and self.view.page is Page.RUN:
            return self.opened.run
        rows = self.listing.of(self.view.pane)
        return rows[self.view.selected] if rows else None

    def _drawn(self, width: int, height: int) -> Iterator[Line]:
        context = Context(self.snapshot, self.view)
        if width < SMALLEST[0] or height < SMALLEST[1]:
            yield status(context, self.listing, width)
            yield from (blank(width) for _ in range(height - 1))
            return
        yield header(context, self.listing, width)
        if height >= _SECOND_LINE_FROM:
            yield health(context, width)
        yield from self._trouble(width, height)
        yield from self._middle(context, width, self._room(width, height))
        yield key_bar(self.view, width, paused=is_paused(self.under_cursor(), self.snapshot))

    def _room(self, width: int, height: int) -> int:
        """Lines between the header and the bar."""
        head = 2 if height >= _SECOND_LINE_FROM else 1
        return height - head - 1 - len(self._trouble(width, height))

    def _middle(self, context: Context, width: int, height: int) -> Iterator[Line]:
        match self.view.page:
            case Page.HELP:
                yield from help_page(width, height)
            case Page.TIMELINE:
                under, top = self._name_under_cursor(), self.top(max(1, height - 2))
                yield from timeline_page(self.listing.coming, context, under, top, width, height)
            case Page.RUN if self._page is not None:
                yield from self._page.drawn(self.top(max(1, height - 2)), width, height)
            case _:
                yield from self._body(context, width, height)

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
            yield from self._part(part, context, column, height)

    def _part(self, part: Part, context: Context, column: Column, height: int) -> list[Line]:
        width = column.width
        match part:
            case Extra.DETAIL:
                return detail_pane(self.under_cursor(), context, width, height)
            case Extra.WORKERS:
                return workers_pane(context, width, height)
            case Extra.TIMELINE:
                return timeline_pane(self.listing.coming, context, self._name_under_cursor(), width, height)
            case _:
                note = self._note(part, column)
                return pane(self._title(part), part, self.listing.of(part), context, (width, height), _ROWS[part], note)

    def _title(self, part: Pane) -> str:
        more = "+" if part is Pane.NEXT and self.snapshot.waiting else ""
        title = f"{part} {len(self.listing.of(part)):,}{more}"
        return f"{title}, {self.view.order}" if part is Pane.NEXT and self.view.order is not Order.TIME else title

    def _note(self, part: Pane, column: Column) -> str:
        """Over what runs, how busy the workers are, where they have no pane of their own."""
        has_workers = any(other is Extra.WORKERS for other, _ in column.parts)
        return "" if has_workers or part is not Pane.RUNNING else brief(self.snapshot.workers, column.width)

    def _name_under_cursor(self) -> str:
        item = self.under_cursor()
        return "" if item is None else name_of(item)
