"""A full disk: at the first start, at a later one, while it runs; and one that has room again."""

from __future__ import annotations

import pytest
from command_line import eventually
from disk import Disk
from world import World, kill

from arrcli.store.reserve import RESERVE, size_of

TICK = '[tasks.tick]\nfunc = "jobs.note"\nevery = "1s"\n'
FULL = "the disk of the store is full: nothing new starts until there is room; what ends is still recorded"
AGAIN = "the disk of the store has room again; going on"


@pytest.fixture
def small(disk: Disk, world: World) -> World:
    """A world whose state lies on the small disk."""
    (world.folder / ".arr").symlink_to(disk.folder)
    return world


def until_room_is_set_aside(world: World) -> None:
    """Where somebody writes as the daemon looks, it sets none aside until it looks again."""
    eventually(lambda: size_of(world.state / "reserve") == RESERVE)


def refused(world: World) -> str:
    return f"arr: the disk of {world.database} is full; nothing was written: make room, then try again\n"


def test_on_a_disk_that_fills_up_what_runs_is_recorded_and_everything_else_waits(disk: Disk, small: World) -> None:
    small.write(TICK)
    daemon = small.start()
    until_room_is_set_aside(small)
    begun = small.enqueue_many("jobs.big", 2, 200, 2.0)
    waiting = small.enqueue_many("jobs.nap", 4, 0.1)
    eventually(lambda: [start["name"] for start in small.starts()].count("big") == 2)
    with disk.eaten():
        daemon.until(FULL)
        until_full = small.starts()
        said = small.arr("enqueue", "jobs.note")
        assert (said.code, said.out, said.err) == (1, "", refused(small))
        small.until_ended(*begun)
        assert "full" in small.here("status", "--json").json["daemon"]["trouble"]
        assert small.here("list").code == 0
        kill(daemon)  # what was recorded on the full disk is there for good
        assert disk.free() == 0
    assert [small.state_of(run) for run in begun] == ["succeeded", "succeeded"]
    assert small.starts() == until_full
    disk.clear()
    with small.running() as daemon:
        small.until_ended(*waiting, small.enqueue("jobs.note"))
        assert [start["attempt"] for start in small.starts() if start["name"] == "big"] == [1, 1]
        assert len(small.run(begun[0])["result"]) == 200 * 1024
        assert FULL not in daemon.text


@pytest.mark.long
def test_a_daemon_on_a_disk_that_is_freed_goes_on_by_itself_and_says_each_once(disk: Disk, small: World) -> None:
    small.write(TICK)
    with small.running() as daemon:
        eventually(lambda: len(small.starts()) > 0)
        disk.fill()
        daemon.until(FULL)
        asleep = len(small.starts())
        disk.clear()
        daemon.until(AGAIN)
        small.until_ended(small.enqueue("jobs.note"))
        eventually(lambda: len(small.starts()) > asleep + 1)
        assert (daemon.text.count("full"), daemon.text.count(AGAIN)) == (1, 1)
        assert small.here("status", "--json").json["daemon"]["trouble"] is None


@pytest.mark.long
def test_no_task_fails_because_the_disk_takes_no_more_of_what_it_prints(disk: Disk, small: World) -> None:
    small.write(workers=1)
    with small.running() as daemon:
        run = small.enqueue("jobs.talk", "go")
        eventually(lambda: len(small.starts()) == 1)
        until_room_is_set_aside(small)
        disk.fill()
        daemon.until(FULL)
        (small.folder / "go").touch()
        small.until_ended(run)
        assert small.rows("SELECT state, result, fault FROM runs WHERE id = ?", run) == [("succeeded", '"said"', None)]
        disk.clear()
        daemon.until(AGAIN)
        run = small.enqueue("jobs.talk", "go")
        small.until_ended(run)
        expected = [*(f"line {number}" for number in range(2000)), "more"]
        assert small.here("logs", str(run)).out.splitlines() == expected


def test_a_stop_on_a_full_disk_records_what_still_ended(disk: Disk, small: World) -> None:
    daemon = small.start()
    until_room_is_set_aside(small)
    (run,) = small.enqueue_many("jobs.nap", 1, 0.7)
    eventually(lambda: len(small.starts()) == 1)
    disk.fill()
    assert daemon.stop() == 0, daemon.text
    assert small.state_of(run) == "succeeded"


def test_a_daemon_that_was_there_before_starts_on_a_full_disk_and_waits_for_room(disk: Disk, small: World) -> None:
    with small.running():
        small.until_ended(small.enqueue("jobs.note"))
    disk.fill()
    with small.running() as daemon:
        daemon.until(FULL)
        assert small.arr("enqueue", "jobs.note").err == refused(small)
        disk.clear()
        daemon.until(AGAIN)
        small.until_ended(small.enqueue("jobs.note"))


@pytest.mark.parametrize("left", [0, *(pytest.param(kib, marks=pytest.mark.long) for kib in (4, 8, 32, 100))])
def test_a_first_start_on_a_full_disk_is_refused_and_leaves_nothing_half_made(
    disk: Disk, small: World, left: int
) -> None:
    disk.fill(leave=left << 10)
    tried = [["enqueue", "jobs.note"], *([["run", "--plain"]] if left < 32 else [])]
    for words in tried:  # where there is just room for a new store, a daemon waits for more
        said = small.arr(*words, timeout=20)
        assert said.code == 1
        assert said.err.startswith("arr: the disk of ")
        assert said.err.endswith(" is full; nothing was written: make room, then try again\n")
        assert said.err.count("\n") == 1
    disk.clear()
    run = small.enqueue("jobs.note")
    assert small.arr("run", "--plain", "--burst").code == 0
    assert small.state_of(run) == "succeeded"


@pytest.mark.long
def test_a_disk_that_fills_and_empties_again_and_again_loses_nothing(disk: Disk, small: World) -> None:
    small.write(TICK)
    with small.running() as daemon:
        for _ in range(8):
            eventually(lambda: small.here("enqueue", "jobs.note").code == 0)
            runs = small.enqueue_many("jobs.big", 2, 100, 0.5)
            with disk.eaten():
                small.until_ended(*runs[:1])
                assert small.arr("enqueue", "jobs.note").code == 1
            disk.clear()
        small.until_ended()
        assert daemon.process.poll() is None
