"""`arr import-cron`: a crontab as a tasks file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from arrcli.cli.options import Debug, Json

if TYPE_CHECKING:
    from arrcli.config.crontab.toml import Imported

_SYSTEM: Final = Path("/etc/crontab")
_SYSTEM_FOLDER: Final = Path("/etc/cron.d")


def import_cron(
    crontab: Annotated[
        str | None, typer.Argument(metavar="[FILE or -]", help="The crontab; without it, that of crontab -l.")
    ] = None,
    system: Annotated[
        bool, typer.Option("--system", help="It has a column for the user, as /etc/crontab and /etc/cron.d/* do.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the tasks file there, not to stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="With -o: replace a file that is there.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Turn a crontab into a tasks file, which does what cron did.

    Commands run by way of arrcli.shell.run: at the same times, with the same variables, standard input and home, and
    as in cron they start though the last one still runs, and are not made up for after a downtime. Comments stay.
    A line that does not move, or not as it is, is named on stderr; where one was left as a comment the exit code is 1.
    """
    from arrcli.cli.columns import print_file, print_json
    from arrcli.config.crontab.toml import as_toml
    from arrcli.host.files import write_new

    made = as_toml(_content(crontab, system), system=system or _is_systems(crontab))
    if output is not None:
        write_new(output, made.text, force=force)
    if as_json:
        remarks = [{"line": one.line, "text": one.text} for one in made.remarks]
        print_json({"toml": made.text, "tasks": list(made.tasks), "left": made.left, "remarks": remarks})
        return int(made.left > 0)
    if output is None:
        print_file(made.text)
    _tell(made, output)
    return int(made.left > 0)


def _content(crontab: str | None, system: bool) -> bytes:
    from arrcli.errors import NotFoundError
    from arrcli.host.crontab import of_this_user

    if crontab == "-":
        return sys.stdin.buffer.read()
    if crontab is None and not system:
        return of_this_user()
    path = _SYSTEM if crontab is None else Path(crontab)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"there is no crontab {path}; name a file, or - for standard input") from None


def _is_systems(crontab: str | None) -> bool:
    """The machine's own crontabs say by where they are that they have a column for the user."""
    path = Path(crontab or "-").absolute()
    return path == _SYSTEM or path.parent == _SYSTEM_FOLDER


def _tell(made: Imported, output: Path | None) -> None:
    from arrcli.cli.columns import say
    from arrcli.text import one_line

    for one in made.remarks:
        say(f"line {one.line}: {one_line(one.text)}")
    tasks = f"{len(made.tasks)} task{'' if len(made.tasks) == 1 else 's'}"
    left = f"; {made.left} line{'' if made.left == 1 else 's'} left as comments" if made.left else ""
    then = "" if output is None else f"; wrote {output}: look at it, then: arr check {output}; arr run {output}"
    say(f"{tasks}{left}{then}")
