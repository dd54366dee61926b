"""The workers, a line each, and one for the host of threads: what they work on, since when, how many they have done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from rich.style import Style

from arrcli.dashboard import times
from arrcli.dashboard.cells import BUSY, DIM, HELD, PLAIN, Cell, Column, Line, blank, row, rule
from arrcli.dashboard.glyphs import IDLE, RUNNING
from arrcli.dashboard.pane import Context
from arrcli.model.snapshot import WorkerStatus

_ROOM_FOR_USAGE: Final = 75
_ROOM_FOR_WORDS: Final = 110
_AT_EASE: Final = frozenset({"idle", "busy", "running"})


@lru_cache(maxsize=32)
def columns(width: int) -> Sequence[Column]:
    """What is used is left out where there is little room."""
    used = [Column("cpu", 4, right=True), Column("memory", 7, right=True)]
    found = [
        Column("", 6, right=True),
        Column("state", 12),
        Column("for", 7, right=True),
        Column("pid", 7, right=True),
        Column("done", 9, right=True),
        *(used if width >= _ROOM_FOR_USAGE else []),
    ]
    return [*found, Column("works on", max(0, width - sum(column.width + 1 for column in found)))]


def workers_pane(context: Context, width: int, height: int) -> list[Line]:
    """As many workers as there is room for; those that are neither idle nor at work come first."""
    workers = context.snapshot.workers
    note = summary(workers)
    lines = [rule(f"workers {len(_places(workers))}", width, note=note, columns=columns(width))]
    lines += [line for line, _ in zip(_rows(context, width), range(height - 1), strict=False)]
    return (lines + [blank(width)] * (height - len(lines)))[:height]


def lines_of(workers: Sequence[WorkerStatus]) -> int:
    """How many lines they would all have: one a place, and one for the host of threads."""
    return len(_places(workers)) + bool(_on_threads(workers))


def brief(workers: Sequence[WorkerStatus], width: int) -> str:
    """The same in few words where there is little room: `2/4 busy`."""
    places = _places(workers)
    if width >= _ROOM_FOR_WORDS or not places:
        return summary(workers)
    return f"{sum(each.run is not None for each in places)}/{len(places)} busy"


def summary(workers: Sequence[WorkerStatus]) -> str:
    """`2 of 4 workers busy, 1 starting, 3 on threads`; "" where there are no workers."""
    places, threads = _places(workers), _on_threads(workers)
    busy = sum(each.run is not None for each in places)
    states = Counter(each.state for each in places if each.run is None and each.state not in _AT_EASE)
    said = [f"{busy} of {len(places)} workers busy"] if places else []
    said += [f"{count} {state}" for state, count in states.items()]
    said += [f"{len(threads)} on threads"] if threads else []
    return ", ".join(said)


def place(worker: WorkerStatus | None) -> str:
    """`2`, `thread`, ""."""
    if worker is None:
        return ""
    return str(worker.index) if worker.kind == "process" else worker.kind


def share(worker: WorkerStatus | None) -> str:
    """`98%` of one processor, ""."""
    return "" if worker is None or worker.cpu is None else f"{worker.cpu:.0%}"


def resident(worker: WorkerStatus | None) -> str:
    """`83 MB`, `1.2 GB`, ""."""
    if worker is None or worker.rss_kb is None:
        return ""
    megabytes = worker.rss_kb / 1024
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1024:.1f} GB"


def _places(workers: Sequence[WorkerStatus]) -> Sequence[WorkerStatus]:
    return [each for each in workers if each.kind == "process"]


def _on_threads(workers: Sequence[WorkerStatus]) -> Sequence[WorkerStatus]:
    return [each for each in workers if each.kind != "process" and each.run is not None]


def _rows(context: Context, width: int) -> Iterator[Line]:
    workers = context.snapshot.workers
    for each in sorted(_places(workers), key=lambda each: (each.state in _AT_EASE, each.index)):
        about = "" if each.run is None else f"{each.run.name}  run {each.run.id}"
        yield _row(each, place(each), about, context, width)
    threads = _on_threads(workers)
    if threads:
        names = ", ".join(sorted({each.run.name for each in threads if each.run is not None}))
        yield _row(threads[0], "host", f"{len(threads)} on threads: {names}", context, width)


def _row(worker: WorkerStatus, name: str, about: str, context: Context, width: int) -> Line:
    state, style = _state(worker)
    told = {
        "": (name, DIM),
        "state": (state, style),
        "for": ("" if worker.since is None else times.passed(context.now - worker.since), style),
        "pid": ("" if worker.pid is None else str(worker.pid), DIM),
        "done": (f"{worker.done:,}" if worker.kind == "process" else "", DIM),
        "cpu": (share(worker), PLAIN),
        "memory": (resident(worker), PLAIN),
        "works on": (about, PLAIN),
    }
    cells: list[Cell] = [column.cell(*told[column.head]) for column in columns(width)]
    return row(cells, width)


def _state(worker: WorkerStatus) -> tuple[str, Style]:
    if worker.run is not None:
        return RUNNING.text, BUSY
    return f"{IDLE.glyph} {worker.state}", DIM if worker.state in _AT_EASE else HELD
