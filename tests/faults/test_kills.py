"""kill -9 of the daemon, its supervisor and its workers, at any moment; SIGSTOP of each."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from command_line import eventually
from world import World, kill

TICK = '[tasks.tick]\nfunc = "jobs.note"\nevery = "1s"\n'


@pytest.mark.parametrize("rounds", [8, pytest.param(200, marks=pytest.mark.long)])
def test_killed_at_random_moments_it_loses_no_run_and_begins_none_without_a_record(world: World, rounds: int) -> None:
    world.write(TICK + '[tasks.nap]\nfunc = "jobs.nap"\nargs = [0.05]\non_overlap = "allow"\nevery = "200ms"\n')
    moments = random.Random(20261101)
    for _ in range(rounds):
        world.enqueue_many("jobs.note", 20)
        daemon = world.start(ready=False)
        eventually(lambda: world.holder() == daemon.process.pid)  # noqa: B023 - called before the next round
        time.sleep(moments.random() * 0.4)
        kill(daemon)
        world.nobody_left()
        world.store_holds()
    with world.running():
        world.recovered()
        world.until_ended()


def test_a_killed_worker_costs_its_run_one_attempt_and_the_others_nothing(world: World) -> None:
    with world.running():
        runs = [world.enqueue("jobs.nap", "1.5") for _ in range(2)]
        eventually(lambda: len(world.starts()) == 2)
        os.kill(world.workers()[0], signal.SIGKILL)
        world.until_ended(*runs)
        ended = [world.run(run) for run in runs]
        assert [run["state"] for run in ended] == ["succeeded", "succeeded"]
        assert sorted(run["attempt"] for run in ended) == [1, 2]


def test_with_all_workers_killed_for_ten_seconds_the_respawns_are_few_and_the_schedule_goes_on(world: World) -> None:
    world.write(TICK)
    with world.running() as daemon:
        killed: set[int] = set()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for pid in world.workers():
                killed.add(pid)
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.01)
        assert daemon.process.poll() is None
        assert len(killed) < 80
        before = len(world.starts())
        eventually(lambda: len(world.starts()) > before + 2)
