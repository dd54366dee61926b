"""`arr init`: the first tasks file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arrcli.cli.options import Debug


def init(
    tasks: Annotated[Path, typer.Argument(metavar="[TASKS]", help="Where; ./tasks.toml.")] = Path("tasks.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    debug: Debug = False,
) -> None:
    """Write a commented starter file; one that is there stays as it is."""
    from arrcli.cli.columns import say
    from arrcli.config.starter import starter
    from arrcli.host.files import write_new

    write_new(tasks, starter(tasks), force=force)
    say(f"wrote {tasks}; look at it, then: arr check {tasks}; arr run {tasks}")
