"""A store over a user's own queue of three verbs.

The queue holds what was asked for until it is dequeued; claims, retries and history are kept in memory beside it.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from arrcli.errors import StoreError
from arrcli.model.instant import Instant, from_datetime, parse_iso, to_datetime
from arrcli.model.run import Run, State
from arrcli.store.memory import MemoryStore
from arrcli.store.values import IN_SOURCE, Move

_NEWEST: Final = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'runs'"

Named = Callable[[str], tuple[str, Mapping[str, Any]]]
"""From the name of a task to the dotted path of its callable and the policies that it was registered with."""


class DataSource(Protocol):
    """The three verbs. A task is a JSON mapping: `id`, `name`, `data`, `time`.

    `id` is a text of its own for every run of every program; `name` a dotted path, or a name that `@task` registered in
    the program that takes it; `data` as for `execute_task`; `time` ISO text with an offset, or None: now. None of the
    verbs should block: `dequeue_task` is called up to ten times a second while there are workers with nothing to do.
    """

    def enqueue_task(self, task: Mapping[str, Any], *, app: Any) -> None:
        """Take a task that is due now."""
        ...

    def dequeue_task(self, *, app: Any) -> Mapping[str, Any] | None:
        """Give one task and forget it; None where there is none."""
        ...

    def schedule_task(self, scheduled_time: datetime, task: Mapping[str, Any], *, app: Any) -> None:
        """Take a task that is due at an aware datetime; given out earlier, it waits where it is taken."""
        ...


class QueueStore(MemoryStore):
    """Makes a working store of a data source.

    What it cannot promise: a task that was dequeued and had not ended is lost when this process dies (when it stops,
    what has not begun goes back); an `enqueue_task` is as durable as the source makes it, and many of them are no
    transaction; a run is executed once only if the source gives each task out once; `key` is looked for among the runs
    of this program alone. Options (`retries`, ...) and history live in memory: a program that takes another's task
    runs it with the policies that are registered there, and who asked for it does not hear how it ended. The three
    verbs are called from several threads, one at a time. What a verb raises is a StoreError to who called for it, and a
    note of the engine's where nobody did.
    """

    polled = True

    def __init__(self, data_source: DataSource) -> None:
        super().__init__()
        self._source = data_source
        self._source_lock = threading.Lock()
        self._mark = secrets.token_hex(4)
        self._app: Any = None
        self._named: Named = lambda name: (name, {})
        self._executor = "process"
        self._finishes = False

    def bind(self, app: Any, *, named: Named | None = None) -> None:
        """The App that the verbs are given, and whose executor and names hold for what others put into the queue."""
        self._app, self._executor = app, app.default_executor
        self._named = named or self._named

    # -- to the source ------------------------------------------------------------------------------------------------

    def append(self, runs: Sequence[Run]) -> Sequence[Run]:
        """Give runs to the source, and keep a row of each, so that its handle can be asked.

        StoreError where the source would not take one: it and those after it are cancelled, those before it stay.
        """
        with self.writing() as w:
            newest = int(self._ask(_NEWEST)[0][0])
            added = w.add([run.but(held_by=IN_SOURCE) for run in runs])
        fresh = list({run.id: run for run in added if run.id > newest}.values())
        for place, run in enumerate(fresh):
            try:
                self._give(run, run.enqueued_at)
            except StoreError:
                self._cancel(fresh[place:])
                raise
        return added

    def _give(self, run: Run, now: Instant) -> None:
        when = to_datetime(max(run.due_at, run.ready_at))
        task = {"id": f"{self._mark}-{run.id}", "name": run.func, "data": _data(run), "time": when.isoformat()}
        if run.ready_at > now:
            with self._asking("schedule_task"):
                self._source.schedule_task(when, task, app=self._app)
        else:
            with self._asking("enqueue_task"):
                self._source.enqueue_task(task, app=self._app)

    def _cancel(self, runs: Sequence[Run]) -> None:
        with self.writing() as w:
            w.move([Move(was=run, now=run.cancelled(at=run.enqueued_at)) for run in runs])

    def finish(self) -> None:
        """From now on take only as much as is needed to get back what this program itself asked for and is due."""
        self._finishes = True

    def give_back(self, now: Instant) -> None:
        """What was taken and has not begun goes back to the source, for others or for the next start."""
        with self.writing() as w:
            taken = [run for run in w.pending() if run.state is State.PENDING and run.held_by != IN_SOURCE]
            w.hold([run.but(held_by=IN_SOURCE) for run in taken])
        for run in taken:
            self._give(run, now)

    # -- from the source ----------------------------------------------------------------------------------------------

    def pull(self, now: Instant, limit: int) -> int:
        """Take at most `limit` tasks from the source and make them ready (or let them wait for their time); how many.

        StoreError where the source fails, or gives what is no task: that one is lost, the others are not.
        """
        for pulled in range(limit):
            if self._finishes and not self._is_owed(now):
                return pulled
            with self._asking("dequeue_task"):
                task = self._source.dequeue_task(app=self._app)
            if task is None:
                return pulled
            self._take(task, now)
        return limit

    def _is_owed(self, now: Instant) -> bool:
        return any(run.held_by == IN_SOURCE for run in self.pending(until=now))

    def _take(self, task: Mapping[str, Any], now: Instant) -> None:
        try:
            mark, _, number = str(task.get("id")).partition("-")
            with self.writing() as w:
                if mark == self._mark and number.isdecimal():
                    w.release(int(number))  # no other than one that is held: a task that comes twice runs once
                else:
                    w.add([self._run_of(task, now)])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StoreError(f"the data source gave what is no task, {str(task)[:200]!r}: {error!r}") from error

    def _run_of(self, task: Mapping[str, Any], now: Instant) -> Run:
        """A task that another program gave to the source."""
        func, options = self._named(str(task["name"]))
        data, at = task.get("data"), _time_of(task.get("time"), now)
        keywords = isinstance(data, Mapping)
        return Run(
            task=None,
            func=func,
            args=() if data is None or keywords else tuple(data) if isinstance(data, list | tuple) else (data,),
            kwargs=dict(data) if isinstance(data, Mapping) else {},
            due_at=at,
            ready_at=at,
            enqueued_at=now,
            executor=self._executor,
            options=dict(options),
        )

    @contextlib.contextmanager
    def _asking(self, verb: str) -> Iterator[None]:
        try:
            with self._source_lock:
                yield
        except Exception as error:
            raise StoreError(f"the data source's {verb} failed: {type(error).__name__}: {error}") from error


def _data(run: Run) -> Any:
    """What was given to `execute_task`, or what means the same."""
    if run.kwargs:
        return dict(run.kwargs)
    if len(run.args) == 1 and isinstance(run.args[0], str | int | float):
        return run.args[0]
    return list(run.args) or None


def _time_of(said: Any, now: Instant) -> Instant:
    if isinstance(said, datetime):
        return from_datetime(said)
    return parse_iso(said) if isinstance(said, str) else now
