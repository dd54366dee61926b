"""`arr exec`: one run of a task here and now, on this terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from arrcli.cli.options import Debug, File, StateDir, TaskName
from arrcli.text import brief

if TYPE_CHECKING:
    from arrcli.model.task import Task
    from arrcli.worker.once import Ended
    from arrcli.worker.wire import Attempt


def execute(
    task: TaskName,
    raw: Annotated[bool, typer.Option("--raw", help="Its output as written, escape sequences too.")] = False,
    file: File = None,
    state_dir: StateDir = None,
    debug: Debug = False,
) -> int:
    """Run a task here and now, without the store: its output to this terminal, its exit code (124: timed out)."""
    from arrcli.cli.opened import chosen
    from arrcli.errors import NotFoundError
    from arrcli.worker.once import execute as executed

    found = chosen(file, state_dir).file()
    known = found.tasks.get(task)
    if known is None:
        raise NotFoundError(f"no task {brief(task)} in {found.path}; see them with: arr list")
    relay = None if raw or not sys.stdout.isatty() else _cleaned
    ended = executed(_attempt_of(known), python_path=found.python_path, cwd=found.folder, relay=relay)
    _tell(ended, known.name)
    return ended.code


def _attempt_of(task: Task) -> Attempt:
    from arrcli.worker.wire import Attempt

    return Attempt(
        run_id=0,
        number=1,
        func=task.func,
        task=task.name,
        args=task.args,
        kwargs=task.kwargs,
        env=task.env,
        cwd=task.cwd,
        timeout=task.timeout,
        stop_grace=task.stop_grace,
    )


def _tell(ended: Ended, name: str) -> None:
    """Why it did not succeed."""
    from arrcli.cli.columns import say
    from arrcli.text import clean

    if ended.timed_out:
        say(f"{name} timed out")
    elif not ended.told:
        say(f"{name} took its process down: {ended.how}")
    elif ended.told["kind"] != "succeeded":
        said = ended.told.get("error_traceback") or f"{ended.told['error_type']}: {ended.told['error_message']}"
        say(clean(str(said)).rstrip())


def _cleaned(data: bytes) -> None:
    """What the task wrote, without what a terminal would obey."""
    from arrcli.text import clean

    sys.stdout.write(clean(data.decode("utf-8", "replace")))
    sys.stdout.flush()
