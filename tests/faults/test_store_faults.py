"""Files of the store: damaged, deleted, replaced, foreign, newer, older, or not ours to write; what a crash left."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from command_line import PATIENCE_S, eventually
from disk import Disk
from world import World, kill

from arrcli.store.schema import APPLICATION_ID, MIGRATIONS, VERSION

TICK = '[tasks.tick]\nfunc = "jobs.note"\nevery = "1s"\n'
LOST = "was deleted or replaced while in use: put it back, or start arr again"
LOG_ALONE = "is gone or empty, and its log is left: put the store back in its place; or, to go on with a backup or anew"
GONE = "is gone, and what it kept with it: put it or a backup in its place, or go on with a new one"
DAMAGED = "is damaged or is no store of arr's"
RUN = ["run", "--plain", "--burst"]
OTHERS = (["list"], ["runs"], ["enqueue", "jobs.note"], ["db", "backup", "copy.db"], ["pause", "tick"])
every_verb = pytest.mark.parametrize(
    "verbs", [[RUN], pytest.param(OTHERS, marks=pytest.mark.long)], ids=["run", "others"]
)


def had_a_life(world: World, *, crashed: bool = False) -> None:
    """A daemon ran, and was stopped, or killed so that the log holds what was committed last."""
    daemon = world.start()
    world.until_ended(*world.enqueue_many("jobs.note", 3))
    kill(daemon) if crashed else daemon.stop()


def set_version(database: Path, version: int) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.execute(f"PRAGMA user_version = {version}")
        db.commit()


def refused(world: World, *words: str) -> str:
    """The verb says one sentence, exits 1, and nothing on stdout but the daemon's first line."""
    said = world.arr(*words, timeout=30)
    assert said.code == 1, said
    lines = said.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("arr: "), said
    return lines[0].removeprefix("arr: ")


# -- before the start ----


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda db: os.truncate(db, 6000), id="cut"),
        pytest.param(
            lambda db: db.write_bytes(random.Random(1).randbytes(50_000)), id="garbage", marks=pytest.mark.long
        ),
    ],
)
@every_verb
def test_a_damaged_store_is_refused_by_every_verb_and_left_as_it_is(
    world: World, spoil: Callable[[Path], object], verbs: Sequence[Sequence[str]]
) -> None:
    had_a_life(world)
    spoil(world.database)
    world.lost = True
    before = world.database.read_bytes()
    for words in verbs:
        assert f"{world.database} {DAMAGED}" in refused(world, *words)
    said = world.arr("db", "check")
    assert said.code == 1
    assert "restore a backup" in said.out
    assert world.database.read_bytes() == before


@pytest.mark.long
def test_a_store_whose_pages_are_damaged_here_and_there_ends_the_daemon_with_a_sentence(world: World) -> None:
    world.write(TICK)
    had_a_life(world)
    with world.database.open("r+b") as out:  # the first page stands: the store opens
        out.seek(8192)
        out.write(b"\xa5" * 16384)
    world.lost = True
    assert world.arr("db", "check").code == 1
    daemon = world.start(ready=False)
    assert daemon.process.wait(PATIENCE_S) == 1
    assert f"{DAMAGED} (database disk image is malformed); look at it with: arr db check" in daemon.text


@pytest.mark.long
@pytest.mark.parametrize("crashed", [False, True])
@pytest.mark.parametrize("emptied", [False, True])
def test_a_store_that_is_gone_is_told_of_and_a_log_without_it_is_kept(
    world: World, crashed: bool, emptied: bool
) -> None:
    had_a_life(world, crashed=crashed)
    kept = world.database.with_name("kept.db")
    shutil.copy(world.database, kept)
    os.truncate(world.database, 0) if emptied else world.database.unlink()
    if crashed:
        for words in (RUN, *OTHERS, ["db", "check"]):
            assert LOG_ALONE in refused(world, *words)
    else:
        said = world.arr("list")
        assert (said.code, GONE in said.err) == (4 if emptied else 0, True)
    kept.replace(world.database)
    assert len(world.here("runs", "--json").json["runs"]) == 3
    if not crashed:
        Path(f"{world.database}-shm").unlink()
        world.database.unlink()
        world.asked.clear()
        world.log.unlink()
        said = world.arr("run", "--plain", "--burst")
        assert (said.code, said.err.count(GONE)) == (0, 1)


