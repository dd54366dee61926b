"""Where the user stands: the pane, the cursor, the filter. A frozen value; every key makes a new one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Pane(StrEnum):
    NEXT = "next"
    ENDED = "ended"
    FAILING = "failing"
    RUNNING = "running"


_ORDER: Final = tuple(Pane)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What of the snapshot is looked at.

    `selected` is the cursor's row in `pane`; `key`, once the cursor was moved, names what it stands on, so
    that it stays there when rows come and go. `typing` is True while the filter is being written.
    """

    pane: Pane = Pane.NEXT
    selected: int = 0
    key: str = ""
    filter: str = ""
    typing: bool = False
    help: bool = False
    ascii: bool = False

    def at(self, index: int, key: str) -> View:
        return replace(self, selected=index, key=key)

    def in_pane(self, by: int) -> View:
        """The next pane (1) or the one before (-1), with the cursor on its first row."""
        pane = _ORDER[(_ORDER.index(self.pane) + by) % len(_ORDER)]
        return replace(self, pane=pane, selected=0, key="")

    def filtered(self, text: str) -> View:
        return replace(self, filter=text, selected=0, key="")

    def writing(self, on: bool) -> View:
        return replace(self, typing=on)

    def helped(self, on: bool) -> View:
        return replace(self, help=on)
