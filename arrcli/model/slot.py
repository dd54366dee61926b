"""The slots of a task: the instants that its schedule names, within its start and until."""

from __future__ import annotations

from collections.abc import Iterator

from arrcli.model.instant import Instant
from arrcli.model.schedule import Reboot, Schedule, spread
from arrcli.model.schedule.bound import not_before
from arrcli.model.task import Task


def next_slot(task: Task, mark: Instant) -> Instant | None:
    """The first slot after the mark, within the task's start and until."""
    return None if task.schedule is None else slot_of(task.schedule, mark, start=task.start, until=task.until)


def slot_of(schedule: Schedule, mark: Instant, *, start: Instant | None, until: Instant | None) -> Instant | None:
    """The first slot of a schedule after the mark, within these bounds."""
    if isinstance(schedule, Reboot):
        return None
    slot = schedule.after(mark if start is None else max(mark, start - 1))
    return None if slot is None or (until is not None and slot > until) else slot


def next_due(task: Task, mark: Instant) -> Instant | None:
    """When the next slot's run is due: the slot, and the task's jitter later."""
    slot = next_slot(task, mark)
    return None if slot is None else slot + spread(task.name, task.jitter)


def due_not_before(task: Task, mark: Instant) -> Instant | None:
    """No slot after the mark is due earlier than this; None where there is none. Cheap, where `next_due` is not."""
    if task.schedule is None or isinstance(task.schedule, Reboot):
        return None
    bound = not_before(task.schedule, mark if task.start is None else max(mark, task.start - 1))
    if bound is None or (task.until is not None and bound > task.until):
        return None
    return bound + spread(task.name, task.jitter)


def slots(task: Task, mark: Instant, until: Instant) -> Iterator[Instant]:
    """The slots after the mark up to `until`, in order."""
    slot = next_slot(task, mark)
    while slot is not None and slot <= until:
        yield slot
        slot = next_slot(task, slot)
