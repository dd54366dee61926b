"""A store over a user's own queue of three verbs.

The queue holds what was asked for until it is dequeued; claims, retries and history are kept in memory beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from arrcli.model.instant import Instant, from_datetime, parse_iso, to_datetime
from arrcli.model.run import Run, State
from arrcli.store.memory import MemoryStore

IN_SOURCE: Final = "source"
"""What a run is held by while only the data source knows whether it was taken."""


class DataSource(Protocol):
    """The three verbs. A task is a JSON mapping: `id`, `name` (a dotted path), `data`, `time` (ISO text or None)."""

    def enqueue_task(self, task: Mapping[str, Any], *, app: Any) -> None:
        """Take a task that is due now."""
        ...

    def dequeue_task(self, *, app: Any) -> Mapping[str, Any] | None:
        """Give one task and forget it; None where there is none."""
        ...

    def schedule_task(self, scheduled_time: datetime, task: Mapping[str, Any], *, app: Any) -> None:
        """Take a task that is due at an aware datetime; giving it out earlier is no harm, it waits here."""
        ...


class QueueStore(MemoryStore):
    """Makes a working store of a data source.

    What it cannot promise: a task that was dequeued and had not ended is lost with this process; an `enqueue_task` is
    as durable as the source makes it; a run is executed once only if the source gives each task out once; history
    lives in memory. The three verbs are called from several threads, one at a time.
    """

    polled = True

    def __init__(self, data_source: DataSource) -> None:
        super().__init__()
        self._source = data_source
        self._app: Any = None
        self._executor = "process"

    def bind(self, app: Any) -> None:
        """The App that the verbs are given, and whose executor runs what others put into the queue."""
        self._app, self._executor = app, app.default_executor

    def append(self, runs: Sequence[Run]) -> Sequence[Run]:
        """Give runs to the source, and keep a row of each, so that its handle can be asked."""
        with self._lock:
            with self.writing() as w:
                added = w.add([run.but(held_by=IN_SOURCE) for run in runs])
            for run in added:
                self._give(run)
        return added

    def _give(self, run: Run) -> None:
        task = {
            "id": run.id,
            "name": run.func,
            "data": dict(run.kwargs) if run.kwargs else list(run.args),
            "time": to_datetime(run.due_at).isoformat(),
        }
        if run.due_at > run.enqueued_at:
            self._source.schedule_task(to_datetime(run.due_at), task, app=self._app)
        else:
            self._source.enqueue_task(task, app=self._app)

    def pull(self, now: Instant, limit: int) -> int:
        """Take at most `limit` tasks from the source and make them ready (or let them wait for their time); how
        many."""
        pulled = 0
        with self._lock:
            while pulled < limit:
                task = self._source.dequeue_task(app=self._app)
                if task is None:
                    break
                self._take(task, now)
                pulled += 1
        return pulled

    def _take(self, task: Mapping[str, Any], now: Instant) -> None:
        known = self.run(task["id"]) if isinstance(task.get("id"), int) else None
        with self.writing() as w:
            if known is not None and known.held_by == IN_SOURCE and known.func == task["name"]:
                w.release(known.id)
            elif known is None or known.state is not State.CANCELLED:
                w.add([_run_of(task, now).but(executor=self._executor)])


def _run_of(task: Mapping[str, Any], now: Instant) -> Run:
    """A task that another program gave to the source."""
    data, at = task.get("data"), _time_of(task.get("time"), now)
    keywords = isinstance(data, Mapping)
    args = () if data is None or keywords else tuple(data) if isinstance(data, list | tuple) else (data,)
    return Run(
        task=None,
        func=str(task["name"]),
        args=args,
        kwargs=dict(data) if isinstance(data, Mapping) else {},
        due_at=at,
        ready_at=at,
        enqueued_at=now,
    )


def _time_of(said: Any, now: Instant) -> Instant:
    if isinstance(said, datetime):
        return from_datetime(said)
    return parse_iso(said) if isinstance(said, str) else now
