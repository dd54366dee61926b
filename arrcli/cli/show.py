"""`arr show`: one run whole, or one task on a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from arrcli.cli.complete import run_or_task
from arrcli.cli.options import Debug, File, Json, StateDir, Utc

if TYPE_CHECKING:
    from arrcli.app import App
    from arrcli.model.run import AttemptRecord, Run
    from arrcli.model.task import Task

_FIRES_TOLD: Final = 3
_RUNS_TOLD: Final = 10
_BARS: Final = 20


def show(
    target: Annotated[str, typer.Argument(metavar="ID|TASK", autocompletion=run_or_task)],
    stack: Annotated[bool, typer.Option("--stack", help="Where a running one is just now.")] = False,
    utc: Utc = False,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """One run whole: attempts, result, cost, traceback. Of a task: what it does, when, its policies, its last runs."""
    from arrcli.cli.opened import opened
    from arrcli.cli.whereabouts import show_stack

    with opened(file, state_dir, writes=stack) as app:
        if stack:
            show_stack(app, target, as_json=as_json)
        elif target.isdigit():
            _show_run(app, int(target), utc=utc, as_json=as_json)
        else:
            _show_task(app, target, utc=utc, as_json=as_json)


# -- one run ----------------------------------------------------------------------------------------------------------


def _show_run(app: App, run_id: int, *, utc: bool, as_json: bool) -> None:
    from arrcli.cli.columns import print_json
    from arrcli.cli.whereabouts import tracebacks
    from arrcli.engine.asks import known
    from arrcli.model.json import attempt_json, run_json

    run = known(app.store, run_id)
    attempts = app.store.attempts(run.id)
    if as_json:
        print_json({"run": {**run_json(run), "attempts": [attempt_json(one) for one in attempts]}})
        return
    _print_facts(_run_facts(run, app, utc=utc))
    _print_attempts(attempts, app, _zone(run, app, utc=utc))
    for line in tracebacks(run, attempts, app):
        print(line)
    if app.store.output(run.id):
        print(f"\noutput: arr logs {run.id}")


def _zone(run: Run, app: App, *, utc: bool) -> str:
    from arrcli.cli.times import zone_for

    return zone_for(None if run.task is None else app.file.tasks.get(run.task), app.file.timezone, utc=utc)


def _run_facts(run: Run, app: App, *, utc: bool) -> Iterator[tuple[str, str]]:
    from arrcli.cli.times import shown
    from arrcli.dashboard.times import lasted
    from arrcli.dashboard.words import memory, outcome, why
    from arrcli.engine.picture import held_words
    from arrcli.model.instant import SECOND

    zone = _zone(run, app, utc=utc)
    slots = f"{shown(run.slot, zone)} to {shown(run.last_slot, zone)}" if run.count > 1 else shown(run.slot, zone)
    cpu = "" if run.cost.cpu_us is None else f"{lasted(run.cost.cpu_us)} CPU"
    late = run.lateness
    yield "run", f"{run.id}  {run.name}"
    yield "calls", run.func
    yield "args", json.dumps(list(run.args)) if run.args else ""
    yield "kwargs", json.dumps(dict(run.kwargs)) if run.kwargs else ""
    yield "state", f"{outcome(run)}  {why(run)}".rstrip()
    yield "waits for", "" if run.ended else held_words(run, app.file, app.store.running())
    yield "origin", run.origin.value + (f" of run {run.retry_of}" if run.retry_of else "")
    yield "slot", slots
    yield "due", shown(run.due_at, zone)
    yield (
        "started",
        shown(run.started_at, zone) + (f", {lasted(late)} after it was due" if late and late >= SECOND else ""),
    )
    yield "finished", shown(run.finished_at, zone)
    yield "took", lasted(run.duration)
    yield "cost", "  ".join(part for part in (cpu, memory(run)) if part)
    yield "pool", run.pool if run.pool != "default" else ""
    yield "priority", str(run.priority) if run.priority else ""
    yield "key", run.key or ""
    yield "result", "" if run.result is None else json.dumps(run.result)
    yield "", run.result_note or ""


def _print_facts(facts: Iterator[tuple[str, str]]) -> None:
    from arrcli.text import clean

    for name, said in facts:
        if said:
            print(f"{name:10} {clean(said)}")


def _print_attempts(attempts: Sequence[AttemptRecord], app: App, zone: str) -> None:
    """A table, where the run's own facts do not tell all of it."""
    from arrcli.cli.columns import print_rows
    from arrcli.cli.times import shown
    from arrcli.dashboard.times import lasted
    from arrcli.dashboard.words import fault_line

    if len(attempts) < 2 and not any(one.outcome in ("lost", "timed_out") for one in attempts):
        return
    rows = [
        (
            str(one.attempt),
            one.outcome.replace("_", " "),
            shown(one.started_at, zone) or "not known when",
            lasted(one.duration),
            lasted(one.cost.cpu_us),
            f"{max(1, round(one.cost.rss_kb / 1024))} MB" if one.cost.rss_kb else "",
            fault_line(one.fault),
        )
        for one in attempts
    ]
    print()
    print_rows(("ATTEMPT", "OUTCOME", "STARTED", "TOOK", "CPU", "MEMORY", "WHY"), rows, shrinks=(6,))


