"""The wall clock set forward and back under the real daemon, the nights of summer time, and a machine that sleeps."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final

import pytest
from command_line import Daemon, eventually
from shifted_clock import ShiftedClock, iso, utc
from world import World, kill, process_state

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400
YEARS: Final = 3652 * DAY
"""Ten of them."""
SHORTLY: Final = 0.4
"""Seconds before a slot that the clock is set to."""

NOON: Final = "2026-06-10T12:00:00"
DEFAULTS: Final = '[defaults]\nkeep_for = "9999d"\non_overlap = "allow"\n'
STEADY: Final = '[tasks.steady]\nfunc = "jobs.note"\nevery = "1s"\ncatch_up = "skip"\nmisfire_grace = "4s"\n'
WILD: Final = (
    '[tasks.wild]\nfunc = "jobs.note"\ncron = "* * * * *"\ncatch_up = "all"\nmax_catch_up = 3\nmisfire_grace = "20s"\n'
)
FIXED: Final = '[tasks.fixed]\nfunc = "jobs.note"\ncron = "0 12 * * *"\n'
ONCE: Final = '[tasks.once]\nfunc = "jobs.note"\nat = 2026-06-10T12:00:00Z\n'
LATER: Final = '[tasks.later]\nfunc = "jobs.note"\nat = 2026-06-10T12:03:00Z\n'


# -- what is seen of it ----


def ran(world: World, task: str) -> list[str]:
    """The slots of the task's runs whose function was called, in this order; a lost attempt is not told twice."""
    slots = dict(world.rows("SELECT id, slot FROM runs WHERE task = ? AND scheduled = 1", task))
    begun = dict.fromkeys(start["run"] for start in world.starts())
    return [iso(slots[run] / 1e6) for run in begun if run in slots]


def eras(world: World, task: str) -> list[int]:
    return [row[0] for row in world.rows("SELECT DISTINCT era FROM runs WHERE task = ? ORDER BY era", task)]


def accounted(world: World, task: str, period: int, era: int = 0) -> int:
    """How many slots of an era are a run, or lie in the span of a skipped row: none twice, and none left out between
    the first and the last."""
    spans = world.rows(
        "SELECT slot / 1000000, coalesce(last_slot, slot) / 1000000, count FROM runs"
        " WHERE task = ? AND scheduled = 1 AND era = ? ORDER BY slot",
        task,
        era,
    )
    for first, last, count in spans:
        assert last - first == (count - 1) * period, f"{task}: {count} slots from {iso(first)} to {iso(last)}"
    for (_, last, _), (first, _, _) in pairwise(spans):
        assert first - last == period, f"{task}: after {iso(last)} comes {iso(first)}"
    return sum(count for _, _, count in spans)


def skipped(world: World, task: str) -> dict[str, int]:
    """How many slots did not run, by the reason that is recorded."""
    return dict(world.rows("SELECT reason, sum(count) FROM runs WHERE task = ? AND state = 'skipped' GROUP BY 1", task))


def events(daemon: Daemon, kind: str) -> list[dict[str, Any]]:
    said = [json.loads(line) for line in daemon.text.splitlines() if line.startswith("{")]
    return [event for event in said if event["event"] == kind]


def steps(daemon: Daemon) -> list[float]:
    """The steps that it tells of, in seconds."""
    return [event["details"]["by_us"] / 1e6 for event in events(daemon, "clock_stepped")]


def goes_on(world: World, task: str, since: float) -> None:
    """One more of its slots is run that comes after `since`."""

    def new() -> int:
        return sum(utc(slot) > since for slot in ran(world, task))

    before = new()
    eventually(lambda: new() > before, lambda: f"{task} stands still: {ran(world, task)[-5:]}")


def fires(world: World, task: str, slot: str, times: int = 1) -> None:
    eventually(
        lambda: ran(world, task).count(slot) == times,
        lambda: f"{task} at {slot}, not {times} times: {ran(world, task)[-9:]}\n{world.daemons[-1].text[-3000:]}",
    )