@pytest.mark.long
@every_verb
def test_a_store_of_a_newer_arr_is_refused_by_every_verb(world: World, verbs: Sequence[Sequence[str]]) -> None:
    had_a_life(world, crashed=len(verbs) > 1)
    set_version(world.database, 99)
    newer = f"{world.database} was made by a newer arr (store version 99, this one knows {VERSION}); upgrade arrcli"
    for words in verbs:
        assert refused(world, *words) == newer
    set_version(world.database, VERSION)
    world.until_ended()


@every_verb
def test_another_program_s_database_is_refused_and_left_as_it_is(world: World, verbs: Sequence[Sequence[str]]) -> None:
    world.state.mkdir(parents=True, mode=0o700)
    with closing(sqlite3.connect(world.database)) as db:
        db.execute("CREATE TABLE theirs (x)")
    before = world.database.read_bytes()
    for words in verbs:
        assert refused(world, *words) == (
            f"{world.database} is a database of another program; name another place for arr's store"
        )
    assert world.database.read_bytes() == before
    world.lost = True


def make_of_version(database: Path, number: int) -> None:
    """A store as an older arr left it, with a run that waits."""
    database.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    with closing(sqlite3.connect(database)) as db:
        for script in MIGRATIONS[:number]:
            db.executescript(script)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {number}")
        db.execute(
            "INSERT INTO runs (func, origin, scheduled, state, stage, count, era, due_at, ready_at, enqueued_at,"
            " attempt, losses, deaths, executor, pool, priority) VALUES ('jobs.note', 'enqueued', 0, 'pending', 1, 1,"
            " 0, 1, 1, 1, 0, 0, 0, 'process', 'default', 0)"
        )
        db.commit()


@pytest.mark.parametrize("number", range(1, VERSION))
def test_a_store_of_an_older_arr_waits_for_room_to_be_brought_up_to_date_and_loses_nothing(
    disk: Disk, world: World, number: int
) -> None:
    (world.folder / ".arr").symlink_to(disk.folder)
    make_of_version(world.database, number)
    disk.fill()
    said = world.arr("run", "--plain", "--burst")
    assert said.code == 1
    assert said.err == (
        f"arr: the disk of {world.state / 'planner.lock'} is full; nothing was written: make room, then try again\n"
    )
    disk.clear()
    disk.fill(leave=8 << 10)
    assert "is full" in world.arr("run", "--plain", "--burst").err
    disk.clear()
    assert world.rows("PRAGMA user_version") == [(number,)]
    assert world.arr("run", "--plain", "--burst").code == 0
    assert world.rows("PRAGMA user_version") == [(VERSION,)]
    assert world.rows("SELECT state FROM runs") == [("succeeded",)]


MANY = """
    WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
    INSERT INTO runs (task, func, origin, scheduled, state, stage, count, era, due_at, ready_at, enqueued_at,
        started_at, finished_at, attempt, losses, deaths, executor, pool, priority)
    SELECT 't', 'jobs.note', 'enqueued', 0, 'succeeded', 4, 1, 0, i, i, i, i, i, 1, 0, 0, 'process', 'default', 0 FROM n
"""
COUNTED = "INSERT OR REPLACE INTO ended SELECT state, count(*) FROM runs WHERE finished_at IS NOT NULL GROUP BY state"


