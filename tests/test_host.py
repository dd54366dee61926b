"""What only the operating system knows, asked of the real one."""

from __future__ import annotations

import os
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from arrcli.errors import StoreError
from arrcli.host import files
from arrcli.host.lock import Lock, holder
from arrcli.host.notify import notify, watchdog_interval
from arrcli.host.places import Places
from arrcli.host.process import boot_id, new_owner_id, started
from arrcli.host.wake import Bell, Waiter, ring
from arrcli.model.instant import SECOND

HOLD = """
import sys
from pathlib import Path
from arrcli.host.lock import Lock
lock = Lock.take(Path(sys.argv[1]), {"pid": 7, "who": "child"})
print("held" if lock else "refused", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=[0, 0o077, 0o777], ids=["umask 000", "umask 077", "umask 777"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def other_process(path: Path) -> subprocess.Popen[str]:
    """A process that takes the lock and keeps it until its input ends."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


# -- locks ----


def test_a_lock_is_taken_once_and_says_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    assert holder(path) is None
    assert not path.exists()
    lock = Lock.take(path, {"pid": 1})
    assert lock is not None
    assert Lock.take(path) is None
    assert holder(path) == {"pid": 1}
    lock.release()
    assert holder(path) is None
    assert Lock.take(path) is not None


def test_a_shorter_word_replaces_a_longer_one_whole(tmp_path: Path) -> None:
    lock = Lock.take(tmp_path / "x.lock", {"text": "long" * 99})
    assert lock is not None
    lock.write({"a": 1})
    assert holder(lock.path) == {"a": 1}


def test_the_kernel_frees_the_lock_of_a_killed_holder(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    child = other_process(path)
    assert Lock.take(path) is None
    assert holder(path) == {"pid": 7, "who": "child"}
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    assert holder(path) is None
    lock = Lock.take(path, {"pid": 2})
    assert lock is not None
    assert holder(path) == {"pid": 2}


def test_a_forked_child_keeps_no_lock_of_a_parent_that_is_gone(tmp_path: Path) -> None:
    lock = Lock.take(tmp_path / "x.lock")
    assert lock is not None
    (out, into), (born, alive) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(into)
        lock.release(remove=True)
        os.write(alive, b".")
        os.read(out, 1)
        os._exit(0)
    os.read(born, 1)
    lock.release()
    assert holder(lock.path) is None
    for handle in (out, into, born, alive):
        os.close(handle)
    os.waitpid(child, 0)
    assert lock.path.exists()


def test_those_who_only_look_keep_nobody_from_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.touch()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            holder(path)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(300):
            lock = Lock.take(path)
            assert lock is not None
            lock.release()
    finally:
        stop.set()
        for looker in lookers:
            looker.join()


def test_a_removed_lock_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    first = Lock.take(path)
    assert first is not None
    first.release(remove=True)
    first.release()
    assert not path.exists()
    assert Lock.take(path) is not None


def test_a_lock_is_private_and_never_behind_a_link(tmp_path: Path, umask: int) -> None:
    lock = Lock.take(tmp_path / "x.lock")
    assert lock is not None
    assert mode(lock.path) == 0o600
    (tmp_path / "link").symlink_to(lock.path)
    with pytest.raises(StoreError, match="is a link"):
        Lock.take(tmp_path / "link")
    assert holder(tmp_path / "link") is None


# -- the bell ----


def test_a_ring_wakes_who_waits_and_is_heard_once(tmp_path: Path) -> None:
    bell = Bell(tmp_path / "bell")
    waiter = Waiter(bell)
    assert ring(bell.path)
    assert ring(bell.path)
    assert waiter.wait([], 10 * SECOND) is True
    assert waiter.wait([], 0) is False
    waiter.close()
    bell.close()
    assert not bell.path.exists()


def test_nobody_listens(tmp_path: Path) -> None:
    assert ring(tmp_path / "bell") is False
    bell = Bell(tmp_path / "bell")
    bell.close()
    os.mkfifo(tmp_path / "bell")
    assert ring(tmp_path / "bell") is False


def test_a_bell_takes_the_place_of_one_that_was_left_behind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bell")
    bell = Bell(tmp_path / "bell")
    assert ring(bell.path)
    bell.close()


def test_what_is_no_bell_is_neither_rung_nor_replaced(tmp_path: Path) -> None:
    path = tmp_path / "bell"
    path.write_text("mine")
    assert ring(path) is False
    with pytest.raises(StoreError, match="no FIFO"):
        Bell(path)
    assert path.read_text() == "mine"


def test_a_link_to_a_bell_is_not_rung(tmp_path: Path) -> None:
    bell = Bell(tmp_path / "bell")
    (tmp_path / "link").symlink_to(bell.path)
    assert ring(tmp_path / "link") is False
    assert bell.quiet() is False
    bell.close()


def test_a_bell_may_have_a_long_path_and_is_private(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / ("a" * 100) / ("b" * 100)
    files.private_folder(folder)
    bell = Bell(folder / "bell")
    assert ring(bell.path)
    assert mode(bell.path) == 0o600
    bell.close()


def test_ten_thousand_rings_that_nobody_answers_block_nobody(tmp_path: Path) -> None:
    bell = Bell(tmp_path / "bell")
    assert all(ring(bell.path) for _ in range(10_000))
    assert bell.quiet()
    assert not bell.quiet()
    bell.close()


def test_a_waiter_wakes_for_a_descriptor_and_says_that_nobody_called() -> None:
    waiter = Waiter()
    out, into = os.pipe()
    os.write(into, b".")
    assert waiter.wait([out], 10 * SECOND) is False
    os.close(out)
    os.close(into)
    waiter.close()


def test_a_waiter_hears_a_descriptor_that_took_the_number_of_another() -> None:
    waiter = Waiter()
    out, into = os.pipe()
    waiter.wait([out], 0)
    os.close(out)
    os.close(into)
    again, into = os.pipe()
    assert again == out
    os.write(into, b".")
    woken = threading.Thread(target=waiter.wait, args=([again], 60 * SECOND))
    woken.start()
    woken.join(10)
    assert not woken.is_alive()
    os.close(again)
    os.close(into)
    waiter.close()


def test_wake_works_from_another_thread_and_before_the_wait() -> None:
    waiter = Waiter()
    waiter.wake()
    assert waiter.wait([], 60 * SECOND) is True
    helper = threading.Thread(target=waiter.wake)
    helper.start()
    assert waiter.wait([], 60 * SECOND) is True
    helper.join()
    waiter.close()


# -- files ----


def test_folders_and_files_are_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    folder = files.private_folder(tmp_path / "a" / "b")
    assert (mode(tmp_path / "a"), mode(folder)) == (0o700, 0o700)
    os.close(files.open_private(folder / "f", os.O_RDWR | os.O_CREAT))
    assert mode(folder / "f") == 0o600


def test_links_fifos_and_folders_are_no_files_of_ours(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "dangling", "fifo"):
        with pytest.raises(StoreError):
            files.open_private(tmp_path / name, os.O_RDWR | os.O_CREAT)
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(StoreError):
        files.open_private(tmp_path, os.O_RDWR)


def test_a_file_in_the_place_of_a_folder_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    for path in (tmp_path / "f", tmp_path / "f" / "below"):
        with pytest.raises(StoreError, match=str(tmp_path / "f")):
            files.private_folder(path)


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.refuse_network(tmp_path)
    monkeypatch.setattr(files, "file_system", lambda folder: "nfs4")
    with pytest.raises(StoreError, match=r"nfs4.*--state-dir"):
        files.refuse_network(tmp_path)


def test_what_others_may_write_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = tmp_path / "tasks.toml"
    tasks.write_text("")
    tasks.chmod(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: tasks.stat().st_uid)
    tasks.chmod(0o666)
    if tasks.stat().st_uid == 0:
        with pytest.raises(files.UntrustedError, match="written by other users"):
            files.distrust([tasks])
    else:
        assert len(files.distrust([tasks])) == 1
    tasks.chmod(0o644)
    assert files.distrust([tasks, tmp_path / "missing"]) == []


# -- the service manager ----


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_notify_speaks_to_an_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + manager.getsockname()[1:].decode())
        assert notify("READY=1", "STATUS=well")
        assert manager.recv(100) == b"READY=1\nSTATUS=well"


def test_notify_speaks_to_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "s"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "s"))
        assert notify("STOPPING=1")
        assert select.select([manager], [], [], 5)[0]
    assert notify("STOPPING=1") is False


