"""A run: one intended execution of a callable, and the moves that it can make.

    pending -> running | cancelled | skipped
    running -> succeeded | failed | cancelled | pending (a retry, or a release at shutdown)

An ended run stays ended. A state changes only by a move named here; the store compares and sets what a move returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from arrcli.errors import ArrError
from arrcli.model.instant import Instant
from arrcli.model.value import dataclass


class State(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class Origin(StrEnum):
    CRON = "cron"
    EVERY = "every"
    AT = "at"
    REBOOT = "reboot"
    ENQUEUED = "enqueued"
    RETRY = "retry"
    BACKFILL = "backfill"
    AFTER = "after"


class Reason(StrEnum):
    ERROR = "error"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    OVERLAP = "overlap"
    MISSED = "missed"
    PAUSED = "paused"
    REMOVED = "removed"
    QUEUE_FULL = "queue_full"
    EXPIRED = "expired"
    USER = "user"
    DENIED = "denied"
    UPSTREAM = "upstream"


SCHEDULED: Final = frozenset({Origin.CRON, Origin.EVERY, Origin.AT, Origin.REBOOT})
ENDED: Final = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.SKIPPED})
ARROWS: Final[Mapping[State, frozenset[State]]] = {
    State.PENDING: frozenset({State.RUNNING, State.CANCELLED, State.SKIPPED}),
    State.RUNNING: frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.PENDING}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
    State.SKIPPED: frozenset(),
}


DAMAGED: Final = "arrcli.Damaged"
"""The type of the fault of a run whose row in the store is not what arr wrote."""


class IllegalMoveError(ArrError):
    """A run was asked to make a move that its state does not have."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What an attempt raised: the exception's type as a dotted path, its text, and its traceback (may be empty)."""

    type: str
    message: str
    traceback: str = ""


class Cost(NamedTuple):
    """What an attempt used: CPU microseconds and peak resident kilobytes, where the system tells."""

    cpu_us: int | None = None
    rss_kb: int | None = None


NO_COST: Final = Cost()