@pytest.mark.long
@pytest.mark.parametrize("rounds", [6])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_ended_while_it_brings_a_store_up_to_date_it_leaves_it_whole_in_the_one_version_or_the_other(
    world: World, number: signal.Signals, rounds: int
) -> None:
    make_of_version(world.database, 1)
    with closing(sqlite3.connect(world.database)) as db:
        db.execute(MANY)
        db.execute(COUNTED)
        db.commit()
    kept, log = world.folder / "kept.db", Path(f"{world.database}-wal")
    shutil.copy(world.database, kept)
    moments = random.Random(20261127)
    for _ in range(rounds):
        for end in ("", "-wal", "-shm"):
            Path(f"{world.database}{end}").unlink(missing_ok=True)
        shutil.copy(kept, world.database)
        world.log.unlink(missing_ok=True)
        daemon = world.start(ready=False)
        eventually(lambda: log.exists() and log.stat().st_size > 1 << 16, lambda: daemon.text)  # noqa: B023
        time.sleep(moments.random() * 0.4)
        daemon.process.send_signal(number)
        assert daemon.process.wait(PATIENCE_S) in (0, -number), daemon.text
        world.nobody_left()
        assert world.rows("PRAGMA user_version")[0][0] in range(1, VERSION + 1)
        assert world.rows("PRAGMA integrity_check") == [("ok",)]
        assert world.rows("SELECT count(*) FROM runs") == [(200_000,)]
    assert world.arr("run", "--plain", "--burst", timeout=120).code == 0
    assert world.rows("PRAGMA user_version") == [(VERSION,)]
    assert world.state_of(1) == "succeeded"


# -- while it runs ----


GARBAGE = random.Random(2).randbytes(1 << 16)


@pytest.mark.long
@pytest.mark.parametrize("how", ["cut", "its first page", "all pages"])
def test_a_store_that_is_overwritten_while_it_runs_ends_the_daemon_with_a_sentence(world: World, how: str) -> None:
    world.write(TICK)
    had_a_life(world)
    world.lost = True
    daemon = world.start()
    world.enqueue_many("jobs.nap", 1, 0.5)
    eventually(lambda: any(start["name"] == "nap" for start in world.starts()))
    if how == "cut":
        os.truncate(world.database, 6000)
    else:
        with world.database.open("r+b") as out:
            out.write(GARBAGE[: 4096 if how == "its first page" else world.database.stat().st_size])
    assert daemon.process.wait(PATIENCE_S) == 1, daemon.text
    last = daemon.text.rstrip().splitlines()[-1]
    assert last.startswith(f"arr: {world.database} is damaged"), daemon.text
    world.nobody_left()
    assert "is damaged" in refused(world, "list")


@pytest.mark.parametrize("how", ["deleted", pytest.param("emptied", marks=pytest.mark.long)])
def test_a_store_that_is_put_back_in_time_is_used_again_and_nothing_is_lost(world: World, how: str) -> None:
    world.write(TICK)
    with world.running() as daemon:
        (run,) = world.enqueue_many("jobs.nap", 1, 0.5)
        eventually(lambda: any(start["name"] == "nap" for start in world.starts()))
        hidden = world.database.with_name("hidden")
        world.database.rename(hidden)
        if how == "emptied":
            world.database.touch()
        daemon.until(LOST)
        assert LOG_ALONE in refused(world, "enqueue", "jobs.note")
        hidden.rename(world.database)
        world.until_ended(run, world.enqueue("jobs.note"))
        assert daemon.text.count(LOST) == 1
        assert world.run(run)["attempt"] == 1


