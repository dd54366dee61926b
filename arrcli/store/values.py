"""The values that a store's verbs take, beside runs and records. Apart from the contract, which only types need."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from arrcli.model.instant import Instant
from arrcli.model.run import AttemptRecord, Origin, Reason, Run, State
from arrcli.model.value import dataclass

IN_SOURCE: Final = "source"
"""What a run is held by while only the queue behind a store knows whether it was taken."""

TASKS_VERSION: Final = "tasks_version"
"""The meta key that changes when another process has paused or resumed a task."""

RECORDS_VERSION: Final = "records_version"
"""The meta key that changes with anything in a task's record but its mark; the store sees to it."""

STACKS: Final = "stacks"
"""The meta key of the latest answers to requests for a stack: JSON, by the request's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """Which runs: every field that is set must match. `limit` 0 is all; the newest first unless `oldest_first`.

    `since` and `until` bound `due_at`, the first included, the second not. `states` are states as shown (a claimed
    run that has not begun counts as pending). `task` matches a task's name, or the dotted path of a run without task;
    with `*` or `?` in it, a glob.
    """

    task: str | None = None
    states: Collection[State] = ()
    reasons: Collection[Reason] = ()
    origins: Collection[Origin] = ()
    since: Instant | None = None
    until: Instant | None = None
    key: str | None = None
    limit: int = 20
    oldest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What another process asks of a daemon: `cancel`, `reload` or `stack`, with JSON arguments.

    `to` is the id of the owner that is asked, "" the planner.
    """

    id: int = 0
    kind: str
    to: str = ""
    arguments: Mapping[str, Any]
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process that may hold claims: `id` is new at each start."""

    id: str
    pid: int
    started_at: Instant
    host: str = ""
    what: str = ""


class Move(NamedTuple):
    """From what a run was to what it becomes. `record` and `output` are kept as history of the attempt that ended."""

    was: Run
    now: Run
    record: AttemptRecord | None = None
    output: bytes | None = None