def test_a_manager_that_does_not_read_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "s"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "s"))
        told = [notify("WATCHDOG=1", patience_s=0) for _ in range(10_000)]
    assert told[0] is True
    assert told[-1] is False


def test_notify_is_silent_where_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert notify("READY=1") is False


def test_the_watchdog_s_half_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    assert watchdog_interval() is None
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert watchdog_interval() == 15 * SECOND
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert watchdog_interval() is None


# -- places ----


def test_the_state_of_a_tasks_file_lies_beside_it_and_two_do_not_meet(tmp_path: Path) -> None:
    one, two = (Places.of_tasks_file(tmp_path / name) for name in ("a.toml", "b.toml"))
    assert one.database == tmp_path / ".arr" / "a.toml" / "arr.db"
    assert one.folder != two.folder
    assert Places.of_tasks_file(tmp_path / "a.toml", tmp_path / "s").database == tmp_path / "s" / "arr.db"
    assert not (tmp_path / ".arr").exists()


def test_the_companions_of_a_database_lie_in_a_folder_of_its_name(tmp_path: Path) -> None:
    places = Places.of_database(tmp_path / "mine.db")
    assert (places.database, places.folder) == (tmp_path / "mine.db", tmp_path / "mine.db.d")
    daemon = Places.of_tasks_file(tmp_path / "tasks.toml")
    daemon.make()
    assert Places.of_database(daemon.database) == daemon


def test_what_make_makes_is_private_and_kept_out_of_repositories(tmp_path: Path, umask: int) -> None:
    places = Places.of_tasks_file(tmp_path / "tasks.toml")
    places.make()
    places.make()
    made = [path for path in (tmp_path / ".arr").rglob("*") if path.is_dir()]
    assert {mode(path) for path in made} == {0o700}
    assert (tmp_path / ".arr" / ".gitignore").read_text() == "*\n"
    assert mode(tmp_path / ".arr" / ".gitignore") == 0o600


def test_what_ran_last_is_remembered(tmp_path: Path) -> None:
    places = Places.of_tasks_file(tmp_path / "tasks.toml")
    assert (places.last(), places.daemon()) == ({}, None)
    places.make()
    places.remember({"file": "a long name"})
    places.remember({"file": "b"})
    assert places.last() == {"file": "b"}


# -- processes ----


def test_a_process_is_known_by_more_than_its_pid() -> None:
    assert started(os.getpid()) == started(os.getpid())
    assert boot_id()
    assert new_owner_id() != new_owner_id()
