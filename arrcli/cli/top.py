"""`arr top`: the dashboard of a running daemon, from another terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Annotated, Final

import typer

from arrcli.cli.options import Ascii, Debug, File, StateDir

if TYPE_CHECKING:
    from collections.abc import Callable

    from arrcli.app import App
    from arrcli.model.snapshot import Snapshot

_LOOK_S: Final = 0.25


def top(
    control: Annotated[bool, typer.Option("--control", help="Let keys run, cancel, pause, reload.")] = False,
    ascii: Ascii = False,
    file: File = None,
    state_dir: StateDir = None,
    debug: Debug = False,
) -> int:
    """The dashboard, attached to a running daemon: q leaves it, the daemon goes on.

    It only looks on: with --control its keys run, cancel, pause and reload as those of arr run do.
    """
    from functools import partial

    from arrcli.cli.control import carried_out
    from arrcli.cli.opened import opened
    from arrcli.clock import SYSTEM
    from arrcli.dashboard.screen import Screen
    from arrcli.dashboard.terminal import wants_screen
    from arrcli.errors import NoDaemonError, UsageError

    with opened(file, state_dir, writes=control) as app:
        if app.daemon_pid is None:
            raise NoDaemonError("no daemon is running; start it with: arr run")
        if not wants_screen(sys.stdin, sys.stdout, os.environ):
            raise UsageError("arr top needs a terminal; elsewhere use arr status, arr list or arr runs")
        screen = Screen(monotonic=SYSTEM.monotonic, spent=SYSTEM.spent, environ=os.environ, ascii=ascii)
        over = threading.Event()
        watch = threading.Thread(target=_watch, args=(app, screen.changed, over), daemon=True, name="arr-top")
        watch.start()
        try:
            screen.run(
                partial(_snapshot, app),
                stop=lambda: False,
                look=app.opened,
                act=partial(carried_out, app) if control else None,
            )
        finally:
            over.set()
            watch.join()
            screen.close()
    return 0


def _watch(app: App, changed: Callable[[], None], over: threading.Event) -> None:
    """Rings when the daemon has committed something: the screen is drawn then, and not at the next second."""
    from arrcli.errors import StoreError

    version = -1
    while not over.wait(_LOOK_S):
        try:
            found = app.store.data_version()
        except StoreError:
            return
        if found != version:
            version = found
            changed()


def _snapshot(app: App, wanted: int) -> Snapshot:
    """How things are, by the file that the daemon goes by: read again where it has taken another one."""
    from arrcli.config.load import load
    from arrcli.errors import ArrError

    facts = app.daemon_facts() or {}
    if facts.get("digest", app.file.digest) != app.file.digest:
        with contextlib.suppress(ArrError):  # being edited: the daemon goes by what it read before, and so do we
            app.file = load(app.file.path)
    return app.snapshot(pending_limit=wanted)
