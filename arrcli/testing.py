"""For tests of programs that use arr: a clock that stands still, and what every store must do.

Nothing here imports pytest: `StoreContract` is a plain class whose methods pytest collects in your subclass.
"""

# ruff: noqa: S101 - a published test asserts

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from arrcli.errors import StoreError
from arrcli.model.instant import DAY, MINUTE, SECOND, Instant
from arrcli.model.run import AttemptRecord, Cost, Fault, Origin, Reason, Run, State, TaskRecord
from arrcli.store.contract import Store, Writing
from arrcli.store.values import RECORDS_VERSION, Move, Owner, Request, RunQuery

NOON: Final[Instant] = 1_767_268_800 * SECOND
"""2026-01-01T12:00:00Z, where the tests of a store begin."""


class ManualClock:
    """A clock that goes only when told to; it implements `arrcli.clock.Clock`."""

    def __init__(self, now: Instant = NOON) -> None:
        self._now = now
        self._monotonic = 1_000 * SECOND

    def now(self) -> Instant:
        return self._now

    def monotonic(self) -> int:
        return self._monotonic

    def advance(self, microseconds: int) -> None:
        """Time passes: both hands go forward; ValueError for a step back."""
        if microseconds < 0:
            raise ValueError("time does not pass backwards — jump() sets the wall clock alone")
        self._now += microseconds
        self._monotonic += microseconds

    def jump(self, microseconds: int) -> None:
        """Somebody sets the wall clock, forward or back; the monotonic one does not notice."""
        self._now += microseconds

    def set(self, now: Instant) -> None:
        """The wall clock is set to this instant."""
        self._now = now


def a_run(**changes: Any) -> Run:
    """A run that is due at NOON, asked for just then; by default of the bare path `jobs.x`."""
    values: dict[str, Any] = {"task": None, "func": "jobs.x", "due_at": NOON, "ready_at": NOON, "enqueued_at": NOON}
    return Run(**(values | changes))


def a_slot(task: str, slot: Instant, **changes: Any) -> Run:
    """The run of a task's slot."""
    values: dict[str, Any] = {"origin": Origin.CRON, "slot": slot, "due_at": slot, "ready_at": slot}
    return a_run(**({"task": task, "enqueued_at": slot} | values | changes))


