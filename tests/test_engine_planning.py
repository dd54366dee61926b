"""Slots become runs: none twice, none dropped silently."""

from __future__ import annotations

import time

import pytest
from engine_rooms import Bench, policies, task, tasks_file

from arrcli.engine.slots import Due, due, new_era
from arrcli.model.instant import DAY, HOUR, MINUTE, SECOND, parse_iso
from arrcli.model.run import Origin, Reason, State, TaskRecord
from arrcli.model.schedule import Cron
from arrcli.testing import NOON

EACH_MINUTE = 'cron = "* * * * *"'
EACH_SECOND = 'every = "1s"'
NIGHTLY = 'cron = "30 2 * * *"'
WEEK = 7 * DAY


# -- live slots ----


def test_a_slot_becomes_a_run_when_it_comes_and_not_before() -> None:
    bench = Bench(task(EACH_MINUTE))
    bench.pass_time(MINUTE - 1)
    assert bench.runs() == []
    bench.pass_time(1)
    (run,) = bench.runs()
    assert (run.slot, run.due_at, run.origin, run.func) == (NOON + MINUTE, NOON + MINUTE, Origin.CRON, "jobs.t")
    assert bench.working() == [run.id]


def test_a_first_load_owes_nothing_and_anchors_every_there() -> None:
    bench = Bench(task('every = "90s"'), now=NOON + 7 * SECOND)
    bench.pass_time(90 * SECOND)
    assert bench.slots() == [97]


def test_an_engine_that_turns_twice_in_one_instant_makes_one_run() -> None:
    bench = Bench(task(EACH_MINUTE))
    bench.pass_time(MINUTE)
    bench.turn(5)
    assert bench.slots() == [60]


def test_the_engine_sleeps_until_the_next_slot_and_at_most_30_s() -> None:
    bench = Bench(task('every = "10s"'))
    bench.runner.sleep()
    assert bench.waiter.patience == [10 * SECOND]
    lazy = Bench(task(NIGHTLY))
    lazy.runner.sleep()
    assert lazy.waiter.patience == [30 * SECOND]


def test_start_and_until_bound_the_slots() -> None:
    bounds = "start = 2026-01-01T12:02:00Z\nuntil = 2026-01-01T12:03:00Z"
    bench = Bench(task(EACH_MINUTE, f'{bounds}\non_overlap = "allow"'))
    bench.pass_time(6 * MINUTE, MINUTE)
    assert bench.slots() == [120, 180]


def test_jitter_delays_the_run_and_leaves_the_slot_nominal() -> None:
    bench = Bench(task(EACH_MINUTE, 'jitter = "30s"'))
    bench.pass_time(90 * SECOND, SECOND)
    (run,) = bench.runs()
    offset = run.due_at - (run.slot or 0)
    assert run.slot == NOON + MINUTE
    assert 0 < offset <= 30 * SECOND
    bench.restart()
    bench.ends(run.id) if bench.working() else None
    bench.pass_time(MINUTE, SECOND)
    assert [r.due_at - (r.slot or 0) for r in bench.runs() if r.state is not State.SKIPPED][-1] == offset


def test_reboot_runs_once_at_each_start_and_not_at_a_reload() -> None:
    text = task('cron = "@reboot"')
    bench = Bench(text)
    (run,) = bench.runs()
    assert (run.origin, bench.working()) == (Origin.REBOOT, [run.id])
    bench.ends(run.id)
    bench.edit(text + task(NIGHTLY, name="u"))
    bench.pass_time(DAY, HOUR)
    assert len(bench.runs("t")) == 1
    bench.restart()
    assert len(bench.runs("t")) == 2


def test_two_tasks_for_one_instant_both_run() -> None:
    bench = Bench(task(EACH_MINUTE) + task(EACH_MINUTE, name="u"))
    bench.pass_time(MINUTE)
    assert [run.task for run in bench.runs()] == ["t", "u"]


# -- missed slots ----

DOWN = [
    # catch_up, more keys, seconds after NOON that run, rows of what was missed: (count, first, last)
    ("latest", "", [300], [(4, 60, 240)]),
    ("all", "", [60, 120, 180, 240, 300], []),
    ("all", "max_catch_up = 2", [240, 300], [(3, 60, 180)]),
    ("skip", "", [], [(5, 60, 300)]),
    ("latest", 'catch_up_window = "30s"', [], [(5, 60, 300)]),
    ("all", 'catch_up_window = "3m"', [180, 240, 300], [(2, 60, 120)]),
]


