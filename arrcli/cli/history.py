"""`arr runs`: what ran."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from arrcli.cli.complete import task_names
from arrcli.cli.options import Debug, File, Json, Plain, StateDir, Utc

if TYPE_CHECKING:
    from arrcli.app import App
    from arrcli.model.run import Run

_HEADINGS: Final = ("ID", "TASK", "DUE", "ORIGIN", "STATE", "TOOK", "WHY")
_ORIGIN: Final = _HEADINGS.index("ORIGIN")


def runs(
    task: Annotated[str | None, typer.Argument(metavar="[TASK]", autocompletion=task_names)] = None,
    count: Annotated[int, typer.Option("-n", min=0, metavar="N", help="So many; 0 for all.")] = 20,
    state: Annotated[list[str] | None, typer.Option("--state", help="pending, running, succeeded, failed, ...")] = None,
    reason: Annotated[list[str] | None, typer.Option("--reason", help="error, timed_out, lost, overlap, ...")] = None,
    origin: Annotated[list[str] | None, typer.Option("--origin", help="cron, every, at, enqueued, ...")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Due then or later; 2h: since 2 hours ago.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Due before; 2h: 2 hours ago.")] = None,
    plain: Plain = False,
    utc: Utc = False,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """What ran, the newest first. TASK is a name, a dotted path, or a pattern with * and ?.

    --state, --reason and --origin take several words, with commas or again; ok is succeeded.
    """
    from arrcli.cli.columns import print_json, say
    from arrcli.cli.opened import opened
    from arrcli.model.json import run_json
    from arrcli.model.run import Origin, Reason, State
    from arrcli.store.values import RunQuery

    with opened(file, state_dir) as app:
        query = RunQuery(
            task=task,
            states=_words(State, state, "state"),
            reasons=_words(Reason, reason, "reason"),
            origins=_words(Origin, origin, "origin"),
            since=_moment(since, app),
            until=_moment(until, app),
            limit=count,
        )
        found = app.store.runs(query)
        if as_json:
            print_json({"runs": [run_json(run) for run in found]})
            return
        if not found and task is not None:
            _refuse_unknown(task, app)
        print_runs(found, app, utc=utc, plain=plain)
    if not found and not plain:
        say("no runs" if task is None else f"no runs of {task}")


def _refuse_unknown(task: str, app: App) -> None:
    """Nothing of this name: a task that has not run yet is fine, a name that nothing has is not found."""
    from arrcli.cli.act import known_task
    from arrcli.store.values import RunQuery

    plain = not any(mark in task for mark in "*?[")
    if plain and task not in app.file.tasks and not app.store.runs(RunQuery(task=task, limit=1)):
        known_task(app, task)


def _words(kind: Any, said: Sequence[str] | None, what: str) -> Sequence[Any]:
    """Given several times, or with commas between."""
    return [_word(kind, word.strip(), what) for one in said or () for word in one.split(",")]


def _word(kind: Any, said: str, what: str) -> Any:
    from arrcli.errors import UsageError

    try:
        return kind({"ok": "succeeded"}.get(said, said.replace("-", "_")))
    except ValueError:
        known = ", ".join(one.value for one in kind)
        raise UsageError(f"no {what} {said!r}; there are: {known}") from None


def _moment(said: str | None, app: App) -> int | None:
    from arrcli.errors import ScheduleError
    from arrcli.model.wall import zone_named
    from arrcli.model.when import duration, moment

    if said is None:
        return None
    with contextlib.suppress(ScheduleError):
        return app.clock.now() - duration(said.removesuffix(" ago"))
    return moment(said, now=app.clock.now(), zone=zone_named(app.file.timezone))


def print_runs(found: Sequence[Run], app: App, *, utc: bool, plain: bool = False) -> None:
    """A row a run; in few columns without its origin, and with its time as short as it can be."""
    from arrcli.cli.columns import is_narrow, print_rows
    from arrcli.cli.times import fine

    seconds = None if is_narrow(plain=plain) else fine(run.due_at for run in found)
    busy = app.store.running() if any(run.held_by for run in found) else ()
    table = [_HEADINGS, *(_row(run, app, busy, utc=utc, seconds=seconds) for run in found)]
    if seconds is None:
        table = [row[:_ORIGIN] + row[_ORIGIN + 1 :] for row in table]
    print_rows(table[0], table[1:], plain=plain, shrinks=(1, len(table[0]) - 1))


def _row(run: Run, app: App, busy: Sequence[Run], *, utc: bool, seconds: bool | None) -> tuple[str, ...]:
    from arrcli.cli.times import when, zone_for
    from arrcli.dashboard.times import lasted
    from arrcli.dashboard.words import outcome, why
    from arrcli.engine.picture import held_words

    task = None if run.task is None else app.file.tasks.get(run.task)
    due = when(run.due_at, app.clock.now(), zone_for(task, app.file.timezone, utc=utc), seconds=seconds)
    said = "" if run.begun else why(run) or ("" if run.ended else held_words(run, app.file, busy))
    attempts = f" ({run.attempt} tries)" if run.attempt > 1 else ""
    return str(run.id), run.name, due, run.origin.value, outcome(run) + attempts, lasted(run.duration), said
