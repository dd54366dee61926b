"""`arr run`: the daemon in the foreground. The engine turns in a thread; this one shows it and hears the signals."""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import signal
import sys
import threading
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
    from arrcli.model.event import Event
    from arrcli.model.task import TasksFile

_BACKLOG: Final = 100_000
"""Events that wait to become lines; no more are kept, for the engine does not wait for them."""
_STDOUT: Final = 1
_LOOK_S: Final = 0.2
_FAREWELL_S: Final = 1.0
"""Who reads nothing of the log for so long does not keep a daemon that was told to stop from ending."""
_DAEMON_GC: Final = (20_000, 20, 100)
"""A daemon makes and drops much for each run, none of it in circles: looking for those less often saves a tenth."""
