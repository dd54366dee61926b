"""`arr logs`: what a run printed, also while it runs."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from arrcli.cli.options import Debug, Json, StateDir, Target

if TYPE_CHECKING:
    from arrcli.app import App
    from arrcli.model.run import Run

_LOOK_S: Final = 0.1


def logs(
    target: Target,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until it ends; exit as it ended.")] = False,
    attempt: Annotated[int | None, typer.Option("--attempt", min=1, help="Of this attempt; the last.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="As written, escape sequences too.")] = False,
    file: Annotated[
        Path | None, typer.Option("--file", envvar="ARR_FILE", metavar="TASKS", help="The tasks file.")
    ] = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """What a run printed. Of a task: its newest run."""
    from arrcli.cli.columns import print_json
    from arrcli.cli.opened import opened

    with opened(file, state_dir) as app:
        run = _meant(app, target)
        if follow:
            return _followed(app, run, raw=raw)
        data = _live(app, run)[0] if run.begun and attempt is None else app.store.output(run.id, attempt)
        if as_json:
            print_json({"run_id": run.id, "output": data.decode("utf-8", "replace")})
        else:
            _write(data, raw=raw)
    return 0


def _meant(app: App, target: str) -> Run:
    from arrcli.engine.asks import known
    from arrcli.errors import NotFoundError
    from arrcli.store.values import RunQuery

    if target.isdigit():
        return known(app.store, int(target))
    found = app.store.runs(RunQuery(task=target, limit=50))
    executed = [run for run in found if run.attempt] or list(found)
    if not executed:
        raise NotFoundError(f"no run of {target!r}; see the tasks with: arr list")
    return executed[0]


def _followed(app: App, run: Run, *, raw: bool) -> int:
    """Everything that it writes until it ends; then its exit code."""
    from arrcli.cli.columns import say
    from arrcli.dashboard.words import outcome, why
    from arrcli.model.run import Reason, State

    written, attempt = 0, 0
    while True:
        found = app.store.run(run.id)
        if found is None:
            return 1
        if found.attempt != attempt:
            written, attempt = 0, found.attempt
        data = app.store.output(run.id, attempt) if found.ended else _live(app, found)[0]
        if len(data) > written:
            _write(data[written:], raw=raw)
            written = len(data)
        if found.ended:
            break
        time.sleep(_LOOK_S)
    say(f"run {found.id} {outcome(found)}  {why(found)}".rstrip())
    if found.state is State.SUCCEEDED:
        return 0
    return 124 if found.reason is Reason.TIMED_OUT else 1


def _live(app: App, run: Run) -> tuple[bytes, bool]:
    """What a running attempt wrote so far, and whether it could be read."""
    if run.live is None or app.places is None:
        return b"", False
    name, _, offset = run.live.rpartition(":")
    try:
        with (app.places.outputs / Path(name).name).open("rb") as live:
            live.seek(int(offset))
            return live.read().replace(b"\0", b""), True  # what was freed of a long output reads as NULs
    except OSError:
        return b"", False


def _write(data: bytes, *, raw: bool) -> None:
    from arrcli.text import clean

    if raw or not sys.stdout.isatty():
        sys.stdout.buffer.write(data)
    else:
        sys.stdout.write(clean(data.decode("utf-8", "replace")))
    sys.stdout.flush()
