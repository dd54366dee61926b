"""What people and programs ask for: runs made by hand, cancelled, tried again; tasks paused and resumed.

Each is one transaction on the store; a running daemon hears of it by the bell, one that is not there finds it when
it starts.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from arrcli.errors import NotFoundError, UsageError
from arrcli.model.instant import Instant
from arrcli.model.run import Origin, Reason, Run, State, TaskRecord
from arrcli.model.task import Task
from arrcli.store.values import TASKS_VERSION, Move, Request

if TYPE_CHECKING:
    from arrcli.store.contract import Store, Writing


_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Asked(NamedTuple):
    """A run that is asked for. `args` None keeps a task's own, `kwargs` are laid over its own."""

    target: str
    args: Sequence[Any] | None = None
    kwargs: Mapping[str, Any] = _NOTHING
    at: Instant | None = None
    expires: int | None = None
    priority: int | None = None
    key: str | None = None
    options: Mapping[str, Any] = _NOTHING


_NEW: Final = Run(task=None, func="", due_at=0, ready_at=0, enqueued_at=0)


def run_asked(asked: Asked, tasks: Mapping[str, Task], now: Instant, *, executor: str = "process") -> Run:
    """The run that is meant: of a task by its name, else of a bare dotted path (with `executor`)."""
    at = now if asked.at is None else asked.at
    task = tasks.get(asked.target)
    options = dict(asked.options) if asked.priority is None else {**asked.options, "priority": asked.priority}
    span, priority = asked.expires, asked.priority
    if task is not None:
        span = task.expires if span is None else span
        priority = task.priority if priority is None else priority
    return _NEW.but(
        task=None if task is None else task.name,
        func=asked.target if task is None else task.func,
        args=tuple(task.args if task is not None and asked.args is None else asked.args or ()),
        kwargs=dict(asked.kwargs) if task is None else {**task.kwargs, **asked.kwargs},
        due_at=at,
        ready_at=at,
        enqueued_at=now,
        executor=executor if task is None else task.executor,
        key=asked.key,
        options=options,
        pool=str(options.get("pool", "default" if task is None else task.pool)),
        priority=priority or 0,
        expires_at=None if span is None else at + span,
    )


def retry(store: Store, run_id: int, now: Instant) -> Run:
    """A new run of the same callable and arguments, with `retry_of`; the slot goes beside it."""
    old = known(store, run_id)
    if not old.ended:
        raise UsageError(f"run {run_id} is {old.shown_state}; only an ended run can be tried again")
    new = Run(
        task=old.task,
        func=old.func,
        args=old.args,
        kwargs=old.kwargs,
        origin=Origin.RETRY,
        slot=old.slot,
        due_at=now,
        ready_at=now,
        enqueued_at=now,
        pool=old.pool,
        priority=old.priority,
        executor=old.executor,
        options=old.options,
        retry_of=old.id,
    )
    return store.append([new])[0]


def known(store: Store, run_id: int) -> Run:
    """The run, or NotFoundError."""
    run = store.run(run_id)
    if run is None:
        raise NotFoundError(f"there is no run {run_id}; see them with: arr runs")
    return run


def cancel(store: Store, run_ids: Sequence[int], now: Instant, *, force: bool = False) -> Sequence[Run]:
    """Cancel what is pending now, ask the owners of what runs; each run as it is after that.

    An ended run stays as it is.
    """
    after = []
    with store.writing() as w:
        for run_id in run_ids:
            run = w.run(run_id)
            if run is None:
                raise NotFoundError(f"there is no run {run_id}; see them with: arr runs")
            after.append(_cancelled(w, run, now, force))
    return after


def _cancelled(w: Writing, run: Run, now: Instant, force: bool) -> Run:
    if run.state is State.PENDING:
        ended = run.cancelled(at=now, reason=Reason.USER)
        return ended if w.move([Move(was=run, now=ended)])[0] else run
    if run.state is State.RUNNING:
        arguments = {"run": run.id, "force": force}
        w.add_request(Request(kind="cancel", to=run.claimed_by or "", arguments=arguments, at=now))
    return run


def pause(
    store: Store,
    names: Collection[str],
    tasks: Mapping[str, Task],
    now: Instant,
    *,
    until: Instant | None = None,
    note: str = "",
) -> None:
    """Hold the slots of these tasks, and the next attempts of their runs."""

    def paused(w: Writing, record: TaskRecord) -> TaskRecord:
        return replace(record, paused=True, pause_until=until, pause_note=note)

    _change(store, names, tasks, now, paused)


def resume(store: Store, names: Collection[str], tasks: Mapping[str, Task], now: Instant) -> None:
    """Let them go on; slots that passed meanwhile are not owed, also where no daemon was there to see them pass."""
    from arrcli.engine.planner import let_pass  # late: few verbs need it

    def resumed(w: Writing, record: TaskRecord) -> TaskRecord:
        task = tasks.get(record.name)
        ended = record.pause_until is not None and record.pause_until < now
        if record.paused and task is not None and not record.removed and not ended:
            record = let_pass(w, task, record, now)
        return replace(record, paused=False, pause_until=None, pause_note="")

    _change(store, names, tasks, now, resumed)


def _change(store: Store, names: Collection[str], tasks: Mapping[str, Task], now: Instant, change: Any) -> None:
    with store.writing() as w:
        records = w.task_records()
        for name in names:
            record = records.get(name)
            if record is None:
                record = _first_record(tasks[name], now)
            w.put_task_records([change(w, record)])
        w.put_meta(TASKS_VERSION, os.urandom(8).hex())


def _first_record(task: Task, now: Instant) -> TaskRecord:
    """Of a task that no daemon has seen yet."""
    return TaskRecord(name=task.name, mark=now, anchor=now, digest=task.schedule_digest(), first_seen=now)
