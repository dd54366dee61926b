"""What only a store in a file promises: it outlives its process, is private, and says what is wrong with it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from arrcli.errors import NotFoundError, StoreBusyError, StoreError, StoreLostError, UsageError
from arrcli.model.run import State
from arrcli.store import reading, sqlite, transaction
from arrcli.store.gate import Gate
from arrcli.store.memory import MemoryStore
from arrcli.store.reserve import Reserve
from arrcli.store.schema import APPLICATION_ID, MIGRATIONS, VERSION
from arrcli.store.soonest import HEADS_OF_HELD, HEADS_OF_READY, statement
from arrcli.store.sqlite import SQLiteStore
from arrcli.store.values import RunQuery
from arrcli.testing import NOON, a_run, a_slot

APPEND = """
import sys
from arrcli.store.sqlite import SQLiteStore
from arrcli.testing import a_run
store = SQLiteStore(sys.argv[1])
for turn in range(int(sys.argv[3])):
    store.append([a_run(kwargs={"n": int(sys.argv[2]), "turn": turn})])
"""
BREAK_OFF = """
import sys
from arrcli.store.sqlite import SQLiteStore
from arrcli.testing import a_run
store = SQLiteStore(sys.argv[1])
store.append([a_run()])
with store.writing() as w:
    w.add([a_run() for _ in range(5000)])
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "arr.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path)
    yield store
    store.close()


