"""kill -9 of the daemon, its supervisor and its workers, at any moment; SIGSTOP of each."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from command_line import PATIENCE_S, eventually
from world import World, kill

TICK = '[tasks.tick]\nfunc = "jobs.note"\nevery = "1s"\n'


@pytest.mark.parametrize("rounds", [4, pytest.param(200, marks=pytest.mark.long)])
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
        world.until_ended(within=PATIENCE_S + rounds)


def test_a_killed_worker_costs_its_run_one_attempt_and_the_others_nothing(world: World) -> None:
    wait = 'func = "jobs.until"\nargs = ["gate"]\nretry_delay = "10ms"\n'
    world.write(f"[tasks.one]\n{wait}[tasks.two]\n{wait}")
    with world.running():
        runs = [world.enqueue(name) for name in ("one", "two")]
        eventually(lambda: len(world.starts()) == 2)
        os.kill(world.workers()[0], signal.SIGKILL)
        eventually(lambda: len(world.starts()) == 3)
        (world.folder / "gate").touch()
        world.until_ended(*runs)
        ended = [world.run(run) for run in runs]
        assert [run["state"] for run in ended] == ["succeeded", "succeeded"]
        assert sorted(run["attempt"] for run in ended) == [1, 2]


@pytest.mark.long
@pytest.mark.parametrize("executor", ["process", "thread"])
def test_a_supervisor_that_is_killed_time_and_again_costs_attempts_and_fails_no_run(
    world: World, executor: str
) -> None:
    world.write(f'[tasks.wait]\nfunc = "jobs.until"\nargs = ["gate"]\nretry_delay = "10ms"\nexecutor = "{executor}"\n')
    with world.running():
        run = world.enqueue("wait")
        for kills in range(4):
            eventually(lambda: len(world.starts()) == kills + 1)  # noqa: B023 - called before the next round
            for pid in world.supervisors():
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(world.starts()) == 5)
        (world.folder / "gate").touch()
        world.until_ended(run)
        assert [world.run(run)[name] for name in ("state", "attempt")] == ["succeeded", 5]


@pytest.mark.parametrize("seconds", [1, pytest.param(10, marks=pytest.mark.long)])
def test_while_all_workers_are_killed_the_respawns_are_few_and_the_schedule_goes_on(world: World, seconds: int) -> None:
    world.write(TICK)
    with world.running() as daemon:
        killed: set[int] = set()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for pid in world.workers():
                killed.add(pid)
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.01)
        assert daemon.process.poll() is None
        assert len(killed) < 20 + 6 * seconds
        before = len(world.starts())
        eventually(lambda: len(world.starts()) > before + 1)


def test_a_stopped_supervisor_is_continued_and_a_timeout_is_still_enforced(world: World) -> None:
    world.write('[tasks.slow]\nfunc = "jobs.forever"\ntimeout = "1s"\n')
    with world.running() as daemon:
        run = world.enqueue("slow")
        eventually(lambda: len(world.starts()) == 1)
        os.kill(world.supervisors()[0], signal.SIGSTOP)
        world.until_ended(run)
        assert (world.run(run)["state"], world.run(run)["reason"]) == ("failed", "timed_out")
        os.kill(world.supervisors()[0], signal.SIGSTOP)
        assert daemon.stop() == 0


def test_processes_end_with_a_killed_daemon_also_where_its_supervisor_and_its_workers_are_stopped(world: World) -> None:
    with world.running() as daemon:
        world.enqueue("jobs.forever")
        eventually(lambda: len(world.starts()) == 1)
        daemon.process.send_signal(signal.SIGSTOP)  # so that it continues nobody
        for pid in (*world.workers(), *world.supervisors()):
            os.kill(pid, signal.SIGSTOP)
        kill(daemon)
        world.nobody_left()


def test_workers_end_when_daemon_and_supervisor_are_killed_at_once(world: World) -> None:
    with world.running() as daemon:
        world.enqueue("jobs.forever")
        eventually(lambda: len(world.starts()) == 1)
        both = [daemon.process.pid, *world.supervisors()]
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that neither sees the other's end
            for pid in both:
                os.kill(pid, number)
        daemon.process.wait()
        world.nobody_left()


def test_a_run_that_stops_itself_is_ended_by_its_timeout(world: World) -> None:
    world.write('[tasks.stop]\nfunc = "jobs.stop_itself"\ntimeout = "500ms"\nstop_grace = "200ms"\n')
    with world.running():
        run = world.enqueue("stop")
        world.until_ended(run)
        assert world.run(run)["reason"] == "timed_out"
        world.until_ended(world.enqueue("jobs.note"))
