"""`arr exec`: one run of a task here and now, on this terminal."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from arrcli.cli.options import Debug, File, StateDir, TaskName
from arrcli.text import brief


def execute(
    task: TaskName,
    raw: Annotated[bool, typer.Option("--raw", help="Its output as written, escape sequences too.")] = False,
    file: File = None,
    state_dir: StateDir = None,
    debug: Debug = False,
) -> int:
    """Run a task here and now, without the store: its output to this terminal, its exit code (124: timed out)."""
    from arrcli.cli.columns import say
    from arrcli.cli.opened import chosen
    from arrcli.errors import NotFoundError
    from arrcli.text import clean
    from arrcli.worker.once import execute as executed
    from arrcli.worker.wire import Attempt

    found = chosen(file, state_dir).file()
    known = found.tasks.get(task)
    if known is None:
        raise NotFoundError(f"no task {brief(task)} in {found.path}; see them with: arr list")
    attempt = Attempt(
        run_id=0,
        number=1,
        func=known.func,
        task=known.name,
        args=known.args,
        kwargs=known.kwargs,
        env=known.env,
        cwd=known.cwd,
        timeout=known.timeout,
        stop_grace=known.stop_grace,
    )
    relay = None if raw or not sys.stdout.isatty() else _cleaned
    ended = executed(attempt, python_path=found.python_path, cwd=found.folder, relay=relay)
    if ended.timed_out:
        say(f"{known.name} timed out")
        return 124
    if not ended.told:
        say(f"{known.name} took its process down: {ended.how}")
        return ended.code
    if ended.told["kind"] == "succeeded":
        return 0
    said = ended.told.get("error_traceback") or f"{ended.told['error_type']}: {ended.told['error_message']}"
    say(clean(str(said)).rstrip())
    return ended.code


def _cleaned(data: bytes) -> None:
    """What the task wrote, without what a terminal would obey."""
    from arrcli.text import clean

    sys.stdout.write(clean(data.decode("utf-8", "replace")))
    sys.stdout.flush()
