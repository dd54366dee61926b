"""What a task can ask about the run that it is part of; standard library only, for workers import it.

Outside of arr everything here works and does nothing, so that a task can be called and tested as the plain
function that it is: `current_run()` is then a run that is falsy, has id 0 and ignores progress.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

_T = TypeVar("_T")
in_worker = False
"""True in a process that executes attempts."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BETWEEN_REPORTS_S: Final = 0.1


class Retry(Exception):
    """Raised by a task: this attempt failed, try again after `delay` (seconds or a timedelta; None: as its
    policy says).

    It asks for a retry whatever `retry_on` says; the task's number of `retries` still holds.
    """

    def __init__(self, message: object = "", *, delay: float | timedelta | None = None) -> None:
        super().__init__(message)
        self.delay = delay

    def delay_us(self) -> int | None:
        """The delay in microseconds, at least 0."""
        if self.delay is None:
            return None
        seconds = self.delay.total_seconds() if isinstance(self.delay, timedelta) else float(self.delay)
        return max(0, round(seconds * 1_000_000))


class GiveUp(Exception):
    """Raised by a task: the run failed, and trying again would not help."""


class CurrentRun:
    """The run that the calling code is part of."""

    __slots__ = ("_is_cancelled", "_report", "_slot", "attempt", "id", "saw_cancel", "task")

    def __init__(
        self,
        *,
        id: int,
        task: str | None,
        attempt: int,
        slot: int | None = None,
        report: Callable[[float, str], None] | None = None,
        is_cancelled: Callable[[int], bool] | None = None,
    ) -> None:
        self.id = id
        self.task = task
        self.attempt = attempt
        self.saw_cancel = False
        self._slot = slot
        self._report = report
        self._is_cancelled = is_cancelled

    def __bool__(self) -> bool:
        return self.id != 0

    def __repr__(self) -> str:
        return f"<run {self.id} of {self.task}, attempt {self.attempt}>" if self else "<no run>"

    @property
    def slot(self) -> datetime | None:
        """The instant that the schedule named, aware, in UTC; None for a run that was asked for."""
        return None if self._slot is None else _EPOCH + timedelta(microseconds=self._slot)

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for this run to stop; a task on a thread should look at it now and then,
        and return.
        """
        asked = self._is_cancelled is not None and self._is_cancelled(self.id)
        self.saw_cancel = self.saw_cancel or asked
        return asked

    def progress(self, fraction: float, text: str = "") -> None:
        """Show how much is done, from 0 to 1, and a short text."""
        if self._report is not None:
            self._report(min(max(float(fraction), 0.0), 1.0), str(text))


_OUTSIDE: Final = CurrentRun(id=0, task=None, attempt=0)
_current: ContextVar[CurrentRun | None] = ContextVar("arr_current_run", default=None)
_of_process: CurrentRun = _OUTSIDE


def current_run() -> CurrentRun:
    """The run that the caller is part of; a falsy one (id 0, progress ignored) outside of any."""
    return _current.get() or _of_process


def enter_run(run: CurrentRun | None) -> None:
    """Make `run` the current one of this context: of a thread, or of a coroutine."""
    _current.set(run)


def enter_process(run: CurrentRun | None) -> None:
    """Make `run` the current one of this whole process, for one that tries one attempt at a time."""
    global _of_process
    _of_process = run or _OUTSIDE


def track(iterable: Iterable[_T], total: int | None = None, *, text: str = "") -> Iterator[_T]:
    """Yield the items, and show the progress through them (of `total`, or of the iterable's length, where
    there is one).
    """
    run = current_run()
    count = total if total is not None else len(iterable) if isinstance(iterable, Sized) else None
    told = 0.0
    for done, item in enumerate(iterable, 1):
        yield item
        if (now := time.monotonic()) - told >= _BETWEEN_REPORTS_S or done == count:
            told = now
            run.progress(done / count if count else 0.0, text or (f"{done}/{count}" if count else f"{done}"))
