"""`arr export`: the tasks file written out as it was understood, as a crontab, or its JSON Schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arrcli.cli.options import Debug, File, Json

if TYPE_CHECKING:
    from arrcli.cli.opened import Chosen


def export(
    tasks: Annotated[Path | None, typer.Argument(metavar="[TASKS]", help="The tasks file; ./tasks.toml.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every key, with its default where it is not set.")] = False,
    crontab: Annotated[bool, typer.Option("--crontab", help="The shell tasks as a crontab.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="The JSON Schema of a tasks file, for editors.")] = False,
    file: File = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Write a tasks file out as it was understood: defaults merged into the tasks, paths absolute, times in UTC.

    It loads, to the same tasks. With --crontab what cron cannot do is named on stderr, and the exit code is 1 where a
    task is not in it.
    """
    from arrcli.cli.opened import to_set_up
    from arrcli.errors import UsageError

    if crontab + schema + everything > 1:
        raise UsageError("--all, --crontab and --schema are three things; ask for one")
    if schema:
        return _schema()
    which = to_set_up(tasks if tasks is not None else file, None)
    return _crontab(which, as_json=as_json) if crontab else _file(which, everything=everything, as_json=as_json)


def _schema() -> int:
    import json

    from arrcli.config.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0


def _file(which: Chosen, *, everything: bool, as_json: bool) -> int:
    from arrcli.cli.columns import print_file, print_json
    from arrcli.config import export

    found = export.resolved(which.path, everything=everything)
    if as_json:
        print_json(export.as_json(found))
    else:
        print_file(export.as_toml(found))
    return 0


def _crontab(which: Chosen, *, as_json: bool) -> int:
    from arrcli.cli.columns import print_file, print_json, say
    from arrcli.config.crontab.text import as_crontab
    from arrcli.model.wall import machine_zone
    from arrcli.text import clean

    made = as_crontab(which.file(), home=str(Path.home()), zone=machine_zone().key)
    if as_json:
        print_json({"crontab": made.text, "left": dict(made.left), "remarks": dict(made.remarks)})
        return int(bool(made.left))
    print_file(made.text)
    for name, why in made.left.items():
        say(clean(f"{name}: left out: {why}"))
    for name, why in made.remarks.items():
        say(clean(f"{name}: {why}"))
    if made.unlike_cron:
        say("cron starts a command though its last run still goes, and makes nothing up after a downtime")
    return int(bool(made.left))
