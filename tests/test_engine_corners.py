"""Where two things happen to the engine at once: each is told and kept as if it had come alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from engine_rooms import Bench, Stumbling, stumbling, task

from arrcli.engine import asks
from arrcli.errors import ConfigError
from arrcli.model.instant import DAY, HOUR, MINUTE, SECOND
from arrcli.model.run import Reason, State
from arrcli.model.schedule import spread
from arrcli.model.task import TasksFile
from arrcli.store.sqlite import SQLiteStore
from arrcli.store.values import Move, Owner, Request
from arrcli.testing import NOON, a_run

EACH_MINUTE = 'cron = "* * * * *"'
BY_HAND = ""
NO_TASKS = TasksFile(path="", folder="", tasks={})


WHERE = pytest.mark.parametrize("where", ["at_begin", "at_commit"])


# -- a transaction that is refused once ----


@WHERE
@pytest.mark.parametrize("schedule", ['every = "1m"', EACH_MINUTE, 'cron = "0 13 * * *"'])
def test_a_clock_that_was_set_back_silences_nothing_though_the_store_refuses(where: str, schedule: str) -> None:
    bench = Bench(task(schedule, 'on_overlap = "allow"'), wrap=Stumbling, places=1000)
    bench.pass_time(HOUR + 30 * SECOND, 30 * SECOND)
    before = len(bench.slots())
    stumbling(bench, where)
    bench.clock.jump(-DAY)
    bench.turn()
    bench.pass_time(2 * SECOND)
    bench.pass_time(3 * MINUTE, MINUTE)
    bench.pass_time(DAY, HOUR)
    found = bench.slots()[before:]
    assert found[0] == {'every = "1m"': -82_740, EACH_MINUTE: -82_740, 'cron = "0 13 * * *"': 3600}[schedule]
    assert len(bench.told("clock_stepped")) == 1


@WHERE
def test_a_refused_planning_makes_no_slot_twice_and_none_late(where: str) -> None:
    bench = Bench(task(EACH_MINUTE, 'on_overlap = "allow"'), wrap=Stumbling)
    stumbling(bench, where)
    bench.pass_time(MINUTE)
    assert bench.runs() == []
    bench.pass_time(SECOND)
    bench.turn(3)
    assert bench.slots() == [60]
    bench.pass_time(59 * SECOND)
    assert bench.slots() == [60, 120]


@WHERE
def test_a_refused_commit_loses_no_outcome(where: str) -> None:
    bench = Bench(wrap=Stumbling)
    run = bench.add()
    stumbling(bench, where, 3)
    bench.ends(run.id, result=7)
    assert bench.run(run.id).state is State.RUNNING
    bench.pass_time(5 * SECOND, SECOND)
    assert (bench.run(run.id).state, bench.run(run.id).result) == (State.SUCCEEDED, 7)
    assert [event.kind for event in bench.events if event.run] == ["run_started", "run_succeeded"]


@WHERE
def test_a_cancel_that_was_refused_is_carried_out_once(where: str) -> None:
    bench = Bench(wrap=Stumbling)
    run = bench.add()
    asks.cancel(bench.kept, [run.id], NOON)
    stumbling(bench, where)
    bench.ring()
    assert bench.executor.cancelled == []
    bench.pass_time(2 * SECOND)
    bench.turn(3)
    assert bench.executor.cancelled == [(run.id, False)]


@WHERE
def test_a_reload_that_was_refused_once_is_told_as_it_is(where: str) -> None:
    bench = Bench(task(BY_HAND) + task(BY_HAND, name="old"), wrap=Stumbling)
    stumbling(bench, where)
    bench.edit("[arr]\nworkers = 7\n" + task(BY_HAND, "retries = 1") + task(EACH_MINUTE, name="new"))
    bench.pass_time(2 * SECOND)
    assert [dict(event.details) for event in bench.told("reloaded")] == [
        {"added": ["new"], "removed": ["old"], "changed": ["t"]}
    ]
    assert bench.executor.recycled == 1


# -- the file is changed ----


def test_a_schedule_edited_after_the_clock_was_set_back_is_not_silent() -> None:
    bench = Bench(task('cron = "0 13 * * *"'))
    bench.pass_time(HOUR)
    bench.ends(bench.working()[0])
    bench.clock.jump(-2 * HOUR)
    bench.turn()
    bench.edit(task('cron = "*/5 * * * *"'))
    bench.pass_time(5 * MINUTE)
    assert bench.slots() == [3600, -3300]


def test_an_at_that_passed_while_its_task_was_removed_is_missed() -> None:
    text = task("at = [2026-01-01T12:10:00Z, 2026-01-01T13:00:00Z, 2026-01-01T15:00:00Z]")
    bench = Bench(text)
    bench.pass_time(10 * MINUTE)
    bench.ends(bench.working()[0])
    bench.edit(task(EACH_MINUTE, name="other"))
    bench.pass_time(2 * HOUR, 10 * MINUTE)
    bench.edit(text)
    assert bench.rows() == [("succeeded", None, 1), ("skipped", "missed", 1)]
    bench.pass_time(HOUR)
    assert bench.slots() == [600, 10_800]


def test_an_at_that_passed_while_the_list_was_without_it_is_missed() -> None:
    one, two, three = (f"2026-01-01T12:{minute}:00Z" for minute in (10, 20, 30))
    whole = task(f"at = [{one}, {two}, {three}]", 'on_overlap = "allow"')
    bench = Bench(whole)
    bench.edit(task(f"at = [{one}, {three}]", 'on_overlap = "allow"'))
    bench.pass_time(30 * MINUTE, MINUTE)
    bench.edit(whole)
    assert [(r.slot or 0) - NOON for r in bench.runs() if r.reason is Reason.MISSED] == [20 * MINUTE]
    assert bench.slots() == [600, 1800]


def test_an_at_that_passed_while_its_task_had_another_schedule_is_missed() -> None:
    text = task("at = [2026-01-01T12:10:00Z, 2026-01-01T13:00:30Z, 2026-01-01T15:00:00Z]")
    bench = Bench(text, places=100)
    bench.pass_time(10 * MINUTE)
    bench.ends(bench.working()[0])
    bench.edit(task('cron = "0 * * * *"'))
    bench.pass_time(2 * HOUR, 10 * MINUTE)
    bench.edit(text)
    assert [(r.slot or 0) - NOON for r in bench.runs() if r.reason is Reason.MISSED] == [HOUR + 30 * SECOND]
    bench.pass_time(HOUR)
    assert (bench.slots().count(600), bench.slots().count(3630), bench.slots()[-1]) == (1, 0, 10_800)


def test_a_slot_that_had_not_begun_when_its_task_was_removed_ends_so() -> None:
    bench = Bench(task(EACH_MINUTE))
    bench.pass_time(MINUTE)
    (run_id,) = bench.working()
    bench.edit(task(BY_HAND, name="other"))
    bench.ends(run_id, "released", begun=False)
    bench.turn()
    assert bench.rows() == [("skipped", "removed", 1)]


def test_a_slot_left_over_from_a_task_that_was_removed_ends_at_the_next_start() -> None:
    bench = Bench(task(EACH_MINUTE))
    bench.pass_time(MINUTE)
    bench.edit(task(BY_HAND, name="other"))
    bench.restart()
    assert bench.rows() == [("skipped", "removed", 1)]


def test_a_file_that_is_wrong_changes_nothing_and_is_told() -> None:
    bench = Bench(task(EACH_MINUTE))
    bench.source.append(ConfigError("bad", ("tasks.toml:1:1: bad",)))  # type: ignore[arg-type]
    bench.turn()
    assert [event.details["faults"] for event in bench.told("reload_refused")] == [["tasks.toml:1:1: bad"]]
    assert bench.runner.faults == ("tasks.toml:1:1: bad",)
    bench.pass_time(MINUTE)
    assert bench.slots() == [60]
    bench.edit(task(EACH_MINUTE))
    assert bench.runner.faults == ()


def test_tasks_that_did_not_change_keep_their_next_fire() -> None:
    period = task('every = "7m"', name="steady")
    bench = Bench(period + task(EACH_MINUTE))
    bench.pass_time(5 * MINUTE)
    bench.edit(period + task('every = "1h"'))
    bench.pass_time(2 * MINUTE)
    assert bench.slots("steady") == [420]


def test_a_new_period_counts_from_the_last_slot_also_when_its_run_was_pruned() -> None:
    bench = Bench(task('every = "10m"', 'keep_for = "90s"'))
    bench.pass_time(10 * MINUTE)
    bench.ends(bench.working()[0])
    bench.pass_time(3 * MINUTE, MINUTE)
    assert bench.runs() == []
    bench.edit(task('every = "4m"'))
    bench.pass_time(MINUTE)
    assert bench.slots() == [840]


# -- pauses ----


def test_a_broken_mark_outlives_the_end_of_a_pause() -> None:
    bench = Bench(task(EACH_MINUTE))
    asks.pause(bench.kept, ["t"], bench.file.tasks, NOON, until=NOON + 30 * SECOND)
    bench.ring()
    run = bench.add(task="t", func="x")
    facts: dict[str, Any] = {"error_type": "builtins.ImportError", "error_message": "no x", "retryable": False}
    bench.ends(run.id, "failed", broken=True, **facts)
    bench.pass_time(40 * SECOND, SECOND)
    record = bench.kept.task_records()["t"]
    assert (record.paused, record.broken) == (False, "builtins.ImportError: no x")


def test_a_pause_that_ended_while_the_daemon_was_down_is_told_from_what_was_missed() -> None:
    bench = Bench(task(EACH_MINUTE, 'catch_up = "skip"\nmisfire_grace = "1s"'))
    asks.pause(bench.kept, ["t"], bench.file.tasks, NOON, until=NOON + 150 * SECOND)
    bench.clock.advance(10 * MINUTE + 30 * SECOND)
    bench.restart()
    bench.turn(3)
    assert bench.rows() == [("skipped", "paused", 2), ("skipped", "missed", 8)]


@pytest.mark.parametrize("how", ["while it runs", "while it is down"])
def test_a_pause_holds_what_was_due_in_it(how: str) -> None:
    bench = Bench(task(EACH_MINUTE, 'jitter = "50s"\ncatch_up = "all"\non_overlap = "allow"'))
    offset = spread("t", 50 * SECOND)
    assert 10 * SECOND < offset < 50 * SECOND
    until = NOON + MINUTE + offset
    asks.pause(bench.kept, ["t"], bench.file.tasks, NOON, until=until)
    bench.ring()
    if how == "while it runs":
        bench.pass_time(5 * MINUTE, SECOND)
    else:
        bench.clock.advance(5 * MINUTE)
        bench.restart()
    assert bench.slots() == [60, 120, 180, 240]


# -- @reboot ----


@pytest.mark.parametrize("bound", ["until = 2026-01-01T11:00:00Z", "start = 2026-01-01T13:00:00Z"])
def test_reboot_keeps_to_its_bounds(bound: str) -> None:
    assert Bench(task('cron = "@reboot"', bound)).runs() == []


# -- whose turn it is ----


def test_retries_that_go_by_turns_do_not_stand_before_others() -> None:
    more = 'retries = 1\nretry_delay = "10s"\nretry_backoff = "constant"'
    bench = Bench(task(BY_HAND, f"max_concurrent = 3000\n{more}"), places=3000)
    runs = bench.kept.append([a_run(task="t", func="x") for _ in range(3000)])
    bench.ring()
    for run in runs:
        bench.executor.ends(run.id, "failed")
    bench.turn()
    bench.edit(task(BY_HAND, f"max_concurrent = 1\n{more}"))
    bench.executor.places = 4
    bench.pass_time(12 * SECOND)
    other = bench.add()
    assert other.id in bench.working()
    assert len(bench.working()) == 2


def test_a_wider_limit_and_a_pool_that_is_gone_let_the_held_go_at_the_reload() -> None:
    narrow = "[pools.p]\nsize = 1\n" + task(BY_HAND, "max_concurrent = 1") + task(BY_HAND, 'pool = "p"', name="u")
    bench = Bench(narrow, places=9)
    for name, pool in (("t", "default"), ("u", "p")):
        for _ in range(3):
            bench.add(task=name, func="x", pool=pool)
    assert len(bench.working()) == 2
    bench.edit(task(BY_HAND, "max_concurrent = 2") + task(BY_HAND, name="u"))
    assert [bench.run(run_id).task for run_id in bench.working()].count("t") == 2
    assert [bench.run(run_id).task for run_id in bench.working()].count("u") == 3


def test_a_reload_that_is_asked_for_reads_the_file_at_once() -> None:
    bench = Bench()
    heard: list[bool] = []

    def poll(now: int, *, asked: bool) -> None:
        heard.append(asked)

    bench.poll = poll  # type: ignore[method-assign]
    with bench.kept.writing() as w:
        w.add_request(Request(kind="reload", to="", arguments={}, at=NOON))
    bench.ring()
    bench.runner.sleep()
    bench.turn(2)
    assert (bench.waiter.patience, heard) == ([0], [False, True, False])


def test_a_cancel_during_the_drain_is_heard() -> None:
    bench = Bench()
    run = bench.add()
    bench.begins(run.id)
    bench.runner.stop(grace_us=HOUR)
    asks.cancel(bench.kept, [run.id], bench.clock.now())
    bench.ring()
    assert bench.executor.cancelled == [(run.id, False)]
    bench.ends(run.id, "cancelled")
    assert (bench.runner.ended, bench.run(run.id).state) == (True, State.CANCELLED)


def test_a_cancelled_retry_leaves_its_place_to_the_next() -> None:
    bench = Bench(task(BY_HAND, 'max_concurrent = 1\nretries = 1\nretry_delay = "1h"'))
    first, second = (bench.add(task="t", func="x") for _ in range(2))
    bench.fails(first.id)
    assert bench.working() == []
    asks.cancel(bench.kept, [first.id], bench.clock.now())
    bench.ring()
    assert bench.working() == [second.id]


def test_a_place_that_a_paused_slot_cannot_take_goes_to_what_was_asked_for() -> None:
    bench = Bench(task(EACH_MINUTE, 'on_overlap = "queue"'))
    bench.pass_time(2 * MINUTE, MINUTE)
    asked = bench.add(task="t", func="x")
    asks.pause(bench.kept, ["t"], bench.file.tasks, bench.clock.now())
    bench.ring()
    bench.ends(bench.working()[0])
    bench.turn()
    assert bench.working() == [asked.id]
    assert [run.held_by for run in bench.runs() if run.scheduled] == [None, "paused t"]


def test_a_pool_s_place_that_one_cannot_take_for_its_task_s_limit_goes_to_the_next() -> None:
    bench = Bench("[pools.p]\nsize = 1\n" + task(BY_HAND, "max_concurrent = 1") + task(BY_HAND, name="u"))
    first = bench.add(pool="p")
    held = bench.add(task="t", func="x", pool="p")
    elsewhere = bench.add(task="t", func="x")
    other = bench.add(task="u", func="x", pool="p")
    assert bench.working() == [first.id, elsewhere.id]
    bench.ends(first.id)
    assert bench.working() == [elsewhere.id, other.id]
    assert bench.run(held.id).held_by == "task t"


def test_a_judgement_that_takes_several_turns_is_not_slept_over() -> None:
    bench = Bench(task(BY_HAND, "max_concurrent = 1"))
    bench.kept.append([a_run(task="t", func="x") for _ in range(10_000)])
    (other,) = bench.kept.append([a_run()])
    bench.ring()
    bench.runner.sleep()
    while bench.waiter.patience == [0]:
        bench.waiter.patience.clear()
        bench.turn()
        bench.runner.sleep()
    assert other.id in bench.working()


# -- those that are gone ----


def test_a_replaced_run_whose_owner_died_ends_as_replaced() -> None:
    bench = Bench()
    run = bench.add(due_at=NOON + HOUR, ready_at=NOON + HOUR)
    with bench.kept.writing() as w:
        w.put_owner(Owner(id="other", pid=1, started_at=NOON))
        w.move([Move(was=run, now=run.claimed(by="other"))])
        arguments = {"run": run.id, "force": False, "reason": "overlap"}
        w.add_request(Request(kind="cancel", to="other", arguments=arguments, at=NOON))
    bench.gone.add("other")
    bench.pass_time(3 * SECOND)
    assert (bench.run(run.id).state, bench.run(run.id).reason) == (State.CANCELLED, Reason.OVERLAP)


def test_what_must_not_run_twice_fails_when_it_is_killed_at_the_end_of_the_grace() -> None:
    bench = Bench(task(BY_HAND, 'on_lost = "fail"'))
    begun, waiting = bench.add(task="t", func="x"), bench.add(task="t", func="x")
    bench.begins(begun.id)
    bench.runner.stop(grace_us=SECOND)
    bench.pass_time(SECOND)
    bench.turn()
    assert (bench.run(begun.id).state, bench.run(begun.id).reason) == (State.FAILED, Reason.LOST)
    assert (bench.run(waiting.id).state, bench.run(waiting.id).attempt) == (State.PENDING, 0)


def test_a_run_that_had_not_begun_at_its_worker_s_death_is_not_told_of_as_a_retry() -> None:
    bench = Bench()
    run = bench.add()
    bench.ends(run.id, "lost", begun=False, worker=0, error_message="killed by SIGKILL")
    bench.ends(run.id)
    assert [event.kind for event in bench.events if event.run] == ["worker_died", "run_started", "run_succeeded"]


# -- much at once ----


def test_a_cron_of_every_second_after_a_day_off_is_judged_exactly_and_in_time() -> None:
    bench = Bench(task('cron = "* * * * * *"', 'misfire_grace = "0s"'))
    bench.clock.advance(DAY)
    began = time.process_time()
    bench.restart()
    bench.turn(60)
    assert time.process_time() - began < 15
    rows = [run for run in bench.runs() if run.state is State.SKIPPED]
    live = [run.slot for run in bench.runs() if run.state is not State.SKIPPED]
    assert sum(run.count for run in rows) + len(live) == 86_400
    assert live == [NOON + DAY - SECOND, NOON + DAY]
    assert len(rows) == 1


TEN_YEARS = 3652 * DAY
LATE_BY_YEARS = [
    # schedule, catch_up, which slots run (seconds before the instant), how many were missed
    ("* * * * *", "latest", [60, 0], 3652 * 1440 - 2),
    ("* * * * *", "all", [180, 120, 60, 0], 3652 * 1440 - 4),
    ("* * * * *", "skip", [0], 3652 * 1440 - 1),
    ("* * * * * *", "latest", [1, 0], 3652 * 86_400 - 2),
    ("0 0 * * *", "latest", [], 3652),
]


@pytest.mark.parametrize(("schedule", "catch_up", "run", "missed"), LATE_BY_YEARS)
def test_a_cron_after_ten_years_is_judged_exactly_and_goes_on_at_once(
    schedule: str, catch_up: str, run: list[int], missed: int
) -> None:
    more = f'catch_up = "{catch_up}"\nmax_catch_up = 3\nmisfire_grace = "0s"\non_overlap = "allow"'
    bench = Bench(task(f'cron = "{schedule}"', f'{more}\ncatch_up_window = "10m"\nkeep_for = "9999d"'), places=99)
    bench.clock.jump(TEN_YEARS)
    began = time.process_time()
    bench.turn(3)
    assert time.process_time() - began < 3
    assert bench.slots() == [TEN_YEARS // SECOND - back for back in run]
    assert [row for row in bench.rows() if row[1] == "missed"] == [("skipped", "missed", missed)]
    bench.pass_time(12 * HOUR if schedule == "0 0 * * *" else MINUTE)
    assert bench.slots()[-1] == bench.clock.now() // SECOND - NOON // SECOND


def test_the_history_is_tidied_also_after_the_clock_was_set_back() -> None:
    bench = Bench(task(BY_HAND, "keep_runs = 1"))
    bench.clock.jump(-DAY)
    for _ in range(3):
        bench.ends(bench.add(task="t", func="x").id)
    bench.pass_time(3 * MINUTE, 10 * SECOND)
    assert len(bench.runs("t")) == 1


# -- two engines on one store ----


class Two:
    """A daemon, and an engine of a program that knows none of its tasks, on one file store."""

    def __init__(self, path: Path, text: str, places: int) -> None:
        self.daemon = Bench(text, store=SQLiteStore(path), places=places)
        self.guest = Bench(store=SQLiteStore(path), plans=False, name="guest", places=3)
        self.guest.file = NO_TASKS
        self.guest.start()

    def pass_time(self, microseconds: int) -> None:
        """Both turn, now and then; the guest first."""
        for _ in range(10):
            for bench in (self.guest, self.daemon):
                bench.pass_time(microseconds // 10)

    def commits(self) -> int:
        """How often either has written so far, as a third sees it."""
        return self.guest.kept.data_version() + self.daemon.kept.data_version()


HELD_ELSEWHERE = [
    # the daemon's file, its places, the pool of what is asked for, what holds them at last
    (task(BY_HAND), 0, "default", ["unknown t"] * 3),
    (task(BY_HAND, "max_concurrent = 1"), 4, "default", [None, "task t", "task t"]),
    ("[pools.p]\nsize = 1\n" + task(BY_HAND, 'pool = "p"'), 4, "p", [None, "pool p", "pool p"]),
]


@pytest.mark.parametrize(("text", "places", "pool", "held"), HELD_ELSEWHERE)
def test_two_engines_do_not_let_go_and_hold_by_turns(
    tmp_path: Path, text: str, places: int, pool: str, held: list[str | None]
) -> None:
    two = Two(tmp_path / "arr.db", text, places)
    now = two.daemon.clock.now()
    asked = [a_run(task="t", func="x", pool=pool, due_at=now, ready_at=now, enqueued_at=now) for _ in range(3)]
    runs = two.daemon.kept.append(asked)
    two.pass_time(3 * SECOND)
    settled = two.commits()
    two.pass_time(3 * SECOND)
    assert two.commits() == settled
    assert [two.daemon.run(run.id).held_by for run in runs] == held
    two.daemon.executor.places = 4
    done = []
    while len(done) < 3:
        two.daemon.ring()
        done += [two.daemon.ends(run_id).id for run_id in two.daemon.working()]
        two.pass_time(SECOND)
    assert (sorted(done), two.guest.executor.submitted) == ([run.id for run in runs], [])


def test_a_retry_is_not_put_off_by_a_clock_that_was_set_back_where_nobody_plans() -> None:
    bench = Bench(plans=False)
    run = bench.add(options={"retries": 1, "retry_delay": 10 * SECOND})
    bench.fails(run.id)
    bench.clock.jump(-DAY)
    bench.turn()
    bench.pass_time(12 * SECOND)
    assert bench.working() == [run.id]


def test_history_is_tidied_by_who_knows_how_long_it_is_kept() -> None:
    bench = Bench(task(BY_HAND, 'keep_for = "90d"'))
    old = bench.ends(bench.add(task="t", func="x").id)
    bare = bench.ends(bench.add().id)
    bench.pass_time(40 * DAY)
    guest = Bench(store=bench.kept, plans=False, name="guest", now=bench.clock.now())
    guest.runner.file = NO_TASKS
    guest.pass_time(10 * MINUTE, MINUTE)
    assert [run.id for run in bench.runs()] == [old.id]
    assert bench.kept.run(bare.id) is None
    bench.edit("")
    bench.pass_time(10 * MINUTE, MINUTE)
    assert bench.runs() == []


def test_a_program_that_does_not_know_a_task_leaves_its_lost_run_to_one_that_does(tmp_path: Path) -> None:
    two = Two(tmp_path / "arr.db", task(BY_HAND, 'on_lost = "fail"'), places=4)
    run, bare = two.daemon.add(task="t", func="x"), two.daemon.add()
    two.daemon.executor.attempts.clear()
    two.guest.gone.add(two.daemon.owner.id)
    two.guest.pass_time(5 * SECOND, SECOND)
    assert two.guest.run(run.id).claimed_by == two.daemon.owner.id
    assert (two.guest.working(), two.guest.run(bare.id).losses) == ([bare.id], 1)
    two.daemon.restart()
    assert (two.daemon.run(run.id).state, two.daemon.run(run.id).reason) == (State.FAILED, Reason.LOST)
    assert two.guest.ends(bare.id).state is State.SUCCEEDED
