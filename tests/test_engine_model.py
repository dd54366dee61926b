"""A model of store and engine: whatever happens, in whatever order and with a kill at any moment, the promises hold.

Hypothesis draws the happenings; the model keeps a book of its own (what was asked for, which attempts were executed,
which slots a schedule has named) and compares it with the store after each.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from engine_rooms import Bench, task
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from arrcli.engine import asks
from arrcli.model.instant import DAY, HOUR, MINUTE, SECOND
from arrcli.model.run import Run, State
from arrcli.model.schedule import At
from arrcli.store.contract import Store, Writing
from arrcli.store.sqlite import SQLiteStore
from arrcli.testing import NOON, a_run
from arrcli.worker.wire import Outcome

KEEP: Final = 'keep_for = "999d"\nkeep_runs = 100000\n'
POOL: Final = "[pools.small]\nsize = 1\n"
MINUTELY: Final = task(
    'cron = "* * * * *"', f'on_overlap = "queue"\nretries = 2\nretry_delay = "1s"\n{KEEP}', name="minutely"
)
STEADY: Final = task(
    'every = "20s"', f'pool = "small"\ncatch_up = "all"\nmax_catch_up = 3\non_lost = "fail"\n{KEEP}', name="steady"
)
FIXED: Final = task('cron = "15,45 0-23 * * *"', f'on_overlap = "replace"\n{KEEP}', name="fixed")
AT: Final = task(
    "at = [2026-01-01T12:03:00Z, 2026-01-01T12:04:00Z, 2026-01-01T18:00:00Z, 2026-01-03T12:00:00Z]",
    f'on_overlap = "allow"\n{KEEP}',
    name="named",
)
HAND: Final = task("", f'pool = "small"\nmax_concurrent = 1\nexpires = "10m"\n{KEEP}', name="byhand")
FILES: Final = (
    POOL + MINUTELY + STEADY + FIXED + AT + HAND,
    POOL + MINUTELY.replace("retries = 2", "retries = 0") + STEADY.replace("20s", "45s") + FIXED + HAND,
    MINUTELY.replace("* * * * *", "30 * * * *") + AT.replace("12:04", "12:05") + HAND.replace('pool = "small"', ""),
    POOL + STEADY.replace('catch_up = "all"', 'catch_up = "skip"') + FIXED.replace("replace", "skip") + AT + HAND,
)
"""What the tasks file says at first, and what it may be edited to."""
WHICH_FILE: Final = st.integers(0, len(FILES) - 1)

PERIODIC: Final = {
    # name and schedule: its period in seconds, the second after midnight it counts from (None: its anchor), and
    # how far a mark may lie ahead of a clock that was set back before the same instants are used again
    ("minutely", "* * * * *"): (60, 0, MINUTE),
    ("minutely", "30 * * * *"): (3600, 1800, MINUTE),
    ("steady", "every 20s"): (20, None, 0),
    ("steady", "every 45s"): (45, None, 0),
    ("fixed", "15,45 0-23 * * *"): (1800, 900, 3 * HOUR),
}
ASKED: Final = (
    {"task": None},
    {"task": "byhand", "pool": "small"},
    {"task": "minutely"},
    {"task": "stranger"},
    {"task": None, "options": {"retries": 1, "retry_delay": SECOND, "retry_backoff": "constant"}},
)
MOMENTS: Final = ("between two transactions", "before the commit", "after the commit")
KINDS: Final = ("succeeded", "succeeded", "failed", "timed_out", "lost", "cancelled")


IN_MEMORY: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Here power is never cut: what the disk keeps then is for other tests to see."""


class Killed(BaseException):
    """kill -9, here."""


