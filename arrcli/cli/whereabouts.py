"""Where a run was when it failed, or is just now: tracebacks and stacks, the task's own frames told from the others."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from arrcli.cli.columns import print_json, wants_colour
from arrcli.model.frames import own_frames, pieces, with_sources
from arrcli.text import clean

if TYPE_CHECKING:
    from arrcli.app import App
    from arrcli.model.frames import Piece
    from arrcli.model.instant import Instant
    from arrcli.model.run import AttemptRecord, Fault, Run

_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"
_PATIENCE: Final = 5_000_000
_LOOK_S: Final = 0.02


def tracebacks(run: Run, attempts: Sequence[AttemptRecord], app: App) -> Iterator[str]:
    """Of the last attempt that left one; of those before it where they are others."""
    shown: set[str] = set()
    for number, fault, then in reversed([(one.attempt, one.fault, one.finished_at) for one in attempts]):
        if fault is None or not fault.traceback:
            continue
        if fault.traceback in shown:
            continue
        yield ""
        if number < run.attempt or shown:
            yield f"attempt {number}:"
        yield from _traceback(fault, app, then)
        shown.add(fault.traceback)


def _traceback(fault: Fault, app: App, then: Instant | None) -> Iterator[str]:
    """The task's own frames first, the innermost on top; then all of it, with the frames of libraries dimmed."""
    from arrcli.dashboard.words import fault_line

    text = with_sources(fault.traceback, lambda file, line: _line_of(file, line, before=then))
    found = pieces(clean(text), [app.file.folder, *app.file.python_path])
    own = own_frames(found)
    if own:
        said = fault_line(fault)
        yield f"{_BOLD}{said}{_PLAIN}" if wants_colour() else said
        for frame in own:
            yield f"  {frame.where}: {frame.source}" if frame.source else f"  {frame.where}"
        yield ""
    yield from _dimmed(found, only_if=bool(own))


def _dimmed(found: Sequence[Piece], *, only_if: bool) -> Iterator[str]:
    for piece in found:
        library = piece.frame is not None and not piece.frame.own
        yield f"{_DIM}{piece.text}{_PLAIN}" if library and only_if and wants_colour() else piece.text


_OTHERS: Final = "Another thread ("
"""How a stack begins that nobody asked for."""


def show_stack(app: App, target: str, *, as_json: bool) -> None:
    """Where a running run is just now, by the process that runs it."""
    from arrcli.model.explain.cause import doing
    from arrcli.model.json import run_json

    run = _running(app, target)
    text = _asked_stack(app, run)
    if as_json:
        print_json({"run": run_json(run), "stack": text})
        return
    found = pieces(clean(with_sources(text, _line_of)), [app.file.folder, *app.file.python_path])
    print(clean(doing(run, app.clock.now())))
    if run.executor == "thread" and _OTHERS in text:
        print("(its host does not answer: these are all its threads, of other runs too)")
    for line in _dimmed(found, only_if=bool(own_frames(found))):
        print(line)


def _running(app: App, target: str) -> Run:
    """The run that is meant; of a task the one that has been running longest."""
    from arrcli.cli.act import known_task
    from arrcli.engine.asks import known
    from arrcli.errors import UsageError

    if target.isdigit():
        run = known(app.store, int(target))
        if not run.begun:
            raise UsageError(f"run {run.id} is {run.shown_state.value}: only a running one is anywhere")
        return run
    found = [run for run in app.store.running() if run.begun and run.name == target]
    if not found:
        known_task(app, target)
        raise UsageError(f"nothing of {target} is running")
    return min(found, key=lambda run: run.started_at or 0)


def _asked_stack(app: App, run: Run) -> str:
    """The answer of the process that runs it, within a few seconds."""
    from arrcli.errors import ArrError, NoDaemonError
    from arrcli.store.values import STACKS, Request

    if app.daemon_pid is None:
        raise NoDaemonError("no daemon is running, and so nothing is anywhere; start it with: arr run")
    with app.store.writing() as w:
        asked = Request(kind="stack", to=run.claimed_by or "", arguments={"run": run.id}, at=app.clock.now())
        number = w.add_request(asked)
    app.wake()
    end = app.clock.monotonic() + _PATIENCE
    while app.clock.monotonic() < end:
        answers = json.loads(app.store.meta(STACKS) or "{}")
        if str(number) in answers:
            text: str = answers[str(number)]
            if text:
                return text
            raise ArrError(f"run {run.id} ended meanwhile, or its worker does not say where it is")
        time.sleep(_LOOK_S)
    raise ArrError("no answer: the daemon may be stalled (see: arr status)")


def _line_of(file: str, line: int, *, before: Instant | None = None) -> str:
    """The line of code, where the file has not been changed since."""
    import linecache

    path = Path(file)
    try:
        is_source = path.suffix == ".py" and path.is_file()
        if not is_source or (before is not None and path.stat().st_mtime_ns // 1000 > before):
            return ""
    except OSError:
        return ""
    return linecache.getline(file, line).strip()
