"""Where the user stands: the pane, the cursor, the filter, the page. A frozen value; every key makes a new one."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final

from arrcli.dashboard.act import Act
from arrcli.model.value import dataclass


class Pane(StrEnum):
    NEXT = "next"
    ENDED = "ended"
    FAILING = "failing"
    RUNNING = "running"


class Page(StrEnum):
    """What takes the place of the panes."""

    NONE = ""
    HELP = "help"
    TIMELINE = "timeline"
    RUN = "run"


class Order(StrEnum):
    """How the pane of what comes next is sorted."""

    TIME = "by time"
    NAME = "by name"
    WORST = "worst first"


_PANES: Final = tuple(Pane)
_ORDERS: Final = tuple(Order)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What of the snapshot is looked at.

    `selected` is the cursor's row in `pane`; `key`, once the cursor was moved, names what it stands on, so
    that it stays there when rows come and go. `typing` is True while the filter is being written. `opened` is
    the run of the page `RUN`; `scroll` the first line seen of a page, None its natural place, which is the end
    of what a run still writes. `asking` waits for a yes; `note` is said once, until the next key. `control`
    False: nothing can be asked for.
    """

    pane: Pane = Pane.NEXT
    selected: int = 0
    key: str = ""
    filter: str = ""
    typing: bool = False
    page: Page = Page.NONE
    opened: int = 0
    scroll: int | None = None
    order: Order = Order.TIME
    asking: Act | None = None
    note: str = ""
    control: bool = True
    ascii: bool = False

    def at(self, index: int, key: str) -> View:
        return replace(self, selected=index, key=key)

    def in_pane(self, by: int) -> View:
        """The next pane (1) or the one before (-1), with the cursor on its first row."""
        pane = _PANES[(_PANES.index(self.pane) + by) % len(_PANES)]
        return replace(self, pane=pane, selected=0, key="")

    def filtered(self, text: str) -> View:
        return replace(self, filter=text, selected=0, key="")

    def writing(self, on: bool) -> View:
        return replace(self, typing=on)

    def on(self, page: Page, *, run: int = 0) -> View:
        return replace(self, page=page, opened=run, scroll=None)

    def scrolled(self, to: int | None) -> View:
        return replace(self, scroll=to)

    def sorted(self) -> View:
        """In the next order; the cursor stays on what it was moved to."""
        return replace(self, order=_ORDERS[(_ORDERS.index(self.order) + 1) % len(_ORDERS)])

    def asked(self, act: Act | None) -> View:
        return replace(self, asking=act)

    def noted(self, text: str) -> View:
        return replace(self, note=text)
