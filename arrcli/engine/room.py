"""Room on the store's disk: where there is none, nothing new starts, and what ends is recorded in the reserve."""

from __future__ import annotations

from typing import Final

from arrcli.model.instant import SECOND
from arrcli.store.contract import Store

EVERY: Final = SECOND // 2
FULL: Final = "the disk of the store is full: nothing new starts until there is room; what ends is still recorded"
AGAIN: Final = "the disk of the store has room again; going on"


class Room:
    """`left`: there is room for new work, as far as is known."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next_look = 0
        self.left = True

    def look(self, mono: int) -> str:
        """See whether there is room, where it is time to; what is to be said of it, "" where nothing changed."""
        if mono < self._next_look:
            return ""
        before, self.left = self.left, self._store.has_room()
        self._next_look = mono + EVERY
        return "" if self.left == before else AGAIN if self.left else FULL

    def run_out(self, mono: int) -> str:
        """A commit found the disk full: from now on the reserve serves what ends. What is to be said of it."""
        self._store.spend_reserve()
        self.left, self._next_look = False, mono + EVERY
        return FULL
