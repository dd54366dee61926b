"""`arr db`: the store itself."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from arrcli.cli.options import Debug, File, Json, StateDir

if TYPE_CHECKING:
    from arrcli.host.places import Places
    from arrcli.store.check import Finding

_TAKES_BACK: Final = 5_000_000
"""Microseconds within which a daemon takes back the claims of a process that is gone."""
_LOOK_S: Final = 0.1

app = typer.Typer(
    help="The store: where it is, and its upkeep.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def path(file: File = None, state_dir: StateDir = None, as_json: Json = False, debug: Debug = False) -> None:
    """Where the store is."""
    from arrcli.cli.columns import print_json
    from arrcli.cli.opened import chosen

    places = chosen(file, state_dir).places
    print_json({"path": str(places.database)}) if as_json else print(places.database)


@app.command()
def prune(
    before: Annotated[
        str | None, typer.Option("--before", metavar="30d", help="Older than this, of every task.")
    ] = None,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Delete history past its bounds now (keep_runs and keep_for of each task, or --before)."""
    from arrcli.cli.columns import print_json, say
    from arrcli.cli.opened import opened
    from arrcli.cli.progress import bar
    from arrcli.engine.janitor import prune_all
    from arrcli.model.when import duration

    with opened(file, state_dir, writes=True) as opened_app:
        older = None if before is None else duration(before)
        with bar("pruning", shown=not as_json) as tell:
            gone = prune_all(opened_app.store, opened_app.file, opened_app.clock.now(), older=older, told=tell)
    if as_json:
        print_json({"deleted": gone})
    else:
        say(f"deleted {gone} ended runs")


@app.command()
def check(
    mend: Annotated[
        bool, typer.Option("--mend", help="Put right what can be: counts, and what pruned runs left behind.")
    ] = False,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Is the store whole: its pages, slots, attempts, outputs and counts, and does somebody run what runs?

    Works beside a running daemon and without one, and holds nobody up. Exit 0; 1 where something is wrong, with how to
    mend it.
    """
    from arrcli.cli.columns import print_json
    from arrcli.cli.progress import bar
    from arrcli.store.check import STEPS, checked, put_right

    places = _places(file, state_dir)
    if mend:
        put_right(places.database, places.gate)
    with bar("checking", shown=not as_json) as tell:
        step = itertools.count(1)
        found = checked(places.database, step=lambda: tell(next(step), STEPS))
    wrong = found.findings or _unowned(places)
    if as_json:
        facts = [{"what": one.what, "mend": one.mend, "count": one.count, "runs": list(one.runs)} for one in wrong]
        print_json({"ok": not wrong, "path": str(places.database), "runs": found.runs, "findings": facts})
    elif wrong:
        for one in wrong:
            print(f"{one.what} — {one.mend}")
    else:
        print(f"ok: {places.database} is whole: {_counted(found.runs, 'run')}, {found.running} running")
    return 1 if wrong else 0


def _unowned(places: Places) -> Sequence[Finding]:
    """What nobody runs, given a moment where a daemon is alive: it takes back the claims of those that are gone."""
    from arrcli.clock import SYSTEM
    from arrcli.host.lock import holder
    from arrcli.store.check import unowned

    end = SYSTEM.monotonic() + _TAKES_BACK
    while True:
        found = unowned(places.database, lives=lambda owner: holder(places.claim(owner)) is not None)
        if not found or places.daemon() is None or SYSTEM.monotonic() >= end:
            return found
        threading.Event().wait(_LOOK_S)


@app.command()
def backup(
    to: Annotated[
        Path | None, typer.Argument(metavar="[DEST]", help="A file or a folder; a name with the time beside the store.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Copy the store to a file, also while it is in use, and check the copy. Its path alone goes to stdout.

    To restore one, stop arr, remove arr.db, arr.db-wal and arr.db-shm, and put the copy in the place of arr.db.
    """
    from arrcli.cli.columns import print_json, say
    from arrcli.cli.progress import bar
    from arrcli.store.backup import back_up

    places = _places(file, state_dir)
    name = f"arr-{_stamp()}.db"
    path = places.database.with_name(name) if to is None else to / name if to.is_dir() else to
    with bar("copying", shown=not as_json) as tell:
        size = back_up(places.database, path, force=force, progress=tell)
    if as_json:
        print_json({"path": str(path.absolute()), "bytes": size})
    else:
        print(path, flush=True)
        say(f"copied and checked, {size:,} bytes")


def _places(file: Path | None, state_dir: Path | None) -> Places:
    from arrcli.cli.opened import chosen
    from arrcli.host.files import distrust

    places = chosen(file, state_dir).places
    for fault in distrust([places.folder]):
        print(f"warning: {fault}", file=sys.stderr)
    return places


def _stamp() -> str:
    from arrcli.clock import SYSTEM
    from arrcli.model.instant import to_datetime

    return to_datetime(SYSTEM.now()).strftime("%Y%m%dT%H%M%SZ")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
