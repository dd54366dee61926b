"""What happened, as a line of the log, a line of JSON, or a reason to redraw."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from arrcli.model.instant import Instant
from arrcli.model.run import Run

Kind = Literal[
    "daemon_started",  # details: file, tasks, workers, store, timezone, pid, version
    "daemon_stopping",  # details: running, grace_us, now (a second signal)
    "daemon_stopped",  # details: killed, left
    "run_started",
    "run_succeeded",
    "run_failed",
    "run_retrying",  # details: ready_at; run is the pending run with its fault
    "run_cancelled",
    "run_skipped",
    "run_recovered",  # an attempt whose owner is gone was taken back
    "reloaded",  # details: added, changed, removed (names)
    "reload_refused",  # details: faults
    "clock_stepped",  # details: by_us
    "worker_died",  # details: worker, message
    "note",  # details: text
]


_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Event(NamedTuple):
    """One thing that happened at `at`; `run` where it happened to one."""

    at: Instant
    kind: Kind
    run: Run | None = None
    details: Mapping[str, Any] = _NOTHING
