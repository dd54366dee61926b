"""A run that was asked for, as the program that asked holds it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

from arrcli.errors import NotFoundError, RunFailed, TimedOutError
from arrcli.model.run import Run, State

if TYPE_CHECKING:
    from arrcli.app import App

_NET_S: Final = 0.05
"""How often a run is looked at that another process may execute: our own engine tells at once."""


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
        found = self._app.reading.run(self.id)
        if found is None:
            raise NotFoundError(f"run {self.id} is not in the store any more: its history was pruned")
        return found

    @property
    def state(self) -> State:
        """Its state now, as people see it."""
        return self.run.shown_state

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end, at most `timeout` seconds; True when it has ended."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            seen = self._app.endings
            if self.run.ended:
                return True
            left = _NET_S if until is None else min(_NET_S, until - time.monotonic())
            if left <= 0:
                return False
            self._app.await_ending(seen, left)

    def result(self, timeout: float | None = None) -> Any:
        """What it returned (as JSON keeps it); RunFailed where it did not succeed, TimedOutError after `timeout` s."""
        if not self.wait(timeout):
            raise TimedOutError(f"run {self.id} has not ended after {timeout} s; it goes on")
        return _result(self.run)

    def cancel(self, *, force: bool = False) -> bool:
        """Cancel it, or ask for that where it runs; False where it had ended."""
        from arrcli.engine.asks import cancel

        if self.run.ended:
            return False
        cancel(self._app.store, [self.id], self._app.clock.now(), force=force)
        self._app.wake()
        return True

    def __await__(self) -> Generator[Any, None, Any]:
        return asyncio.to_thread(self.result).__await__()


def _result(run: Run) -> Any:
    if run.state is State.SUCCEEDED:
        return run.result
    reason = "" if run.reason is None else f" ({run.reason.value})"
    fault = "" if run.fault is None else f": {run.fault.type}: {run.fault.message}"
    error = RunFailed(f"run {run.id} {run.state.value}{reason}{fault}")
    if run.fault is not None and run.fault.traceback:
        error.add_note(run.fault.traceback)
    raise error