def program(text: str, *words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", text, *map(str, words)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


# -- processes ----


def test_what_was_acknowledged_outlives_the_store(path: Path, store: SQLiteStore) -> None:
    (run,) = store.append([a_run()])
    store.close()
    again = SQLiteStore(path)
    assert again.run(run.id) == run
    again.close()


def test_several_processes_that_make_and_fill_one_store_lose_nothing(path: Path) -> None:
    children = [program(APPEND, path, n, 20) for n in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4
    store = SQLiteStore(path)
    found = {(run.kwargs["n"], run.kwargs["turn"]) for run in store.runs(RunQuery(limit=0))}
    assert found == {(n, turn) for n in range(4) for turn in range(20)}
    assert store.counts()[State.PENDING] == 80
    store.close()


def test_what_a_transaction_has_read_stays_so_until_it_writes(path: Path, store: SQLiteStore) -> None:
    other = SQLiteStore(path, patience=0.05)
    with store.writing() as w:
        assert w.run(1) is None
        with pytest.raises(StoreBusyError):
            other.append([a_run()])
        assert w.add([a_run()])[0].id == 1
    assert other.append([a_run()])[0].id == 2
    other.close()


def test_each_commit_is_synchronised_to_the_disk(store: SQLiteStore) -> None:
    store.append([a_run()])
    for connection in {id(connection): connection for _, connection in store._open}.values():
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_writer_killed_in_its_transaction_leaves_a_whole_store(path: Path) -> None:
    child = program(BREAK_OFF, path)
    assert child.stdout is not None
    assert child.stdout.readline() == "writing\n"
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    store = SQLiteStore(path)
    assert len(store.runs(RunQuery(limit=0))) == 1
    assert store.append([a_run()])[0].id == 2
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store.close()


def test_the_version_changes_when_another_process_commits_and_not_by_our_own(path: Path, store: SQLiteStore) -> None:
    before = store.data_version()
    store.append([a_run()])
    assert store.data_version() == before
    other = SQLiteStore(path)
    other.append([a_run()])
    other.close()
    assert store.data_version() != before


def test_a_store_that_is_kept_locked_says_so_and_nothing_was_written(path: Path) -> None:
    store, other = SQLiteStore(path, patience=0.05), SQLiteStore(path)
    with other.writing() as w:
        w.add([a_run()])
        with pytest.raises(StoreBusyError, match="nothing was written"):
            store.append([a_run()])
    assert len(store.runs(RunQuery())) == 1
    store.close()
    other.close()


def test_a_forked_child_does_not_use_its_parent_s_connections(store: SQLiteStore) -> None:
    memory = MemoryStore()
    store.append([a_run()])
    child = os.fork()
    if child == 0:
        refused = 0
        each: SQLiteStore | MemoryStore
        for each in (store, memory):
            for use in (partial(each.append, [a_run()]), partial(each.run, 1)):
                try:
                    use()
                except StoreError as error:
                    refused += "forked" in str(error)
        store.close()
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4
    assert store.append([a_run()])[0].id == 2


# -- threads ----


def test_what_one_caller_did_wrong_is_not_the_others_loss(store: SQLiteStore) -> None:
    errors: list[BaseException] = []

    def spoil() -> None:
        try:
            store.append([a_run(priority=1 << 70)])
        except UsageError as error:
            errors.append(error)

    threads = [
        threading.Thread(target=spoil),
        *(threading.Thread(target=store.append, args=([a_run()],)) for _ in "ab"),
    ]
    with store._lock:  # all three wait for the same commit
        for thread in threads:
            thread.start()
        _until(lambda: len(store._waiting) == 3)
    for thread in threads:
        thread.join()
    assert len(errors) == 1
    assert len(store.runs(RunQuery())) == 2


def test_threads_that_ended_leave_no_connection_open(store: SQLiteStore) -> None:
    for _ in range(20):
        thread = threading.Thread(target=store.counts)
        thread.start()
        thread.join()
    assert len(store._open) <= 3


def test_a_reader_that_lingers_does_not_hold_up_the_checkpoint(path: Path, store: SQLiteStore) -> None:
    store.append([a_run()])
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM runs").fetchone()
    store.append([a_run() for _ in range(100)])
    began = time.perf_counter()
    store.checkpoint(over=0)
    assert time.perf_counter() - began < 8  # a transaction would wait 10 for it
    reader.close()
    store.checkpoint(over=0)
    assert store._reserve.used() == 0
    assert len(store.runs(RunQuery(limit=0))) == 101


def test_a_log_is_left_as_it_is_while_somebody_writes(path: Path, store: SQLiteStore) -> None:
    store.append([a_run() for _ in range(100)])
    other, written = SQLiteStore(path), Path(f"{path}-wal").stat().st_size
    with other.writing():
        began = time.perf_counter()
        store.checkpoint(over=0)
        assert time.perf_counter() - began < 8
        assert Path(f"{path}-wal").stat().st_size == written
    other.append([a_run()])
    store.checkpoint(over=0)
    assert store._reserve.used() == 0
    other.close()


# -- the file ----


@pytest.mark.parametrize("umask", [0, 0o077, 0o777])
def test_all_files_are_private_under_any_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        store = SQLiteStore(path)
        store.append([a_run()])
    finally:
        os.umask(before)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == dict.fromkeys(["arr.db", "arr.db-wal", "arr.db-shm", "arr.db.gate", "arr.db.gate.turn"], 0o600)
    store.close()


def test_links_are_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is a link"):
        SQLiteStore(path)
    path.unlink()
    (tmp_path / "arr.db.gate").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="link"):
        SQLiteStore(path)
    assert (tmp_path / "elsewhere").read_bytes() == b""


def test_a_link_that_comes_between_the_look_and_the_making_is_not_followed(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    look = os.lstat

    def too_early(file: Any, **more: Any) -> os.stat_result:
        if os.fspath(file) == str(path):
            raise FileNotFoundError(file)
        return look(file, **more)

    monkeypatch.setattr(os, "lstat", too_early)
    with pytest.raises(StoreError, match="cannot be made"):
        SQLiteStore(path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_reserve_is_not_made_through_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "reserve").symlink_to(tmp_path / "elsewhere")
    reserve = Reserve(path, tmp_path / "reserve")
    reserve.kept()
    reserve.given_up()
    assert (tmp_path / "elsewhere").read_text() == "mine"


def test_a_folder_in_its_place_is_said(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match="is no file"):
        SQLiteStore(path)


@pytest.mark.parametrize("how", [{"read_only": True}, {"create": False}])
def test_who_only_looks_makes_nothing(path: Path, how: dict[str, Any]) -> None:
    with pytest.raises(NotFoundError, match="there is no store"):
        SQLiteStore(path, **how)
    assert list(path.parent.iterdir()) == []


def test_an_empty_file_is_no_store_to_who_only_looks(path: Path) -> None:
    path.touch()
    with pytest.raises(NotFoundError):
        SQLiteStore(path, read_only=True)
    SQLiteStore(path).close()


def test_a_read_only_store_reads_and_does_not_write(path: Path, store: SQLiteStore) -> None:
    (run,) = store.append([a_run()])
    looking = SQLiteStore(path, read_only=True)
    assert looking.run(run.id) == run
    with pytest.raises(StoreError, match="reading only"):
        looking.append([a_run()])
    looking.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_store_is_refused(path: Path, read_only: bool) -> None:
    SQLiteStore(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match=r"newer arr.*upgrade arrcli"):
        SQLiteStore(path, read_only=read_only)


def test_who_is_alone_inside_the_gate_waited_for_the_others_and_lets_nobody_in(path: Path) -> None:
    ours = Gate(f"{path}.gate", privileged=True, patience=1)
    theirs = Gate(f"{path}.gate", privileged=False, patience=0.05)
    with theirs.passed(), ours.alone(0.05) as alone:
        assert not alone
    with ours.alone(0.05) as alone:
        assert alone
        assert not theirs._enter()
    assert theirs._enter()
    for gate in (ours, theirs):
        gate.close()


@pytest.fixture
def old(path: Path) -> Path:
    """A store of the first version with a run that waits, one that runs and one that has ended."""
    with sqlite3.connect(path, isolation_level=None) as db:
        for statement in filter(str.strip, MIGRATIONS[0].split(";")):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        for state, stage, ended in (("pending", 1, None), ("running", 2, None), ("succeeded", 4, NOON)):
            db.execute(
                "INSERT INTO runs (func, origin, scheduled, state, stage, finished_at, count, era, due_at, ready_at,"
                " enqueued_at, attempt, losses, deaths, executor, pool, priority, claimed_by) VALUES"
                " ('a.b', 'enqueued', 0, ?, ?, ?, 1, 0, 1, 1, 1, ?, 0, 0, 'process', 'default', 0, ?)",
                (state, stage, ended, int(stage > 1), "me" if stage == 2 else None),
            )
    return path


def test_an_older_store_is_brought_up_to_date_with_all_that_is_in_it(old: Path) -> None:
    store = SQLiteStore(old)
    assert [run.state for run in store.runs(RunQuery(oldest_first=True))] == ["pending", "running", "succeeded"]
    with store.writing() as w:
        assert [run.id for run in w.ready(5)] == [1]
        assert [run.id for run in w.claimed_by("me")] == [2]
    assert [run.id for run in store.recent(5)] == [3]
    store.close()
    with sqlite3.connect(old) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)


@pytest.mark.parametrize("options", [{"read_only": True}, {"upgrade": False}])
def test_an_older_store_is_left_as_it_is_by_who_only_reads_and_beside_a_daemon(
    old: Path, options: dict[str, bool]
) -> None:
    with pytest.raises(StoreError, match=r"older arr; the next arr run"):
        SQLiteStore(old, **options)
    with sqlite3.connect(old) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)


