"""The next 24 hours: a row a task, a cell so many minutes; those that fire all the time come last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, islice
from typing import Final

from rich.segment import Segment

from arrcli.dashboard.cells import BOLD, BUSY, DIM, HELD, PLAIN, Line, blank, fit, rule, tidy, verbatim, whole, width_of
from arrcli.dashboard.listing import Item, name_of
from arrcli.dashboard.pane import Context
from arrcli.dashboard.strip import CELLS, LEGEND
from arrcli.model.instant import DAY
from arrcli.model.snapshot import Idle, Upcoming
from arrcli.model.timeline import Fires, Timeline, timeline
from arrcli.model.when import exact

_MORE: Final = 24
"""So many more tasks than there is room for are looked at, to find those that fire rarely."""
_SORTED: Final = 200
"""Of so many tasks at the most the page sorts those that fire all the time behind the others."""
_SIGNS: Final = "▪ once  ■ often  ◆ with another  ▫ held"
_LOOKS: Final = {Fires.NONE: DIM, Fires.OFTEN: DIM, Fires.HELD: HELD, Fires.TOGETHER: BOLD + BUSY, Fires.ONCE: PLAIN}


def timeline_pane(coming: Sequence[Item], context: Context, under: str, width: int, height: int) -> list[Line]:
    """A title, the hours, and as many rows as fit; `under` is the name of what the cursor is on."""
    if height < 3:
        return [blank(width)] * max(0, height)
    lines = _rows(coming, context, under, width, height - 2)
    return (lines + [blank(width)] * (height - len(lines)))[:height]


def timeline_page(
    coming: Sequence[Item], context: Context, under: str, top: int, width: int, height: int
) -> list[Line]:
    """The same over the whole screen, from the task `top` on, with what the signs mean and what fires together."""
    crowds = 3 if height >= 16 else 0
    drawn = _page(coming, context, top, width, max(0, height - 3 - crowds))
    lines = _lines(drawn, under, width, "Esc closes")
    lines += [blank(width)] * (height - 1 - crowds - len(lines)) + [whole(LEGEND, width, DIM)]
    for crowd in drawn.crowds[:crowds]:
        names = ", ".join(crowd.names)
        lines.append(whole(f"◆ {len(crowd.names)} at {context.moment(crowd.at, None)}: {names}", width))
    return (lines + [blank(width)] * (height - len(lines)))[: max(0, height)]


def _page(coming: Sequence[Item], context: Context, top: int, width: int, room: int) -> Timeline:
    """The rows from `top` on, those that fire all the time behind the others where not too many are to be sorted."""
    if len(coming) > _SORTED:
        return _drawn(coming[top:], context, width, room)
    drawn = _drawn(coming, context, width, len(coming))
    return replace(drawn, rows=sorted(drawn.rows, key=lambda row: row.dense)[top : top + room])


def _rows(coming: Sequence[Item], context: Context, under: str, width: int, room: int) -> list[Line]:
    """Those that fire rarely, a row each; of those that fire all the time the names, in one line."""
    drawn = _drawn(coming, context, width, room + _MORE)
    dense = [row for row in drawn.rows if row.dense]
    rare = [row for row in drawn.rows if not row.dense][: room - bool(dense)]
    shown = rare or dense[: room - 1]
    lines = _lines(replace(drawn, rows=shown), under, width, _SIGNS)
    more = ", ".join(row.name for row in dense[0 if rare else len(shown) :])
    return [*lines, whole(f"■ all the time: {more}", width, DIM)] if more else lines


def _drawn(coming: Sequence[Item], context: Context, width: int, count: int) -> Timeline:
    """Of so many tasks, and of nothing else: what is queued stands in other panes. The whole first cell, so that a cell
    stays as it is."""
    tasks = [item for item in islice(coming, 3 * count) if not (isinstance(item, Upcoming) and item.run)]
    kept = tasks[:count]
    some = replace(
        context.snapshot,
        upcoming=[item for item in kept if isinstance(item, Upcoming)],
        idle=[item for item in kept if isinstance(item, Idle)],
    )
    names = max((width_of(tidy(name_of(item))) for item in kept), default=0)
    return timeline(some, cells=width - min(names, _most_for_names(width)) - 1, whole_cells=True)


def _lines(drawn: Timeline, under: str, width: int, note: str) -> list[Line]:
    room = max(0, min(width - DAY // drawn.span - 1, _most_for_names(width)))
    lines = [
        rule(f"next 24 h, a cell is {exact(drawn.span)}", width, note=note),
        verbatim(f"{'':{room}} {drawn.hours}", width, DIM),
    ]
    for row in drawn.rows:
        name = Segment(fit(row.name, room), BOLD if row.name == under else PLAIN)
        cells = [Segment(CELLS[fires] * len(list(alike)), _LOOKS[fires]) for fires, alike in groupby(row.cells)]
        rest = width - room - 1 - len(row.cells)
        lines.append([name, Segment(" "), *cells, Segment(" " * max(0, rest))])
    if not drawn.rows:
        lines.append(whole("nothing", width, DIM))
    return lines


def _most_for_names(width: int) -> int:
    return max(10, min(30, width // 4))
