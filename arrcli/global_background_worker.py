"""One application kept in this module, for programs that need just one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from arrcli import asking, background_worker
from arrcli.app import App
from arrcli.asking import Target, When
from arrcli.errors import UsageError
from arrcli.handle import RunHandle

_app: App | None = None


def start_application(**options: Any) -> App:
    """`background_worker.start_application`, kept here; UsageError where one is running already."""
    global _app
    if _app is not None:
        raise UsageError("the global application is running already; stop it first: stop_application()")
    _app = background_worker.start_application(**options)
    return _app


def stop_application(timeout: float = 8) -> bool:
    """Stop it; False where none was started."""
    global _app
    if _app is None:
        return False
    app, _app = _app, None
    return background_worker.stop_application(app, timeout)


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
    if _app is None:
        raise UsageError("no global application is running; start it: global_background_worker.start_application()")
    return _app
