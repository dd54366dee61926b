"""What runs: since when, on which worker, how far."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from statistics import median
from typing import Final

from arrcli.dashboard import times
from arrcli.dashboard.cells import BUSY, DIM, PLAIN, Column, Line, row, tidy, width_of
from arrcli.dashboard.glyphs import DONE, LEFT, LIKELY, RUNNING
from arrcli.dashboard.listing import Item
from arrcli.dashboard.pane import Context, Rows
from arrcli.dashboard.workers import place, resident, share
from arrcli.model.run import Run, State
from arrcli.model.snapshot import WorkerStatus

_WIDE: Final = 100
_LONGEST_BAR: Final = 30
_LEAST_FOR_BAR: Final = 14
_GO_FIRST: Final = ("run", "due", "memory", "cpu", "worker")
"""Columns by how early they may go."""


@lru_cache(maxsize=32)
def columns(width: int) -> Sequence[Column]:
    """In a narrow window some room is left for how far it is; what matters least goes first."""
    found = [
        Column("", 1),
        Column("task", max(12, min(30, width // 5))),
        Column("run", 7, right=True),
        Column("due", 13 if width >= _WIDE else 8),
        Column("for", 6, right=True),
        Column("worker", 6, right=True),
        Column("cpu", 4, right=True),
        Column("memory", 7, right=True),
    ]
    for head in _GO_FIRST:
        if sum(column.width + 1 for column in found) + _LEAST_FOR_BAR > width:
            found = [column for column in found if column.head != head]
    return [*found, Column("progress", max(0, width - sum(column.width + 1 for column in found)))]


def running_row(item: Item, context: Context, width: int, selected: bool) -> Line:
    """`▶ import-orders  4823  14:05:00  12s  1  98%  83 MB  ━━━━━─── 45% third file`."""
    assert isinstance(item, Run)  # noqa: S101 - the running pane holds runs
    worker = worker_of(item, context)
    in_order = columns(width)
    own = worker if worker is None or worker.kind == "process" else None  # a host's is not the run's alone
    told = {
        "": (RUNNING.glyph, RUNNING.style),
        "task": (item.name, PLAIN),
        "run": (str(item.id), DIM),
        "due": (_due(item, context, width), DIM),
        "for": (elapsed(item, context), BUSY),
        "worker": (place(worker), DIM),
        "cpu": (share(own), PLAIN),
        "memory": (resident(own), PLAIN),
        "progress": (_how_far(item, worker, context, in_order[-1].width), PLAIN),
    }
    return row([column.cell(*told[column.head]) for column in in_order], width, selected=selected)


def _due(run: Run, context: Context, width: int) -> str:
    """Its slot, or when it was to run: with the zone where there is room."""
    at = run.slot if run.slot is not None else run.due_at
    return context.moment(at, run.task) if width >= _WIDE else times.clock(at, context.zone(run.task))


def elapsed(run: Run, context: Context) -> str:
    return "" if run.started_at is None else times.passed(context.now - run.started_at)


def worker_of(run: Run, context: Context) -> WorkerStatus | None:
    at_work = (each for each in context.snapshot.workers if each.run is not None)
    return next((each for each in at_work if each.run is not None and each.run.id == run.id), None)


def _how_far(run: Run, worker: WorkerStatus | None, context: Context, room: int) -> str:
    """A bar: what the task says of its progress, or (dashed) its time against the usual; then which attempt."""
    parts: list[str] = []
    usual = _usual(run, context)
    if worker is not None and worker.progress is not None:
        done = min(1.0, max(0.0, worker.progress))
        parts += [f"{_bar(done, room - 5)} {done:.0%}", tidy(worker.progress_text)]
    elif usual is not None and run.started_at is not None:
        said = f"of ~{times.lasted(usual)}"
        done = min(1.0, (context.now - run.started_at) / max(1, usual))
        parts.append(f"{_bar(done, room - width_of(said) - 1, LIKELY)} {said}".strip())
    parts += [f"attempt {run.attempt}"] if run.attempt > 1 else []
    return _fitting([part for part in parts if part], room)


def _fitting(parts: Sequence[str], room: int) -> str:
    """The first of them, and those that follow as long as they are not cut."""
    said = parts[0] if parts else ""
    for part in parts[1:]:
        if width_of(said) + 2 + width_of(part) > room:
            break
        said += f"  {part}"
    return said


def _bar(done: float, room: int, sign: str = DONE) -> str:
    width = min(_LONGEST_BAR, max(0, room))
    full = round(done * width)
    return sign * full + LEFT * (width - full)


def _usual(run: Run, context: Context) -> int | None:
    """The median duration of its task's last runs that succeeded."""
    last = context.snapshot.last.get(run.task, ()) if run.task is not None else ()
    known = [each.duration for each in last if each.state is State.SUCCEEDED and each.duration is not None]
    return int(median(known)) if known else None


RUNNING_ROWS: Final = Rows(running_row, columns, "nothing runs just now")
