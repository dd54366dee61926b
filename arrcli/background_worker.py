"""A background worker inside a program: start an application, give it tasks, stop it."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

from arrcli import context
from arrcli.app import App, library_app
from arrcli.asking import execute_task, execute_task_at, execute_tasks
from arrcli.errors import NotThereYetError, UsageError
from arrcli.model.instant import SECOND
from arrcli.registry import Callables, script_folder

__all__ = ["execute_task", "execute_task_at", "execute_tasks", "start_application", "stop_application"]

_alive: weakref.WeakSet[App] = weakref.WeakSet()


def start_application(
    *,
    number_of_workers: int = 1,
    data_source: Any = None,
    executor: str = "thread",
    task_runner: Callable[[App], None] | None = None,
    task_scheduler: Callable[[App], None] | None = None,
    capture_output: bool = False,
    handle_signals: bool = False,
) -> App:
    """Start an App and its workers.

    `data_source`: a Store, a path (SQLite; its companions live in `PATH.d/`), or None (memory). `executor`: "thread"
    runs in this program, any callable included, and captures nothing unless `capture_output`; "process" in killable
    worker processes with this program's `sys.path`. `handle_signals`: SIGTERM and SIGINT stop it; otherwise they are
    the program's own. ValueError where `number_of_workers` is below 1. `task_runner` and `task_scheduler` of one's
    own are not there yet.
    """
    if number_of_workers < 1:
        raise ValueError(f"number_of_workers is {number_of_workers}; at least 1 is needed")
    if task_runner is not None or task_scheduler is not None:
        raise NotThereYetError("a task_runner or task_scheduler of one's own is not there yet")
    _refuse_place(handle_signals=handle_signals)
    callables = Callables(shared=executor == "process" or _is_shared(data_source))
    folder = script_folder()
    app = library_app(
        workers=number_of_workers,
        data_source=data_source,
        executor=executor,
        callables=callables,
        capture=capture_output,
        sys_path=[*([folder] if folder else []), *(path or os.getcwd() for path in sys.path)],  # noqa: PTH109
    )
    app.start()
    _alive.add(app)
    if handle_signals:
        _handle_signals(app)
    return app


def _refuse_place(*, handle_signals: bool) -> None:
    """Where no application can be started."""
    if context.in_worker:
        raise UsageError(
            "an application was started while a worker imported this script — "
            'put start_application under: if __name__ == "__main__":'
        )
    if handle_signals and threading.current_thread() is not threading.main_thread():
        raise UsageError("handle_signals=True works in the main thread only")


def stop_application(app: App, timeout: float = 8) -> bool:
    """Refuse new work, finish what has begun and what is due, at most `timeout` seconds; True: all that had begun
    ended.

    The rest stays in a durable store, and is cancelled in a memory store. What is told afterwards can still be read.
    """
    _alive.discard(app)
    return app.finish(int(timeout * SECOND))


def _is_shared(data_source: Any) -> bool:
    """Whether other programs see what is queued there."""
    return data_source is not None and (getattr(data_source, "durable", True) or getattr(data_source, "polled", True))


def _handle_signals(app: App) -> None:
    """The first signal stops the App, and then does what it did before; a second does that at once.

    Stopping is a thread's work: the program may have been interrupted in the midst of a commit, for which the engine
    waits.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def finish(number: int) -> None:
        stop_application(app)
        os.kill(os.getpid(), number)

    def stop(number: int, frame: Any) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        threading.Thread(target=finish, args=(number,), name="arr-stop").start()

    for number in before:
        signal.signal(number, stop)


@atexit.register
def _stop_all() -> None:
    for app in list(_alive):
        if app.pid == os.getpid():
            stop_application(app)
