"""Who gets how many lines. Heights follow the window and what rarely changes: panes do not jump."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeAlias

from arrcli.dashboard.listing import Listing
from arrcli.dashboard.view import Pane
from arrcli.dashboard.workers import lines_of
from arrcli.model.snapshot import Snapshot
from arrcli.model.value import dataclass

_ONE_PANE_BELOW: Final = 14
_TWO_COLUMNS_FROM: Final = (160, 24)
_TIMELINE_FROM: Final = 37
"""Lines of the body, in a window of forty."""


class Extra(StrEnum):
    """What is drawn beside the panes that a cursor can be in."""

    DETAIL = "detail"
    WORKERS = "workers"
    TIMELINE = "timeline"


Part: TypeAlias = Pane | Extra


@dataclass(frozen=True, slots=True)
class Column:
    """Parts from top to bottom, all of one width; their heights are the body's together."""

    width: int
    parts: tuple[tuple[Part, int], ...]


def laid_out(snapshot: Snapshot, listing: Listing, focus: Pane, width: int, height: int) -> tuple[Column, ...]:
    """The columns of a body of `width` by `height`; between two columns one cell is left for a line."""
    if height < _ONE_PANE_BELOW:
        return (Column(width, ((focus, height),)),)
    shares = _shares(snapshot, listing, focus)
    if width >= _TWO_COLUMNS_FROM[0] and height >= _TWO_COLUMNS_FROM[1]:
        left = (width - 1) // 2
        return Column(left, _left(height)), Column(width - left - 1, _right(shares, snapshot, height))
    return (Column(width, _stacked(shares, snapshot, height)),)


def _shares(snapshot: Snapshot, listing: Listing, focus: Pane) -> dict[Pane, int]:
    """How many rows the panes would have: places at work, not runs, so that the height holds still."""
    places = snapshot.daemon.workers or len(snapshot.workers)
    failing = max(len(listing.failing), 1 if focus is Pane.FAILING else 0)
    return {Pane.RUNNING: max(1, places, min(len(listing.running), 4)), Pane.FAILING: failing}


def _stacked(shares: dict[Pane, int], snapshot: Snapshot, height: int) -> tuple[tuple[Part, int], ...]:
    tall = height >= _TIMELINE_FROM
    detail, timeline = (4, 8) if tall else (3 if height < 30 else 7, 0)
    workers = _titled(min(lines_of(snapshot.workers), 5)) if tall else 0
    rest = height - detail - timeline - workers
    failing = _titled(min(shares[Pane.FAILING], max(1, rest // 6)))
    running = _titled(min(shares[Pane.RUNNING], max(1, rest // 6)))
    ended = _titled(rest // 4)
    parts: list[tuple[Part, int]] = [(Pane.FAILING, failing)] if failing else []
    parts += [(Pane.RUNNING, running)]
    parts += [(Extra.WORKERS, workers)] if workers else []
    parts += [(Pane.NEXT, rest - failing - running - ended)]
    parts += [(Extra.TIMELINE, timeline)] if timeline else []
    return (*parts, (Pane.ENDED, ended), (Extra.DETAIL, detail))


def _left(height: int) -> tuple[tuple[Part, int], ...]:
    detail = 8 if height < 40 else 14
    return (Pane.NEXT, height - detail), (Extra.DETAIL, detail)


def _right(shares: dict[Pane, int], snapshot: Snapshot, height: int) -> tuple[tuple[Part, int], ...]:
    failing = _titled(min(shares[Pane.FAILING], height // 6))
    running = _titled(min(shares[Pane.RUNNING], height // 5))
    workers = _titled(min(lines_of(snapshot.workers), height // 5))
    timeline = height // 4 if height >= _TIMELINE_FROM else 0
    parts: list[tuple[Part, int]] = [(Pane.FAILING, failing)] if failing else []
    parts += [(Pane.RUNNING, running)]
    parts += [(Extra.WORKERS, workers)] if workers else []
    parts += [(Extra.TIMELINE, timeline)] if timeline else []
    return (*parts, (Pane.ENDED, height - failing - running - workers - timeline))


def _titled(rows: int) -> int:
    """Lines for that many rows and their title; none for none."""
    return rows + 1 if rows > 0 else 0