@pytest.mark.long
@pytest.mark.parametrize("how", ["deleted", "deleted with its log", "emptied", "replaced"])
def test_a_store_that_is_gone_for_good_ends_the_daemon_once_what_runs_has_ended(world: World, how: str) -> None:
    world.write(TICK)
    world.lost = True
    daemon = world.start()
    world.enqueue_many("jobs.nap", 1, 11.0)
    eventually(lambda: any(start["name"] == "nap" for start in world.starts()))
    copy = world.database.with_name("copy")
    shutil.copy(world.database, copy)
    match how:
        case "emptied":
            os.truncate(world.database, 0)
        case "replaced":
            copy.replace(world.database)
        case _:
            world.database.unlink()
    if how == "deleted with its log":
        Path(f"{world.database}-wal").unlink()
    began = time.monotonic()
    daemon.until(LOST)
    assert daemon.process.wait(PATIENCE_S) == 1
    assert 8 < time.monotonic() - began < 25
    assert daemon.text.rstrip().endswith(f"arr: the store {world.database} {LOST}")
    if how == "deleted":
        copy.replace(world.database)  # with the log, which was kept, it is whole again
        world.lost = False
        with world.running():
            world.until_ended()


def test_a_stop_of_a_daemon_whose_store_is_gone_says_so_and_exits_1(world: World) -> None:
    world.write(TICK)
    world.lost = True
    daemon = world.start()
    (run,) = world.enqueue_many("jobs.nap", 1, 0.5)
    eventually(lambda: world.state_of(run) == "running")
    world.database.unlink()
    daemon.until(LOST)
    assert daemon.stop() == 1
    assert daemon.text.rstrip().endswith(f"arr: the store {world.database} {LOST}")


@pytest.mark.long
def test_who_enqueues_into_a_store_that_replaced_the_daemon_s_is_told_of_its_trouble(world: World) -> None:
    had_a_life(world)
    with world.running() as daemon:
        for end in ("", "-wal", "-shm"):
            Path(f"{world.database}{end}").unlink()
        eventually(lambda: world.here("status", "--json").json["daemon"]["trouble"])
        assert LOST in daemon.text
        world.asked.clear()
        world.log.unlink()
        said = world.arr("enqueue", "jobs.note")
        assert (said.code, said.out) == (0, "1\n")
        assert f"note: the daemon is in trouble: the store {world.database} {LOST}" in said.err
        kill(daemon)
    assert world.arr("run", "--plain", "--burst").code == 0
    assert world.rows("SELECT state FROM runs") == [("succeeded",)]


# -- looking after it ----


OFTEN = '[tasks.often]\nfunc = "math.sqrt"\nargs = [2]\nevery = "100ms"\n'


def in_flight(world: World) -> list[int]:
    """Two runs, once they have begun, that go on until there is a gate; and one for later."""
    runs = [world.enqueue("jobs.until", "gate") for _ in range(2)]
    later = world.enqueue("jobs.note", "--in", "1h")
    eventually(lambda: len(world.starts()) == 2)
    eventually(lambda: [world.state_of(run) for run in runs] == ["running"] * 2)
    return [*runs, later]


def test_beside_a_daemon_with_runs_in_flight_each_verb_of_the_store_does_its_work_and_they_go_on(world: World) -> None:
    world.write(OFTEN, workers=3)
    with world.running() as daemon:
        runs = in_flight(world)
        daemon.until("ok     often")
        assert world.arr("db", "path").out == f"{world.database}\n"
        for words in (["db", "check"], ["db", "check", "--mend"]):
            said = world.arr(*words)
            assert re.fullmatch(rf"ok: {world.database} is whole: [\d,]+ runs, [23] running\n", said.out), said
        said = world.arr("db", "prune", "--before", "1ms", "--json")
        assert said.code == 0 and said.json["deleted"] >= 1
        assert world.arr("db", "backup", "copy.db").out == "copy.db\n"
        with closing(sqlite3.connect(world.folder / "copy.db")) as copy:
            found = dict(copy.execute("SELECT id, state FROM runs WHERE id IN (?, ?, ?)", runs))
        assert [found[run] for run in runs] == ["running", "running", "pending"]
        said_before = daemon.text.count("ok     often")
        daemon.read_until(lambda text: text.count("ok     often") > said_before + 1, "more of the schedule")
        (world.folder / "gate").touch()
        world.until_ended(*runs[:2])
    assert [(world.run(run)["state"], world.run(run)["attempt"]) for run in runs] == [
        ("succeeded", 1),
        ("succeeded", 1),
        ("pending", 0),
    ]


