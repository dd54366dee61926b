"""The write lock of the store: kept by another program, and wanted by several at once."""

from __future__ import annotations

import threading
import time
from statistics import median

import pytest
from command_line import Said, eventually
from locker import kept
from world import World

TICK = '[tasks.tick]\nfunc = "jobs.note"\nevery = "1s"\n'


@pytest.mark.parametrize("seconds", [2, *(pytest.param(long, marks=pytest.mark.long) for long in (30, 90))])
def test_a_kept_write_lock_is_survived_said_once_and_costs_no_outcome(world: World, seconds: int) -> None:
    world.write(TICK + '[tasks.slow]\nfunc = "jobs.forever"\ntimeout = "1s"\n')
    said: list[Said] = []
    user = threading.Thread(target=lambda: said.append(world.arr("enqueue", "jobs.note", timeout=120)))
    with world.running() as daemon:
        runs = [*world.enqueue_many("jobs.nap", 1, 1.0), world.enqueue("slow")]
        eventually(lambda: {start["name"] for start in world.starts()} >= {"nap", "forever"})
        with kept(world.database):
            began = time.monotonic()
            user.start()
            listed = world.arr("list", timeout=10)
            assert (listed.code, "tick" in listed.out) == (0, True)
            daemon.until("is kept locked by another process")
            time.sleep(max(0, began + seconds - time.monotonic()))
            if seconds > 25:
                user.join()
        user.join()
        world.until_ended(*runs)
        ended = world.rows("SELECT state, reason, duration FROM runs WHERE id IN (?, ?) ORDER BY id", *runs)
        assert [row[:2] for row in ended] == [("succeeded", None), ("failed", "timed_out")]
        assert all(row[2] < 4_000_000 for row in ended)  # nobody is stopped late because the store is locked
        before = len(world.starts())
        eventually(lambda: len(world.starts()) > before + 1)
        assert daemon.text.count("kept locked") == 1
    if seconds > 25:
        assert (said[0].code, said[0].out) == (1, "")
        refusal = f"arr: {world.database} is kept locked by another process; nothing was written\n"
        assert said[0].err == refusal
    else:
        world.asked.append(int(said[0].out))


@pytest.mark.long
def test_a_daemon_that_is_told_to_stop_stops_though_the_write_lock_is_kept(world: World) -> None:
    world.write(TICK)
    with world.running() as daemon:
        eventually(lambda: len(world.starts()) > 0)
        with kept(world.database):
            daemon.until("is kept locked by another process")
            began = time.monotonic()
            assert daemon.stop() == 0
            assert time.monotonic() - began < 5


WRITES = """
import sys, time
from datetime import timedelta
from arrcli import connect, execute_task_at
with connect("tasks.toml") as app:
    end = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        execute_task_at(app, timedelta(days=1), "jobs.note", [])
"""


@pytest.mark.parametrize("seconds", [2.5, pytest.param(20, marks=pytest.mark.long)])
def test_two_programs_that_enqueue_in_a_loop_hold_up_no_commit_of_the_daemon(world: World, seconds: float) -> None:
    world.write('[tasks.often]\nfunc = "jobs.note"\nevery = "200ms"\n')
    with world.running():
        eventually(lambda: len(world.starts()) > 2)
        first = world.rows("SELECT max(id) FROM runs")[0][0]
        writers = [world.program(WRITES, str(seconds)) for _ in range(2)]
        assert [writer.wait(60) for writer in writers] == [0, 0]
        last = world.rows("SELECT max(id) FROM runs")[0][0]
        late = world.rows(
            "SELECT (started_at - due_at) / 1e6 FROM runs WHERE task = 'often' AND started_at > 0 AND id > ?", first
        )
        waits = sorted(row[0] for row in late)
        assert len(waits) > seconds * 3
        assert last - first > 20 * seconds
        assert median(waits) < 0.1
        assert waits[-1] < 1.0
        print(f"{last - first} written in {seconds} s; late: median {median(waits):.4f} worst {waits[-1]:.4f}")