def none_twice(world: World) -> None:
    """By what the functions wrote: no (task, slot, era) ran twice, and no `at` whatever the era."""
    named = {row[0]: row[1:] for row in world.rows("SELECT id, task, slot, era, origin FROM runs WHERE scheduled = 1")}
    ran_as = [named[run] for run in {start["run"] for start in world.starts()} if run in named]
    twice = {key: n for key, n in Counter(key[:3] for key in ran_as).items() if n > 1}
    twice |= {key: n for key, n in Counter(key[:2] for key in ran_as if key[3] == "at").items() if n > 1}
    assert twice == {}


# -- the clock is set ----


@contextmanager
def planning(world: World, clock: ShiftedClock, moment: str) -> Iterator[Daemon]:
    """A daemon that has taken its tasks not long before the moment, and sees it come."""
    clock.set(utc(moment) - 40)
    with world.running("--json") as daemon:
        clock.set(utc(moment) - SHORTLY)
        yield daemon


@contextmanager
def past_noon(world: World, clock: ShiftedClock) -> Iterator[Daemon]:
    """A daemon at a moment after noon, which the wild task, the fixed one and an `at` have fired for."""
    world.write(DEFAULTS + STEADY + WILD + FIXED + ONCE + LATER, workers=4)
    with planning(world, clock, NOON) as daemon:
        for task in ("wild", "fixed", "once"):
            fires(world, task, NOON)
        yield daemon


def set_by(world: World, clock: ShiftedClock, by: float, how: str, daemon: Daemon) -> Daemon:
    """The clock is set while the daemon runs, or while it is down; the daemon that runs after it."""
    if how == "while it runs":
        told = len(steps(daemon))
        clock.step(by)
        eventually(lambda: len(steps(daemon)) > told, lambda: f"the step is not told:\n{daemon.text}")
        assert steps(daemon)[-1] == pytest.approx(by, abs=0.4)
        return daemon
    kill(daemon)
    clock.step(by)
    return world.start("--json")


BOTH = pytest.mark.parametrize("how", ["while it runs", pytest.param("while it is down", marks=pytest.mark.long)])


