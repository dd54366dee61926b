"""`arr init` and `arr export`: tasks files, and what describes them."""

from __future__ import annotations

import json
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


def export(
    schema: Annotated[bool, typer.Option("--schema", help="The JSON Schema of a tasks file.")] = False,
    debug: Debug = False,
) -> None:
    """The JSON Schema of a tasks file, for editors (--schema); the resolved file itself is not there yet."""
    from arrcli.config.schema import json_schema
    from arrcli.errors import NotThereYetError

    if not schema:
        raise NotThereYetError("arr export without --schema is not there yet; there is: arr export --schema")
    print(json.dumps(json_schema(), indent=2))
