"""What a program holds of a run that it asked for: waiting ends when the run does, and never hangs."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from command_line import eventually

from arrcli import App, background_worker, execute_task, execute_task_at
from arrcli.errors import ArrError


@pytest.fixture
def app() -> Iterator[App]:
    with background_worker.start_application(number_of_workers=10) as started:
        yield started


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What tasks wait for; open at the end of a test, so that no thread stays behind."""
    made = threading.Event()
    yield made
    made.set()


def test_an_await_that_is_given_up_leaves_nothing_behind_that_waits(app: App, gate: threading.Event) -> None:
    run = execute_task(app, lambda: gate.wait(20))

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run, 0.01)

    asyncio.run(impatient())  # would not return before the run ended, had a thread been left to wait for it
    assert not run.run.ended


def test_handles_that_are_awaited_do_not_stand_in_each_others_way(app: App, gate: threading.Event) -> None:
    slow = [execute_task(app, lambda: gate.wait(20)) for _ in range(9)]

    async def first_of_all() -> Any:
        waiting = [asyncio.ensure_future(run) for run in slow]
        await asyncio.sleep(0)
        told = await execute_task(app, lambda: "fast")
        gate.set()
        return told, await asyncio.gather(*waiting)

    assert asyncio.run(first_of_all()) == ("fast", [True] * 9)


def test_many_threads_may_wait_for_one_run(app: App, gate: threading.Event) -> None:
    run = execute_task(app, lambda: gate.wait(20))
    told: list[bool] = []
    threads = [threading.Thread(target=lambda: told.append(run.wait(20))) for _ in range(5)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(20)
    assert told == [True] * 5


def test_a_cancel_ends_the_wait_at_once(app: App) -> None:
    run = execute_task_at(app, timedelta(hours=1), lambda: None)
    waiter = threading.Thread(target=run.wait)
    waiter.start()
    run.cancel()
    waiter.join(20)
    assert not waiter.is_alive()


def test_a_wait_for_what_nothing_will_run_any_more_is_an_error() -> None:
    app = background_worker.start_application()
    background_worker.stop_application(app)
    run = execute_never(app)
    with pytest.raises(ArrError, match="stopped"):
        run.wait()


def execute_never(app: App) -> Any:
    """A run that came a moment too late: between the last look and the end."""
    app._closing = False
    run = execute_task_at(app, timedelta(hours=1), lambda: None)
    app._closing = True
    return run


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_wait_ends_with_an_error_when_the_engine_is_gone() -> None:
    app = background_worker.start_application()
    run = execute_task_at(app, timedelta(hours=1), lambda: None)
    app.runner.turn = _broken  # type: ignore[union-attr, method-assign]  # the engine of a started App
    app.wake()
    with pytest.raises(ArrError, match="engine has ended: ZeroDivisionError"):
        run.wait(20)
    assert background_worker.stop_application(app, 0) is False


def _broken() -> None:
    raise ZeroDivisionError("on purpose")


class _Held:
    """Something that a closure holds."""


def test_what_a_closure_holds_is_let_go_when_its_run_has_ended(app: App) -> None:
    held = _Held()
    seen = weakref.ref(held)
    runs = [execute_task(app, lambda kept=held: None) for _ in range(3)]
    later = execute_task_at(app, timedelta(hours=1), lambda kept=held: None)
    del held
    assert all(run.wait(20) for run in runs)
    later.cancel()
    eventually(lambda: gc.collect() >= 0 and seen() is None)