@BOTH
@pytest.mark.parametrize(
    ("back", "fixed_again"),
    [
        pytest.param(1, False, marks=pytest.mark.long),
        (5 * MINUTE, False),
        pytest.param(2 * HOUR, False, marks=pytest.mark.long),
        pytest.param(DAY, True, marks=pytest.mark.long),
        pytest.param(YEARS, True, marks=pytest.mark.long),
    ],
)
def test_set_back_it_silences_nothing_and_repeats_nothing_that_is_fixed(
    world: World, clock: ShiftedClock, back: int, fixed_again: bool, how: str
) -> None:
    with past_noon(world, clock) as daemon:
        daemon = set_by(world, clock, -back, how, daemon)
        goes_on(world, "steady", clock.now())
        if back > MINUTE:  # the next minute is heard, though the same was considered before
            minute = (clock.now() // MINUTE + 1) * MINUTE
            clock.set(minute - SHORTLY)
            fires(world, "wild", iso(minute))
        clock.set(utc(NOON) - SHORTLY)
        fires(world, "wild", NOON, times=2 if back > MINUTE else 1)
        fires(world, "fixed", NOON, times=2 if fixed_again else 1)
        goes_on(world, "steady", clock.now())
        assert ran(world, "once") == [NOON]
        assert (len(eras(world, "wild")), len(eras(world, "fixed"))) == (1 + (back > MINUTE), 1 + fixed_again)
        none_twice(world)
        if daemon is not world.daemons[0]:
            assert daemon.stop() == 0


FORWARD = [
    # by how much, the minutes after noon whose slots ran late or in time, how many were missed, what the `at` of
    # 12:03 became
    pytest.param(1, [], 0, [], marks=pytest.mark.long),
    pytest.param(5 * MINUTE, [2, 3, 4, 5], 1, ["2026-06-10T12:03:00"], marks=pytest.mark.long),
    pytest.param(2 * HOUR, [117, 118, 119, 120], 116, ["2026-06-10T12:03:00"], marks=pytest.mark.long),
    pytest.param(DAY, [1437, 1438, 1439, 1440], 1436, ["2026-06-10T12:03:00"], marks=pytest.mark.long),
    pytest.param(YEARS, [5_258_877, 5_258_878, 5_258_879, 5_258_880], 5_258_876, [], marks=pytest.mark.long),
]


@BOTH
@pytest.mark.parametrize(("forward", "wild", "missed", "later"), FORWARD)
def test_set_forward_it_is_downtime(
    world: World, clock: ShiftedClock, forward: int, wild: list[int], missed: int, later: list[str], how: str
) -> None:
    with past_noon(world, clock) as daemon:
        daemon = set_by(world, clock, forward, how, daemon)
        goes_on(world, "steady", clock.now())
        eventually(lambda: len(ran(world, "wild")) == 1 + len(wild))
        assert sorted(ran(world, "wild")) == [iso(utc(NOON) + minute * MINUTE) for minute in [0, *wild]]
        assert skipped(world, "wild") == ({"missed": missed} if missed else {})
        assert accounted(world, "wild", MINUTE) == len(ran(world, "wild")) + missed
        assert accounted(world, "steady", 1) > forward
        fires(world, "fixed", iso(utc(NOON) + DAY), times=int(forward == DAY))
        assert (ran(world, "once"), ran(world, "later")) == ([NOON], later)
        assert skipped(world, "later") == ({"missed": 1} if forward == YEARS else {})
        none_twice(world)
        if daemon is not world.daemons[0]:
            assert daemon.stop() == 0


# -- what is measured, and what is asked for ----


@pytest.mark.long
def test_a_step_neither_times_a_run_out_nor_lets_it_run_on(world: World, clock: ShiftedClock) -> None:
    world.write(
        '[tasks.short]\nfunc = "jobs.forever"\ntimeout = "4s"\nstop_grace = "0s"\n'
        '[tasks.hour]\nfunc = "jobs.nap"\nargs = [2.5]\ntimeout = "1h"\n'
    )
    with world.running() as daemon:
        short, hour = world.enqueue("short"), world.enqueue("hour")
        eventually(lambda: len(world.starts()) == 2, lambda: daemon.text)
        clock.step(DAY)
        daemon.until("the clock was set forward by")
        clock.step(-2 * DAY)
        daemon.until("the clock was set back by")
        world.until_ended(short, hour)
        ended = {run: world.run(run) for run in (short, hour)}
        assert (ended[hour]["state"], ended[short]["reason"]) == ("succeeded", "timed_out")
        assert 2.4 < ended[hour]["duration_s"] < 60
        assert 3.9 < ended[short]["duration_s"] < 60


@pytest.mark.long
@pytest.mark.parametrize("by", [-YEARS, -5 * MINUTE, YEARS])
def test_what_is_asked_for_after_a_step_is_done_at_once(world: World, clock: ShiftedClock, by: int) -> None:
    world.write('[tasks.hand]\nfunc = "jobs.die"\nretries = 3\nretry_delay = "1s"\nretry_backoff = "constant"\n')
    with world.running() as daemon:
        dying = world.enqueue("hand")
        eventually(lambda: len(world.starts()) == 1)
        before = world.enqueue("jobs.forever")
        eventually(lambda: len(world.starts()) > 1)
        clock.step(by)
        daemon.until("the clock was set")
        world.until_ended(world.enqueue("jobs.note"), world.enqueue("jobs.note", "--in", "500ms"))
        world.until_ended(dying)
        assert (world.run(dying)["state"], world.run(dying)["attempt"]) == ("failed", 3)
        assert world.arr("status").code == 0
        world.arr("cancel", str(before))
        world.until_ended(before)
        world.write('[tasks.edited]\nfunc = "jobs.note"\ncron = "@reboot"\n')
        daemon.until("reloaded: added edited; removed hand")


def test_what_was_asked_for_while_the_daemon_was_down_does_not_wait_for_a_clock_that_was_set_back(
    world: World, clock: ShiftedClock
) -> None:
    asked = world.enqueue("jobs.note")
    clock.step(-DAY)
    with world.running():
        world.until_ended(asked)


def test_a_retry_does_not_wait_for_a_clock_that_was_set_back_while_no_daemon_ran(
    world: World, clock: ShiftedClock
) -> None:
    world.write('[tasks.hand]\nfunc = "jobs.die"\nretry_delay = "2s"\n')
    with world.running() as daemon:
        world.enqueue("hand")
        daemon.until("retry")
    clock.step(-2 * HOUR)
    with world.running() as daemon:
        daemon.until("the clock was set back since the last time")
        eventually(lambda: len(world.starts()) == 2)


# -- the nights of summer time ----

NIGHTS: Final = (
    DEFAULTS
    + 'timezone = "America/New_York"\ncatch_up = "skip"\n'
    + "".join(
        f'[tasks.{name}]\nfunc = "jobs.note"\ncron = "{text}"\n'
        for name, text in (("autumn", "30 1 * * *"), ("spring", "30 2 * * *"), ("half", "*/30 * * * *"))
    )
)


def watched(world: World, clock: ShiftedClock, slots: list[str]) -> None:
    """Each of these comes, and the half-hourly task fires in it."""
    for slot in slots:
        clock.set(utc(slot) - SHORTLY)
        fires(world, "half", slot)


def test_in_the_autumn_night_a_fixed_time_fires_in_the_first_pass_and_a_wild_one_in_both(
    world: World, clock: ShiftedClock
) -> None:
    world.write(NIGHTS)
    half = ["2026-11-01T05:30:00", "2026-11-01T06:00:00", "2026-11-01T06:30:00", "2026-11-01T07:00:00"]
    with planning(world, clock, half[0]):
        watched(world, clock, half)
        assert (ran(world, "half"), ran(world, "autumn")) == (half, ["2026-11-01T05:30:00"])
        watched(world, clock, ["2026-11-01T07:30:00"])
        fires(world, "spring", "2026-11-01T07:30:00")  # half past two comes once
        assert (skipped(world, "half"), skipped(world, "autumn"), skipped(world, "spring")) == ({}, {}, {})


@pytest.mark.long
def test_in_the_spring_night_a_fixed_time_in_the_gap_fires_once_after_it(world: World, clock: ShiftedClock) -> None:
    world.write(NIGHTS)
    half = ["2026-03-08T06:30:00", "2026-03-08T07:00:00", "2026-03-08T07:30:00"]
    with planning(world, clock, half[0]):
        watched(world, clock, half)
        fires(world, "spring", "2026-03-08T07:00:00")
        assert (ran(world, "half"), ran(world, "spring")) == (half, ["2026-03-08T07:00:00"])
        assert ran(world, "autumn") == ["2026-03-08T06:30:00"]
        assert (skipped(world, "half"), skipped(world, "spring")) == ({}, {})


# -- a machine that sleeps ----


@pytest.mark.long
@pytest.mark.parametrize(("who", "seconds"), [("all", 5.0), ("daemon", 5.0)])
def test_stopped_and_continued_it_goes_on_and_accounts_for_every_slot(world: World, who: str, seconds: float) -> None:
    steady = STEADY.replace('misfire_grace = "4s"', 'misfire_grace = "1s"')
    world.write(DEFAULTS + steady + '[tasks.hour]\nfunc = "jobs.nap"\nargs = [5]\n')
    with world.running() as daemon:
        eventually(lambda: len(ran(world, "steady")) >= 1, lambda: daemon.text)
        nap = world.enqueue("hour")
        eventually(lambda: nap in [start["run"] for start in world.starts()])
        stopped = [daemon.process.pid] if who == "daemon" else list(world.processes())
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        eventually(lambda: all(process_state(pid) in "T" for pid in stopped))
        time.sleep(seconds)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        goes_on(world, "steady", time.time())
        assert accounted(world, "steady", 1) >= seconds
        assert set(skipped(world, "steady")) == {"missed"}
        world.until_ended(nap)
        assert (world.run(nap)["state"], world.run(nap)["attempt"]) == ("succeeded", 1)
        assert world.arr("status").code == 0
        none_twice(world)
