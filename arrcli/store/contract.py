"""What a store is: it keeps, and decides nothing.

All verbs take and return batches of frozen values. Writes happen inside `writing()`, one transaction (SQLite:
BEGIN IMMEDIATE) that is committed durably when the block ends and rolled back when it raises; several verbs in one
block are one commit. Reads outside it see the last commit. Every move is compared and set on (id, state, attempt), so
that only the attempt that owns a row can end it. `tests/test_store_contract.py` proves an implementation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from arrcli.model.instant import Instant
from arrcli.model.run import AttemptRecord, Run, State, TaskRecord
from arrcli.store.values import Move, Owner, Request, RunQuery


class Reading(Protocol):
    """Questions; none of them creates or changes anything."""

    def run(self, run_id: int) -> Run | None: ...

    def runs(self, query: RunQuery) -> Sequence[Run]: ...

    def pending(self, *, until: Instant | None = None, limit: int = 0) -> Sequence[Run]:
        """Runs that have not begun, by (ready_at, id)."""
        ...

    def running(self) -> Sequence[Run]:
        """Every run in state running, claimed or begun, by id."""
        ...

    def begun(self) -> Sequence[Run]:
        """Those of them whose attempt has begun, in the order in which they did."""
        ...

    def recent(self, limit: int) -> Sequence[Run]:
        """The runs that ended last, newest first."""
        ...

    def waiting(self, most: int) -> int:
        """How many runs are ready or held; of each no more than `most` are counted."""
        ...

    def last_runs(self, tasks: Collection[str], limit: int = 1) -> Mapping[str, Sequence[Run]]:
        """For each task its newest executed (succeeded or failed) runs, newest first."""
        ...

    def attempts(self, run_id: int) -> Sequence[AttemptRecord]:
        """All attempts of a run that have ended, the first first."""
        ...

    def output(self, run_id: int, attempt: int | None = None) -> bytes:
        """What an attempt (None: the last that wrote any) wrote; empty where it wrote nothing."""
        ...

    def task_records(self, names: Collection[str] | None = None) -> Mapping[str, TaskRecord]:
        """Of these tasks (None: of all) what is known. `meta(RECORDS_VERSION)` changes with anything in them but the
        marks."""
        ...

    def ended_since(self, at: Instant) -> Collection[str]:
        """The tasks of which a run ended then or later."""
        ...

    def counts(self) -> Mapping[State, int]:
        """How many of the runs that are kept are in each state, as shown."""
        ...

    def owners(self) -> Sequence[Owner]: ...

    def meta(self, key: str) -> str | None: ...

    def data_version(self) -> int:
        """A number that changes when another process has committed."""
        ...


class Writing(Reading, Protocol):
    """One transaction."""

    def add(self, runs: Sequence[Run]) -> Sequence[Run]:
        """Insert runs, and return them with their ids, in order.

        A scheduled run whose (task, slot, era) is there already, and a run whose `key` a pending run has, are not
        inserted: in their place stands the run that is there (its `id` is how the caller tells).
        """
        ...

    def lengthen(self, run_id: int, *, last_slot: Instant, count: int, at: Instant) -> None:
        """Add `count` more slots, up to `last_slot`, to a row of skipped slots; `finished_at` becomes `at`."""
        ...

    def last_scheduled(self, task: str) -> Run | None:
        """The task's scheduled row with the latest slot in its newest era."""
        ...

    def move(self, moves: Sequence[Move]) -> Sequence[bool]:
        """Set each row to `now` where its (state, attempt) still are those of `was`; True where it took.

        Records and outputs are kept only for those that took.
        """
        ...

    def promote(self, now: Instant) -> int:
        """Make the waiting runs whose `ready_at` has come ready to be claimed; how many."""
        ...

    def set_back(self, by: int, *, now: Instant) -> None:
        """The clock was set back by so many microseconds to `now`: the `ready_at` of what awaits its retry, and of what
        is held though its time had come, goes back with it. What is due at a time of the wall clock stays."""
        ...

    def wait_anew(self, now: Instant) -> int:
        """The clock may have been set back while nobody looked: what has waited since a moment that is still to come by
        `now` waits from now; how many.

        A retry waits as long as it did after its failed attempt; what was to start at once is due. What is due at a
        time of the wall clock stays.
        """
        ...

    def strays(self, after: int, limit: int) -> tuple[Sequence[Run], int]:
        """Of `limit` rows beyond the id `after`: the runs that no claim would ever find, since other hands changed
        their rows, each damaged; and the id up to which was looked."""
        ...

    def next_ready_at(self) -> Instant | None:
        """The earliest `ready_at` of the runs that are still to be promoted."""
        ...

    def ready(self, limit: int, *, executor: str = "process") -> Sequence[Run]:
        """Promoted runs for this executor that nothing holds, by (priority descending, ready_at, id)."""
        ...

    def active(self, tasks: Collection[str]) -> Mapping[str, int]:
        """For each task how many of its runs are running or await their retry."""
        ...

    def active_runs(self, task: str) -> Sequence[Run]:
        """Those runs, oldest first."""
        ...

    def pending_of(self, task: str) -> Sequence[Run]:
        """The task's runs in state pending, oldest first."""
        ...

    def pool_active(self, pools: Collection[str]) -> Mapping[str, int]:
        """For each pool how many runs are running in it."""
        ...

    def hold(self, runs: Sequence[Run]) -> None:
        """Take pending runs out of the ready ones; their `held_by` says until what. CAS as `move`."""
        ...

    def unhold(self, held_by: str, limit: int, *, now: Instant) -> int:
        """Let the first `limit` (0: all) of those held by this go, by (priority descending, ready_at, id); how many.

        They are ready again, or wait for their `ready_at` where it lies after `now`.
        """
        ...

    def held(self) -> Collection[str]:
        """Each `held_by` that holds a run, however many; it costs no more where there are many."""
        ...

    def queued_slots(self, tasks: Collection[str]) -> Mapping[str, int]:
        """For each task how many of its scheduled runs wait for their first attempt (pending, none begun)."""
        ...

    def retarget(self, task: str, *, pool: str, priority: int, executor: str) -> None:
        """A task's policies changed: its pending runs take the new ones, but where a run's own `options` say
        otherwise."""
        ...

    def claimed_by(self, owner: str) -> Sequence[Run]: ...

    def due_to_expire(self, now: Instant) -> Sequence[Run]:
        """Pending runs, never begun, whose `expires_at` has passed."""
        ...

    def next_expiry(self) -> Instant | None: ...

    def put_task_records(self, records: Sequence[TaskRecord]) -> None: ...

    def put_marks(self, marks: Sequence[tuple[str, Instant, int]]) -> None:
        """Set (mark, era) of tasks by name, and nothing else of their records."""
        ...

    def put_broken(self, task: str, why: str) -> None:
        """Set why a task's callable cannot be imported, "" once it could; nothing else of its record."""
        ...

    def put_owner(self, owner: Owner) -> None: ...

    def drop_owner(self, owner_id: str) -> None: ...

    def put_meta(self, key: str, value: str) -> None: ...

    def add_request(self, request: Request) -> int: ...

    def take_requests(self, to: Collection[str]) -> Sequence[Request]:
        """The requests that wait for any of these owners, the oldest first; they are gone with this transaction."""
        ...

    def prune(self, *, task: str, keep: int, before: Instant, limit: int) -> int:
        """Delete at most `limit` ended rows of one task (its name; "" for bare paths) past either bound; how many.

        `keep` counts executed runs only: skipped rows go when older than `before`, or than the oldest executed run that
        is kept once there are `keep` of them. Marks stay.
        """
        ...


