"""What stands in the way of a slot to come, as far as it can be told now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from arrcli.model.explain.cause import Cause, doing, said
from arrcli.model.instant import Instant
from arrcli.model.run import Run, TaskRecord
from arrcli.model.schedule import spread
from arrcli.model.snapshot import Snapshot
from arrcli.model.task import Overlap, Task
from arrcli.model.when import spoken

_MOST: Final = 3
"""So many runs are named; of the others it is enough that there are any."""


def obstacles(snapshot: Snapshot, task: Task, at: Instant, record: TaskRecord | None) -> Iterator[Cause]:
    """What a run of this slot will meet; those that `stop` keep it from being one."""
    due = at + spread(task.name, task.jitter)
    if due != at:
        yield Cause("jitter", f"its jitter makes it due {spoken(due - at)} later, at {said(due, task.timezone)}")
    if not task.enabled:
        yield Cause("disabled", "enabled = false: its slots are recorded as paused", stops=True)
    if record is not None and record.paused:
        yield _pause(record, due, task.timezone)
    if record is not None and record.broken:
        yield Cause("broken", f"its callable could not be imported, and the run fails if so still: {record.broken}")
    yield from _its_others(snapshot, task)
    yield from _full_pool(snapshot, task)
    if snapshot.daemon.pid is None:
        yield Cause("no_daemon", "no daemon is running, and without one nothing runs (start it: arr run)")


def _pause(record: TaskRecord, due: Instant, timezone: str) -> Cause:
    note = f" ({record.pause_note})" if record.pause_note else ""
    if record.pause_until is None:
        return Cause("paused", f"it is paused{note}, until arr resume {record.name}", stops=True)
    ends = said(record.pause_until, timezone)
    if record.pause_until <= due:
        return Cause("paused", f"it is paused{note} until {ends}, which is over by then")
    return Cause("paused", f"it is paused{note} until {ends}", stops=True)


_IF_SO_STILL: Final[dict[Overlap, str]] = {
    "skip": "the slot is skipped",
    "queue": "it waits its turn",
    "replace": "the oldest is cancelled for it",
    "allow": "it waits its turn",
}


def _its_others(snapshot: Snapshot, task: Task) -> Iterator[Cause]:
    active = active_runs(snapshot, task.name)
    if task.limit is not None and len(active) >= task.limit:
        fate = f'if so still then, {_IF_SO_STILL[task.on_overlap]} (on_overlap = "{task.on_overlap}")'
        yield Cause("overlap", f"{_them(active, snapshot.now)}; {fate}")


def _full_pool(snapshot: Snapshot, task: Task) -> Iterator[Cause]:
    pool = snapshot.pools.get(task.pool)
    busy = [run for run in snapshot.running if run.pool == task.pool]
    if pool is not None and pool.size is not None and len(busy) >= pool.size:
        full = f"pool {task.pool} is full just now ({len(busy)} of {pool.size})"
        yield Cause("pool", f"{full}: {_them(busy, snapshot.now)}; if so still then, it waits")


def active_runs(snapshot: Snapshot, name: str) -> Sequence[Run]:
    """The task's runs that count as active: they run, or await their retry."""
    retrying = [each.run for each in snapshot.upcoming if each.run is not None and each.run.attempt]
    return [run for run in (*snapshot.running, *retrying) if run.task == name]


def _them(runs: Sequence[Run], now: Instant) -> str:
    more = f" and {len(runs) - _MOST} more" if len(runs) > _MOST else ""
    return ", ".join(doing(run, now) for run in runs[:_MOST]) + more
