"""`arr cancel`, `retry`, `pause`, `resume`, `reload`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from arrcli.cli.complete import task_names
from arrcli.cli.options import Debug, File, Json, StateDir, Target
from arrcli.text import brief

if TYPE_CHECKING:
    from arrcli.app import App
    from arrcli.errors import NotFoundError
    from arrcli.model.run import Run
    from arrcli.model.task import Task

Name = Annotated[str | None, typer.Argument(metavar="[TASK]", autocompletion=task_names)]
All = Annotated[bool, typer.Option("--all", help="Every task of the file.")]


def cancel(
    target: Target,
    force: Annotated[bool, typer.Option("--force", help="Kill at once, without a grace.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Stop a run, or every run of a task that has not ended."""
    from arrcli.cli.columns import print_json, say
    from arrcli.cli.opened import opened
    from arrcli.engine.asks import cancel as cancelled
    from arrcli.errors import UsageError
    from arrcli.model.json import run_json

    with opened(file, state_dir, writes=True) as app:
        meant = _live_runs(app, target)
        if len(meant) > 1 and not yes and not as_json:
            if not sys.stdin.isatty():
                raise UsageError(f"{len(meant)} runs of {target} would be cancelled; say so with --yes")
            typer.confirm(f"cancel {len(meant)} runs of {target}?", abort=True, err=True)
        after = cancelled(app.store, [run.id for run in meant], app.clock.now(), force=force)
        app.wake()
        alive = app.daemon_pid is not None
    if as_json:
        print_json({"runs": [run_json(run) for run in after]})
        return 0
    for run in after:
        say(_cancel_words(run, alive=alive))
    if not after:
        say(f"nothing of {target} is pending or running")
    return 0


def _live_runs(app: App, target: str) -> Sequence[Run]:
    from arrcli.engine.asks import known
    from arrcli.errors import UsageError
    from arrcli.model.run import State
    from arrcli.store.values import RunQuery

    if not target.isdigit():
        found = app.store.runs(RunQuery(task=target, states=[State.PENDING, State.RUNNING], limit=0))
        if not found:
            known_task(app, target)
        return found
    run = known(app.store, int(target))
    if run.ended:
        raise UsageError(f"run {run.id} has ended already ({run.state.value})")
    return [run]


def _cancel_words(run: Run, *, alive: bool) -> str:
    if run.ended:
        return f"cancelled run {run.id}  {run.name}"
    if alive:
        return f"asked the daemon to stop run {run.id}  {run.name}"
    return f"run {run.id}  {run.name}: no daemon is running; it is cancelled when arr run starts"


def retry(
    target: Target,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run an ended run once more: a new run of the same callable and arguments. Of a task: its newest that failed."""
    from arrcli.cli.columns import print_json, say
    from arrcli.cli.opened import opened
    from arrcli.engine.asks import retry as retried
    from arrcli.model.json import run_json

    with opened(file, state_dir, writes=True) as app:
        run_id = int(target) if target.isdigit() else _last_failed(app, target)
        run = retried(app.store, run_id, app.clock.now())
        app.wake()
        alive = app.daemon_pid is not None
    if as_json:
        print_json({"run": run_json(run)})
        return
    print(run.id)
    say(f"queued run {run.id}  {run.name}  (run {run_id} again)")
    if not alive:
        say("note: no daemon is running; it will wait (start: arr run)")


def _last_failed(app: App, task: str) -> int:
    from arrcli.errors import NotFoundError
    from arrcli.model.run import State
    from arrcli.store.values import RunQuery

    found = app.store.runs(RunQuery(task=task, states=[State.FAILED, State.CANCELLED], limit=1))
    if not found:
        known_task(app, task)
        raise NotFoundError(f"no run of {task} failed; name one by its id: arr runs {task}")
    return found[0].id


def pause(
    task: Name = None,
    every: All = False,
    span: Annotated[str | None, typer.Option("--for", metavar="1h", help="Only so long.")] = None,
    note: Annotated[str, typer.Option("--note", help="Why, for whoever looks.")] = "",
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Hold a task's slots, and the next attempts of its runs; what runs goes on, what is asked for still starts."""
    from arrcli.cli.opened import opened
    from arrcli.engine.asks import pause as paused
    from arrcli.model.when import duration

    with opened(file, state_dir, writes=True, creates=True, needs_tasks=True) as app:
        names = _named(app, task, every=every)
        now = app.clock.now()
        end = None if span is None else now + duration(span, minimum=1)
        paused(app.store, names, app.file.tasks, now, until=end, note=note)
        app.wake()
        _told("paused", names, app, as_json=as_json)


def resume(
    task: Name = None,
    every: All = False,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Let a paused task go on; what it would have done meanwhile is not made up for."""
    from arrcli.cli.opened import opened
    from arrcli.engine.asks import resume as resumed

    with opened(file, state_dir, writes=True, creates=True, needs_tasks=True) as app:
        names = _named(app, task, every=every)
        resumed(app.store, names, app.file.tasks, app.clock.now())
        app.wake()
        _told("resumed", names, app, as_json=as_json)


def _named(app: App, task: str | None, *, every: bool) -> Sequence[str]:
    from arrcli.errors import UsageError

    if every == (task is not None):
        raise UsageError("name one task, or --all")
    if task is None:
        return list(app.file.tasks)
    return [known_task(app, task).name]


def known_task(app: App, name: str) -> Task:
    """The task, or NotFoundError with the nearest name."""
    task = app.file.tasks.get(name)
    if task is None:
        raise no_task(name, app.file.tasks, app.file.path)
    return task


def no_task(name: str, tasks: Iterable[str], file: str) -> NotFoundError:
    """What is said of a name that no task has, with the nearest that one has."""
    import difflib

    from arrcli.errors import NotFoundError

    near = difflib.get_close_matches(name, list(tasks), 1)
    hint = f"did you mean {near[0]}?" if near else "see them with: arr list"
    return NotFoundError(f"no task {brief(name)} in {file}; {hint}")


def _told(what: str, names: Sequence[str], app: App, *, as_json: bool) -> None:
    from arrcli.cli.columns import print_json, say

    if as_json:
        print_json({what: list(names)})
        return
    say(f"{what} {', '.join(names) if len(names) <= 5 else f'{len(names)} tasks'}")
    if app.daemon_pid is None:
        say("note: no daemon is running")


def reload(
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Have the daemon read its file again; a file with faults is refused here and changes nothing."""
    from arrcli.cli.columns import print_json, say
    from arrcli.cli.opened import opened
    from arrcli.errors import NoDaemonError
    from arrcli.store.values import Request

    with opened(file, state_dir, writes=True, needs_tasks=True) as app:
        pid = app.daemon_pid
        if pid is None:
            raise NoDaemonError("no daemon is running; start it with: arr run")
        with app.store.writing() as w:
            w.add_request(Request(kind="reload", arguments={}, at=app.clock.now()))
        app.wake()
    if as_json:
        print_json({"reload": "asked", "pid": pid})
    else:
        say(f"asked pid {pid} to read {app.file.path} again")
