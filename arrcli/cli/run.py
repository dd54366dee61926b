"""`arr run`: the daemon in the foreground. The engine turns in a thread; this one shows it and hears the signals."""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from arrcli.cli.log import Log
from arrcli.cli.options import Debug, StateDir

if TYPE_CHECKING:
    from arrcli.app import App
    from arrcli.cli.opened import Chosen
    from arrcli.engine.runner import Runner
    from arrcli.model.event import Event, Kind
    from arrcli.model.task import TasksFile

_BACKLOG: Final = 100_000
"""Events that wait to become lines; no more are kept, for the engine does not wait for them."""
_STDOUT: Final = 1
_LOOK_US: Final = 200_000
_MANY_TASKS: Final = 1000
"""Reading a file of more of them takes memory that is worth giving back."""
_FAREWELL_S: Final = 1.0
"""Who reads nothing of the log for so long does not keep a daemon that was told to stop from ending."""
_DAEMON_GC: Final = (20_000, 20, 100)
"""A daemon makes and drops much for each run, none of it in circles: looking for those less often saves a tenth."""


def run(
    tasks: Annotated[Path | None, typer.Argument(metavar="[TASKS]", help="The tasks file; ./tasks.toml.")] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", envvar="ARR_FILE", help="The same, as an option.")
    ] = None,
    state_dir: StateDir = None,
    workers: Annotated[
        int | None, typer.Option("--workers", envvar="ARR_WORKERS", min=1, help="Worker processes.")
    ] = None,
    burst: Annotated[bool, typer.Option("--burst", help="Run what is due, and exit when idle.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Log lines instead of the dashboard.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="An event a line, as JSON.")] = False,
    ascii: Annotated[bool, typer.Option("--ascii", help="No glyphs beyond ASCII.")] = False,
    debug: Debug = False,
) -> int:
    """Schedule and execute the tasks of a file, and show what happens.

    On a terminal that is the dashboard (q quits, ? lists the keys), elsewhere a log line an event. SIGTERM and Ctrl-C
    drain: what runs may end within shutdown_grace; a second one kills it now. SIGHUP reads the file again. A terminal
    that hangs up ends the dashboard and not the daemon. Log lines that nobody reads are dropped, and counted.
    """
    from dataclasses import replace

    from arrcli.cli.opened import to_set_up
    from arrcli.host.files import refuse_network

    gc.disable()  # until it has started: what is read and made meanwhile stays
    which = to_set_up(tasks if tasks is not None else file, state_dir)
    taken = which.file()
    if workers is not None:
        taken = replace(taken, workers=workers)
    refuse_network(which.places.folder if which.places.folder.exists() else which.path.absolute().parent)
    _tell_of_orphans(which)
    which.tell_of_loss()
    return Daemon(taken, which, burst=burst, plain=plain, as_json=as_json, ascii=ascii).run()


def _tell_of_orphans(which: Chosen) -> None:
    """A file that begins without a state, beside states whose files are gone: it may be one of them, renamed."""
    from arrcli.cli.columns import say
    from arrcli.text import clean

    if which.places.database.exists():
        return
    here = which.path.absolute().parent
    for state in sorted((here / ".arr").glob("*/arr.db")):
        name = state.parent.name
        if not (here / name).exists():
            say(
                f"note: .arr/{clean(name)} holds the state of {clean(name)}, which is gone. "
                f"If {which.path.name} is that file renamed, take its state over before you start: "
                f"mv .arr/{clean(name)} .arr/{which.path.name}"
            )


class Daemon:
    """One run of the daemon."""

    def __init__(self, file: TasksFile, which: Chosen, *, burst: bool, plain: bool, as_json: bool, ascii: bool) -> None:
        from arrcli.app import daemon_app
        from arrcli.config.watch import Watch

        self._runner: Runner | None = None
        self._signals = self._heeded = 0
        self._handle_signals()
        self._file, self._path, self._places = file, which.path, which.places
        self._burst, self._as_json, self._ascii = burst, as_json, ascii
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._log: Log | None = None
        self._unsaid = 0
        self._failed = 0
        self._wake: Callable[[], None] = lambda: None
        self._changed: Callable[[], None] = lambda: None
        self._screen = not (plain or as_json or burst) and _has_screen()
        source = Watch(str(which.path), file, lambda: which.file(quiet=True))  # a changed file is trusted no more
        unheard: tuple[Kind, ...] = ("run_started",) if self._screen else ()
        self._app: App = daemon_app(file, which.places, sink=self._sink, source=source, unheard=unheard)

    # -- events -------------------------------------------------------------------------------------------------------

    def _sink(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.kind == "run_failed":
                self._failed += 1
            if not self._screen and self._events.qsize() < _BACKLOG:
                self._events.put(event)
            elif not self._screen:
                self._unsaid += 1
        self._changed()

    def _tell(self, kind: Any, **details: Any) -> None:
        from arrcli.clock import SYSTEM
        from arrcli.model.event import Event

        self._sink([Event(at=SYSTEM.now(), kind=kind, details=details)])

    def _print_waiting(self) -> None:
        log = self._log = self._log or Log(_STDOUT, sys.stdout.encoding, self._dropped)
        with contextlib.suppress(queue.Empty):
            while True:
                text = self._said(self._events.get_nowait())
                if text is not None:
                    log.say(text)
        if self._unsaid:
            log.miss(self._unsaid)
            self._unsaid = 0

    def _said(self, event: Event) -> str | None:
        from arrcli.dashboard.lines import json_line, line
        from arrcli.dashboard.times import zone_of

        return json_line(event) if self._as_json else line(event, zone_of(self._file.timezone))

    def _dropped(self, count: int) -> str:
        from arrcli.clock import SYSTEM
        from arrcli.dashboard.lines import counted
        from arrcli.model.event import Event

        text = f"{counted(count, 'line')} of this log are missing here: nothing took them in time"
        return self._said(Event(at=SYSTEM.now(), kind="note", details={"text": text, "dropped": count})) or ""

    def _last_lines(self) -> None:
        """What was said last is written too; of a burst also where its reader takes a long time."""
        self._print_waiting()
        while self._log is not None and not self._log.written(patience_s=_FAREWELL_S):
            if self._signals or not self._burst:
                break

    # -- life ---------------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Until a signal, `q`, or (in a burst) until idle; the exit code."""
        from arrcli.app import arr_version
        from arrcli.clock import SYSTEM
        from arrcli.host.notify import notify
        from arrcli.host.process import give_back_memory

        app = self._app
        self._places.remember({"file": str(self._path.absolute()), "at": SYSTEM.now()})
        self._tell(
            "daemon_started",
            file=str(self._path),
            tasks=len(self._file.tasks),
            workers=self._file.workers,
            store=_short(self._places.database),
            timezone=self._file.timezone,
            pid=os.getpid(),
            version=arr_version(),
        )
        for text in self._file.notes:
            self._tell("note", text=text)
        try:
            app.start()
            gc.freeze()  # nobody need look through the tasks again
            gc.set_threshold(*_DAEMON_GC)
            gc.enable()
            if len(self._file.tasks) > _MANY_TASKS:
                give_back_memory()
            self._runner = app.runner
            self._heed_signals()
            notify("READY=1", f"MAINPID={os.getpid()}")
            self._show()
        finally:
            notify("STOPPING=1")
            code = self._finish()
        return code

    def _handle_signals(self) -> None:
        """From the first moment on; what comes before the engine turns is heeded once it does."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._asked_to_stop)
        signal.signal(signal.SIGHUP, lambda *_: self._runner_do("ask_reload"))

    def _asked_to_stop(self, *_: Any) -> None:
        self._signals += 1
        self._heed_signals()

    def _heed_signals(self) -> None:
        while self._runner is not None and self._heeded < self._signals:
            self._heeded += 1
            if self._heeded == 1:
                self._drain(self._runner)
            else:
                self._runner.stop_now()
            self._wake()

    def _drain(self, runner: Runner) -> None:
        grace = self._file.shutdown_grace
        self._tell("daemon_stopping", running=runner.running(), grace_us=grace, now=False)
        runner.stop(grace_us=grace)

    def _runner_do(self, what: str) -> None:
        if self._runner is not None:
            getattr(self._runner, what)()

    def _show(self) -> None:
        if self._screen:
            self._show_screen()
            self._screen = False
        self._show_lines()

    def _show_screen(self) -> None:
        from functools import partial

        from arrcli.cli.control import carried_out
        from arrcli.clock import SYSTEM
        from arrcli.dashboard.screen import Screen

        screen = Screen(monotonic=SYSTEM.monotonic, spent=SYSTEM.spent, environ=os.environ, ascii=self._ascii)
        self._wake, self._changed = screen.wake, screen.changed
        try:
            screen.run(
                lambda wanted: self._app.snapshot(pending_limit=wanted),
                stop=lambda: not self._app.alive,
                look=self._app.opened,
                act=partial(carried_out, self._app),
                on_quit=lambda: self._asked_to_stop() if not self._signals else None,
            )
        finally:
            self._wake = self._changed = lambda: None
            screen.close()

    def _show_lines(self) -> None:
        from arrcli.host.wake import Waiter

        waiter = Waiter()  # and no Event, whose lock the thread that a signal interrupts may be holding
        self._wake = self._changed = waiter.wake
        idle = 0
        while self._app.alive:
            waiter.wait((), _LOOK_US)
            self._print_waiting()
            if self._burst and not self._signals:
                idle = idle + 1 if self._is_idle() else 0
                if idle == 2:
                    self._runner_do("stop_now")
                elif idle == 1:
                    time.sleep(0.05)
        self._wake = self._changed = lambda: None
        waiter.close()

    def _is_idle(self) -> bool:
        return self._runner is not None and self._runner.idle()

    def _finish(self) -> int:
        app = self._app
        runner = app.runner
        if runner is not None and app.alive:
            app.stop(grace_us=self._file.shutdown_grace)
        killed = 0 if runner is None else runner.killed
        self._print_waiting()
        left = 0 if app.crash is not None else len(app.store.pending(until=app.clock.now()))
        self._runner = None
        app.close()
        self._tell("daemon_stopped", killed=killed, left=left)
        self._last_lines()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # it ends already, and with the code that says how
        if app.crash is not None:
            raise app.crash
        if self._burst:
            return 1 if self._failed else 0
        return 1 if killed else 0


def _short(path: Path) -> str:
    """The path as it is seen from here, where it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _has_screen() -> bool:
    from arrcli.dashboard.terminal import wants_screen

    return wants_screen(sys.stdin, sys.stdout, os.environ)