@pytest.mark.parametrize(("catch_up", "more", "ran", "missed"), DOWN)
def test_after_downtime(catch_up: str, more: str, ran: list[int], missed: list[tuple[int, int, int]]) -> None:
    bench = Bench(task(EACH_MINUTE, f'catch_up = "{catch_up}"\nmisfire_grace = "10s"\n{more}'))
    bench.clock.advance(5 * MINUTE + 50 * SECOND)
    bench.restart()
    bench.turn(3)
    assert bench.slots() == ran
    rows = [r for r in bench.runs() if r.state is State.SKIPPED]
    found = [(r.count, ((r.slot or 0) - NOON) // SECOND, ((r.last_slot or 0) - NOON) // SECOND) for r in rows]
    assert found == missed
    assert {row[1] for row in bench.rows() if row[0] == "skipped"} <= {"missed"}


def test_a_slot_within_the_grace_was_not_missed() -> None:
    bench = Bench(task(EACH_MINUTE, 'catch_up = "skip"'))
    bench.clock.advance(2 * MINUTE)
    bench.restart()
    assert bench.slots() == [60]
    assert sorted(bench.rows()) == [("pending", None, 1), ("skipped", "overlap", 1)]


def test_caught_up_runs_wait_their_turn_behind_the_limit() -> None:
    bench = Bench(task(EACH_MINUTE, 'catch_up = "all"\nmisfire_grace = "10s"'))
    bench.clock.advance(3 * MINUTE + 30 * SECOND)
    bench.restart()
    order = []
    for _ in range(3):
        (run_id,) = bench.working()
        order.append((bench.run(run_id).slot or 0) - NOON)
        bench.ends(run_id)
    assert order == [MINUTE, 2 * MINUTE, 3 * MINUTE]


def test_missed_slots_of_two_downtimes_share_a_row_while_nothing_ran_between() -> None:
    bench = Bench(task(EACH_MINUTE, 'catch_up = "skip"\nmisfire_grace = "1s"'))
    for _ in range(2):
        bench.clock.advance(2 * MINUTE + 20 * SECOND)
        bench.restart()
    assert bench.rows() == [("skipped", "missed", 4)]


def test_a_second_s_period_after_a_week_off_is_judged_exactly_and_quickly() -> None:
    bench = Bench(task(EACH_SECOND, 'misfire_grace = "0s"'))
    bench.clock.advance(WEEK + SECOND // 2)
    began = time.process_time()
    bench.restart()
    bench.turn(10)
    assert time.process_time() - began < 2
    skipped = [run for run in bench.runs() if run.state is State.SKIPPED]
    assert sum(run.count for run in skipped) == 604_799
    assert bench.slots() == [604_800]


def test_every_slot_of_a_long_cron_backlog_is_accounted_for() -> None:
    bench = Bench(task('cron = "*/5 * * * * *"', 'catch_up = "all"\nmax_catch_up = 3\nmisfire_grace = "1s"'))
    bench.clock.advance(6 * HOUR + SECOND * 3)
    bench.restart()
    bench.turn(10)
    skipped = sum(run.count for run in bench.runs() if run.state is State.SKIPPED)
    ran = [run for run in bench.runs() if run.state is not State.SKIPPED]
    assert skipped + len(ran) == 6 * 720
    assert [(NOON + 6 * HOUR) - (run.slot or 0) for run in ran] == [10 * SECOND, 5 * SECOND, 0]


@pytest.mark.parametrize(("jitter", "last"), [("0s", 0), ("40s", 1)])
@pytest.mark.parametrize(
    ("cron", "slots"), [('"* * * * *"', 43_200), ('["* * * * *", "30 3 * * *", "@every 90s"]', 57_600)]
)
def test_few_slots_of_a_long_downtime_are_named(
    monkeypatch: pytest.MonkeyPatch, cron: str, slots: int, jitter: str, last: int
) -> None:
    bench = Bench(task(f"cron = {cron}", f'catch_up = "all"\nmax_catch_up = 100\njitter = "{jitter}"'))
    bench.clock.advance(30 * DAY)
    named: list[int] = []
    after = Cron.after
    monkeypatch.setattr(Cron, "after", lambda cron, at: named.append(at) or after(cron, at))
    bench.restart()
    bench.turn(10)
    assert len(named) < 1_000
    missed = [run.count for run in bench.runs() if run.reason is Reason.MISSED]
    assert len(missed) == 1
    assert sum(run.count for run in bench.runs()) == slots - last
    assert slots - last - missed[0] in (100, 101, 102)


def test_a_suspended_machine_is_downtime() -> None:
    bench = Bench(task(EACH_MINUTE, 'misfire_grace = "10s"'))
    bench.clock.jump(HOUR + 30 * SECOND)
    bench.turn()
    assert bench.rows() == [("skipped", "missed", 59), ("pending", None, 1)]
    assert [event.details["by_us"] for event in bench.told("clock_stepped")] == [HOUR + 30 * SECOND]


def test_waiting_for_a_worker_never_makes_a_run_missed() -> None:
    bench = Bench(task(EACH_MINUTE), places=0)
    bench.pass_time(MINUTE)
    bench.pass_time(HOUR, MINUTE)
    bench.executor.places = 1
    bench.ring()
    assert [(bench.run(run_id).slot or 0) - NOON for run_id in bench.working()] == [MINUTE]


# -- overlap ----


def test_skip_leaves_one_row_for_the_slots_that_came_while_a_run_went_on() -> None:
    bench = Bench(task(EACH_MINUTE))
    bench.pass_time(4 * MINUTE, MINUTE)
    assert bench.rows() == [("pending", None, 1), ("skipped", "overlap", 3)]
    bench.ends(bench.working()[0])
    bench.pass_time(MINUTE)
    assert bench.rows()[2] == ("pending", None, 1)


def test_a_row_of_skipped_slots_does_not_span_one_that_runs() -> None:
    bench = Bench(task('every = "20s"', 'catch_up = "all"\nmisfire_grace = "30s"'))
    bench.pass_time(100 * SECOND, 20 * SECOND)
    bench.pass_time(100 * SECOND)
    rows = [(r.state, ((r.slot or 0) - NOON) // SECOND, ((r.last_slot or 0) - NOON) // SECOND) for r in bench.runs()]
    skipped = [(first, last) for state, first, last in rows if state is State.SKIPPED]
    assert skipped == [(40, 100), (180, 200)]
    assert bench.slots() == [20, 120, 140, 160]


def test_queue_makes_them_wait_up_to_queue_max() -> None:
    bench = Bench(task(EACH_MINUTE, 'on_overlap = "queue"\nqueue_max = 2'))
    bench.pass_time(5 * MINUTE, MINUTE)
    assert [row[:2] for row in bench.rows()] == [("pending", None)] * 3 + [("skipped", "queue_full")]
    assert len(bench.working()) == 1
    first = bench.working()[0]
    bench.ends(first)
    assert (bench.run(bench.working()[0]).slot or 0) - NOON == 2 * MINUTE


def test_allow_runs_them_side_by_side() -> None:
    bench = Bench(task(EACH_MINUTE, 'on_overlap = "allow"'))
    bench.pass_time(3 * MINUTE, MINUTE)
    assert len(bench.working()) == 3


def test_allow_with_a_limit_queues_up_to_queue_max_and_no_further() -> None:
    bench = Bench(task(EACH_MINUTE, 'on_overlap = "allow"\nmax_concurrent = 1\nqueue_max = 2'))
    bench.pass_time(MINUTE)
    bench.begins(bench.working()[0])
    bench.pass_time(4 * MINUTE, MINUTE)
    assert [(state, reason) for state, reason, _ in bench.rows()] == [
        ("running", None),
        ("pending", None),
        ("pending", None),
        ("skipped", "queue_full"),
    ]


def test_replace_cancels_the_oldest_and_starts_when_it_is_gone() -> None:
    bench = Bench(task(EACH_MINUTE, 'on_overlap = "replace"'))
    bench.pass_time(MINUTE)
    (first,) = bench.working()
    bench.begins(first)
    bench.pass_time(MINUTE)
    assert bench.executor.cancelled == [(first, False)]
    assert bench.working() == [first]
    assert bench.ends(first, "cancelled").reason == "overlap"
    (second,) = bench.working()
    assert bench.run(second).slot == NOON + 2 * MINUTE


def test_replace_among_slots_that_come_together_runs_the_newest_alone() -> None:
    bench = Bench(task(EACH_SECOND, 'on_overlap = "replace"'))
    bench.pass_time(10 * SECOND)
    assert bench.slots() == [10]
    assert bench.rows() == [("skipped", "overlap", 9), ("pending", None, 1)]


def test_max_concurrent_lets_so_many_live_slots_in() -> None:
    bench = Bench(task(EACH_MINUTE, "max_concurrent = 2"))
    bench.pass_time(4 * MINUTE, MINUTE)
    assert [row[:2] for row in bench.rows()] == [("pending", None)] * 2 + [("skipped", "overlap")]


def test_a_run_that_awaits_its_retry_counts_as_active() -> None:
    bench = Bench(task(EACH_MINUTE, 'retries = 1\nretry_delay = "10m"\nretry_max_delay = "10m"'))
    bench.pass_time(MINUTE)
    bench.fails(bench.working()[0])
    bench.pass_time(MINUTE)
    assert bench.rows() == [("pending", "error", 1), ("skipped", "overlap", 1)]


# -- pauses ----


def test_disabled_acts_as_paused_and_owes_nothing() -> None:
    bench = Bench(task(EACH_MINUTE, "enabled = false"))
    bench.pass_time(3 * MINUTE, MINUTE)
    assert bench.rows() == [("skipped", "paused", 3)]
    bench.edit(task(EACH_MINUTE))
    assert bench.working() == []
    bench.pass_time(MINUTE)
    assert bench.slots() == [240]


# -- edits ----


def test_a_changed_schedule_owes_nothing() -> None:
    bench = Bench(task(EACH_MINUTE, 'catch_up = "all"'))
    bench.clock.advance(10 * MINUTE)
    bench.restart(task('cron = "*/2 * * * *"', 'catch_up = "all"'))
    assert bench.runs() == []
    bench.pass_time(2 * MINUTE)
    assert bench.slots() == [720]


def test_changed_policies_keep_the_mark() -> None:
    bench = Bench(task(EACH_MINUTE))
    bench.clock.advance(5 * MINUTE + SECOND)
    bench.restart(task(EACH_MINUTE, 'catch_up = "all"\nmisfire_grace = "0s"'))
    assert bench.slots() == [60, 120, 180, 240, 300]


def test_a_new_every_period_keeps_the_last_slot_as_its_anchor() -> None:
    bench = Bench(task('every = "10m"'))
    bench.pass_time(10 * MINUTE)
    bench.ends(bench.working()[0])
    bench.pass_time(3 * MINUTE)
    bench.edit(task('every = "4m"'))
    bench.pass_time(MINUTE)
    assert bench.slots() == [600, 840]


def test_an_every_keeps_its_anchor_over_restarts() -> None:
    bench = Bench(task('every = "10m"', 'misfire_grace = "10m"'))
    bench.clock.advance(13 * MINUTE)
    bench.restart()
    assert bench.slots() == [600]


def test_adding_to_at_keeps_the_others() -> None:
    one, two, three = (f"2026-01-01T12:0{n}:00Z" for n in (1, 2, 3))
    bench = Bench(task(f"at = [{one}, {three}]"))
    bench.pass_time(MINUTE)
    bench.ends(bench.working()[0])
    bench.edit(task(f"at = [{one}, {two}, {three}]"))
    for _ in range(2):
        bench.pass_time(MINUTE)
        bench.ends(bench.working()[0])
    assert bench.slots() == [60, 120, 180]
    assert bench.runs()[0].origin is Origin.AT


def test_an_at_that_was_past_when_first_seen_is_missed_once() -> None:
    bench = Bench(task("at = [2026-01-01T11:59:59Z, 2026-01-01T12:01:00Z]"))
    assert bench.rows() == [("skipped", "missed", 1)]
    bench.restart()
    bench.turn(3)
    assert bench.rows() == [("skipped", "missed", 1)]
    bench.pass_time(30 * SECOND)
    bench.edit(task("at = [2026-01-01T11:59:59Z, 2026-01-01T12:00:10Z, 2026-01-01T12:01:00Z]"))
    assert bench.rows() == [("skipped", "missed", 2)]
    bench.pass_time(30 * SECOND)
    assert bench.slots() == [60]


def test_a_past_at_added_while_the_daemon_was_down_takes_nothing_from_those_seen_before() -> None:
    bench = Bench(task("at = 2026-01-01T12:10:00Z"))
    bench.clock.advance(HOUR)
    bench.restart(task("at = [2026-01-01T12:10:00Z, 2026-01-01T12:20:00Z]"))
    assert bench.slots() == [600]
    assert sorted(bench.rows()) == [("pending", None, 1), ("skipped", "missed", 1)]


def test_an_at_of_this_very_instant_runs() -> None:
    bench = Bench(task("at = 2026-01-01T12:00:00Z"))
    assert bench.slots() == [0]


def test_an_at_that_passed_while_the_daemon_was_down_is_caught_up() -> None:
    bench = Bench(task("at = 2026-01-01T13:00:00Z"))
    bench.clock.advance(2 * HOUR)
    bench.restart()
    assert bench.slots() == [3600]


def test_a_removed_task_s_slots_end_and_what_was_asked_for_is_held_until_it_comes_back() -> None:
    text = task(EACH_MINUTE, 'on_overlap = "queue"')
    bench = Bench(text, places=0)
    bench.pass_time(2 * MINUTE, MINUTE)
    asked = bench.add(task="t", func="jobs.t")
    later = bench.add(task="t", func="jobs.t", due_at=NOON + DAY, ready_at=NOON + DAY)
    bench.edit(task(NIGHTLY, name="other"))
    assert bench.rows() == [("skipped", "removed", 1)] * 2 + [("pending", None, 1)] * 2
    assert bench.run(asked.id).held_by == "unknown t"
    bench.executor.places = 4
    bench.ring()
    assert bench.working() == []
    bench.clock.advance(HOUR)
    bench.edit(text)
    assert bench.working() == [asked.id]
    assert bench.run(later.id).state is State.PENDING
    assert [row for row in bench.rows() if row[1] == "missed"] == []


# -- the clock ----

SET_BACK = [
    # schedule, set back by, whether the slot at 13:00 (it is 13:00:30) is used again
    ("at = 2026-01-01T13:00:00Z", SECOND, False),
    ("at = 2026-01-01T13:00:00Z", 2 * HOUR, False),
    ("at = 2026-01-01T13:00:00Z", DAY, False),
    ('cron = "0 13 * * *"', 5 * MINUTE, False),
    ('cron = "0 13 * * *"', 2 * HOUR, False),
    ('cron = "0 13 * * *"', 4 * HOUR, True),
    ('cron = "0 13 * * *"', DAY, True),
    ('cron = "0 * * * *"', SECOND, False),
    ('cron = "0 * * * *"', 5 * MINUTE, True),
    ('cron = "0 * * * *"', 2 * HOUR, True),
    ('every = "1h"', 31 * SECOND, True),
    ('every = "1h"', SECOND, False),
    ('every = "1h"', 5 * MINUTE, True),
    ('every = "1h"', DAY, True),
]


@pytest.mark.parametrize(("schedule", "back", "again"), SET_BACK)
@pytest.mark.parametrize("how", ["while it runs", "while it is down"])
def test_the_clock_set_back(schedule: str, back: int, again: bool, how: str) -> None:
    bench = Bench(task(schedule, 'on_overlap = "allow"'), places=1000)
    bench.pass_time(HOUR + 30 * SECOND, 30 * SECOND)
    assert bench.slots().count(3600) == 1
    bench.clock.jump(-back)
    bench.turn() if how == "while it runs" else bench.restart()
    bench.pass_time(back + MINUTE, 30 * SECOND)
    assert bench.slots().count(3600) == (2 if again else 1)
    runs = [run for run in bench.runs() if run.slot == NOON + HOUR]
    assert len({run.era for run in runs}) == len(runs)


def test_nothing_is_silenced_after_the_clock_was_set_back_for_long() -> None:
    bench = Bench(task(EACH_MINUTE, 'on_overlap = "allow"'), places=100)
    bench.pass_time(5 * MINUTE, MINUTE)
    bench.clock.jump(-DAY)
    bench.turn()
    bench.pass_time(2 * MINUTE, MINUTE)
    assert bench.slots()[5:] == [-86400 + 360, -86400 + 420]
    assert [event.details["by_us"] for event in bench.told("clock_stepped")] == [-DAY]


def test_a_wild_job_counts_the_step_and_not_how_far_its_mark_is_ahead() -> None:
    bench = Bench(task('cron = "*/5 * * * *"'))
    bench.pass_time(5 * MINUTE + 10 * SECOND, 10 * SECOND)
    bench.ends(bench.working()[0])
    bench.clock.jump(-61 * SECOND)
    bench.turn()
    bench.pass_time(MINUTE)
    assert bench.slots() == [300, 300]


def test_a_mark_far_in_the_future_is_reset_loudly() -> None:
    bench = Bench(task(EACH_MINUTE))
    with bench.kept.writing() as w:
        w.put_marks([("t", NOON + 3650 * DAY, 0)])
    bench.restart()
    assert [event.details["text"] for event in bench.told("note")] == [
        "t: its slots were considered up to a later time than now; it starts again from now"
    ]
    bench.pass_time(MINUTE)
    assert bench.slots() == [60]


def test_a_schedule_changed_after_the_clock_was_set_back_is_not_silent() -> None:
    bench = Bench(task(EACH_MINUTE, 'on_overlap = "allow"'), places=100)
    bench.pass_time(3 * MINUTE, MINUTE)
    bench.clock.jump(-10 * MINUTE)
    bench.restart(task('cron = "*/1 * * * *"', 'on_overlap = "allow"'))
    bench.pass_time(10 * MINUTE, MINUTE)
    assert bench.slots()[3:] == [60 * n for n in range(-6, 4)]


def test_a_new_at_is_heard_although_the_mark_is_ahead() -> None:
    bench = Bench(task("at = 2026-01-01T13:00:00Z"))
    bench.pass_time(HOUR)
    bench.ends(bench.working()[0])
    bench.clock.jump(-30 * MINUTE)
    bench.edit(task("at = [2026-01-01T12:45:00Z, 2026-01-01T13:00:00Z]"))
    bench.pass_time(HOUR, MINUTE)
    assert bench.slots() == [3600, 2700]


def test_a_retry_is_not_put_off_by_a_clock_that_was_set_back() -> None:
    bench = Bench(task("", 'retries = 1\nretry_delay = "10s"'))
    run = bench.add(task="t", func="x")
    bench.fails(run.id)
    bench.clock.jump(-DAY)
    bench.turn()
    bench.pass_time(12 * SECOND)
    assert bench.working() == [run.id]


@pytest.mark.parametrize("by", [20 * SECOND, DAY])
def test_a_retry_is_not_put_off_by_a_clock_that_was_set_back_while_no_daemon_ran(by: int) -> None:
    bench = Bench(task("", 'retries = 1\nretry_delay = "10s"'))
    run = bench.add(task="t", func="x")
    bench.fails(run.id)
    bench.clock.jump(-by)
    bench.restart()
    bench.pass_time(12 * SECOND)
    assert bench.working() == [run.id]


def test_a_retry_that_a_live_daemon_moved_with_the_clock_is_left_where_it_is_by_the_next() -> None:
    bench = Bench(task("", 'retries = 1\nretry_delay = "100s"'))
    run = bench.add(task="t", func="x")
    bench.fails(run.id)
    bench.clock.jump(-DAY)
    bench.turn()
    moved = bench.run(run.id).ready_at
    bench.pass_time(20 * SECOND)
    bench.restart()
    assert bench.run(run.id).ready_at == moved


def test_recovery_does_not_stop_for_as_long_as_the_clock_was_set_back() -> None:
    bench = Bench()
    with bench.kept.writing() as w:
        w.put_owner(bench.owner.__class__(id="other", pid=1, started_at=0))
    bench.clock.jump(-DAY)
    bench.turn()
    bench.gone.add("other")
    bench.pass_time(3 * SECOND)
    assert [owner.id for owner in bench.kept.owners()] == ["owner1"]


# -- pure functions ----

JUDGED = [
    # schedule and policies, mark, now (seconds after NOON), what is due
    (EACH_MINUTE, "", 0, 59, Due((), (), (), NOON)),
    (EACH_MINUTE, "", 0, 60, Due((NOON + MINUTE,), (), (), NOON + MINUTE)),
    (EACH_MINUTE, "", 60, 119, Due((), (), (), NOON + MINUTE)),
    (
        EACH_MINUTE,
        'misfire_grace = "10s"',
        0,
        200,
        Due((), (NOON + 3 * MINUTE,), ((NOON + MINUTE, NOON + 2 * MINUTE, 2),), NOON + 3 * MINUTE),
    ),
    (
        EACH_MINUTE,
        'catch_up = "skip"',
        0,
        190,
        Due((NOON + 3 * MINUTE,), (), ((NOON + MINUTE, NOON + 2 * MINUTE, 2),), NOON + 3 * MINUTE),
    ),
    (
        EACH_SECOND,
        'misfire_grace = "0s"\ncatch_up = "all"\nmax_catch_up = 1',
        0,
        100,
        Due(
            (NOON + 100 * SECOND,),
            (NOON + 99 * SECOND,),
            ((NOON + SECOND, NOON + 98 * SECOND, 98),),
            NOON + 100 * SECOND,
        ),
    ),
]


@pytest.mark.parametrize(("schedule", "more", "mark", "now", "expected"), JUDGED)
def test_due(schedule: str, more: str, mark: int, now: int, expected: Due) -> None:
    judged = tasks_file(task(schedule, more)).tasks["t"].anchored(NOON)
    assert due(judged, NOON + mark * SECOND, NOON + now * SECOND) == expected


ERAS = [
    (NIGHTLY, 3 * HOUR, 0, False),
    (NIGHTLY, 3 * HOUR + 1, 0, True),
    (NIGHTLY, SECOND, 4 * HOUR, True),
    (NIGHTLY, 0, 4 * HOUR, False),
    (EACH_MINUTE, MINUTE, 0, False),
    (EACH_MINUTE, MINUTE + 1, 0, True),
    (EACH_SECOND, 1, 0, True),
    (EACH_SECOND, 0, DAY, False),
    ("at = 2026-01-01T13:00:00Z", 3650 * DAY, 0, False),
    ('cron = "@reboot"', DAY, 0, False),
]


@pytest.mark.parametrize(("schedule", "ahead", "back", "expected"), ERAS)
def test_new_era(schedule: str, ahead: int, back: int, expected: bool) -> None:
    record = TaskRecord(name="t", mark=NOON + ahead, anchor=NOON, first_seen=NOON)
    assert new_era(tasks_file(task(schedule)).tasks["t"], record, NOON, back=back) is expected


def test_how_late_the_last_slots_were_planned_is_told_for_a_while() -> None:
    bench = Bench(task('cron = "* * * * *"'))
    bench.clock.advance(MINUTE + 3 * SECOND)
    bench.turn()
    assert bench.runner.lag == 3 * SECOND
    bench.pass_time(9 * SECOND, SECOND)
    assert bench.runner.lag == 3 * SECOND
    bench.pass_time(50 * SECOND, SECOND)
    assert bench.runner.lag == 0


def test_of_a_crowd_that_is_due_at_once_the_first_begin_before_the_last_are_planned() -> None:
    bench = Bench("\n".join(task('cron = "1 12 * * *"', name=f"t{number}") for number in range(1200)))
    bench.clock.advance(MINUTE)
    bench.turn()
    assert (len(bench.runs()), len(bench.working()), bench.runner.idle()) == (500, 4, False)
    bench.turn(3)
    assert len(bench.runs()) == len({run.task for run in bench.runs()}) == 1200


# -- what comes first by its bound alone ----


def test_a_slot_that_a_gap_puts_off_is_waited_for_and_not_late() -> None:
    six = parse_iso("2026-03-08T06:00:00Z")
    bench = Bench(task('cron = "30 2 8 3 *"\ntimezone = "America/New_York"'), now=six)
    bench.pass_time(59 * MINUTE, MINUTE)
    assert (bench.runs(), bench.runner.lag) == ([], 0)
    bench.pass_time(MINUTE)
    (run,) = bench.runs()
    assert (run.slot, bench.runner.lag) == (six + HOUR, 0)


def test_a_task_is_asked_for_its_slot_when_its_bound_has_come() -> None:
    asked: list[str] = []

    class Asked(Cron):
        def after(self, instant: int) -> int | None:
            asked.append(self.text)
            return super().after(instant)

    file = tasks_file(task(EACH_MINUTE, name="far") + task(EACH_MINUTE, name="near"))
    file = policies(file, "far", schedule=Asked("0 9 1 6 *", "UTC"))
    file = policies(file, "near", schedule=Asked("1 12 1 1 *", "UTC"))
    bench = Bench()
    bench.source.append(file)
    bench.turn()
    assert asked == []
    bench.pass_time(MINUTE)
    assert set(asked) == {"1 12 1 1 *"}
    assert [run.task for run in bench.runs()] == ["near"]