@dataclass(frozen=True, kw_only=True)
class Run:
    """One intended execution. `id` is 0 until the store has given it one; instants are UTC microseconds.

    `due_at` is when it should run and never changes; `ready_at` is when its next attempt may start (a retry's delay
    moves it). `held_by` says what a pending run waits for besides time: `task NAME`, `pool NAME`, `paused NAME`,
    `unknown NAME`. `options` are policies of this run alone (JSON; the names of `Task`, and `typed`: arguments as
    they were typed on a command line). `live` is where a running attempt's output is (`FILE:OFFSET` in the output
    folder). `losses` counts the attempts that lost their worker or daemon (they use up no `retries`), `deaths` those
    of them that took their worker down.
    """

    id: int = 0
    task: str | None
    func: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin = Origin.ENQUEUED
    state: State = State.PENDING
    reason: Reason | None = None
    slot: Instant | None = None
    last_slot: Instant | None = None
    count: int = 1
    era: int = 0
    due_at: Instant
    ready_at: Instant
    enqueued_at: Instant
    started_at: Instant | None = None
    finished_at: Instant | None = None
    duration: int | None = None
    attempt: int = 0
    losses: int = 0
    deaths: int = 0
    executor: str = "process"
    pool: str = "default"
    priority: int = 0
    key: str | None = None
    retry_of: int | None = None
    expires_at: Instant | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    claimed_by: str | None = None
    held_by: str | None = None
    live: str | None = None
    result: Any = None
    result_note: str | None = None
    fault: Fault | None = None
    cost: Cost = NO_COST

    @property
    def scheduled(self) -> bool:
        """A schedule named its slot; the others were asked for."""
        return self.origin in SCHEDULED

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def damaged(self) -> bool:
        """Its row in the store was changed by other hands: it stands in for what cannot be read, and is not run."""
        return self.fault is not None and self.fault.type == DAMAGED

    @property
    def begun(self) -> bool:
        """Its attempt has begun: one that is claimed but still waits in front of a worker shows as pending."""
        return self.state is State.RUNNING and self.started_at is not None

    @property
    def shown_state(self) -> State:
        """The state that people and scripts see."""
        return State.PENDING if self.state is State.RUNNING and not self.begun else self.state

    @property
    def lateness(self) -> int | None:
        """Microseconds from when it should have run to when its (last) attempt began."""
        return None if self.started_at is None else self.started_at - self.due_at

    @property
    def name(self) -> str:
        """The task's name, that under which a program registered the callable, or the bare dotted path."""
        return self.task if self.task is not None else str(self.options.get("name", self.func))

    def but(self, **changes: Any) -> Run:
        """The same run with other values: `dataclasses.replace`, at a tenth of its cost, for this is done per run."""
        return run_with(self.__dict__ | changes)

    def claimed(self, *, by: str) -> Run:
        """What was wrong with the attempt before stands in that attempt's record."""
        return self._to(
            State.RUNNING,
            attempt=self.attempt + 1,
            claimed_by=by,
            held_by=None,
            started_at=None,
            reason=None,
            fault=None,
        )

    def began(self, *, at: Instant, live: str | None) -> Run:
        """The worker has called the function: no change of state, only knowledge."""
        return self.but(started_at=at, live=live)

    def succeeded(
        self,
        *,
        at: Instant,
        started_at: Instant | None = None,
        result: Any,
        note: str | None,
        duration: int | None,
        cost: Cost = NO_COST,
    ) -> Run:
        return self._to(
            State.SUCCEEDED,
            started_at=self.started_at if started_at is None else started_at,
            finished_at=at,
            result=result,
            result_note=note,
            duration=duration,
            cost=cost,
            claimed_by=None,
            live=None,
            reason=None,
            fault=None,
        )

    def failed(
        self,
        *,
        at: Instant,
        reason: Reason,
        fault: Fault | None,
        duration: int | None = None,
        cost: Cost = NO_COST,
    ) -> Run:
        return self._to(
            State.FAILED,
            finished_at=at,
            reason=reason,
            fault=fault,
            duration=duration,
            cost=cost,
            claimed_by=None,
            live=None,
        )

    def awaiting_retry(
        self,
        *,
        ready_at: Instant,
        reason: Reason,
        fault: Fault | None,
        lost: bool = False,
        died: bool = False,
    ) -> Run:
        """The attempt failed and another will follow: pending again, with what went wrong kept on it."""
        return self._to(
            State.PENDING,
            ready_at=ready_at,
            reason=reason,
            fault=fault,
            losses=self.losses + lost,
            deaths=self.deaths + died,
            claimed_by=None,
            live=None,
        )

    def released(self) -> Run:
        """Claimed but not begun, given back: the attempt does not count."""
        return self._to(State.PENDING, attempt=self.attempt - 1, claimed_by=None, started_at=None, live=None)

    def cancelled(self, *, at: Instant, reason: Reason = Reason.USER, duration: int | None = None) -> Run:
        return self._to(
            State.CANCELLED,
            finished_at=at,
            reason=reason,
            duration=duration,
            claimed_by=None,
            held_by=None,
            live=None,
        )

    def skipped(self, *, at: Instant, reason: Reason) -> Run:
        return self._to(State.SKIPPED, finished_at=at, reason=reason, held_by=None)

    def held(self, by: str) -> Run:
        """Still pending, now known to wait for something besides time."""
        return self.but(held_by=by)

    def _to(self, state: State, **changes: Any) -> Run:
        if state not in ARROWS[self.state]:
            raise IllegalMoveError(f"run {self.id} is {self.state} and cannot become {state}")
        changes["state"] = state
        return run_with(self.__dict__ | changes)


def run_with(values: dict[str, Any]) -> Run:
    """A run of these values, which become its own; what is not named is as it is by default.

    `Run(...)` sets its 36 fields one by one, and a run is made anew at each of its moves.
    """
    made = object.__new__(Run)
    object.__setattr__(made, "__dict__", values)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One try of a run, as history keeps it. `outcome` is a `State` word, or `lost`, `timed_out`, `released`."""

    run_id: int
    attempt: int
    outcome: str
    started_at: Instant | None
    finished_at: Instant | None
    duration: int | None = None
    fault: Fault | None = None
    cost: Cost = NO_COST


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """What the store remembers of a task, whether or not a file still names it.

    `mark`: every slot up to and including it has been considered, in this `era`. `anchor`: what `every` counts from.
    `digest`: of the schedule that the mark belongs to. `known_at` and `at_times`: the `at` instants seen so far.
    `pause_until` None with `paused` True is a pause without end. `broken`: why its callable cannot be imported.
    """

    name: str
    mark: Instant
    era: int = 0
    anchor: Instant
    digest: str = ""
    first_seen: Instant
    paused: bool = False
    pause_until: Instant | None = None
    pause_note: str = ""
    broken: str = ""
    removed: bool = False
    at_times: tuple[Instant, ...] = ()
