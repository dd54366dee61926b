"""`arr check`: a tasks file, and every callable that it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from arrcli.cli.options import Debug, Json, StateDir

if TYPE_CHECKING:
    from arrcli.model.task import Task, TasksFile

_MANY: Final = 8
"""From so many tasks on there is a bar: fewer are done before one could be looked at."""


def check(
    tasks: Annotated[Path | None, typer.Argument(metavar="[TASKS]", help="The tasks file; ./tasks.toml.")] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", envvar="ARR_FILE", help="The same, as an option.")
    ] = None,
    state_dir: StateDir = None,
    timeout: Annotated[str, typer.Option("--timeout", help="At most so long an import.")] = "10s",
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Validate a file: imports each callable in a child process, binds its arguments, prints the next three fires."""
    from arrcli.cli.columns import print_json, print_rows, say
    from arrcli.cli.opened import to_set_up
    from arrcli.cli.progress import bar
    from arrcli.clock import SYSTEM
    from arrcli.config.advice import warnings
    from arrcli.model.when import duration

    which = to_set_up(tasks if tasks is not None else file, state_dir)
    found = which.file()
    now = SYSTEM.now()
    with bar("importing", shown=not as_json and len(found.tasks) >= _MANY) as tell:
        results = _inspected(found, duration(timeout) / 1e6, tell)
    noted = [*found.notes, *warnings(found, now, shown=str(which.path))]
    bad = [one for one in results if not one["ok"]]
    if as_json:
        rows = [_json(found.tasks[one["name"]], one, now) for one in results]
        print_json({"file": str(which.path), "ok": not bad, "tasks": rows, "warnings": noted})
        return 1 if bad else 0
    print_rows(("TASK", "CALLABLE", "NEXT THREE"), [_row(found, one, now) for one in results], shrinks=(0, 2))
    for one in bad:
        say(f"{which.path}: {one['name']}: {one['error']}")
    for one in results:
        for text in one.get("warnings") or ():
            say(f"{which.path}: {one['name']}: {text}")
    for text in noted:
        say(f"warning: {text}")
    say(_summary(which.path, len(results), len(bad)))
    return 1 if bad else 0


def _summary(path: Path, count: int, bad: int) -> str:
    tasks = f"{count} task{'' if count == 1 else 's'}"
    if bad:
        return f"{path}: {bad} of {tasks} cannot run as written"
    return f"{path}: {tasks}, all callables found"


def _inspected(file: TasksFile, timeout_s: float, tell: Callable[[int, int], None]) -> list[dict[str, Any]]:
    from arrcli.worker.check_child import inspect_callables

    items = [
        {
            "name": task.name,
            "func": task.func,
            "args": list(task.args),
            "kwargs": dict(task.kwargs),
            "retry_on": None if task.retry_on is None else list(task.retry_on),
            "no_retry_on": list(task.no_retry_on),
            "on_failure": task.on_failure if isinstance(task.on_failure, str) else None,
        }
        for task in file.tasks.values()
    ]
    return inspect_callables(
        items,
        python_path=file.python_path,
        cwd=file.folder,
        timeout_s=timeout_s,
        told=lambda done: tell(done, len(items)),
    )


def _row(file: TasksFile, one: dict[str, Any], now: int) -> tuple[str, str, str]:
    from arrcli.cli.columns import is_narrow
    from arrcli.cli.times import coming, when

    task, seconds = file.tasks[one["name"]], None if is_narrow(plain=False) else False
    times = ", ".join(when(at, now, task.timezone, seconds=seconds) for at in coming(task, now))
    return task.name, "ok" if one["ok"] else "broken", times or task.schedule_words


def _json(task: Task, one: dict[str, Any], now: int) -> dict[str, Any]:
    from arrcli.cli.times import coming
    from arrcli.model.instant import iso

    return {
        "task": task.name,
        "func": task.func,
        "ok": one["ok"],
        "error": one["error"] or None,
        "warnings": list(one.get("warnings") or ()),
        "next": [iso(at) for at in coming(task, now)],
    }
