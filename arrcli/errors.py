"""Every error that arr raises on purpose, in one tree.

Each message says what is wrong, where, and the next step; each class knows the exit code of the command line
(SPEC: 0 ok, 1 failure, 2 usage, 3 no daemon, 4 not found, 65 bad file, 75 store held, 124 timeout).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ArrError(Exception):
    """The root: something that arr was asked for cannot be done."""

    exit_code = 1
    kind = "error"


class UsageError(ArrError, ValueError):
    """A word of the command line, or an argument of a call, is off."""

    exit_code = 2
    kind = "usage"


class ScheduleError(ArrError, ValueError):
    """A schedule, zone, duration or moment that cannot be read; `hint` says how to mend it."""

    exit_code = 2
    kind = "schedule"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        said = super().__str__()
        return f"{said} — {self.hint}" if self.hint else said


class NoDaemonError(ArrError):
    """The verb needs a running daemon and there is none."""

    exit_code = 3
    kind = "no_daemon"


class NotFoundError(ArrError):
    """No such task, run or file."""

    exit_code = 4
    kind = "not_found"


class ConfigError(ArrError):
    """A tasks file that cannot be taken: all its faults at once, each `FILE:LINE:COL: what - how to mend it`."""

    exit_code = 65
    kind = "config"

    def __init__(self, message: str, faults: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class StoreHeldError(ArrError):
    """Another planner holds the store."""

    exit_code = 75
    kind = "store_held"


class StoreError(ArrError):
    """The store cannot be used: damaged, newer than this arr, on a network file system, or not writable."""

    kind = "store"


class StoreBusyError(StoreError):
    """Another process kept the write lock longer than the caller would wait; nothing was written."""

    kind = "store_busy"


class StoreFullError(StoreError):
    """The disk is full: nothing was written, and what is committed stays."""

    kind = "store_full"


class StoreLostError(StoreError):
    """The store is damaged, deleted or replaced, or its log without it: waiting alone brings nothing back."""

    kind = "store_lost"


class DeniedError(ArrError):
    """`[arr] allow` does not let this callable be enqueued."""

    kind = "denied"


class TimedOutError(ArrError, TimeoutError):
    """What was waited for did not happen in time."""

    exit_code = 124
    kind = "timeout"


class RunFailed(ArrError):
    """The result of a run that did not succeed was asked for; `run` is how it ended, with its `fault`."""

    kind = "run_failed"

    def __init__(self, message: str, *, run: Any = None) -> None:
        super().__init__(message)
        self.run = run


class NotThereYetError(ArrError):
    """A verb or key of the contract that this version does not carry out."""

    kind = "not_there_yet"
