"""The timeline's cells and the tree's lines as characters; for the screen and for `arr list`, so without rich."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from arrcli.model.timeline import Fires
from arrcli.model.tree import Branch

CELLS: Final = {
    Fires.NONE: "·",
    Fires.ONCE: "▪",
    Fires.OFTEN: "■",
    Fires.TOGETHER: "◆",
    Fires.HELD: "▫",
}
LEGEND: Final = "▪ once  ■ several times  ◆ in one minute with another task  ▫ held"
ASCII: Final = str.maketrans("·▪■◆▫├└─│", ".o#*-|`-|")


def branches(trees: Sequence[Branch]) -> Iterator[tuple[str, Branch]]:
    """Each task with the lines that lead to it: `├─ `, `│  └─ `."""
    for tree in trees:
        yield "", tree
        yield from _below(tree, "")


def _below(branch: Branch, lead: str) -> Iterator[tuple[str, Branch]]:
    for place, child in enumerate(branch.children, start=1):
        last = place == len(branch.children)
        yield f"{lead}{'└─ ' if last else '├─ '}", child
        yield from _below(child, f"{lead}{'   ' if last else '│  '}")
