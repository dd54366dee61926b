"""What a key of the dashboard asks for, carried out on the store; what came of it, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from arrcli.dashboard.act import Act, Again, Cancel, Pause, Reload, Resume, RunNow
from arrcli.engine import asks
from arrcli.engine.asks import Asked
from arrcli.errors import ArrError
from arrcli.store.values import Request

if TYPE_CHECKING:
    from arrcli.app import App


def carried_out(app: App, act: Act) -> str:
    """Done, or why not. Raises nothing that arr raises on purpose: a screen goes on."""
    try:
        said = _done(app, act)
        app.wake()
        return said
    except ArrError as error:
        return str(error)


def _done(app: App, act: Act) -> str:
    tasks = app.file.tasks if app.runner is None else app.runner.file.tasks
    match act:
        case RunNow():
            run = asks.run_asked(Asked(target=act.task), tasks, app.clock.now())
            (run,) = app.store.append([run])
            return f"queued run {run.id} of {run.name}"
        case Cancel():
            (run,) = app.cancel([act.run])
            return f"cancelled run {run.id}" if run.ended else f"asked the daemon to stop run {run.id}"
        case Again():
            run = asks.retry(app.store, act.run, app.clock.now())
            return f"queued run {run.id} of {run.name} (run {act.run} again)"
        case Pause():
            asks.pause(app.store, [act.task], tasks, app.clock.now())
            return f"paused {act.task}"
        case Resume():
            asks.resume(app.store, [act.task], tasks, app.clock.now())
            return f"{act.task} goes on"
        case Reload():
            with app.store.writing() as w:
                w.add_request(Request(kind="reload", arguments={}, at=app.clock.now()))
            return "the file is read again"
        case _:
            assert_never(act)
