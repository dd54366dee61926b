"""The options that many verbs share, each defined once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arrcli.cli.complete import run_or_task, task_names

File = Annotated[Path | None, typer.Option("-f", "--file", envvar="ARR_FILE", metavar="TASKS", help="The tasks file.")]
StateDir = Annotated[
    Path | None,
    typer.Option("--state-dir", envvar="ARR_STATE_DIR", metavar="DIR", help="Where the store is (.arr/NAME)."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")]
Plain = Annotated[bool, typer.Option("--plain", help="Tab-separated, without a heading.")]
Ascii = Annotated[bool, typer.Option("--ascii", help="No glyphs beyond ASCII.")]
Utc = Annotated[bool, typer.Option("--utc", help="Times in UTC.")]
Debug = Annotated[bool, typer.Option("--debug", hidden=True, help="Show the traceback of an error.")]
Target = Annotated[str, typer.Argument(metavar="ID|TASK", autocompletion=run_or_task)]
TaskName = Annotated[str, typer.Argument(metavar="TASK", autocompletion=task_names)]