def test_a_copy_that_was_made_beside_runs_in_flight_has_them_tried_again_where_it_takes_the_stores_place(
    world: World,
) -> None:
    with world.running() as daemon:
        runs = in_flight(world)
        assert world.here("db", "backup", "copy.db").code == 0
        kill(daemon)
    for end in ("", "-wal", "-shm"):
        Path(f"{world.database}{end}").unlink(missing_ok=True)
    (world.folder / "copy.db").rename(world.database)
    (world.folder / "gate").touch()
    with world.running():
        world.until_ended(*runs[:2])
        assert [(world.run(run)["state"], world.run(run)["attempt"]) for run in runs[:2]] == [("succeeded", 2)] * 2
        assert world.state_of(runs[2]) == "pending"


def test_without_a_daemon_a_stray_claim_is_found(world: World) -> None:
    daemon = world.start()
    run = world.enqueue("jobs.forever")
    eventually(lambda: world.state_of(run) == "running")
    kill(daemon)
    said = world.arr("db", "check")
    assert said.code == 1
    assert re.fullmatch(
        rf"a run is claimed by a process that is gone \(runs? [\d, ]*{run}\b[\d, ]*\)"
        r" — arr run takes it back when it starts, or the program that knows its task\n",
        said.out,
    )


# -- a folder that cannot be written ----


def test_on_a_read_only_disk_what_reads_works_and_what_writes_says_why_not(disk: Disk, world: World) -> None:
    (world.folder / ".arr").symlink_to(disk.folder)
    had_a_life(world)
    eventually(lambda: subprocess.run(["mount", "-o", "remount,ro", disk.folder], capture_output=True).returncode == 0)
    try:
        assert [run["state"] for run in world.here("runs", "--json").json["runs"]] == ["succeeded"] * 3
        assert world.here("db", "check").code == 0
        assert world.here("db", "backup", "copy.db").code == 0
        gate, lock = world.state / "gate", world.state / "planner.lock"
        why = "Read-only file system"
        said = refused(world, "enqueue", "jobs.note")
        assert said == f"{gate} cannot be opened ({why}); check its owner, mode and disk"
        assert refused(world, "run", "--plain") == f"{lock} cannot be opened: {why}; check its owner, mode and disk"
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk.folder], check=True)


# -- a crash ----


@pytest.mark.long
@pytest.mark.parametrize("rounds", [4])
def test_a_log_that_a_crash_left_is_read_whole_wherever_the_files_are_taken(world: World, rounds: int) -> None:
    moments = random.Random(20261101)
    for number in range(rounds):
        daemon = world.start()
        world.enqueue_many("jobs.note", 200)
        time.sleep(moments.random() * 0.3)
        kill(daemon)
        world.nobody_left()
        aside = world.folder / f"aside-{number}"
        aside.mkdir(mode=0o700)
        for end in ("", "-wal"):
            shutil.copy(f"{world.database}{end}", aside)
        rows = world.rows("SELECT id, state, attempt FROM runs")
        said = world.arr("runs", "-n", "0", "--json", "--state-dir", str(aside))
        assert said.code == 0, said.err
        assert len(said.json["runs"]) == len(rows) == 200 * (number + 1)
        assert world.arr("run", "--plain", "--burst", "--state-dir", str(aside)).code == 0
        with closing(sqlite3.connect(aside / "arr.db")) as db:
            assert db.execute("SELECT DISTINCT state FROM runs").fetchall() == [("succeeded",)]
        world.log.unlink()  # the copy ran them too
    with world.running():
        world.until_ended()