@pytest.mark.parametrize("read_only", [False, True])
def test_garbage_is_refused_in_a_sentence(path: Path, read_only: bool) -> None:
    path.write_bytes(b"this is no database at all " * 100)
    with pytest.raises(StoreError, match="damaged or is no store"):
        SQLiteStore(path, read_only=read_only)
    assert path.read_bytes().startswith(b"this is no")


@pytest.mark.parametrize("version", [0, VERSION])
def test_another_program_s_database_is_refused_and_left_as_it_was(path: Path, version: int) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
        db.execute(f"PRAGMA user_version = {version}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        SQLiteStore(path)
    assert path.read_bytes() == before


def test_a_store_that_was_deleted_or_replaced_is_noticed(path: Path, store: SQLiteStore) -> None:
    store.verify()
    path.rename(path.with_name("moved"))
    with pytest.raises(StoreError, match="deleted or replaced"):
        store.verify()
    path.touch()
    with pytest.raises(StoreError, match="deleted or replaced"):
        store.verify()


@pytest.mark.parametrize("how", [{}, {"create": False}, {"read_only": True}])
@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_log_without_its_store_is_refused_and_kept(
    path: Path, store: SQLiteStore, tmp_path: Path, left: str, how: dict[str, Any]
) -> None:
    store.append([a_run()])
    crashed, log = tmp_path / "crashed.db", tmp_path / "crashed.db-wal"
    shutil.copy(f"{path}-wal", log)
    if left == "an empty file":
        crashed.touch()
    before = log.read_bytes()
    with pytest.raises(StoreLostError, match=r"gone or empty, and its log is left: put the store back"):
        SQLiteStore(crashed, **how)
    assert log.read_bytes() == before
    shutil.copy(path, crashed)
    again = SQLiteStore(crashed)
    assert len(again.runs(RunQuery())) == 1
    again.close()


def test_a_store_whose_log_was_deleted_or_that_was_emptied_is_noticed(path: Path, store: SQLiteStore) -> None:
    store.append([a_run()])
    store.verify()
    Path(f"{path}-wal").rename(path.with_name("moved"))
    with pytest.raises(StoreLostError, match="deleted or replaced"):
        store.verify()
    path.with_name("moved").rename(f"{path}-wal")
    store.verify()
    os.truncate(path, 0)
    with pytest.raises(StoreLostError, match="deleted or replaced"):
        store.verify()


# -- room ----


def test_room_lies_ahead_in_the_log_of_an_engine_s_store_and_beside_it(path: Path, store: SQLiteStore) -> None:
    log, beside = Path(f"{path}-wal"), Path(f"{path}.reserve")
    store.append([a_run() for _ in range(2000)])
    written = log.stat().st_size
    assert not beside.exists()
    assert store.has_room()
    ahead = log.stat().st_size - written
    assert ahead >= 4 << 20
    assert beside.stat().st_size == 4 << 20
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    store.append([a_run() for _ in range(2000)])
    assert log.stat().st_size == written + ahead
    store.spend_reserve()
    assert log.stat().st_size == written + ahead + (4 << 20)
    assert beside.stat().st_size == 0
    assert store.has_room()
    assert beside.stat().st_size == 4 << 20


def test_a_log_is_measured_by_what_is_written_in_it(path: Path, store: SQLiteStore) -> None:
    log = Path(f"{path}-wal")
    for runs in (1, 10, 3000):
        store.append([a_run() for _ in range(runs)])
        assert store._reserve.used() == log.stat().st_size
    written = log.stat().st_size
    assert store.has_room()
    assert store._reserve.used() == written
    store.checkpoint(over=written)
    assert store._reserve.used() == written
    store.checkpoint(over=written - 1)
    assert store._reserve.used() == 0


def test_a_log_with_room_ahead_is_read_whole_after_a_crash(path: Path, store: SQLiteStore, tmp_path: Path) -> None:
    store.append([a_run()])
    assert store.has_room()
    store.append([a_run() for _ in range(99)])
    crashed = tmp_path / "crashed.db"
    for end in ("", "-wal"):
        shutil.copy(f"{path}{end}", f"{crashed}{end}")
    again = SQLiteStore(crashed)
    assert len(again.runs(RunQuery(limit=0))) == 100
    again.append([a_run()])
    again.close()
    assert sqlite3.connect(crashed).execute("SELECT count(*) FROM runs").fetchone() == (101,)


# -- how it asks ----

QUERIES = {
    name: sql
    for room in (transaction, reading)
    for name, sql in vars(room).items()
    if isinstance(sql, str) and sql.lstrip().startswith(("SELECT", "UPDATE"))
}
QUERIES |= {
    "soonest": statement(2, 3),
    "all that wait": statement(-1, -1),
    "heads of ready": HEADS_OF_READY,
    "heads of held": HEADS_OF_HELD,
}
MAY_SORT = {"soonest", "all that wait", "_RUNNING", "_BEGUN", "_EXPIRED", "_CLAIMED_BY", "_OWNERS", "_ENDED_SINCE"}
"""What sorts a handful, or the few that a limit lets through."""


def plan_of(sql: str) -> list[str]:
    store = MemoryStore()
    count = max(sql.count("?"), 1)
    for values in ((None,) * n for n in range(count + 1)):
        try:
            return [row[3] for row in store._db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        except sqlite3.ProgrammingError:
            continue
    raise AssertionError(sql)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_no_question_reads_the_whole_of_runs(name: str) -> None:
    plan = plan_of(QUERIES[name])
    assert [step for step in plan if step == "SCAN runs"] == []
    if name not in MAY_SORT:
        assert [step for step in plan if "TEMP B-TREE" in step] == []


def test_the_queue_and_history_use_their_indexes() -> None:
    def of(name: str) -> str:
        return " ".join(plan_of(QUERIES[name]))

    assert "runs_ready" in of("_READY")
    assert "runs_waiting" in of("_PROMOTE")
    assert "runs_held" in of("_UNHOLD")
    assert "runs_history" in of("_PRUNED")
    assert "runs_ended" in of("_RECENT")
    where, _ = reading._conditions(RunQuery(task="t"))
    plan = plan_of("SELECT id FROM runs WHERE " + where + " ORDER BY id DESC LIMIT 5")  # noqa: S608 - a constant
    assert "SCAN runs" not in plan
    assert any("runs_history" in step for step in plan)


def queued(count: int) -> MemoryStore:
    """So many runs that wait, of two executors and three priorities, half of them ready and half of them held."""
    store = MemoryStore()
    store.append(
        [
            a_run(ready_at=NOON + n * 7919 % count, executor=("process", "thread")[n % 2], priority=n % 3)
            for n in range(count)
        ]
    )
    with store.writing() as w:
        w.promote(NOON + count)
        held = [*w.ready(count // 4), *w.ready(count // 4, executor="thread")]
        w.hold([run.held(f"pool {run.id % 5}") for run in held])
    return store


def test_the_soonest_of_many_queues_come_in_the_order_of_their_time() -> None:
    store = queued(400)
    everything = [run.id for run in store.pending()]
    assert len(everything) == 400
    for limit in (1, 2, 37, 399, 400, 1000):
        assert [run.id for run in store.pending(limit=limit)] == everything[:limit]
    early = [run.id for run in store.pending(until=NOON + 100)]
    assert [run.id for run in store.pending(until=NOON + 100, limit=60)] == early[:60]


def test_more_obstacles_than_are_worth_a_queue_each_change_nothing() -> None:
    store = queued(400)
    with store.writing() as w:
        for run in list(w.ready(100)):
            w.hold([run.held(f"task {run.id}")])
    assert [run.id for run in store.pending(limit=50)] == [run.id for run in store.pending()][:50]


def test_the_soonest_cost_no_more_where_many_wait() -> None:
    def steps(count: int) -> int:
        store, taken = queued(count), 0

        def counted() -> None:
            nonlocal taken
            taken += 1

        store._db.set_progress_handler(counted, 100)
        assert len(store.pending(limit=20)) == 20
        return taken

    assert steps(20_000) < 2 * steps(500)


def test_thousands_that_wait_do_not_slow_a_claim(store: SQLiteStore) -> None:
    later = [a_run(ready_at=NOON + 1_000 + n) for n in range(20_000)]
    store.append([*later, a_slot("t", NOON)])
    began = time.process_time()
    with store.writing() as w:
        w.promote(NOON)
        assert len(w.ready(10)) == 1
    assert time.process_time() - began < 0.1


def _until(holds: Any) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        os.sched_yield()


def test_who_adds_run_after_run_where_no_daemon_is_keeps_room_ahead_in_a_log_that_stays_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LEFT_ALONE", 1 << 20)
    store = SQLiteStore(tmp_path / "arr.db")
    log = tmp_path / "arr.db-wal"
    for _ in range(10):
        store.append([a_run()])
    assert log.stat().st_size < 1 << 20
    sizes = set()
    for _ in range(640):
        store.append([a_run()])
        sizes.add(log.stat().st_size)
    assert min(size for size in sizes if size > 1 << 20) >= 8 << 20
    assert max(sizes) < 16 << 20
    assert len(store.pending()) == 650
    store.close()
