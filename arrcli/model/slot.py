"""The slots of a task: the instants that its schedule names, within its start and until."""

from __future__ import annotations

from collections.abc import Iterator

from arrcli.model.instant import Instant
from arrcli.model.schedule import Reboot, spread
from arrcli.model.task import Task


def next_slot(task: Task, mark: Instant) -> Instant | None:
    """The first slot after the mark, within the task's start and until."""
    if task.schedule is None or isinstance(task.schedule, Reboot):
        return None
    since = mark if task.start is None else max(mark, task.start - 1)
    slot = task.schedule.after(since)
    return None if slot is None or (task.until is not None and slot > task.until) else slot


def next_due(task: Task, mark: Instant) -> Instant | None:
    """When the next slot's run is due: the slot, and the task's jitter later."""
    slot = next_slot(task, mark)
    return None if slot is None else slot + spread(task.name, task.jitter)


def slots(task: Task, mark: Instant, until: Instant) -> Iterator[Instant]:
    """The slots after the mark up to `until`, in order."""
    slot = next_slot(task, mark)
    while slot is not None and slot <= until:
        yield slot
        slot = next_slot(task, slot)
