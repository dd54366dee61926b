"""What runs: since when, on which worker, how far."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from arrcli.dashboard import times
from arrcli.dashboard.cells import BUSY, DIM, Cell, Line, row, tidy, width_of
from arrcli.dashboard.glyphs import DONE, LEFT, RUNNING
from arrcli.dashboard.listing import Item
from arrcli.dashboard.pane import Context
from arrcli.model.run import Run, State
from arrcli.model.snapshot import WorkerStatus


def running_row(item: Item, context: Context, width: int, selected: bool) -> Line:
    """`▶ running  import-orders  run 4823   12s  worker 1  ━━━━━─── 45% third file`."""
    assert isinstance(item, Run)  # noqa: S101 - the running pane holds runs
    worker = worker_of(item, context)
    name = max(12, min(30, width // 4))
    place = f"worker {worker.index}" if worker is not None else ""
    cells = [
        Cell(RUNNING.text, 9, RUNNING.style),
        Cell(item.name, name),
        Cell(f"run {item.id}", 9, DIM),
        Cell(elapsed(item, context), 7, BUSY, right=True),
        Cell(place, 9 if width >= 60 else 0, DIM),
    ]
    left = width - sum(cell.width + 1 for cell in cells if cell.width)
    cells = [cell for cell in cells if cell.width]
    return row([*cells, Cell(_how_far(item, worker, context, left), max(0, left))], width, selected=selected)


def elapsed(run: Run, context: Context) -> str:
    return "" if run.started_at is None else times.passed(context.now - run.started_at)


def worker_of(run: Run, context: Context) -> WorkerStatus | None:
    at_work = (each for each in context.snapshot.workers if each.run is not None)
    return next((each for each in at_work if each.run is not None and each.run.id == run.id), None)


def _how_far(run: Run, worker: WorkerStatus | None, context: Context, room: int) -> str:
    """What the task says of its progress, or how long it took before; which attempt; its slot."""
    parts: list[str] = []
    if worker is not None and worker.progress is not None:
        done = min(1.0, max(0.0, worker.progress))
        parts.append(f"{_bar(done, min(20, room // 3))} {done:.0%} {tidy(worker.progress_text)}".strip())
    elif (usual := _usual(run, context)) is not None:
        parts.append(f"of ~{times.lasted(usual)}")
    parts += [f"attempt {run.attempt}"] if run.attempt > 1 else []
    parts += [f"slot {context.moment(run.slot, run.task)}"] if run.slot is not None else []
    return _fitting(parts, room)


def _fitting(parts: Sequence[str], room: int) -> str:
    """The first of them, and those that follow as long as they are not cut."""
    said = parts[0] if parts else ""
    for part in parts[1:]:
        if width_of(said) + 2 + width_of(part) > room:
            break
        said += f"  {part}"
    return said


def _bar(done: float, width: int) -> str:
    full = round(done * width)
    return DONE * full + LEFT * (width - full)


def _usual(run: Run, context: Context) -> int | None:
    """The median duration of its task's last runs that succeeded."""
    last = context.snapshot.last.get(run.task, ()) if run.task is not None else ()
    known = [each.duration for each in last if each.state is State.SUCCEEDED and each.duration is not None]
    return int(median(known)) if known else None
