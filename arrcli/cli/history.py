"""`arr runs` and `arr show`: what ran, and one run or task whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arrcli.cli.complete import run_or_task, task_names
from arrcli.cli.options import Debug, File, Json, Plain, StateDir, Utc

if TYPE_CHECKING:
    from arrcli.app import App
    from arrcli.model.run import AttemptRecord, Run


def runs(
    task: Annotated[str | None, typer.Argument(metavar="[TASK]", autocompletion=task_names)] = None,
    count: Annotated[int, typer.Option("-n", min=0, metavar="N", help="So many; 0 for all.")] = 20,
    state: Annotated[list[str] | None, typer.Option("--state", help="pending, running, succeeded, failed, ...")] = None,
    reason: Annotated[list[str] | None, typer.Option("--reason", help="error, timed_out, lost, overlap, ...")] = None,
    origin: Annotated[list[str] | None, typer.Option("--origin", help="cron, every, at, enqueued, ...")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="WHEN", help="Due then or later.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Due before.")] = None,
    plain: Plain = False,
    utc: Utc = False,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """What ran, the newest first. TASK is a name, a dotted path, or a pattern with * and ?."""
    from arrcli.cli.columns import print_json, print_rows, say
    from arrcli.cli.opened import opened
    from arrcli.model.json import run_json
    from arrcli.model.run import Origin, Reason, State
    from arrcli.store.values import RunQuery

    with opened(file, state_dir) as app:
        query = RunQuery(
            task=task,
            states=[_word(State, one, "state") for one in state or ()],
            reasons=[_word(Reason, one, "reason") for one in reason or ()],
            origins=[_word(Origin, one, "origin") for one in origin or ()],
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
        rows = _rows(found, app, utc=utc)
    print_rows(("ID", "TASK", "DUE", "ORIGIN", "STATE", "TOOK", "WHY"), rows, plain=plain)
    if not found and not plain:
        say("no runs" if task is None else f"no runs of {task}")


def _refuse_unknown(task: str, app: App) -> None:
    """Nothing of this name: a task that has not run yet is fine, a name that nothing has is not found."""
    from arrcli.cli.act import known_task
    from arrcli.store.values import RunQuery

    plain = not any(mark in task for mark in "*?[")
    if plain and task not in app.file.tasks and not app.store.runs(RunQuery(task=task, limit=1)):
        known_task(app, task)


def _word(kind: Any, said: str, what: str) -> Any:
    from arrcli.errors import UsageError

    try:
        return kind(said)
    except ValueError:
        known = ", ".join(one.value for one in kind)
        raise UsageError(f"no {what} {said!r}; there are: {known}") from None


def _moment(said: str | None, app: App) -> int | None:
    from arrcli.model.wall import zone_named
    from arrcli.model.when import moment

    if said is None:
        return None
    return moment(said, now=app.clock.now(), zone=zone_named(app.file.timezone))


def _rows(found: Sequence[Run], app: App, *, utc: bool) -> list[tuple[str, ...]]:
    from arrcli.cli.times import fine

    seconds = fine(run.due_at for run in found)
    busy = app.store.running() if any(run.held_by for run in found) else ()
    return [_row(run, app, busy, utc=utc, seconds=seconds) for run in found]


def _row(run: Run, app: App, busy: Sequence[Run], *, utc: bool, seconds: bool) -> tuple[str, ...]:
    from arrcli.cli.times import shown, zone_for
    from arrcli.dashboard.times import lasted
    from arrcli.dashboard.words import outcome, why
    from arrcli.engine.picture import held_words

    task = None if run.task is None else app.file.tasks.get(run.task)
    due = shown(run.due_at, zone_for(task, app.file.timezone, utc=utc), seconds=seconds)
    said = "" if run.begun else why(run) or ("" if run.ended else held_words(run, app.file, busy))
    attempts = f" ({run.attempt} tries)" if run.attempt > 1 else ""
    return str(run.id), run.name, due, run.origin.value, outcome(run) + attempts, lasted(run.duration), said


def show(
    target: Annotated[str, typer.Argument(metavar="ID|TASK", autocompletion=run_or_task)],
    stack: Annotated[bool, typer.Option("--stack", help="Where it is just now. (not there yet)")] = False,
    utc: Utc = False,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """One run whole: attempts, result, traceback, cost. Of a task: its definition, and its last runs."""
    from arrcli.cli.columns import print_json
    from arrcli.cli.opened import opened
    from arrcli.engine.asks import known
    from arrcli.errors import NotThereYetError
    from arrcli.model.json import attempt_json, run_json

    if stack:
        raise NotThereYetError("arr show --stack is not there yet")
    with opened(file, state_dir) as app:
        if not target.isdigit():
            _show_task(app, target, utc=utc, as_json=as_json)
            return
        run = known(app.store, int(target))
        attempts = app.store.attempts(run.id)
        if as_json:
            print_json({"run": {**run_json(run), "attempts": [attempt_json(one) for one in attempts]}})
            return
        _print_run(run, attempts, app, utc=utc)


def _print_run(run: Run, attempts: Sequence[AttemptRecord], app: App, *, utc: bool) -> None:
    import json

    from arrcli.cli.times import shown, zone_for
    from arrcli.dashboard.times import lasted
    from arrcli.dashboard.words import fault_line, memory, outcome, why
    from arrcli.engine.picture import held_words
    from arrcli.text import clean

    zone = zone_for(None if run.task is None else app.file.tasks.get(run.task), app.file.timezone, utc=utc)
    facts = [
        ("run", f"{run.id}  {run.name}"),
        ("calls", run.func),
        ("args", json.dumps(list(run.args)) if run.args else ""),
        ("kwargs", json.dumps(dict(run.kwargs)) if run.kwargs else ""),
        ("state", f"{outcome(run)}  {why(run)}".rstrip()),
        ("waits for", "" if run.ended else held_words(run, app.file, app.store.running())),
        ("origin", run.origin.value + (f" of run {run.retry_of}" if run.retry_of else "")),
        ("slot", shown(run.slot, zone)),
        ("due", shown(run.due_at, zone)),
        ("started", shown(run.started_at, zone)),
        ("finished", shown(run.finished_at, zone)),
        ("took", lasted(run.duration)),
        ("cost", "  ".join(part for part in (_cpu(run), memory(run)) if part)),
        ("pool", run.pool if run.pool != "default" else ""),
        ("priority", str(run.priority) if run.priority else ""),
        ("key", run.key or ""),
        ("result", "" if run.result is None else json.dumps(run.result)),
        ("", run.result_note or ""),
    ]
    for name, said in facts:
        if said:
            print(f"{name:10} {clean(said)}")
    for one in attempts:
        begun = shown(one.started_at, zone) or "not known when"
        told = f"attempt {one.attempt}  {one.outcome}  {begun}  {lasted(one.duration)}  {fault_line(one.fault)}"
        print(clean(told.rstrip()))
    if run.fault is not None and run.fault.traceback:
        print(f"\n{clean(run.fault.traceback).rstrip()}")
    if app.store.output(run.id):
        print(f"\noutput: arr logs {run.id}")


def _cpu(run: Run) -> str:
    from arrcli.dashboard.times import lasted

    return f"{lasted(run.cost.cpu_us)} CPU" if run.cost.cpu_us is not None else ""


def _show_task(app: App, name: str, *, utc: bool, as_json: bool) -> None:
    from arrcli.cli.act import known_task
    from arrcli.cli.columns import print_json, print_rows
    from arrcli.model.json import run_json
    from arrcli.store.values import RunQuery

    task = known_task(app, name)
    record = app.store.task_records().get(name)
    found = app.store.runs(RunQuery(task=name, limit=10))
    facts = _task_facts(app, name, utc=utc)
    if as_json:
        print_json(
            {
                "task": {
                    "name": name,
                    "func": task.func,
                    "schedule": task.schedule_text,
                    **{
                        "timezone": task.timezone,
                        "paused": bool(record and record.paused),
                        "broken": (record.broken if record else "") or None,
                    },
                },
                "runs": [run_json(run) for run in found],
            }
        )
        return
    for key, said in facts:
        if said:
            print(f"{key:10} {said}")
    print_rows(("ID", "TASK", "DUE", "ORIGIN", "STATE", "TOOK", "WHY"), _rows(found, app, utc=utc))


def _task_facts(app: App, name: str, *, utc: bool) -> list[tuple[str, str]]:
    import json

    from arrcli.cli.times import shown, until, zone_for
    from arrcli.model.schedule import english
    from arrcli.text import clean

    task = app.file.tasks[name]
    snapshot = app.snapshot()
    zone = zone_for(task, app.file.timezone, utc=utc)
    coming = next((one for one in snapshot.upcoming if one.name == name and one.run is None), None)
    idle = next((one.why for one in snapshot.idle if one.task.name == name), "")
    record = snapshot.records.get(name)
    return [
        ("task", clean(task.name)),
        ("", clean(task.description)),
        ("calls", clean(task.func)),
        ("args", clean(json.dumps(list(task.args))) if task.args else ""),
        ("kwargs", clean(json.dumps(dict(task.kwargs))) if task.kwargs else ""),
        ("schedule", task.schedule_text),
        ("", english(task.schedule) if task.schedule is not None else ""),
        ("next", f"{shown(coming.at, zone)} (in {until(coming.at, snapshot.now)})" if coming else idle),
        ("broken", clean(record.broken) if record else ""),
    ]
