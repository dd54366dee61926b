"""What a key asks of the daemon, of the row under the cursor; or, in a sentence, why it asks nothing."""

from __future__ import annotations

from arrcli.dashboard.act import Act, Again, Cancel, Pause, Reload, Resume, RunNow
from arrcli.dashboard.listing import Broken, Item, name_of
from arrcli.model.run import Run
from arrcli.model.snapshot import Idle, Snapshot, Upcoming


def wish(act: str, item: Item | None, snapshot: Snapshot) -> Act | str:
    """The act that the key means here, or why there is none."""
    if act == "reload":
        return Reload()
    if item is None:
        return "there is nothing under the cursor"
    match act:
        case "run_now":
            task = task_of(item, snapshot)
            return RunNow(task) if task else f"{name_of(item)} is no task of this file: a runs an ended run again"
        case "cancel":
            run = going(item, snapshot)
            return Cancel(run.id, run.name) if run else f"nothing of {name_of(item)} is running or pending"
        case "again":
            run = _ended(item, snapshot)
            return Again(run.id) if run else f"no run of {name_of(item)} has ended yet"
        case _:
            return _pause_or_resume(item, snapshot)


def task_of(item: Item, snapshot: Snapshot) -> str:
    """The name of the row's task, where the file has it; else ""."""
    match item:
        case Upcoming(task=task) if task is not None:
            return task.name
        case Idle():
            return item.task.name
        case Run(task=str() as name) if name in snapshot.tasks:
            return name
        case Broken() if item.name in snapshot.tasks:
            return item.name
        case _:
            return ""


def going(item: Item, snapshot: Snapshot) -> Run | None:
    """The row's run where that has not ended; of a task the one that runs, the oldest of several."""
    match item:
        case Run() if not item.ended:
            return item
        case Upcoming(run=Run() as run):
            return run
        case Run():
            return None
        case _:
            return next((run for run in snapshot.running if run.name == name_of(item)), None)


def newest(item: Item, snapshot: Snapshot) -> Run | None:
    """The run to open: the row's own, one that runs, or the task's last one."""
    match item:
        case Run():
            return item
        case _:
            return going(item, snapshot) or _ended(item, snapshot)


def _ended(item: Item, snapshot: Snapshot) -> Run | None:
    match item:
        case Run():
            return item if item.ended else None
        case Upcoming(run=Run()):
            return None
        case _:
            last = snapshot.last.get(name_of(item), ())
            return last[0] if last else None


def _pause_or_resume(item: Item, snapshot: Snapshot) -> Act | str:
    task = task_of(item, snapshot)
    if not task:
        return f"{name_of(item)} is no task of this file: only a task can be paused"
    return Resume(task) if is_paused(item, snapshot) else Pause(task)


def is_paused(item: Item | None, snapshot: Snapshot) -> bool:
    """The row's task is paused, so that the key resumes it."""
    record = None if item is None else snapshot.records.get(task_of(item, snapshot))
    return record is not None and record.paused
