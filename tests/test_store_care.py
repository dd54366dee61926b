"""Is a store whole, and a copy of it: what is wrong is found and said, and what can be mended is."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from arrcli.errors import NotFoundError, StoreError
from arrcli.model.run import AttemptRecord, Fault, Reason, State
from arrcli.store.backup import back_up
from arrcli.store.check import MEND, RESTORE, STEPS, checked, put_right, unowned
from arrcli.store.schema import VERSION
from arrcli.store.sqlite import SQLiteStore
from arrcli.store.values import Move, RunQuery
from arrcli.testing import NOON, a_run, a_slot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "arr.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    """Runs of every kind: one pending, one held, one running, one that awaits its third attempt, and ended ones."""
    store = SQLiteStore(path)
    with store.writing() as w:
        pending, held, running, again, done = w.add([a_run() for _ in range(5)])
        w.add([a_slot("t", NOON), a_slot("t", NOON + 1).skipped(at=NOON, reason=Reason.MISSED)])
        w.hold([held.held("pool heavy")])
        for run in (running, again, done):
            w.move([Move(was=run, now=run.claimed(by="me"))])
        claimed = again.claimed(by="me")
        for number in (1, 2):
            waits = claimed.awaiting_retry(ready_at=NOON, reason=Reason.ERROR, fault=Fault("E", "bad"))
            record = AttemptRecord(run_id=again.id, attempt=number, outcome="failed", started_at=1, finished_at=2)
            assert w.move([Move(was=claimed, now=waits, record=record, output=b"words")]) == [True]
            if number == 1:
                claimed = waits.claimed(by="me")
                w.move([Move(was=waits, now=claimed)])
        mine = done.claimed(by="me")
        w.move([Move(was=mine, now=mine.succeeded(at=NOON, result=[1], note=None, duration=1), output=b"words")])
    assert pending.id == 1
    yield store
    store.close()


def spoil(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement)
        db.commit()


def said(path: Path) -> list[str]:
    return [one.what for one in checked(path).findings]


# -- check ----


def test_a_whole_store_is_whole_beside_who_works_on_it_and_afterwards(path: Path, store: SQLiteStore) -> None:
    told: list[int] = []
    found = checked(path, step=lambda: told.append(1))
    assert (found.runs, found.running, found.findings) == (7, 1, ())
    assert len(told) == STEPS
    with store.writing() as w:
        w.add([a_run()])
        assert checked(path) == found
    store.close()
    assert checked(path).findings == ()


STRAYED = [
    # what other hands made of run 1, which was ready, and what is said of it
    ("stage = 9", "stage 9"),
    ("stage = 4", "stage 4"),
    ("stage = 'soon'", "stage 'soon'"),
    ("state = 'odd', stage = 9", "state 'odd', stage 9"),
    ("executor = 'cloud'", "executor 'cloud'"),
    ("stage = 3", "held_by None"),
    ("stage = 3, held_by = 'the moon'", "held_by 'the moon'"),
    ("stage = 3, held_by = 'task other'", "held_by 'task other'"),
    ("stage = 0, ready_at = 'x'", "ready_at 'x', stage 0"),
]


@pytest.mark.parametrize(("change", "expected"), STRAYED)
def test_a_row_that_no_claim_would_find_is_named(path: Path, store: SQLiteStore, change: str, expected: str) -> None:
    spoil(path, f"UPDATE runs SET {change} WHERE id = 1")  # noqa: S608 - one of those above
    assert said(path) == ["a run that no claim would ever find, since other hands changed its row (run 1)"]
    with store.writing() as w:
        (stray,), through = w.strays(0, 100)
        assert (stray.id, stray.state, through) == (1, State.PENDING, 7)
        assert stray.fault is not None
        assert stray.fault.message == f"its row in the store was changed by other hands: {expected}"
        assert w.move([Move(was=stray, now=stray.skipped(at=NOON, reason=Reason.ERROR))]) == [True]
    assert said(path) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE runs SET stage = 2 WHERE id = 1", "a run stands in a queue that is not its state's (run 1)"),
        ("UPDATE runs SET stage = 1 WHERE id = 3", "a run stands in a queue that is not its state's (run 3)"),
        ("UPDATE runs SET claimed_by = NULL WHERE id = 3", "a run stands in a queue that is not its state's (run 3)"),
        ("UPDATE runs SET finished_at = NULL WHERE id = 7", "a run stands in a queue that is not its state's (run 7)"),
        ("UPDATE runs SET result = '[1' WHERE id = 5", "a run holds what is no JSON (run 5)"),
        ("UPDATE runs SET kwargs = 'x' WHERE id < 7", "a run holds what is no JSON (runs 1, 2, 3, 4, 5 and 1 more)"),
        ("DELETE FROM attempts WHERE attempt = 1", "an earlier attempt of a run is not recorded (run 4)"),
        ("UPDATE runs SET attempt = 1 WHERE id = 4", "an attempt is recorded that its run has not made (run 4)"),
        ("UPDATE attempts SET run_id = 99", "an attempt is kept whose run is gone (runs 99, 99)"),
        ("UPDATE outputs SET run_id = 98 WHERE run_id = 5", "an output is kept whose run is gone (run 98)"),
        (
            "UPDATE ended SET n = 5 WHERE state = 'skipped'",
            "the counts of ended runs say 5 skipped, 1 succeeded, and there are 1 skipped, 1 succeeded",
        ),
    ],
)
def test_what_does_not_hold_is_said(path: Path, store: SQLiteStore, statement: str, expected: str) -> None:
    spoil(path, statement)
    assert expected in said(path)


def test_two_runs_of_a_slot_are_found(path: Path, store: SQLiteStore) -> None:
    spoil(path, "DROP INDEX runs_slot")
    store.append([a_slot("t", NOON)])
    assert said(path) == ["a slot has more than one run (run 8)"]


def test_what_pruned_runs_left_and_wrong_counts_are_put_right(path: Path, store: SQLiteStore) -> None:
    spoil(path, "DELETE FROM runs WHERE id IN (4, 5)")
    assert {one.mend for one in checked(path).findings} == {MEND}
    assert len(said(path)) == 3
    put_right(path, path.with_name("arr.db.gate"))
    assert said(path) == []
    assert len(store.runs(RunQuery(limit=0))) == 5
    assert store.append([a_run()])[0].id == 8


def test_a_claim_whose_owner_is_gone_is_found(path: Path, store: SQLiteStore) -> None:
    assert unowned(path, lives=lambda owner: owner == "me") == []
    (found,) = unowned(path, lives=lambda owner: False)
    assert (found.what, found.runs) == ("a run is claimed by a process that is gone (run 3)", (3,))


def test_a_claim_that_its_owner_settled_while_it_ended_is_none(path: Path, store: SQLiteStore) -> None:
    def ends(owner: str) -> bool:
        running = store.running()[0]
        with store.writing() as w:
            w.move([Move(was=running, now=running.released())])
        return False

    assert unowned(path, lives=ends) == []


def test_damage_is_found_wherever_it_is_and_nothing_is_changed(path: Path, store: SQLiteStore) -> None:
    store.append([a_run(kwargs={"n": n}) for n in range(500)])
    store.close()
    whole = path.read_bytes()
    pages = range(4096, len(whole), 4096)
    for place in [0, 20, 100, *pages]:
        spoilt = bytearray(whole)
        spoilt[place : place + 64] = b"\xa5" * 64
        path.write_bytes(spoilt)
        (first, *_) = checked(path).findings
        assert first.mend == RESTORE, place
        assert path.read_bytes() == spoilt


@pytest.mark.parametrize("left", [100, 4096, 40_000])
def test_a_file_that_was_cut_is_damaged(path: Path, store: SQLiteStore, left: int) -> None:
    store.close()
    os.truncate(path, left)
    assert {one.mend for one in checked(path).findings} == {RESTORE}


def test_what_is_no_store_of_this_arr_s_is_refused(path: Path, store: SQLiteStore, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no store"):
        checked(tmp_path / "nothing.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(NotFoundError, match="empty"):
        checked(tmp_path / "empty.db")
    spoil(tmp_path / "theirs.db", "CREATE TABLE theirs (x)")
    with pytest.raises(StoreError, match="another program"):
        checked(tmp_path / "theirs.db")
    spoil(path, f"PRAGMA user_version = {VERSION + 97}")
    with pytest.raises(StoreError, match="newer arr"):
        checked(path)


# -- backup ----


def test_a_backup_is_the_store_in_one_private_file(path: Path, store: SQLiteStore, tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "b.db"
    copy.parent.mkdir()
    before = os.umask(0o777)
    try:
        size = back_up(path, copy)
    finally:
        os.umask(before)
    assert size == copy.stat().st_size
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [each.name for each in copy.parent.iterdir()] == ["b.db"]
    assert checked(copy) == checked(path)
    again = SQLiteStore(copy)
    assert again.runs(RunQuery(limit=0)) == store.runs(RunQuery(limit=0))
    assert again.append([a_run()])[0].id == store.append([a_run()])[0].id
    again.close()


def test_a_file_that_is_there_is_kept_unless_forced(path: Path, store: SQLiteStore, tmp_path: Path) -> None:
    copy = tmp_path / "b.db"
    copy.write_text("dear")
    with pytest.raises(StoreError, match="there already"):
        back_up(path, copy)
    assert copy.read_text() == "dear"
    back_up(path, copy, force=True)
    assert checked(copy).findings == ()
    dangling = tmp_path / "link.db"
    dangling.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="there already"):
        back_up(path, dangling)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["arr.db", "arr.db-wal", "arr.db-shm", "link", "hard"])
def test_a_store_is_not_copied_onto_itself(path: Path, store: SQLiteStore, name: str) -> None:
    path.with_name("link").symlink_to(path)
    path.with_name("hard").hardlink_to(path)
    with pytest.raises(StoreError, match="the store itself"):
        back_up(path, path.with_name(name), force=True)
    assert checked(path).findings == ()


def test_a_backup_beside_writers_is_of_one_moment_and_holds_nobody_up(path: Path, store: SQLiteStore) -> None:
    store.append([a_run(kwargs={"text": "x" * 2000}) for _ in range(2000)])
    told: list[tuple[int, int]] = []
    written = 0

    def write_between(done: int, total: int) -> None:
        nonlocal written
        told.append((done, total))
        store.append([a_run()])
        written += 1

    back_up(path, path.with_name("b.db"), progress=write_between)
    assert written == len(told) > 1
    assert told[-1][0] == told[-1][1]
    assert checked(path.with_name("b.db")).runs == 2007
    assert checked(path).runs == 2007 + written


def test_of_two_backups_to_one_file_one_is_kept_whole(path: Path, store: SQLiteStore) -> None:
    copy = path.with_name("b.db")
    refused: list[str] = []
    both = threading.Barrier(2)

    def back_it_up(_: int, __: int) -> None:
        both.wait(10)

    def work() -> None:
        try:
            back_up(path, copy, progress=back_it_up)
        except StoreError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert checked(copy).findings == ()


def test_a_damaged_store_makes_no_backup_and_leaves_nothing(path: Path, store: SQLiteStore, tmp_path: Path) -> None:
    store.append([a_run(kwargs={"n": n}) for n in range(500)])
    store.close()
    with path.open("r+b") as out:
        out.seek(8 * 4096)
        out.write(b"\xa5" * 4096)
    before = {each.name for each in tmp_path.iterdir()}
    with pytest.raises(StoreError, match=r"arr db check"):
        back_up(path, tmp_path / "b.db")
    assert {each.name for each in tmp_path.iterdir()} - before <= {"arr.db-shm", "arr.db-wal"}
