"""`arr top`: the dashboard of a running daemon, from another terminal."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from arrcli.cli.options import Debug, File, StateDir


def top(
    ascii: Annotated[bool, typer.Option("--ascii", help="No glyphs beyond ASCII.")] = False,
    file: File = None,
    state_dir: StateDir = None,
    debug: Debug = False,
) -> int:
    """The dashboard, attached to a running daemon; q leaves it, the daemon goes on."""
    from arrcli.cli.opened import opened
    from arrcli.clock import SYSTEM
    from arrcli.dashboard.screen import Screen
    from arrcli.dashboard.terminal import wants_screen
    from arrcli.errors import NoDaemonError, UsageError

    with opened(file, state_dir) as app:
        if app.daemon_pid is None:
            raise NoDaemonError("no daemon is running; start it with: arr run")
        if not wants_screen(sys.stdin, sys.stdout, os.environ):
            raise UsageError("arr top needs a terminal; elsewhere use arr status, arr list or arr runs")
        screen = Screen(monotonic=SYSTEM.monotonic, environ=os.environ, ascii=ascii)
        try:
            screen.run(app.snapshot, stop=lambda: False)
        finally:
            screen.close()
    return 0