class Mortal:
    """The engine's store: the engine is killed at the given moment of its next transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.killed = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        with self._store.writing() as w:
            yield w
            if self.killed == "before the commit":
                raise Killed
        if self.killed:
            raise Killed


@dataclass
class Stretch:
    """A schedule that held: its slots after `since`, in one era, up to `upto` (None: it holds still)."""

    era: int
    since: int
    period: int
    anchor: int
    upto: int | None = None

    def slots(self, upto: int) -> range:
        """All of them, up to where the task has been considered."""
        first = self.since + self.period - (self.since - self.anchor) % self.period
        return range(first, (upto if self.upto is None else self.upto) + 1, self.period)


class Named:
    """The slots of several stretches of one era in their order, to be taken from the front."""

    def __init__(self, stretches: Sequence[range]) -> None:
        self._left = [each for each in stretches if each]

    def take(self, count: int) -> tuple[int, int]:
        """The first and the last of so many."""
        first = last = self._left[0][0] if self._left else -1
        while count and self._left:
            taken, rest = self._left[0][:count], self._left[0][count:]
            last, count = taken[-1], count - len(taken)
            self._left[:1] = [rest] if rest else []
        return first, last if not count else -1

    @property
    def left(self) -> int:
        return sum(map(len, self._left))


class Model(RuleBasedStateMachine):
    """An engine on a SQLite store, another process that asks, and the book of what was promised."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=IN_MEMORY, ignore_cleanup_errors=True)
        self.path = Path(self.folder.name) / "arr.db"
        self.asker = SQLiteStore(self.path)
        self.bench = Bench(FILES[0], store=SQLiteStore(self.path), places=3, wrap=Mortal)
        self.asked: dict[int, Run] = {}
        self.executed: Counter[tuple[int, int]] = Counter()
        self.reported: dict[tuple[int, int], str] = {}
        self.ended: dict[int, tuple[Any, ...]] = {}
        self.stretches: dict[str, list[Stretch]] = {}
        self.marks: dict[str, int] = {}
        self.named: set[int] = set()
        self.line: list[Run] = []
        self.highest = self.now
        self.back = 0
        self.kept = True
        """What had to hold when it was looked at last did: where it did not, nothing need come to an end."""

    def teardown(self) -> None:
        try:
            if self.kept:
                self.all_ends()
        finally:
            self.asker.close()
            self.bench.kept.close()
            self.folder.cleanup()

    @property
    def now(self) -> int:
        return self.bench.clock.now()

    def settled(self) -> None:
        """The engine turns until nothing is due any more."""
        for _ in range(12):
            self.bench.turn()
            following = self.bench.runner._planner.next_wake()  # type: ignore[union-attr]
            if following is None or following > self.now:
                break

    # -- what happens -------------------------------------------------------------------------------------------------

    @rule(seconds=st.integers(1, 600), step=st.sampled_from([1, 7, 60, 600]))
    def time_passes(self, seconds: int, step: int) -> None:
        self.bench.pass_time(seconds * SECOND, max(step, seconds // 20) * SECOND)

    @rule(by=st.sampled_from([-DAY, -4 * HOUR, -2 * HOUR, -2 * MINUTE, -SECOND, SECOND, 5 * MINUTE, 3 * HOUR, DAY]))
    def the_clock_is_set(self, by: int) -> None:
        if self.now + by > NOON + 20 * DAY:
            return
        self.bench.clock.jump(by)
        self.back += max(0, -by)

    @rule(
        which=st.integers(0, len(ASKED) - 1),
        priority=st.sampled_from([0, 0, 5, -5]),
        key=st.sampled_from([None, None, "a", "b"]),
        later=st.sampled_from([0, 0, 0, 30, 7200]),
    )
    def a_run_is_asked_for(self, which: int, priority: int, key: str | None, later: int) -> None:
        at = self.now + later * SECOND
        wanted = a_run(
            due_at=at, ready_at=at, enqueued_at=self.now, priority=priority, key=key, **({"func": "x"} | ASKED[which])
        )
        waiting = [run.id for run in self.bench.runs() if run.key == key and run.state is State.PENDING]
        (added,) = self.asker.append([wanted])
        if key is not None and waiting:
            assert added.id == min(waiting), "a second pending run of a key"
        self.asked.setdefault(added.id, added)

    @rule(number=st.integers(0, 99))
    def one_is_cancelled(self, number: int) -> None:
        runs = self.bench.runs()
        if runs:
            asks.cancel(self.asker, [runs[-1 - number % len(runs)].id], self.now)

    @rule(number=st.integers(0, 99))
    def one_is_tried_again(self, number: int) -> None:
        runs = [run for run in self.bench.runs() if run.ended and run.count == 1]
        if runs:
            old = runs[number % len(runs)]
            new = asks.retry(self.asker, old.id, self.now)
            assert (new.retry_of, new.scheduled, new.slot) == (old.id, False, old.slot)
            self.asked[new.id] = new

    @rule(name=st.sampled_from(["minutely", "steady", "fixed", "named"]), how=st.sampled_from(["pause", "while", "on"]))
    def a_task_is_paused_or_goes_on(self, name: str, how: str) -> None:
        if name not in self.bench.file.tasks:
            return
        if how == "on":
            asks.resume(self.asker, [name], self.bench.file.tasks, self.now)
        else:
            until = self.now + 5 * MINUTE if how == "while" else None
            asks.pause(self.asker, [name], self.bench.file.tasks, self.now, until=until)

    @rule(file=WHICH_FILE)
    def the_file_is_edited(self, file: int) -> None:
        self.bench.edit(FILES[file])

    @precondition(lambda self: self.bench.working())
    @rule(number=st.integers(0, 9))
    def a_function_is_called(self, number: int) -> None:
        self._begin(self._working(number))

    @precondition(lambda self: self.bench.working())
    @rule(number=st.integers(0, 9), kind=st.sampled_from(KINDS), again=st.booleans())
    def an_attempt_ends(self, number: int, kind: str, again: bool) -> None:
        run_id = self._working(number)
        self._end(run_id, kind, again=again)
        self.bench.turn()
        state = self.bench.run(run_id).state
        if kind in ("succeeded", "cancelled"):
            assert state == kind

    @precondition(lambda self: self.executed)
    @rule(number=st.integers(0, 99))
    def an_attempt_that_is_over_is_reported_again(self, number: int) -> None:
        run_id, attempt = sorted(self.executed)[number % len(self.executed)]
        working = self.bench.executor.attempts.get(run_id)
        if working is None or working.number != attempt:
            self.bench.executor.said.append(Outcome(run_id=run_id, number=attempt, kind="succeeded", result="late"))

    @precondition(lambda self: self.bench.working())
    @rule()
    def all_workers_die(self) -> None:
        for run_id in self.bench.working():
            self.bench.executor.ends(run_id, "lost", begun=run_id in self.bench.executor.begun, worker=0)

    @rule(moment=st.sampled_from(MOMENTS), away=st.sampled_from([0, 5, 200, 90_000]), file=WHICH_FILE)
    def the_daemon_is_killed_and_another_starts(self, moment: str, away: int, file: int) -> None:
        """Perhaps later, perhaps with another file; what its executor had begun and not told of is gone with it."""
        bench = self.bench
        if moment != MOMENTS[0]:
            bench.store.killed = moment  # type: ignore[attr-defined]
            with pytest.raises(Killed):
                bench.ring()
        bench.kept.close()
        if self.now + away * SECOND < NOON + 20 * DAY:
            bench.clock.advance(away * SECOND)
        bench.kept = SQLiteStore(self.path)
        bench.store = Mortal(bench.kept)  # type: ignore[assignment]
        bench.restart(FILES[file] if away else None)

    @rule(seconds=st.sampled_from([0, 3]), done=st.integers(0, 3), file=WHICH_FILE)
    def the_daemon_is_stopped_in_good_order_and_another_starts(self, seconds: int, done: int, file: int) -> None:
        """What has begun may end within the grace, the rest is given back."""
        bench = self.bench
        bench.runner.stop(grace_us=2 * SECOND)
        for run_id in sorted(bench.executor.begun)[:done]:
            self._end(run_id, "succeeded")
        bench.turn()
        bench.clock.advance(seconds * SECOND)
        bench.turn(2)
        if not bench.runner.ended:
            assert bench.executor.begun and not seconds
            bench.runner.stop_now()
            bench.turn(2)
        assert bench.runner.ended
        assert [run for run in bench.kept.running() if run.claimed_by == bench.owner.id] == []
        bench.restart(FILES[file])

    def _working(self, number: int) -> int:
        working = self.bench.working()
        return working[number % len(working)]

    def _begin(self, run_id: int) -> None:
        executor = self.bench.executor
        if run_id not in executor.begun:
            executor.begins(run_id)
            self.executed[run_id, executor.attempts[run_id].number] += 1

    def _end(self, run_id: int, kind: str, *, again: bool = True) -> None:
        self._begin(run_id)
        self.reported[run_id, self.bench.executor.attempts[run_id].number] = kind
        self.bench.executor.ends(run_id, kind, retryable=again)

    # -- what must hold -----------------------------------------------------------------------------------------------

    @initialize()
    def the_book_is_opened(self) -> None:
        self._keep_book()

    @invariant()
    def every_promise_is_kept(self) -> None:
        if self.bench.starts:
            self.kept = False
            self.bench.ring()
            self.settled()
            runs = {run.id: run for run in self.bench.runs()}
            self._what_was_asked_for_is_there(runs)
            self._what_ended_stays_so(runs)
            self._attempts_are_counted(runs)
            self._what_runs_has_an_owner()
            self._limits_hold(list(runs.values()))
            self._nothing_waits_without_need(list(runs.values()))
            self._who_was_first_goes_first(runs)
            self._keep_book()
            self._slots_are_accounted_for(list(runs.values()))
            self._named_times_are_accounted_for(list(runs.values()))
            self.kept = True

    def _what_was_asked_for_is_there(self, runs: dict[int, Run]) -> None:
        assert set(self.asked) <= set(runs), "acknowledged and lost"

    def _what_ended_stays_so(self, runs: dict[int, Run]) -> None:
        known = ("state", "reason", "attempt", "finished_at", "result", "claimed_by")
        facts = {
            run.id: tuple(getattr(run, name) for name in known)
            for run in runs.values()
            if run.ended and run.last_slot is None
        }
        assert {run_id: facts.get(run_id) for run_id in self.ended} == self.ended
        self.ended = facts

    def _attempts_are_counted(self, runs: dict[int, Run]) -> None:
        assert all(count == 1 for count in self.executed.values()), "one attempt was executed twice"
        tries = Counter(run_id for run_id, _ in self.executed)
        for run_id, count in tries.items():
            assert count <= runs[run_id].attempt, "an execution without a recorded attempt"
        for run in runs.values():
            if run.state is State.SUCCEEDED:
                assert (self.reported.get((run.id, run.attempt)), run.result) == ("succeeded", None), "it did not"
            assert run.deaths <= 3
            assert run.attempt - run.losses <= 3, "more tries than its task has retries"

    def _what_runs_has_an_owner(self) -> None:
        running = self.bench.kept.running()
        assert {run.claimed_by for run in running} <= {self.bench.owner.id}, "running, and its owner is gone"
        assert {run.id for run in running} == set(self.bench.working()) == set(self.bench.dispatcher.in_flight)

    def _limits_hold(self, runs: Sequence[Run]) -> None:
        running = [run for run in runs if run.state is State.RUNNING]
        if "small" in self.bench.file.pools:
            assert sum(run.pool == "small" for run in running) <= 1, "a pool holds more than its size"
        active = Counter(run.task for run in runs if not run.ended and (run.attempt > 0 or run.claimed_by))
        for name, planned in self.bench.file.tasks.items():
            assert planned.limit is None or active[name] <= max(1, planned.limit), "a task has more than its limit"

    def _nothing_waits_without_need(self, runs: Sequence[Run]) -> None:
        """What is due has begun, unless its task, its pool, a pause or the want of workers is in its way."""
        bench = self.bench
        paused = {name for name, record in bench.kept.task_records().items() if record.paused}
        active = Counter(run.task for run in runs if not run.ended and (run.attempt > 0 or run.claimed_by))
        pools = Counter(run.pool for run in runs if run.state is State.RUNNING)
        for run in runs:
            if run.state is not State.PENDING or run.ready_at > self.now or bench.executor.room() == 0:
                continue
            known, pool = bench.file.tasks.get(run.task or ""), bench.file.pools.get(run.pool)
            stopped = run.task in paused and (run.scheduled or run.attempt > 0)
            crowded = known is not None and known.limit is not None and active[run.task] >= known.limit
            full = pool is not None and pool.size is not None and pools[run.pool] >= pool.size
            assert stopped or crowded or full or (run.task and known is None), f"{run} could start"

    def _who_was_first_goes_first(self, runs: dict[int, Run]) -> None:
        """Of bare runs that waited at the last look: none was begun that has a lower priority, or is younger."""
        left = [run for run in self.line if runs[run.id].state is State.PENDING]
        begun = [run for run in self.line if runs[run.id].state is State.RUNNING and runs[run.id].attempt == 1]
        for run in begun:
            assert all(_place(run) < _place(other) for other in left), "it has pushed in"
        self.line = [
            run
            for run in runs.values()
            if run.task is None and run.state is State.PENDING and run.attempt == 0 and run.ready_at <= self.now
        ]
        self.highest = max(self.highest, self.now)
        early = [run for run in runs.values() if run.state is State.RUNNING and run.due_at > self.highest]
        assert early == [], "begun before its time"

    # -- the book of slots --------------------------------------------------------------------------------------------

    def _keep_book(self) -> None:
        """Which schedule held when: an edit, a removal, and a clock that was set back begin a new stretch."""
        records = self.bench.kept.task_records()
        present = self.bench.file.tasks
        for name in {name for name, _ in PERIODIC}:
            book = self.stretches.setdefault(name, [])
            last = book[-1] if book else None
            if name not in present:
                if last is not None and last.upto is None:
                    last.upto = self.marks[name]
                continue
            record = records[name]
            period, anchor, limit = PERIODIC[name, present[name].schedule_text]
            anchor_at = record.anchor if anchor is None else anchor * SECOND
            assert record.mark - self.now <= limit, "silenced by a clock that was set back"
            if last is None or last.upto is not None or (last.period, last.anchor) != (period * SECOND, anchor_at):
                self._begins(name, Stretch(record.era, record.mark, period * SECOND, anchor_at))
            elif record.era != last.era:
                assert max(self.marks[name], record.mark) > self.now - 600 * SECOND
                assert max(self.marks[name] - self.now, self.back) > limit, "a new era for nothing"
                self._begins(name, Stretch(record.era, self.now, period * SECOND, anchor_at))
            self.marks[name] = record.mark
        self.back = 0

    def _begins(self, name: str, stretch: Stretch) -> None:
        book = self.stretches[name]
        if book:
            assert stretch.era - book[-1].era in (0, 1)
            if book[-1].upto is None:
                book[-1].upto = self.marks[name]
        book.append(stretch)

    def _slots_are_accounted_for(self, runs: Sequence[Run]) -> None:
        """Each is a run, or stands in a skipped row, once: neighbours of one reason share a row, over an edit too."""
        for name, book in self.stretches.items():
            rows = sorted((run for run in runs if run.scheduled and run.task == name), key=lambda run: run.slot or 0)
            assert {run.era for run in rows} <= {stretch.era for stretch in book}
            for era in {stretch.era for stretch in book}:
                named = Named([stretch.slots(self.marks[name]) for stretch in book if stretch.era == era])
                for run in (run for run in rows if run.era == era):
                    found = (run.slot, run.last_slot or run.slot)
                    assert found == (wanted := named.take(run.count)), (
                        f"{name}: {run.count} slots {found}, not {wanted}"
                    )
                assert named.left == 0, f"{name}: {named.left} slots are not there"
            if book and book[-1].upto is None:
                assert len(book[-1].slots(self.now)) <= len(book[-1].slots(self.marks[name])), f"{name}: not planned"

    def _named_times_are_accounted_for(self, runs: Sequence[Run]) -> None:
        """An `at` is a run, or was skipped, once and for all, whatever the clock and the file did."""
        if (planned := self.bench.file.tasks.get("named")) is not None:
            assert isinstance(planned.schedule, At)
            self.named |= {at for at in planned.schedule.times if at <= self.now}
        rows = [run for run in runs if run.scheduled and run.task == "named"]
        alone = [run.slot or 0 for run in rows if run.count == 1]
        assert len(alone) == len(set(alone)), "an instant has two runs"
        assert sum(run.count for run in rows) == len(self.named | set(alone)), "an instant was dropped, or came again"

    # -- the end ------------------------------------------------------------------------------------------------------

    def all_ends(self) -> None:
        """Once all is let go and nothing new comes, every run ends."""
        bench = self.bench
        bench.edit(FILES[0] + task("", name="stranger"))
        for name in bench.file.tasks:
            asks.resume(self.asker, [name], bench.file.tasks, self.now)
        bench.ring()
        latest = max([run.ready_at for run in bench.runs() if not run.ended], default=self.now)
        bench.clock.jump(max(0, latest - self.now) + HOUR)
        self.settled()
        bench.runner.stop(grace_us=DAY, finish_due=True)
        for _ in range(2000):
            for run_id in bench.working():
                self._end(run_id, "succeeded")
            bench.turn()
            if bench.runner.ended:
                break
        assert bench.runner.ended
        left = [run for run in bench.runs() if not run.ended]
        assert left == [], left


def _place(run: Run) -> tuple[int, int, int]:
    return -run.priority, run.ready_at, run.id


def kept_by_the_engine(examples: int, steps: int, *phases: Phase) -> None:
    quick = settings(
        phases=phases,
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Model, settings=quick)  # type: ignore[no-untyped-call]


def test_every_promise_holds_after_whatever_happens() -> None:
    """What it finds is as long as it was drawn, and told at once: to make it short takes minutes."""
    kept_by_the_engine(25, 30, Phase.generate)


@pytest.mark.long
def test_every_promise_holds_after_whatever_happens_for_long() -> None:
    kept_by_the_engine(400, 50, Phase.generate, Phase.shrink)
