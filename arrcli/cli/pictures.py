"""`arr list --timeline` and `--graph`: the next 24 hours, and which tasks come after which."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from arrcli.cli.columns import cells, cut, print_json, print_rows, say, wants_colour
from arrcli.text import one_line

if TYPE_CHECKING:
    from arrcli.model.snapshot import Idle, Snapshot, Upcoming
    from arrcli.model.task import Task
    from arrcli.model.timeline import Crowd, Timeline

_LONGEST_NAME: Final = 30
_CROWDS_TOLD: Final = 3
_COLOURS: Final = {"◆": "35", "▫": "33", "·": "2", "*": "35", "-": "33", ".": "2"}


def print_timeline(
    snapshot: Snapshot, entries: Sequence[Upcoming], idle: Sequence[Idle], *, as_json: bool, ascii: bool
) -> None:
    """A row a task, as wide as the terminal (80 where there is none); what fires together is marked, and told below."""
    from arrcli.model.timeline import timeline

    if not as_json:  # what waits already is no news of the next day
        entries = [entry for entry in entries if entry.run is None or entry.at > snapshot.now]
    kept = replace(snapshot, upcoming=entries, idle=idle)
    names = [entry.name if entry.run is None else f"{entry.name} (run {entry.run.id})" for entry in entries]
    longest = max([cells(one_line(name)) for name in [*names, *(one.task.name for one in idle)]], default=0)
    width = shutil.get_terminal_size((80, 24)).columns
    room = min(longest, _LONGEST_NAME, max(8, width // 3))
    drawn = timeline(kept, cells=width - room - 2)
    if as_json:
        print_json(_timeline_json(snapshot, drawn))
        return
    if not drawn.rows:
        say("nothing fires in the next 24 hours")
        return
    for line in _timeline_lines(snapshot, drawn, room, ascii=ascii):
        print(line)


def _timeline_lines(snapshot: Snapshot, drawn: Timeline, room: int, *, ascii: bool) -> Iterator[str]:
    from arrcli.cli.times import shown
    from arrcli.dashboard.strip import ASCII, CELLS, LEGEND
    from arrcli.model.when import exact

    table: Mapping[int, int | str] = ASCII if ascii else {}
    yield f"next 24 h from {shown(drawn.start, snapshot.timezone)}, one cell = {exact(drawn.span)}"
    yield f"{'':{room}}  {drawn.hours}"
    for row in sorted(drawn.rows, key=lambda row: row.dense):  # what fires all the time says the least
        name = cut(one_line(row.name), room)
        strip = "".join(CELLS[cell] for cell in row.cells).translate(table)
        yield f"{name}{' ' * (room - cells(name))}  {_coloured(strip)}"
    yield LEGEND.translate(table)
    for crowd in drawn.crowds[:_CROWDS_TOLD]:
        yield _crowd(snapshot, crowd).translate(table)
    if len(drawn.crowds) > _CROWDS_TOLD:
        yield f"and {len(drawn.crowds) - _CROWDS_TOLD} more minutes with several (H in a cron expression spreads tasks)"


def _crowd(snapshot: Snapshot, crowd: Crowd) -> str:
    from arrcli.cli.times import shown

    named = ", ".join(one_line(name) for name in crowd.names[:5])
    more = f" and {len(crowd.names) - 5} more" if len(crowd.names) > 5 else ""
    return f"◆ {len(crowd.names)} at {shown(crowd.at, snapshot.timezone)}: {named}{more}"


def _coloured(strip: str) -> str:
    if not wants_colour():
        return strip
    return "".join(f"\x1b[{_COLOURS[mark]}m{mark}\x1b[0m" if mark in _COLOURS else mark for mark in strip)


def _timeline_json(snapshot: Snapshot, drawn: Timeline) -> dict[str, Any]:
    from arrcli.model.instant import SECOND, iso

    return {
        "now": iso(snapshot.now),
        "timezone": snapshot.timezone,
        "from": iso(drawn.start),
        "cell_s": drawn.span // SECOND,
        "rows": [{"task": row.name, "cells": [cell.value for cell in row.cells]} for row in drawn.rows],
        "together": [{"at": iso(crowd.at), "tasks": list(crowd.names)} for crowd in drawn.crowds],
    }


def print_graph(snapshot: Snapshot, *, wanted: frozenset[str], as_json: bool, ascii: bool, plain: bool) -> None:
    """The chains as trees, of those in which a wanted task is: what starts each task, and how it went last."""
    from arrcli.dashboard.strip import ASCII, branches
    from arrcli.model.tree import chains

    trees = [tree for tree in chains(snapshot.tasks) if wanted & {branch.task.name for _, branch in branches([tree])}]
    chained = [task for task in snapshot.tasks.values() if task.after]
    if as_json:
        shown = [task for task in chained if task.name in wanted]
        listed = [{"task": one.name, "after": list(one.after), "after_policy": one.after_policy} for one in shown]
        print_json({"chains": listed})
        return
    rows = []
    for lead, branch in branches(trees):
        name = f"{lead.translate(ASCII) if ascii else lead}{one_line(branch.task.name)}"
        rows.append((name, _starts(branch.task), "(see above)" if branch.again else _went(snapshot, branch.task)))
    print_rows(("TASK", "STARTS", "LAST"), rows, plain=plain, shrinks=(0, 1, 2))
    if not rows:
        say('no task comes after another; the key is: after = ["NAME"]')


def _starts(task: Task) -> str:
    if not task.after:
        return task.schedule_words
    words = {"success": "succeeded", "done": "ended", "failure": "failed"}[task.after_policy]
    return f"when {' and '.join(task.after)} {words}"


def _went(snapshot: Snapshot, task: Task) -> str:
    from arrcli.cli.times import ago
    from arrcli.dashboard.times import lasted
    from arrcli.dashboard.words import outcome

    runs = snapshot.last.get(task.name, ())
    if not runs:
        return ""
    return f"{outcome(runs[0])} {lasted(runs[0].duration)} {ago(runs[0].finished_at, snapshot.now)}"
