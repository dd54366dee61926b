"""Pictures of one line as characters: durations as bars, a timeline's cells, a tree's lines.

For the screen and for the short verbs, so without rich.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from arrcli.model.run import Run, State
from arrcli.model.timeline import Fires
from arrcli.model.tree import Branch

BARS: Final = "▁▂▃▄▅▆▇█"
FAILED: Final = "✗"
"""Stands for the bar of a run that failed: the shape tells it where there is no colour."""
CELLS: Final = {
    Fires.NONE: "·",
    Fires.ONCE: "▪",
    Fires.OFTEN: "■",
    Fires.TOGETHER: "◆",
    Fires.HELD: "▫",
}
LEGEND: Final = "▪ once  ■ several times  ◆ in one minute with another task  ▫ held"
ASCII: Final = str.maketrans("·▪■◆▫├└─│", ".o#*-|`-|")


def bars(runs: Sequence[Run]) -> str:
    """A character a run: its duration against the longest of them; of one that failed a cross."""
    longest = max((run.duration or 0 for run in runs), default=0) or 1
    return "".join(
        FAILED if run.state is State.FAILED else BARS[(run.duration or 0) * (len(BARS) - 1) // longest] for run in runs
    )


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
