"""The workers, a line each: what it works on, since when, how many it has done."""

from __future__ import annotations

from collections.abc import Sequence

from arrcli.dashboard import times
from arrcli.dashboard.cells import BUSY, DIM, HELD, PLAIN, Cell, Line, blank, row, rule
from arrcli.dashboard.glyphs import IDLE, RUNNING
from arrcli.dashboard.pane import Context
from arrcli.model.snapshot import WorkerStatus

_ROOM_FOR_USAGE = 75
_AT_EASE = frozenset({"idle", "busy", "running"})


def workers_pane(context: Context, width: int, height: int) -> list[Line]:
    """As many workers as there is room for; those that are neither idle nor at work come first."""
    workers = sorted(context.snapshot.workers, key=lambda each: (each.state in _AT_EASE, each.index))
    lines = [rule(f"workers {len(workers)}", width, note=summary(workers))]
    lines += [_worker_row(each, context, width) for each in workers[: height - 1]]
    return (lines + [blank(width)] * (height - len(lines)))[:height]


def summary(workers: Sequence[WorkerStatus]) -> str:
    """`2 busy, 1 idle, 1 starting`."""
    busy = sum(each.run is not None for each in workers)
    states: dict[str, int] = {"busy": busy}
    for each in workers:
        if each.run is None:
            states[each.state] = states.get(each.state, 0) + 1
    return ", ".join(f"{count} {state}" for state, count in states.items() if count)


def share(worker: WorkerStatus | None) -> str:
    """`98%` of one processor, ""."""
    return "" if worker is None or worker.cpu is None else f"{worker.cpu:.0%}"


def resident(worker: WorkerStatus | None) -> str:
    """`83 MB`, `1.2 GB`, ""."""
    if worker is None or worker.rss_kb is None:
        return ""
    megabytes = worker.rss_kb / 1024
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1024:.1f} GB"


def _worker_row(worker: WorkerStatus, context: Context, width: int) -> Line:
    busy = worker.run is not None
    state = RUNNING.word if busy else worker.state
    glyph = RUNNING.glyph if busy else IDLE.glyph
    style = BUSY if busy else DIM if worker.state in _AT_EASE else HELD
    since = "" if worker.since is None else times.passed(context.now - worker.since)
    about = "" if worker.run is None else f"{worker.run.name}  run {worker.run.id}"
    cells = [
        Cell(f"{worker.index}", 3, DIM, right=True),
        Cell(f"{glyph} {state}", 12, style),
        Cell(since, 7, style, right=True),
        Cell(f"pid {worker.pid}" if worker.pid is not None else "", 11, DIM),
        Cell(f"{worker.done:,} done", 13, DIM),
    ]
    if width >= _ROOM_FOR_USAGE:
        cells += [Cell(share(worker), 4, right=True), Cell(resident(worker), 7, right=True)]
    room = width - sum(cell.width + 1 for cell in cells)
    return row([*cells, Cell(about, max(0, room), PLAIN)], width)
