"""One application kept in this module, for programs that need just one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

from arrcli import asking, background_worker
from arrcli.app import App
from arrcli.asking import Target, When
from arrcli.errors import UsageError
from arrcli.handle import RunHandle

_app: App | None = None
_lock: Final = threading.Lock()


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
    """`background_worker.start_application`, kept here; UsageError where one is running already."""
    global _app
    with _lock:
        if _app is not None and not _app.stopped:
            raise UsageError("the global application is running already; stop it first: stop_application()")
        _app = background_worker.start_application(
            number_of_workers=number_of_workers,
            data_source=data_source,
            executor=executor,
            task_runner=task_runner,
            task_scheduler=task_scheduler,
            capture_output=capture_output,
            handle_signals=handle_signals,
        )
        return _app


def stop_application(timeout: float = 8) -> bool:
    """Stop it; False where none was started."""
    global _app
    with _lock:
        app, _app = _app, None
    return app is not None and background_worker.stop_application(app, timeout)


def execute_task(target: Target, data: Any = None, **options: Any) -> RunHandle:
    """`arrcli.execute_task` on the global application."""
    return asking.execute_task(application(), target, data, **options)


def execute_task_at(time: When, target: Target, data: Any = None, **options: Any) -> RunHandle:
    """`arrcli.execute_task_at` on the global application."""
    return asking.execute_task_at(application(), time, target, data, **options)


def execute_tasks(tasks: Iterable[tuple[Target, Any]], **options: Any) -> list[RunHandle]:
    """`arrcli.execute_tasks` on the global application."""
    return asking.execute_tasks(application(), tasks, **options)


def application() -> App:
    """The global application; UsageError where none was started."""
    app = _app
    if app is None:
        raise UsageError("no global application is running; start it: global_background_worker.start_application()")
    return app