class StoreContract:
    """What every store promises, a test a promise. Subclass it, say how to make a store, and let pytest find it:

    class TestMine(StoreContract):
        def new_store(self) -> Store:
            return MyStore()
    """

    store: Store

    def new_store(self) -> Store:
        """A new and empty store."""
        raise NotImplementedError

    def setup_method(self) -> None:
        self.store = self.new_store()

    def teardown_method(self) -> None:
        self.store.close()

    # -- small steps of the tests -------------------------------------------------------------------------------------

    def add(self, *runs: Run) -> Sequence[Run]:
        """Add in a transaction."""
        with self.store.writing() as w:
            return w.add(runs)

    def move(self, was: Run, now: Run, **more: Any) -> bool:
        """One move in a transaction; whether it took."""
        with self.store.writing() as w:
            return w.move([Move(was=was, now=now, **more)])[0]

    def claimed(self, run: Run, by: str = "a") -> Run:
        """Claim a pending run."""
        now = run.claimed(by=by)
        assert self.move(run, now)
        return now

    def ended(self, run: Run, at: Instant = NOON + 1) -> Run:
        """Claim a pending run and let it succeed."""
        was = self.claimed(run)
        now = was.succeeded(at=at, result=None, note=None, duration=1)
        assert self.move(was, now)
        return now

    def kept(self, run: Run) -> Run:
        """The run as the store has it."""
        found = self.store.run(run.id)
        assert found is not None
        return found

    def ready(self, now: Instant = NOON, limit: int = 100, executor: str = "process") -> list[int]:
        """Promote, and the ids of what is ready."""
        with self.store.writing() as w:
            w.promote(now)
            return [run.id for run in w.ready(limit, executor=executor)]

    # -- runs ---------------------------------------------------------------------------------------------------------

    def test_a_run_comes_back_as_it_was_added(self) -> None:
        full = a_run(
            args=(1, "a", [None]),
            kwargs={"region": "eu"},
            executor="thread",
            pool="heavy",
            priority=-3,
            key="k",
            retry_of=7,
            expires_at=NOON + DAY,
            options={"typed": {"args": ["1"]}},
        )
        (added,) = self.add(full)
        assert added.id > 0
        assert added == replace(full, id=added.id)
        assert self.kept(added) == added

    def test_ids_grow_and_are_given_in_order(self) -> None:
        first, second = self.add(a_run(), a_run())
        (third,) = self.store.append([a_run()])
        assert first.id < second.id < third.id

    def test_a_run_that_is_not_there_is_none(self) -> None:
        assert self.store.run(12345) is None
        assert self.store.run(1 << 70) is None

    def test_a_slot_of_a_task_becomes_one_run_in_an_era(self) -> None:
        (first,) = self.add(a_slot("t", NOON))
        again, other_task, other_era = self.add(a_slot("t", NOON), a_slot("u", NOON), a_slot("t", NOON, era=1))
        assert again.id == first.id
        assert len({first.id, other_task.id, other_era.id}) == 3

    def test_of_many_slots_at_once_the_one_that_is_there_stands_in_its_place(self) -> None:
        (there,) = self.add(a_slot("t", NOON + 2))
        added = self.add(*(a_slot("t", NOON + index) for index in range(6)))
        assert added[2].id == there.id
        assert [self.kept(run).slot for run in added] == [NOON + index for index in range(6)]
        assert len(self.store.runs(RunQuery(task="t"))) == 6
        more = self.add(*(a_slot("t", NOON + index) for index in range(10, 16)))
        assert [self.kept(run).slot for run in more] == [NOON + index for index in range(10, 16)]

    def test_a_retry_and_a_backfill_carry_the_slot_beside_the_unique_key(self) -> None:
        runs = self.add(*(a_slot("t", NOON, origin=o) for o in (Origin.CRON, Origin.RETRY, Origin.BACKFILL)))
        assert len({run.id for run in runs}) == 3

    def test_a_second_pending_run_of_one_key_is_the_first(self) -> None:
        first, second = self.add(a_run(key="k"), a_run(key="k"))
        assert second.id == first.id
        self.claimed(first)
        (third,) = self.add(a_run(key="k"))
        assert third.id != first.id

    def test_a_run_may_come_back_to_wait_beside_a_younger_one_of_its_key(self) -> None:
        (first,) = self.add(a_run(key="k"))
        running = self.claimed(first)
        (second,) = self.add(a_run(key="k"))
        assert self.move(running, running.awaiting_retry(ready_at=NOON, reason=Reason.ERROR, fault=None))
        (third,) = self.add(a_run(key="k"))
        assert third.id == first.id
        assert self.kept(second).state is State.PENDING

    def test_what_a_block_that_raises_wrote_is_not_there(self) -> None:
        try:
            with self.store.writing() as w:
                w.add([a_run()])
                w.put_meta("k", "v")
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert self.store.runs(RunQuery()) == []
        assert self.store.meta("k") is None
        assert self.store.counts()[State.PENDING] == 0

    def test_eight_threads_that_append_lose_nothing(self) -> None:
        def work(number: int) -> None:
            for turn in range(25):
                self.store.append([a_run(kwargs={"n": number, "turn": turn})])

        _in_threads(work, 8)
        runs = self.store.runs(RunQuery(limit=0))
        assert {(run.kwargs["n"], run.kwargs["turn"]) for run in runs} == {(n, t) for n in range(8) for t in range(25)}
        assert len(runs) == 200

    # -- the fence ----------------------------------------------------------------------------------------------------

    def test_only_the_attempt_that_owns_the_row_ends_it(self) -> None:
        (run,) = self.add(a_run())
        first = self.claimed(run, by="a")
        back = first.awaiting_retry(ready_at=NOON, reason=Reason.LOST, fault=None, lost=True)
        assert self.move(first, back)
        second = self.claimed(back, by="b")
        assert not self.move(first, first.succeeded(at=NOON, result="stale", note=None, duration=1))
        assert self.move(second, second.succeeded(at=NOON, result="good", note=None, duration=1))
        assert self.kept(run).result == "good"

    def test_a_claim_of_another_owner_with_the_same_attempt_is_fenced_off(self) -> None:
        (run,) = self.add(a_run())
        mine = self.claimed(run, by="a")
        assert self.move(mine, mine.released())
        self.claimed(run, by="b")
        assert not self.move(mine, mine.cancelled(at=NOON))
        assert self.kept(run).claimed_by == "b"

    def test_an_ended_run_stays_ended(self) -> None:
        (run,) = self.add(a_run())
        done = self.ended(run)
        assert not self.move(run, run.claimed(by="b"))
        assert self.kept(run) == done

    def test_a_run_is_claimed_once(self) -> None:
        (run,) = self.add(a_run())
        with self.store.writing() as w:
            assert list(w.move([Move(was=run, now=run.claimed(by=by)) for by in "ab"])) == [True, False]

    def test_of_many_moves_at_once_those_that_fit_take_and_the_others_change_nothing(self) -> None:
        runs = self.add(*(a_run() for _ in range(6)))
        theirs = self.claimed(runs[2], by="theirs")
        with self.store.writing() as w:
            took = w.move([Move(was=run, now=run.claimed(by="ours")) for run in runs])
        assert list(took) == [True, True, False, True, True, True]
        assert [self.kept(run).claimed_by for run in runs] == ["ours", "ours", "theirs", "ours", "ours", "ours"]
        ours = [run.claimed(by="ours") for run in runs]
        with self.store.writing() as w:
            ends = [run.succeeded(at=NOON, result=run.id, note=None, duration=1) for run in ours]
            took = w.move([Move(was=was, now=now, output=b"out") for was, now in zip(ours, ends, strict=True)])
        assert list(took) == [True, True, False, True, True, True]
        assert self.kept(runs[2]) == theirs
        assert self.store.output(runs[2].id) == b""
        assert [self.kept(run).result for run in runs if run.id != theirs.id] == [
            run.id for run in runs if run.id != theirs.id
        ]
        assert self.store.counts()[State.SUCCEEDED] == 5

    def test_what_was_refused_leaves_no_history(self) -> None:
        (run,) = self.add(a_run())
        self.claimed(run)
        record = AttemptRecord(run_id=run.id, attempt=0, outcome="failed", started_at=1, finished_at=2)
        assert not self.move(run, run.cancelled(at=NOON), record=record, output=b"lies")
        assert self.store.attempts(run.id) == []
        assert self.store.output(run.id) == b""

    # -- the queue ----------------------------------------------------------------------------------------------------

    def test_the_ready_come_by_priority_then_time_then_id(self) -> None:
        low, late, early, high, twin = self.add(
            a_run(priority=-1, ready_at=NOON - 9),
            a_run(ready_at=NOON - 1),
            a_run(ready_at=NOON - 2),
            a_run(priority=5),
            a_run(priority=5),
        )
        assert self.ready() == [high.id, twin.id, early.id, late.id, low.id]
        assert self.ready(limit=2) == [high.id, twin.id]

    def test_each_executor_sees_its_own(self) -> None:
        process, thread = self.add(a_run(), a_run(executor="thread"))
        assert self.ready() == [process.id]
        assert self.ready(executor="thread") == [thread.id]

    def test_a_run_is_ready_when_its_time_has_come(self) -> None:
        (run,) = self.add(a_run(ready_at=NOON + 10))
        with self.store.writing() as w:
            assert w.next_ready_at() == NOON + 10
            assert w.promote(NOON + 9) == 0
            assert w.ready(10) == []
            assert w.promote(NOON + 10) == 1
            assert [r.id for r in w.ready(10)] == [run.id]
            assert w.next_ready_at() is None

    def test_the_held_are_not_ready_until_they_are_let_go(self) -> None:
        first, second, other = self.add(a_run(), a_run(), a_run())
        with self.store.writing() as w:
            w.promote(NOON)
            w.hold([first.held("pool x"), second.held("pool x"), other.held("task t")])
            assert sorted(w.held()) == ["pool x", "task t"]
        assert self.ready() == []
        assert self.kept(first).held_by == "pool x"
        with self.store.writing() as w:
            assert w.unhold("pool x", 1, now=NOON) == 1
        assert self.ready() == [first.id]
        assert self.kept(first).held_by is None
        with self.store.writing() as w:
            assert w.unhold("pool x", 0, now=NOON) == 1
            assert sorted(w.held()) == ["task t"]

    def test_what_is_let_go_before_its_time_waits_for_it(self) -> None:
        (run,) = self.add(a_run(ready_at=NOON + DAY))
        with self.store.writing() as w:
            w.hold([run.held("unknown t")])
            assert w.unhold("unknown t", 0, now=NOON) == 1
            assert w.next_ready_at() == NOON + DAY
        assert self.ready() == []

    def test_what_counts_from_a_moment_goes_back_with_the_clock(self) -> None:
        retried, slot, held, held_later = self.add(a_run(), a_run(ready_at=NOON + 9), a_run(), a_run(ready_at=NOON + 9))
        was = self.claimed(retried)
        self.move(was, was.awaiting_retry(ready_at=NOON + 5, reason=Reason.ERROR, fault=None))
        with self.store.writing() as w:
            w.hold([held.held("pool x"), held_later.held("pool x")])
            w.set_back(DAY, now=NOON - DAY)
        found = [self.kept(run).ready_at for run in (retried, slot, held, held_later)]
        assert found == [NOON + 5 - DAY, NOON + 9, NOON - DAY, NOON + 9]

    def test_what_waited_since_a_moment_that_is_still_to_come_waits_from_now(self) -> None:
        retried, slot, held, released = self.add(a_run(), a_run(ready_at=NOON + 9), a_run(), a_run())
        was = self.claimed(retried)
        again = was.awaiting_retry(ready_at=NOON + 8, reason=Reason.ERROR, fault=None)
        record = AttemptRecord(run_id=was.id, attempt=1, outcome="failed", started_at=NOON, finished_at=NOON + 3)
        given_back = self.claimed(released)
        with self.store.writing() as w:
            w.move([Move(was=was, now=again, record=record), Move(was=given_back, now=given_back.released())])
            w.hold([held.held("pool x")])
            assert w.wait_anew(NOON + 3) == 0
            assert w.wait_anew(NOON - DAY) == 3
        found = [self.kept(run).ready_at for run in (retried, slot, held, released)]
        assert found == [NOON - DAY + 5, NOON + 9, NOON - DAY, NOON - DAY]

    def test_rows_are_looked_through_for_runs_that_nothing_would_find(self) -> None:
        first, _, last = self.add(a_run(), a_run(ready_at=NOON + DAY), a_run())
        with self.store.writing() as w:
            w.hold([last.held("pool x")])
            assert w.strays(0, 2) == ([], last.id - 1)
            assert w.strays(last.id - 1, 2) == ([], last.id)
            assert w.strays(last.id, 2) == ([], last.id)
            assert w.strays(last.id + 100, 2) == ([], last.id)
            assert w.strays(first.id - 1, 100) == ([], last.id)

    def test_hold_leaves_what_has_moved_on(self) -> None:
        (run,) = self.add(a_run())
        self.claimed(run)
        with self.store.writing() as w:
            w.hold([run.held("pool x")])
            assert sorted(w.held()) == []

    def test_the_active_are_those_that_run_or_await_their_retry(self) -> None:
        one, two, _, stranger = self.add(*(a_run(task="t") for _ in range(3)), a_run(task="u"))
        self.claimed(one)
        was = self.claimed(two)
        self.move(was, was.awaiting_retry(ready_at=NOON + 9, reason=Reason.ERROR, fault=None))
        self.ended(stranger)
        with self.store.writing() as w:
            assert w.active(["t", "u", "v"]) == {"t": 2}
            assert [run.id for run in w.active_runs("t")] == [one.id, two.id]
            assert w.pool_active(["default", "heavy"]) == {"default": 1}

    def test_queued_slots_are_scheduled_and_have_not_begun(self) -> None:
        slots = self.add(*(a_slot("t", NOON + n) for n in range(3)))
        self.add(a_run(task="t"))
        self.claimed(slots[0])
        with self.store.writing() as w:
            assert w.queued_slots(["t", "u"]) == {"t": 2}
            assert len(w.pending_of("t")) == 3

    def test_the_pending_come_in_the_order_of_their_time(self) -> None:
        late, soon, held, claimed, begun = self.add(
            a_run(ready_at=NOON + 9), a_run(ready_at=NOON), a_run(ready_at=NOON + 5), a_run(ready_at=NOON + 1), a_run()
        )
        with self.store.writing() as w:
            w.hold([held.held("pool x")])
        self.claimed(claimed)
        was = self.claimed(begun)
        self.move(was, was.began(at=NOON, live="f:0"))
        assert [run.id for run in self.store.pending()] == [soon.id, claimed.id, held.id, late.id]
        assert [run.id for run in self.store.pending(until=NOON + 5)] == [soon.id, claimed.id, held.id]
        assert [run.id for run in self.store.pending(limit=1)] == [soon.id]
        assert [run.id for run in self.store.running()] == [claimed.id, begun.id]
        assert [run.id for run in self.store.begun()] == [begun.id]
        assert self.kept(begun).live == "f:0"

    def test_those_that_waited_too_long_are_told(self) -> None:
        old, _, retried = self.add(a_run(expires_at=NOON), a_run(expires_at=NOON + 5), a_run(expires_at=NOON))
        was = self.claimed(retried)
        self.move(was, was.awaiting_retry(ready_at=NOON, reason=Reason.ERROR, fault=None))
        with self.store.writing() as w:
            assert [run.id for run in w.due_to_expire(NOON)] == [old.id]
            assert w.next_expiry() == NOON
            w.move([Move(was=old, now=old.skipped(at=NOON, reason=Reason.EXPIRED))])
            assert w.next_expiry() == NOON + 5

    def test_what_waits_is_counted_up_to_a_bound(self) -> None:
        self.add(*(a_run() for _ in range(3)), a_run(ready_at=NOON + 1))
        with self.store.writing() as w:
            w.promote(NOON)
            w.hold([run.held("pool p") for run in w.ready(1)])
        assert [self.store.waiting(most) for most in (10, 1, 0)] == [3, 2, 0]

    def test_new_policies_reach_the_pending_but_not_what_a_run_says_itself(self) -> None:
        plain, own, running = self.add(
            a_run(task="t"), a_run(task="t", priority=9, options={"priority": 9}), a_run(task="t")
        )
        self.claimed(running)
        with self.store.writing() as w:
            w.retarget("t", pool="heavy", priority=3, executor="thread")
        assert [self.kept(r).priority for r in (plain, own, running)] == [3, 9, 0]
        assert [self.kept(r).pool for r in (plain, own, running)] == ["heavy", "heavy", "default"]
        assert self.ready(executor="thread") == [own.id, plain.id]

    def test_the_claims_of_an_owner(self) -> None:
        one, two = self.add(a_run(), a_run())
        self.claimed(one, by="a")
        self.claimed(two, by="b")
        with self.store.writing() as w:
            assert [run.id for run in w.claimed_by("a")] == [one.id]
            assert w.claimed_by("c") == []

    # -- slots that do not run ----------------------------------------------------------------------------------------

    def test_skipped_slots_share_a_row(self) -> None:
        slot = a_slot("t", NOON, last_slot=NOON)
        (row,) = self.add(slot.skipped(at=NOON, reason=Reason.MISSED))
        with self.store.writing() as w:
            w.lengthen(row.id, last_slot=NOON + MINUTE, count=60, at=NOON + DAY)
        kept = self.kept(row)
        assert (kept.slot, kept.last_slot, kept.count, kept.finished_at) == (NOON, NOON + MINUTE, 61, NOON + DAY)

    def test_the_last_scheduled_row_is_the_latest_slot_of_the_newest_era(self) -> None:
        _, _, newest, _ = self.add(
            a_slot("t", NOON + 9), a_slot("t", NOON, era=1), a_slot("t", NOON + 1, era=1), a_run(task="t")
        )
        with self.store.writing() as w:
            assert w.last_scheduled("t") == newest
            assert w.last_scheduled("u") is None

    # -- history ------------------------------------------------------------------------------------------------------

    def test_the_attempts_of_a_run_in_order_the_last_from_its_row(self) -> None:
        (run,) = self.add(a_run())
        first = replace(self.claimed(run), started_at=NOON)
        fault = Fault("ValueError", "bad", "trace")
        back = first.awaiting_retry(ready_at=NOON, reason=Reason.ERROR, fault=fault)
        cost = Cost(cpu_us=5, rss_kb=6)
        record = AttemptRecord(
            run_id=run.id,
            attempt=1,
            outcome="failed",
            started_at=NOON,
            finished_at=NOON + 1,
            duration=1,
            fault=fault,
            cost=cost,
        )
        assert self.move(self.kept(run), back, record=record)
        assert self.store.attempts(run.id) == [record]
        second = self.claimed(self.kept(run))
        ended = replace(second, started_at=NOON + 5).succeeded(at=NOON + 9, result=1, note=None, duration=4, cost=cost)
        assert self.move(second, ended)
        last = AttemptRecord(
            run_id=run.id,
            attempt=2,
            outcome="succeeded",
            started_at=NOON + 5,
            finished_at=NOON + 9,
            duration=4,
            cost=cost,
        )
        assert self.store.attempts(run.id) == [record, last]

    def test_outputs_are_kept_an_attempt_each(self) -> None:
        (run,) = self.add(a_run())
        first = self.claimed(run)
        assert self.move(
            first, first.awaiting_retry(ready_at=NOON, reason=Reason.ERROR, fault=None), output=b"one" * 9000
        )
        second = self.claimed(self.kept(run))
        assert self.move(second, second.succeeded(at=NOON, result=None, note=None, duration=1), output=b"\xfftwo")
        assert self.store.output(run.id) == b"\xfftwo"
        assert self.store.output(run.id, 1) == b"one" * 9000
        assert self.store.output(run.id, 3) == b""

    def test_runs_are_found_by_what_they_are(self) -> None:
        nightly, bare, cancelled = self.add(
            a_slot("nightly", NOON), a_run(key="k"), a_run(task="other", due_at=NOON + 5)
        )
        self.ended(nightly)
        self.move(cancelled, cancelled.cancelled(at=NOON))

        def ids(**wanted: Any) -> list[int]:
            return [run.id for run in self.store.runs(RunQuery(**wanted))]

        assert ids() == [cancelled.id, bare.id, nightly.id]
        assert ids(limit=1) == [cancelled.id]
        assert ids(oldest_first=True, limit=2) == [nightly.id, bare.id]
        assert ids(task="nightly") == [nightly.id]
        assert ids(task="jobs.x") == [bare.id]
        assert ids(task="night*") == [nightly.id]
        assert ids(states=[State.SUCCEEDED, State.CANCELLED]) == [cancelled.id, nightly.id]
        assert ids(reasons=[Reason.USER], task="other") == [cancelled.id]
        assert ids(origins=[Origin.CRON]) == [nightly.id]
        assert ids(since=NOON, until=NOON + 5) == [bare.id, nightly.id]
        assert ids(key="k") == [bare.id]

    def test_a_claimed_run_that_has_not_begun_is_shown_as_pending(self) -> None:
        (run,) = self.add(a_run(task="t"))
        self.claimed(run)
        assert [r.id for r in self.store.runs(RunQuery(states=[State.PENDING], task="t"))] == [run.id]
        assert self.store.runs(RunQuery(states=[State.RUNNING])) == []
        assert self.store.counts()[State.PENDING] == 1
        assert self.store.counts()[State.RUNNING] == 0

    def test_the_newest_executed_runs_of_tasks(self) -> None:
        one, two, skipped = self.add(a_slot("t", NOON), a_slot("t", NOON + 1), a_slot("t", NOON + 2))
        self.ended(one)
        self.ended(two)
        self.move(skipped, skipped.skipped(at=NOON + 2, reason=Reason.PAUSED))
        found = self.store.last_runs(["t", "u"], 5)
        assert {name: [run.id for run in runs] for name, runs in found.items()} == {"t": [two.id, one.id]}
        assert [run.id for run in self.store.recent(2)] == [skipped.id, two.id]

    def test_counts_follow_runs_through_their_life_and_prune(self) -> None:
        runs = self.add(*(a_run(task="t") for _ in range(4)))
        for run in runs[:3]:
            self.ended(run)
        assert (self.store.counts()[State.SUCCEEDED], self.store.counts()[State.PENDING]) == (3, 1)
        with self.store.writing() as w:
            assert w.prune(task="t", keep=1, before=0, limit=100) == 2
        assert (self.store.counts()[State.SUCCEEDED], self.store.counts()[State.FAILED]) == (1, 0)

    def test_prune_keeps_the_newest_executed_and_what_lies_between(self) -> None:
        runs = self.add(*(a_slot("t", NOON + n) for n in range(6)))
        for run in (runs[0], runs[2], runs[4]):
            self.ended(run)
        for run in (runs[1], runs[3], runs[5]):
            self.move(run, run.skipped(at=NOON + 1, reason=Reason.MISSED))
        with self.store.writing() as w:
            assert w.prune(task="t", keep=2, before=0, limit=100) == 2
            assert w.prune(task="t", keep=2, before=0, limit=100) == 0
        assert [run.id for run in self.store.runs(RunQuery(oldest_first=True))] == [run.id for run in runs[2:]]

    def test_prune_goes_by_age_too_a_batch_at_a_time(self) -> None:
        runs = self.add(*(a_run() for _ in range(5)), a_run(task="t"))
        for run in runs:
            self.ended(run, at=NOON)
        with self.store.writing() as w:
            assert w.prune(task="", keep=100, before=NOON, limit=3) == 0
            assert w.prune(task="", keep=100, before=NOON + 1, limit=3) == 3
            assert w.prune(task="", keep=100, before=NOON + 1, limit=3) == 2
        assert [run.id for run in self.store.runs(RunQuery())] == [runs[5].id]

    def test_prune_to_none_leaves_the_pending_the_running_and_the_mark(self) -> None:
        done, pending, running = self.add(a_slot("t", NOON), a_slot("t", NOON + 1), a_slot("t", NOON + 2))
        was = self.claimed(done)
        self.move(was, was.succeeded(at=NOON, result=None, note=None, duration=1), output=b"x")
        self.claimed(running)
        record = TaskRecord(name="t", mark=NOON + 2, anchor=NOON, first_seen=NOON)
        with self.store.writing() as w:
            w.put_task_records([record])
            assert w.prune(task="t", keep=0, before=NOON, limit=100) == 1
        assert [run.id for run in self.store.runs(RunQuery())] == [running.id, pending.id]
        assert self.store.task_records() == {"t": record}
        assert (self.store.attempts(done.id), self.store.output(done.id)) == ([], b"")

    # -- what else is kept --------------------------------------------------------------------------------------------

    def test_task_records_marks_and_broken_marks(self) -> None:
        record = TaskRecord(
            name="t",
            mark=1,
            anchor=2,
            digest="d",
            first_seen=3,
            paused=True,
            pause_until=4,
            pause_note="n",
            at_times=(5, 6),
        )
        with self.store.writing() as w:
            w.put_task_records([record])
            w.put_marks([("t", 10, 1), ("nobody", 1, 1)])
            w.put_broken("t", "ImportError: x")
        assert self.store.task_records() == {"t": replace(record, mark=10, era=1, broken="ImportError: x")}

    def test_records_are_read_by_name_and_their_version_tells_of_all_but_marks(self) -> None:
        def version_after(write: Callable[[Writing], None]) -> str | None:
            with self.store.writing() as w:
                write(w)
            return self.store.meta(RECORDS_VERSION)

        one, other = (TaskRecord(name=name, mark=1, anchor=2, first_seen=3) for name in ("one", "other"))
        made = version_after(lambda w: w.put_task_records([one, other]))
        assert self.store.task_records(["other", "nobody"]) == {"other": other}
        assert version_after(lambda w: w.put_marks([("one", 10, 0)])) == made
        assert version_after(lambda w: w.put_broken("one", "")) == made
        versions = {made} | {
            version_after(lambda w: w.put_broken("one", "ImportError: x")),
            version_after(lambda w: w.put_marks([("one", 11, 1)])),
            version_after(lambda w: w.put_task_records([one])),
        }
        assert len(versions) == 4

    def test_who_looks_again_learns_whether_anybody_committed(self) -> None:
        before = self.store.commits()
        assert self.store.commits() == before
        self.add(a_run())
        assert self.store.commits() != before

    def test_the_tasks_of_which_a_run_ended_since_an_instant(self) -> None:
        early, late, bare = self.add(a_run(task="early"), a_run(task="late"), a_run())
        for run, at in ((early, NOON + 1), (late, NOON + 2), (bare, NOON + 2)):
            self.ended(run, at=at)
        assert set(self.store.ended_since(NOON + 2)) == {"late"}
        assert set(self.store.ended_since(NOON)) == {"early", "late"}

    def test_requests_are_taken_once_by_whom_they_are_for(self) -> None:
        def asked(to: str) -> Request:
            return Request(kind="cancel", to=to, arguments={"run": 1}, at=NOON)

        with self.store.writing() as w:
            mine, _, planner = (w.add_request(asked(to)) for to in ("a", "b", ""))
        with self.store.writing() as w:
            assert [request.id for request in w.take_requests(["a", ""])] == [mine, planner]
            assert w.take_requests(["a", ""]) == []
            (other,) = w.take_requests(["b"])
        assert (other.kind, other.to, other.arguments, other.at) == ("cancel", "b", {"run": 1}, NOON)

    def test_owners_come_and_go(self) -> None:
        owner = Owner(id="a", pid=7, started_at=NOON, host="boot", what="arr run")
        with self.store.writing() as w:
            w.put_owner(owner)
            w.add_request(Request(kind="cancel", to="a", arguments={}, at=NOON))
        assert self.store.owners() == [owner]
        with self.store.writing() as w:
            w.drop_owner("a")
            assert w.take_requests(["a"]) == []
        assert self.store.owners() == []

    def test_a_note_is_kept_by_its_key(self) -> None:
        with self.store.writing() as w:
            w.put_meta("k", "one")
            w.put_meta("k", "two")
        assert self.store.meta("k") == "two"
        assert self.store.meta("other") is None

    def test_a_closed_store_says_so(self) -> None:
        self.store.close()
        self.store.close()
        for use in (lambda: self.store.counts(), lambda: self.store.append([a_run()])):
            try:
                use()
            except StoreError as error:
                assert "closed" in str(error)
            else:
                raise AssertionError("a closed store was used")


def _in_threads(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
