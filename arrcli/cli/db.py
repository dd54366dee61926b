"""`arr db`: the store itself."""

from __future__ import annotations

from typing import Annotated

import typer

from arrcli.cli.options import Debug, File, Json, StateDir

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
    from arrcli.engine.janitor import prune_all
    from arrcli.model.when import duration

    with opened(file, state_dir, writes=True) as opened_app:
        older = None if before is None else duration(before)
        gone = prune_all(opened_app.store, opened_app.file, opened_app.clock.now(), older=older)
    if as_json:
        print_json({"deleted": gone})
    else:
        say(f"deleted {gone} ended runs")


@app.command()
def check(debug: Debug = False) -> None:
    """Check the store's integrity. (not there yet)"""
    from arrcli.errors import NotThereYetError

    raise NotThereYetError("arr db check is not there yet")


@app.command()
def backup(to: Annotated[str | None, typer.Argument()] = None, debug: Debug = False) -> None:
    """Copy the store while it is in use. (not there yet)"""
    from arrcli.errors import NotThereYetError

    raise NotThereYetError("arr db backup is not there yet")
