"""Runs are claimed, tried, tried again and ended; nothing of it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from engine_rooms import Bench, task

from arrcli.engine import asks, room
from arrcli.engine.verdict import MOST_DEATHS, policy_of, retry_wait, verdict
from arrcli.errors import StoreBusyError, StoreFullError
from arrcli.model.instant import DAY, HOUR, MINUTE, SECOND
from arrcli.model.run import Reason, Run, State
from arrcli.model.task import Task
from arrcli.store.contract import Store, Writing
from arrcli.store.memory import MemoryStore
from arrcli.store.values import Move, Owner, Request
from arrcli.testing import NOON, a_run
from arrcli.worker.wire import Outcome

BY_HAND = ""
EACH_MINUTE = 'cron = "* * * * *"'


# -- claiming ----


def test_a_run_that_is_asked_for_starts_at_once() -> None:
    bench = Bench()
    run = bench.add()
    assert bench.working() == [run.id]
    assert bench.ends(run.id, result=42).result == 42
    assert [event.kind for event in bench.events if event.run] == ["run_started", "run_succeeded"]


def test_a_run_for_later_waits_for_its_time() -> None:
    bench = Bench()
    run = bench.add(due_at=NOON + HOUR, ready_at=NOON + HOUR)
    bench.pass_time(HOUR - 1)
    assert bench.working() == []
    bench.pass_time(1)
    assert bench.working() == [run.id]


def test_higher_priority_first_then_time() -> None:
    bench = Bench(places=0)
    low, first, second, high = (bench.add(priority=p) for p in (-1, 0, 0, 9))
    bench.executor.places = 4
    bench.ring()
    assert bench.working() == [high.id, first.id, second.id, low.id]


def test_no_more_are_claimed_than_there_is_room_for() -> None:
    bench = Bench(places=2)
    runs = [bench.add() for _ in range(5)]
    assert bench.working() == [run.id for run in runs[:2]]
    bench.ends(runs[0].id)
    assert bench.working() == [runs[1].id, runs[2].id]


def test_a_pool_caps_across_tasks_and_frees_its_places() -> None:
    text = "[pools.heavy]\nsize = 1\n" + "".join(task(BY_HAND, 'pool = "heavy"', name=n) for n in ("t", "u"))
    bench = Bench(text)
    one, two, free = (bench.add(task=n, func="x", pool=p) for n, p in (("t", "heavy"), ("u", "heavy"), (None, "")))
    assert bench.working() == [one.id, free.id]
    assert bench.run(two.id).held_by == "pool heavy"
    bench.fails(one.id)
    assert bench.working() == [free.id, two.id]


def test_a_pool_s_place_goes_to_who_can_use_it() -> None:
    text = "[pools.p]\nsize = 2\n" + task(BY_HAND, 'pool = "p"\nmax_concurrent = 1') + task(BY_HAND, name="u")
    bench = Bench(text)
    runs = [bench.add(task=n, func="x", pool="p") for n in ("t", "u", "t", "t", "u")]
    assert bench.working() == [runs[0].id, runs[1].id]
    bench.ends(runs[1].id)
    assert bench.working() == [runs[0].id, runs[4].id]


def test_asked_for_runs_of_a_task_with_a_schedule_wait_their_turn() -> None:
    bench = Bench(task(EACH_MINUTE))
    bench.pass_time(MINUTE)
    asked = bench.add(task="t", func="jobs.t")
    assert bench.run(asked.id).held_by == "task t"
    bench.ends(bench.working()[0])
    assert bench.working() == [asked.id]


def test_a_task_without_a_schedule_is_bound_by_its_own_limit_only_where_it_sets_one() -> None:
    bench = Bench(task(BY_HAND) + task(BY_HAND, "max_concurrent = 1", name="one"))
    for _ in range(2):
        bench.add(task="t", func="x")
        bench.add(task="one", func="x")
    assert [bench.run(run_id).task for run_id in bench.working()] == ["t", "one", "t"]


def test_ten_thousand_that_are_held_do_not_stand_before_one_that_may_start() -> None:
    bench = Bench(task(BY_HAND, "max_concurrent = 1"))
    bench.kept.append([a_run(task="t", func="x") for _ in range(10_000)])
    other = bench.add()
    bench.turn(5)
    assert other.id in bench.working()
    assert len(bench.working()) == 2


def test_a_bare_path_that_allow_does_not_name_is_denied_at_the_claim() -> None:
    bench = Bench('[arr]\nallow = ["reports.*"]\n' + task(BY_HAND))
    good, bad, of_task = bench.add(func="reports.x"), bench.add(func="os.abort"), bench.add(task="t", func="jobs.t")
    assert bench.working() == [good.id, of_task.id]
    assert (bench.run(bad.id).state, bench.run(bad.id).reason) == (State.SKIPPED, Reason.DENIED)


def test_a_run_of_a_task_that_nobody_knows_is_held() -> None:
    bench = Bench()
    run = bench.add(task="ghost", func="x")
    assert (bench.working(), bench.run(run.id).held_by) == ([], "unknown ghost")


def test_runs_that_waited_past_their_expiry_end() -> None:
    bench = Bench(places=0)
    run = bench.add(expires_at=NOON + MINUTE)
    bench.pass_time(MINUTE - 1)
    assert bench.run(run.id).state is State.PENDING
    bench.pass_time(1)
    assert (bench.run(run.id).state, bench.run(run.id).reason) == (State.SKIPPED, Reason.EXPIRED)


def test_a_held_run_that_expires_leaves_its_place_to_the_next() -> None:
    text = "[pools.p]\nsize = 1\n" + task(BY_HAND, "max_concurrent = 1")
    bench = Bench(text)
    blocker = bench.add(pool="p")
    first = bench.add(task="t", func="x", pool="p", expires_at=NOON + MINUTE)
    bench.pass_time(MINUTE)
    assert bench.run(first.id).state is State.SKIPPED
    second = bench.add(task="t", func="x")
    assert bench.working() == [blocker.id, second.id]


def test_lowering_a_limit_under_runs_that_await_their_retry_stops_none_of_them() -> None:
    more = 'retries = 1\nretry_delay = "1m"\nretry_backoff = "constant"'
    bench = Bench(task(BY_HAND, f"max_concurrent = 3\n{more}"))
    runs = [bench.add(task="t", func="x") for _ in range(3)]
    for run in runs:
        bench.fails(run.id)
    bench.edit(task(BY_HAND, f"max_concurrent = 1\n{more}"))
    bench.executor.places = 2
    bench.pass_time(2 * MINUTE)
    other = bench.add()
    done = []
    for _ in range(3):
        (run_id,) = set(bench.working()) - {other.id}
        assert other.id in bench.working()
        done.append(bench.ends(run_id).id)
    assert sorted(done) == [run.id for run in runs]


def test_a_planner_elsewhere_leaves_slots_alone_and_this_one_executes() -> None:
    bench = Bench(task(EACH_MINUTE), plans=False)
    run = bench.add()
    bench.pass_time(2 * MINUTE)
    assert (bench.working(), bench.runs("t")) == ([run.id], [])


# -- outcomes ----


def test_a_beginning_is_told_when_a_run_goes_on() -> None:
    bench = Bench()
    run = bench.add()
    assert bench.run(run.id).shown_state is State.PENDING
    bench.begins(run.id)
    assert (bench.run(run.id).shown_state, bench.run(run.id).live) == (State.RUNNING, "f:0")
    assert len(bench.told("run_started")) == 1
    bench.ends(run.id)
    assert len(bench.told("run_started")) == 1


def test_retries_back_off_and_spread_by_a_tenth() -> None:
    bench = Bench(task(BY_HAND, 'retries = 3\nretry_delay = "10s"'))
    run = bench.add(task="t", func="x")
    for wait in (10, 20, 40):
        after = bench.fails(run.id)
        assert after.state is State.PENDING
        assert abs((after.ready_at - bench.clock.now()) - wait * SECOND) <= wait * SECOND // 10
        bench.pass_time(after.ready_at - bench.clock.now() - 1)
        assert bench.working() == []
        bench.pass_time(1)
        assert bench.working() == [run.id]
    ended = bench.fails(run.id)
    assert (ended.state, ended.reason, ended.attempt) == (State.FAILED, Reason.ERROR, 4)
    assert [record.outcome for record in bench.kept.attempts(run.id)] == ["failed"] * 4


def test_a_retry_survives_a_restart() -> None:
    text = task(BY_HAND, 'retries = 1\nretry_delay = "10s"')
    bench = Bench(text)
    run = bench.add(task="t", func="x")
    bench.fails(run.id)
    bench.restart()
    bench.pass_time(12 * SECOND)
    assert bench.working() == [run.id]
    assert bench.ends(run.id).state is State.SUCCEEDED


def test_an_attempt_may_say_itself_when_to_try_again_or_that_it_is_useless() -> None:
    bench = Bench(task(BY_HAND, "retries = 5"))
    run, hopeless = bench.add(task="t", func="x"), bench.add(task="t", func="x")
    assert bench.fails(run.id, retry_after=77 * SECOND).ready_at == NOON + 77 * SECOND
    assert bench.fails(hopeless.id, retryable=False).state is State.FAILED


def test_a_broken_callable_fails_without_retries_and_the_first_success_clears_the_mark() -> None:
    bench = Bench(task(BY_HAND, "retries = 5"))
    first, second = bench.add(task="t", func="x"), bench.add(task="t", func="x")
    facts: dict[str, Any] = {"error_type": "builtins.ImportError", "error_message": "no x", "retryable": False}
    assert bench.ends(first.id, "failed", broken=True, **facts).state is State.FAILED
    assert bench.kept.task_records()["t"].broken == "builtins.ImportError: no x"
    bench.ends(second.id)
    assert bench.kept.task_records()["t"].broken == ""


def test_a_success_clears_the_mark_that_another_program_has_left_too() -> None:
    bench = Bench(task(BY_HAND))
    first, second = bench.add(task="t", func="x"), bench.add(task="t", func="x")
    bench.ends(first.id)
    with bench.store.writing() as w:
        w.put_broken("t", "ImportError: no x")
    bench.ring()
    bench.ends(second.id)
    assert bench.kept.task_records()["t"].broken == ""


def test_a_lost_worker_costs_one_attempt_and_three_deaths_fail_for_good() -> None:
    bench = Bench(task(BY_HAND, 'retry_delay = "1s"'))
    run = bench.add(task="t", func="x")
    for deaths in (1, 2):
        after = bench.ends(run.id, "lost", error_message="killed by SIGKILL", worker=0)
        assert (after.state, after.reason, after.deaths, after.losses) == (State.PENDING, Reason.LOST, deaths, deaths)
        bench.pass_time(2 * SECOND)
    ended = bench.ends(run.id, "lost", error_message="killed by SIGKILL", worker=0)
    assert (ended.state, ended.reason, ended.attempt, ended.deaths) == (State.FAILED, Reason.LOST, 3, 3)
    assert len(bench.told("worker_died")) == 3


def test_a_worker_s_death_before_the_run_began_there_costs_it_nothing() -> None:
    bench = Bench()
    run = bench.add()
    after = bench.ends(run.id, "lost", begun=False)
    bench.turn()
    assert (bench.working(), bench.run(run.id).attempt) == ([run.id], 1)
    assert (after.losses, after.deaths) == (0, 0)


def test_losses_use_up_no_retries() -> None:
    bench = Bench(task(BY_HAND, 'retries = 1\nretry_delay = "1s"'))
    run = bench.add(task="t", func="x")
    bench.ends(run.id, "lost", worker=0)
    bench.pass_time(2 * SECOND)
    assert bench.fails(run.id).state is State.PENDING
    bench.pass_time(2 * SECOND)
    assert bench.fails(run.id).state is State.FAILED


def test_on_lost_fail_fails_at_the_first_loss() -> None:
    bench = Bench(task(BY_HAND, 'on_lost = "fail"'))
    run = bench.add(task="t", func="x")
    after = bench.ends(run.id, "lost", error_message="exited with code 3", worker=0)
    assert (after.state, after.reason) == (State.FAILED, Reason.LOST)
    assert after.fault is not None and after.fault.message == "exited with code 3"


def test_a_timed_out_attempt_is_tried_again_and_then_fails_as_such() -> None:
    bench = Bench(task(BY_HAND, 'retries = 1\nretry_delay = "1s"\ntimeout = "5s"'))
    run = bench.add(task="t", func="x")
    assert bench.executor.attempts[run.id].timeout == 5 * SECOND
    assert bench.ends(run.id, "timed_out").reason is Reason.TIMED_OUT
    bench.pass_time(2 * SECOND)
    ended = bench.ends(run.id, "timed_out")
    assert (ended.state, ended.reason) == (State.FAILED, Reason.TIMED_OUT)


@pytest.mark.parametrize(("target", "func"), [('"jobs.alarm"', "jobs.alarm"), ('["mail", "ops"]', "arrcli.shell.pipe")])
def test_on_failure_is_run_once_with_the_run_as_json(target: str, func: str) -> None:
    bench = Bench(task(BY_HAND, f"on_failure = {target}\nretries = 1\nretry_delay = 0"))
    run = bench.add(task="t", func="jobs.t")
    bench.fails(run.id)
    bench.pass_time(SECOND)
    bench.fails(run.id)
    (follower,) = [each for each in bench.runs() if each.id != run.id]
    assert (follower.func, follower.origin.value, follower.task) == (func, "after", None)
    told = follower.args[-1]
    assert (told["id"], told["state"], told["attempt"], told["error"]["message"]) == (run.id, "failed", 2, "bad")
    bench.turn()
    bench.fails(follower.id)
    bench.turn()
    assert len(bench.runs()) == 2


def test_a_late_report_of_an_attempt_that_is_over_is_not_heard() -> None:
    bench = Bench()
    run = bench.add()
    bench.ends(run.id, result="first")
    bench.executor.said.append(Outcome(run_id=run.id, number=1, kind="failed"))
    bench.turn()
    assert (bench.run(run.id).state, bench.run(run.id).result) == (State.SUCCEEDED, "first")


def test_a_late_report_of_an_earlier_attempt_does_not_end_the_one_that_runs() -> None:
    bench = Bench(task(BY_HAND, 'retries = 1\nretry_delay = "1s"'))
    run = bench.add(task="t", func="x")
    bench.fails(run.id)
    bench.pass_time(2 * SECOND)
    assert bench.executor.attempts[run.id].number == 2
    bench.executor.said.append(Outcome(run_id=run.id, number=1, kind="succeeded", result="late"))
    bench.turn()
    assert (bench.run(run.id).state, bench.run(run.id).attempt) == (State.RUNNING, 2)
    assert bench.ends(run.id, result="second").result == "second"


# -- cancelling ----


def test_cancelling_a_pending_run_ends_it_now() -> None:
    bench = Bench(places=0)
    run = bench.add()
    (after,) = asks.cancel(bench.kept, [run.id], NOON)
    assert (after.state, after.reason) == (State.CANCELLED, Reason.USER)


def test_cancelling_a_running_one_goes_through_its_owner() -> None:
    bench = Bench()
    run = bench.add()
    asks.cancel(bench.kept, [run.id], NOON, force=True)
    bench.ring()
    assert bench.executor.cancelled == [(run.id, True)]
    ended = bench.ends(run.id, "cancelled")
    assert (ended.state, ended.reason) == (State.CANCELLED, Reason.USER)


def test_a_cancelled_run_that_had_not_begun_or_fails_meanwhile_is_not_tried_again() -> None:
    bench = Bench(task(BY_HAND, "retries = 5"))
    waiting, failing = bench.add(task="t", func="x"), bench.add(task="t", func="x")
    asks.cancel(bench.kept, [waiting.id, failing.id], NOON)
    bench.ring()
    assert bench.ends(waiting.id, "released", begun=False).state is State.CANCELLED
    assert bench.kept.attempts(waiting.id) == []
    assert bench.fails(failing.id).state is State.CANCELLED


def test_requests_to_another_owner_stay() -> None:
    bench = Bench()
    with bench.kept.writing() as w:
        w.add_request(Request(kind="cancel", to="other", arguments={"run": 1}, at=NOON))
    bench.ring()
    with bench.kept.writing() as w:
        assert len(w.take_requests(["other"])) == 1


def test_what_another_owner_runs_is_replaced_there() -> None:
    store = MemoryStore()
    bench = Bench(task(EACH_MINUTE, 'on_overlap = "replace"'), store=store, places=0)
    bench.pass_time(MINUTE)
    (run,) = bench.runs()
    with store.writing() as w:
        w.put_owner(Owner(id="other", pid=1, started_at=NOON))
        assert w.move([Move(was=run, now=run.claimed(by="other"))])[0]
    bench.pass_time(MINUTE)
    with store.writing() as w:
        (request,) = w.take_requests(["other"])
    assert request.arguments == {"run": run.id, "force": False, "reason": "overlap"}


# -- recovery ----


def test_a_dead_owner_s_claims_come_back_with_their_attempt_counted() -> None:
    bench = Bench()
    run = bench.add()
    bench.begins(run.id)
    bench.restart()
    again = bench.run(run.id)
    assert (again.attempt, again.losses, again.deaths, again.claimed_by) == (2, 1, 0, "owner2")
    assert bench.working() == [run.id]
    assert [owner.id for owner in bench.kept.owners()] == ["owner2"]
    assert [(a.attempt, a.outcome) for a in bench.kept.attempts(run.id)] == [(1, "lost")]
    assert len(bench.told("run_recovered")) == 1


def test_the_claims_of_a_living_owner_are_left_alone() -> None:
    bench = Bench()
    run = bench.add()
    bench.start()
    assert bench.working() == []
    assert bench.run(run.id).claimed_by == "owner1"


def test_a_daemon_that_keeps_dying_fails_no_run_for_good() -> None:
    bench = Bench()
    run = bench.add()
    for _ in range(2 * MOST_DEATHS):
        bench.restart()
    assert bench.ends(run.id).state is State.SUCCEEDED


def test_a_dead_daemon_fails_what_must_not_run_twice() -> None:
    bench = Bench(task(BY_HAND, 'on_lost = "fail"\non_failure = "jobs.alarm"'))
    run = bench.add(task="t", func="x")
    bench.restart()
    assert (bench.run(run.id).state, bench.run(run.id).reason) == (State.FAILED, Reason.LOST)
    assert [each.func for each in bench.runs()] == ["x", "jobs.alarm"]


def test_a_cancel_that_a_dead_daemon_was_asked_for_is_carried_out_by_the_next() -> None:
    bench = Bench()
    run = bench.add()
    asks.cancel(bench.kept, [run.id], NOON)
    bench.restart()
    assert bench.run(run.id).state is State.CANCELLED
    assert bench.working() == []


# -- pauses ----


def test_pause_holds_retries_and_slots_but_not_what_is_asked_for() -> None:
    bench = Bench(task(EACH_MINUTE, 'max_concurrent = 5\nretries = 1\nretry_delay = "10s"'))
    bench.pass_time(MINUTE)
    (slot,) = bench.working()
    bench.fails(slot)
    asks.pause(bench.kept, ["t"], bench.file.tasks, bench.clock.now())
    bench.ring()
    bench.pass_time(2 * MINUTE, MINUTE)
    assert bench.working() == []
    assert bench.run(slot).held_by == "paused t"
    assert bench.rows()[1:] == [("skipped", "paused", 2)]
    asked = bench.add(task="t", func="jobs.t")
    assert bench.working() == [asked.id]
    asks.resume(bench.kept, ["t"], bench.file.tasks, bench.clock.now())
    bench.ring()
    assert bench.working() == [asked.id, slot]
    bench.pass_time(MINUTE)
    assert bench.slots()[-1] == 240


def test_a_pause_for_a_while_ends_by_itself() -> None:
    bench = Bench(task(EACH_MINUTE, 'on_overlap = "allow"'))
    asks.pause(bench.kept, ["t"], bench.file.tasks, NOON, until=NOON + 150 * SECOND, note="moving")
    bench.ring()
    bench.pass_time(4 * MINUTE, 10 * SECOND)
    assert bench.rows() == [("skipped", "paused", 2), ("pending", None, 1), ("pending", None, 1)]
    assert bench.kept.task_records()["t"].paused is False
    assert [event.details["text"] for event in bench.told("note")] == ["t: its pause is over"]


def test_a_pause_that_ended_while_the_daemon_was_down_covers_its_own_slots_only() -> None:
    text = task(EACH_MINUTE, 'catch_up = "skip"\nmisfire_grace = "1s"')
    bench = Bench(text)
    asks.pause(bench.kept, ["t"], bench.file.tasks, NOON, until=NOON + 90 * SECOND)
    bench.clock.advance(HOUR + 30 * SECOND)
    bench.restart()
    bench.turn(3)
    bench.pass_time(MINUTE, 30 * SECOND)
    assert bench.slots() == [3660]


@pytest.mark.parametrize("catch_up", ["latest", "all"])
def test_nothing_is_owed_at_a_resume_that_no_daemon_saw(catch_up: str) -> None:
    bench = Bench(task(EACH_MINUTE, f'catch_up = "{catch_up}"'))
    asks.pause(bench.kept, ["t"], bench.file.tasks, NOON)
    bench.ring()
    bench.clock.advance(HOUR + 30 * SECOND)
    asks.resume(bench.kept, ["t"], bench.file.tasks, bench.clock.now())
    bench.restart()
    assert bench.working() == []
    assert sum(count for _, reason, count in bench.rows() if reason == "paused") == 60


# -- stopping ----


def test_a_drain_claims_no_more_takes_back_what_has_not_begun_and_waits_for_the_rest() -> None:
    bench = Bench(task(EACH_MINUTE), places=2)
    begun, waiting, later = (bench.add() for _ in range(3))
    bench.begins(begun.id)
    bench.runner.stop(grace_us=8 * SECOND)
    bench.turn(2)
    assert bench.working() == [begun.id]
    assert not bench.runner.ended
    released = bench.run(waiting.id)
    assert (released.state, released.attempt, released.claimed_by) == (State.PENDING, 0, None)
    bench.pass_time(2 * SECOND)
    bench.ends(begun.id)
    assert (bench.runner.ended, bench.runner.killed) == (True, 0)
    assert bench.run(later.id).state is State.PENDING


def test_no_slot_is_planned_during_a_drain() -> None:
    bench = Bench(task(EACH_MINUTE))
    run = bench.add()
    bench.begins(run.id)
    bench.runner.stop(grace_us=HOUR)
    bench.pass_time(5 * MINUTE, MINUTE)
    assert bench.runs("t") == []


def test_what_outlives_the_grace_is_killed_and_tried_again_by_the_next_daemon() -> None:
    bench = Bench()
    run = bench.add()
    bench.begins(run.id)
    bench.runner.stop(grace_us=8 * SECOND)
    bench.pass_time(8 * SECOND - 1)
    assert bench.executor.stopped == []
    bench.pass_time(1)
    bench.turn()
    assert (bench.executor.stopped, bench.runner.ended, bench.runner.killed) == ([True], True, 1)
    after = bench.run(run.id)
    assert (after.state, after.reason, after.losses, after.deaths) == (State.PENDING, Reason.LOST, 1, 0)
    bench.restart()
    assert bench.working() == [run.id]


def test_a_second_signal_kills_at_once() -> None:
    bench = Bench()
    run = bench.add()
    bench.begins(run.id)
    bench.runner.stop_now()
    bench.turn(2)
    assert (bench.runner.ended, bench.runner.killed) == (True, 1)


def test_finish_due_still_does_what_is_due_and_leaves_the_later() -> None:
    bench = Bench(task(BY_HAND, "max_concurrent = 1"), places=1)
    runs = [bench.add() for _ in range(3)]
    held = [bench.add(task="t", func="x") for _ in range(2)]
    later = bench.add(due_at=NOON + HOUR, ready_at=NOON + HOUR)
    bench.runner.stop(grace_us=DAY, finish_due=True)
    for _ in range(20):
        if bench.working():
            bench.ends(bench.working()[0])
        bench.turn()
    assert bench.runner.ended
    assert {bench.run(run.id).state for run in [*runs, *held]} == {State.SUCCEEDED}
    assert bench.run(later.id).state is State.PENDING


def test_finish_due_does_not_wait_for_what_nobody_here_can_execute() -> None:
    bench = Bench()
    bench.add(executor="thread")
    bench.runner.stop(grace_us=DAY, finish_due=True)
    bench.turn(2)
    assert bench.runner.ended


def test_an_engine_whose_store_is_gone_still_ends() -> None:
    bench = Bench(wrap=Stubborn)
    run = bench.add()
    bench.begins(run.id)
    stubborn(bench).refuse = True
    bench.runner.stop(grace_us=SECOND)
    bench.pass_time(20 * SECOND, SECOND)
    assert bench.runner.ended


# -- a store in trouble ----


class Stubborn:
    """A store whose transactions fail at their end while it is told to."""

    def __init__(self, store: Store) -> None:
        self._store, self.refuse = store, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        with self._store.writing() as w:
            yield w
            if self.refuse:
                raise StoreBusyError("the store is kept locked by another process; nothing was written")


def stubborn(bench: Bench) -> Stubborn:
    assert isinstance(bench.store, Stubborn)
    return bench.store


def test_a_rolled_back_transaction_loses_no_outcome_and_claims_nothing_twice() -> None:
    bench = Bench(task(EACH_MINUTE), wrap=Stubborn)
    run, next_one = bench.add(), bench.add(due_at=NOON + 59 * SECOND, ready_at=NOON + 59 * SECOND)
    stubborn(bench).refuse = True
    bench.ends(run.id, result=1)
    bench.pass_time(2 * MINUTE, 10 * SECOND)
    assert bench.run(run.id).state is State.RUNNING
    assert bench.working() == []
    assert len(bench.told("note")) == 1
    stubborn(bench).refuse = False
    bench.pass_time(SECOND)
    assert (bench.run(run.id).state, bench.run(run.id).result) == (State.SUCCEEDED, 1)
    assert next_one.id in bench.working()
    assert bench.slots() == [60, 120]
    assert bench.runner.trouble == ""


def test_what_is_wrong_with_the_workers_is_told_once_until_it_is_over() -> None:
    bench = Bench()
    bench.executor.trouble = "workers cannot be started: no memory"
    bench.turn(3)
    assert [event.details["text"] for event in bench.told("note")] == ["workers cannot be started: no memory"]
    assert bench.runner.executors_trouble == "workers cannot be started: no memory"
    bench.executor.trouble = ""
    bench.turn()
    assert bench.runner.executors_trouble == ""
    bench.executor.trouble = "workers cannot be started: no memory"
    bench.turn()
    assert len(bench.told("note")) == 2


class Filling:
    """A store on a disk that is full while it is told so; what was set aside takes what ends, once it is given up."""

    def __init__(self, store: Store) -> None:
        self._store, self.full, self.spent = store, False, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def has_room(self) -> bool:
        return not self.full

    def spend_reserve(self) -> None:
        self.spent = True

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        with self._store.writing() as w:
            yield w
            if self.full and not self.spent:
                raise StoreFullError("the disk is full; nothing was written")


@pytest.mark.parametrize("noticed", ["by looking", "by a commit"])
def test_on_a_full_disk_what_ends_is_recorded_and_nothing_new_starts(noticed: str) -> None:
    bench = Bench(task(EACH_MINUTE), wrap=Filling)
    store: Any = bench.store
    run, waiting = bench.add(), bench.add(due_at=NOON + 30 * SECOND, ready_at=NOON + 30 * SECOND)
    store.full = True
    store.spent = noticed == "by looking"
    bench.pass_time(SECOND if noticed == "by looking" else 1)
    bench.ends(run.id, result=1)
    bench.turn()
    assert (bench.run(run.id).state, bench.run(run.id).result) == (State.SUCCEEDED, 1)
    assert store.spent
    bench.pass_time(2 * MINUTE, 10 * SECOND)
    assert (bench.working(), bench.slots()) == ([], [])
    store.full = False
    bench.pass_time(2 * SECOND, SECOND)
    assert waiting.id in bench.working()
    assert bench.slots() == [60, 120]
    assert [event.details["text"] for event in bench.told("note")] == [room.FULL, room.AGAIN]
    assert bench.runner.trouble == ""


def test_a_clock_that_is_set_back_on_a_full_disk_makes_no_retry_wait_longer() -> None:
    bench = Bench(task(BY_HAND, 'retries = 1\nretry_delay = "1m"'), wrap=Filling)
    store: Any = bench.store
    run = bench.add(task="t", func="jobs.t")
    bench.fails(run.id)
    store.full = store.spent = True
    bench.pass_time(SECOND)
    bench.clock.jump(-HOUR)
    bench.pass_time(10 * SECOND, SECOND)
    store.full = False
    bench.pass_time(80 * SECOND, 10 * SECOND)
    assert bench.working() == [run.id]


def test_a_held_run_is_not_forgotten_when_the_transaction_that_freed_it_was_rolled_back() -> None:
    bench = Bench(task(BY_HAND, "max_concurrent = 1"), wrap=Stubborn)
    first, second = (bench.add(task="t", func="x") for _ in range(2))
    stubborn(bench).refuse = True
    bench.ends(first.id)
    stubborn(bench).refuse = False
    bench.pass_time(2 * SECOND)
    assert bench.working() == [second.id]


def test_a_file_that_was_adopted_in_vain_is_adopted_again() -> None:
    bench = Bench(task(BY_HAND), wrap=Stubborn)
    stubborn(bench).refuse = True
    bench.edit(task(EACH_MINUTE, name="u"))
    stubborn(bench).refuse = False
    bench.pass_time(2 * SECOND)
    bench.pass_time(MINUTE)
    assert len(bench.runs("u")) == 1
    assert bench.kept.task_records()["t"].removed


# -- asked for by name ----


def test_a_priority_that_was_asked_for_outlives_an_edit() -> None:
    bench = Bench(task(BY_HAND, "priority = 1"), places=0)
    tasks = bench.file.tasks
    mine = asks.run_asked(asks.Asked(target="t", priority=7), tasks, NOON)
    plain = asks.run_asked(asks.Asked(target="t"), tasks, NOON)
    (own, usual) = bench.kept.append([mine, plain])
    bench.edit(task(BY_HAND, "priority = 3"))
    assert (bench.run(own.id).priority, bench.run(usual.id).priority) == (7, 3)


def test_retry_makes_a_new_run_of_an_ended_one() -> None:
    bench = Bench()
    old = bench.add(args=(1,), kwargs={"a": 2})
    bench.fails(old.id)
    new = asks.retry(bench.kept, old.id, NOON + 5)
    bench.ring()
    assert (new.retry_of, new.args, new.kwargs, new.origin.value) == (old.id, (1,), {"a": 2}, "retry")
    assert bench.working() == [new.id]


# -- pure functions ----


def claimed(**changes: Any) -> Run:
    return a_run(id=1, **changes).claimed(by="a").but(started_at=NOON)


VERDICTS = [
    # outcome, policies, facts of the run before its claim, (state, reason, attempt, losses, deaths)
    ("succeeded", {}, {}, ("succeeded", None, 1, 0, 0)),
    ("released", {}, {}, ("pending", None, 0, 0, 0)),
    ("cancelled", {}, {}, ("cancelled", "user", 1, 0, 0)),
    ("failed", {}, {}, ("failed", "error", 1, 0, 0)),
    ("failed", {"retries": 1}, {}, ("pending", "error", 1, 0, 0)),
    ("failed", {"retries": 1}, {"attempt": 1}, ("failed", "error", 2, 0, 0)),
    ("failed", {"retries": 1}, {"attempt": 1, "losses": 1}, ("pending", "error", 2, 1, 0)),
    ("timed_out", {}, {}, ("failed", "timed_out", 1, 0, 0)),
    ("lost", {}, {}, ("pending", "lost", 1, 1, 1)),
    ("lost", {"on_lost": "fail"}, {}, ("failed", "lost", 1, 1, 1)),
    ("lost", {}, {"attempt": 2, "losses": 2, "deaths": 2}, ("failed", "lost", 3, 3, 3)),
    ("lost by others", {}, {"attempt": 9, "losses": 9, "deaths": 2}, ("pending", "lost", 10, 10, 2)),
    ("lost by others", {"on_lost": "fail"}, {}, ("failed", "lost", 1, 1, 0)),
]


@pytest.mark.parametrize(("kind", "policy", "before", "expected"), VERDICTS)
def test_verdict(kind: Any, policy: dict[str, Any], before: dict[str, Any], expected: tuple[Any, ...]) -> None:
    run = claimed(**before)
    told: dict[str, Any] = {"kind": "lost", "died": False} if kind == "lost by others" else {"kind": kind}
    outcome = Outcome(run_id=1, number=run.attempt, finished_at=NOON + 5, **told)
    after = verdict(run, Task(name="t", func="f", **policy), outcome, now=NOON + 9, draining=False, luck=0.0)
    reason = None if after.reason is None else after.reason.value
    assert (after.state.value, reason, after.attempt, after.losses, after.deaths) == expected


def test_a_loss_during_the_drain_is_not_the_run_s_doing() -> None:
    outcome = Outcome(run_id=1, number=1, kind="lost")
    run = claimed(deaths=MOST_DEATHS - 1)
    after = verdict(run, Task(name="t", func="f"), outcome, now=NOON, draining=True, luck=0.0)
    assert (after.state, after.deaths, after.ready_at) == (State.PENDING, MOST_DEATHS - 1, NOON)


WAITS = [
    ("constant", [5, 5, 5, 5]),
    ("linear", [5, 10, 15, 20]),
    ("exponential", [5, 10, 20, 40]),
]


@pytest.mark.parametrize(("backoff", "seconds"), WAITS)
def test_retry_wait(backoff: Any, seconds: list[int]) -> None:
    policy = Task(name="t", func="f", retry_backoff=backoff)
    assert [retry_wait(policy, n, 0.0) // SECOND for n in range(1, 5)] == seconds
    assert retry_wait(policy, 1, 1.0) == 5_500_000
    assert retry_wait(policy, 1, -1.0) == 4_500_000
    assert retry_wait(policy, 10_000, 1.0) <= 330 * SECOND


def test_a_run_s_own_options_lie_over_its_task_s_policies() -> None:
    policy = policy_of(a_run(options={"retries": 9, "typed": {}}), Task(name="t", func="f", retries=1, timeout=5))
    assert (policy.retries, policy.timeout) == (9, 5)
    assert policy_of(a_run(), None).retries == 0
