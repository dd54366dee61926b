"""`arr init`: the first tasks file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arrcli.cli.options import Debug, File, Json


def init(
    tasks: Annotated[Path | None, typer.Argument(metavar="[TASKS]", help="Where; ./tasks.toml.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    file: File = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a commented starter file, which runs as it is; one that is there stays as it is."""
    import shlex

    from arrcli.cli.columns import print_json, say
    from arrcli.cli.opened import DEFAULT
    from arrcli.config.starter import starter
    from arrcli.host.files import write_new
    from arrcli.text import one_line

    path = tasks or file or DEFAULT
    write_new(path, starter(path), force=force)
    if as_json:
        print_json({"file": str(path.absolute())})
    else:
        name = "" if path == DEFAULT else f" {shlex.quote(str(path))}"
        say(one_line(f"wrote {path}; look at it, then: arr check{name}; arr run{name}"))