class Store(Reading, Protocol):
    """A place where runs are kept.

    `durable` says whether an acknowledged write outlives this process, `polled` whether others can write to it
    unheard, so that it has to be asked now and then.
    """

    durable: bool
    polled: bool

    def writing(self) -> AbstractContextManager[Writing]:
        """One transaction; StoreBusyError when another process keeps the write lock too long, StoreFullError when the
        disk has no room for it."""
        ...

    def append(self, runs: Sequence[Run]) -> Sequence[Run]:
        """`add` in a transaction of its own, durably; callers in several threads may share one commit. StoreFullError
        too where the disk has room for what ends alone."""
        ...

    def commits(self) -> int:
        """A number that changes when anybody has committed, this process too; a thread compares its own ones only."""
        ...

    def pull(self, now: Instant, limit: int) -> int:
        """Take in at most `limit` runs from a queue behind the store; how many (0 where there is no such queue)."""
        ...

    def verify(self) -> None:
        """StoreLostError when what is written would be lost: the store was deleted or replaced."""
        ...

    def has_room(self) -> bool:
        """Whether the disk has room for new work; also sets aside, where it can, a reserve for what ends."""
        ...

    def spend_reserve(self) -> None:
        """The disk is full (StoreFullError): give up the reserve, so that what ends can still be recorded."""
        ...

    def checkpoint(self) -> None:
        """Tidy the store's files where they have grown; done by one process only, and waits for nobody."""
        ...

    def close(self) -> None: ...