# -- one task ---------------------------------------------------------------------------------------------------------


def _show_task(app: App, name: str, *, utc: bool, as_json: bool) -> None:
    from arrcli.cli.act import known_task
    from arrcli.cli.columns import print_json
    from arrcli.cli.history import print_runs
    from arrcli.model.json import run_json
    from arrcli.store.values import RunQuery

    task = known_task(app, name)
    found = app.store.runs(RunQuery(task=name, limit=_RUNS_TOLD))
    if as_json:
        print_json({"task": _task_json(app, task), "runs": [run_json(run) for run in found]})
        return
    _print_facts(_task_facts(app, task, utc=utc))
    if found:
        print()
        print_runs(found, app, utc=utc)


def _task_facts(app: App, task: Task, *, utc: bool) -> Iterator[tuple[str, str]]:
    from arrcli.cli.times import shown, zone_for
    from arrcli.model.policies import policies
    from arrcli.model.schedule import english

    zone = zone_for(task, app.file.timezone, utc=utc)
    record = app.store.task_records().get(task.name)
    yield "task", task.name
    yield "", task.description
    yield "calls", task.func
    yield "args", json.dumps(list(task.args)) if task.args else ""
    yield "kwargs", json.dumps(dict(task.kwargs)) if task.kwargs else ""
    yield "schedule", f"{task.schedule_words} ({task.timezone})" if task.schedule is not None else task.schedule_words
    yield "", _words(english(task.schedule), task) if task.schedule is not None else ""
    yield "after", f"{', '.join(task.after)} ({task.after_policy})" if task.after else ""
    yield "start", shown(task.start, zone)
    yield "until", shown(task.until, zone)
    yield "next", _coming(app, task, zone)
    yield "broken", record.broken if record else ""
    for number, line in enumerate(policies(task)):
        yield "" if number else "policies", line
    yield from _last(app, task)


def _words(said: str, task: Task) -> str:
    return "" if said.casefold() == task.schedule_words.casefold() else said


def _coming(app: App, task: Task, zone: str) -> str:
    """Why nothing comes, or when the next ones are."""
    from itertools import islice

    from arrcli.cli.times import shown, until
    from arrcli.engine.coming import why_idle
    from arrcli.model.instant import LATEST
    from arrcli.model.schedule import spread
    from arrcli.model.slot import slots

    now = app.clock.now()
    record = app.store.task_records().get(task.name)
    why = why_idle(task, record, now)
    if why:
        return why
    offset = spread(task.name, task.jitter)
    anchored = task.anchored(now if record is None else record.anchor)
    times = [at + offset for at in islice(slots(anchored, now - offset, LATEST - offset), _FIRES_TOLD)]
    if not times:
        return "its times are past"
    return ", ".join(f"{shown(at, zone)} (in {until(at, now)})" if at == times[0] else shown(at, zone) for at in times)


def _last(app: App, task: Task) -> Iterator[tuple[str, str]]:
    """`last 20  ▁▂✗▁ 18 ok, 2 failed, usually 12s`."""
    from statistics import median

    from arrcli.dashboard.strip import bars
    from arrcli.dashboard.times import lasted
    from arrcli.model.run import State

    runs = app.store.last_runs([task.name], _BARS).get(task.name, ())
    if not runs:
        return
    good = [run for run in runs if run.state is State.SUCCEEDED]
    took = [run.duration for run in good if run.duration is not None]
    counts = [f"{len(good)} ok"] + ([f"{len(runs) - len(good)} failed"] if len(good) < len(runs) else [])
    usual = f", usually {lasted(int(median(took)))}" if took else ""
    yield f"last {len(runs)}", f"{bars(runs[::-1])}  {', '.join(counts)}{usual}"


def _task_json(app: App, task: Task) -> dict[str, object]:
    from arrcli.model.policies import policies

    record = app.store.task_records().get(task.name)
    return {
        "name": task.name,
        "func": task.func,
        "schedule": task.schedule_text,
        "timezone": task.timezone,
        "paused": bool(record and record.paused),
        "broken": (record.broken if record else "") or None,
        "policies": dict(line.split(" = ", 1) for line in policies(task)),
    }
