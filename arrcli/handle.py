"""A run that was asked for, as the program that asked holds it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

from arrcli.errors import NotFoundError, RunFailed, TimedOutError
from arrcli.model.run import Run, State

if TYPE_CHECKING:
    from arrcli.app import App

_NET_S: Final = 0.05
"""How soon a run is looked at again that another process may execute: our own engine tells at once."""
_LONGEST_NET_S: Final = 0.5
_PART: Final = 0.1
"""A run that was waited for so long is looked at less often: each time after this part of the wait so far."""


class RunHandle:
    """`id`, `state`, `wait`, `result`, `cancel`, `run`; awaitable for its result."""

    def __init__(self, app: App, run: Run) -> None:
        self._app, self._asked = app, run

    def __repr__(self) -> str:
        return f"<RunHandle {self.id} {self._asked.func}>"

    @property
    def id(self) -> int:
        """The run's id in its store."""
        return self._asked.id

    @property
    def run(self) -> Run:
        """The run as it is now; NotFoundError where the store keeps it no longer."""
        found = self._app.run(self.id)
        if found is None:
            raise NotFoundError(f"run {self.id} is not in the store any more: its history was pruned")
        return found

    @property
    def state(self) -> State:
        """Its state now, as people see it."""
        return self.run.shown_state

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end, at most `timeout` seconds; True when it has ended.

        ArrError where it cannot end any more: its engine is gone, and nothing else will run it.
        """
        happened = threading.Event()
        began = time.monotonic()
        with self._app.endings.watched(self.id, happened.set):
            while not self._has_ended():
                waited = time.monotonic() - began
                left = _net(waited) if timeout is None else min(_net(waited), timeout - waited)
                if left <= 0:
                    return False
                happened.wait(left)
                happened.clear()
        return True

    def result(self, timeout: float | None = None) -> Any:
        """What it returned (as JSON keeps it); RunFailed where it did not succeed, TimedOutError after `timeout` s."""
        if not self.wait(timeout):
            raise TimedOutError(f"run {self.id} has not ended after {timeout} s; it goes on")
        return _result(self.run)

    def cancel(self, *, force: bool = False) -> bool:
        """Cancel it, or ask for that where it runs; False where it had ended."""
        if self.run.ended:
            return False
        self._app.cancel([self.id], force=force)
        return True

    def __await__(self) -> Generator[Any, None, Any]:
        return self._awaited().__await__()

    async def _awaited(self) -> Any:
        happened = asyncio.Event()
        loop = asyncio.get_running_loop()

        def tell() -> None:
            with contextlib.suppress(RuntimeError):  # the loop may have been closed meanwhile
                loop.call_soon_threadsafe(happened.set)

        began = time.monotonic()
        with self._app.endings.watched(self.id, tell):
            while not self._has_ended():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(happened.wait(), _net(time.monotonic() - began))
                happened.clear()
        return _result(self.run)

    def _has_ended(self) -> bool:
        hopeless = self._app.hopeless
        if self.run.ended:
            return True
        if hopeless is not None:
            raise hopeless
        return False


def _net(waited: float) -> float:
    return min(max(_NET_S, waited * _PART), _LONGEST_NET_S)


def _result(run: Run) -> Any:
    if run.state is State.SUCCEEDED:
        return run.result
    reason = "" if run.reason is None else f" ({run.reason.value})"
    fault = "" if run.fault is None else f": {run.fault.type}: {run.fault.message}"
    error = RunFailed(f"run {run.id} {run.state.value}{reason}{fault}", run=run)
    if run.fault is not None and run.fault.traceback:
        error.add_note(run.fault.traceback)
    raise error
