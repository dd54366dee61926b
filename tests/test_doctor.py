"""`arr doctor`: what it says of an installation that is well, and of one that is not."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from command_line import Daemon, Said, arr, eventually, here, running

from arrcli.app import arr_version
from arrcli.clock import SYSTEM
from arrcli.config.load import load
from arrcli.doctor import examine, machine, program, state, worker
from arrcli.doctor.finding import Finding, Subject
from arrcli.errors import ScheduleError
from arrcli.host.lock import Lock
from arrcli.host.places import Places
from arrcli.model.instant import SECOND

TASKS = """
[arr]
workers = 1
[tasks.sleeper]
func = "time.sleep"
args = [60]
cron = "@reboot"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks.toml").write_text(TASKS)
    return tmp_path


def found(said: Said, area: str) -> list[tuple[str, str]]:
    return [(one["level"], one["said"]) for one in said.json["findings"] if one["area"] == area]


def subject(folder: Path, *, seconds_ago: int = 0) -> Subject:
    path = folder / "tasks.toml"
    return Subject(
        path=path,
        places=Places.of_tasks_file(path),
        file=load(path, machine_zone="UTC"),
        fault="",
        wall=SYSTEM.now() - seconds_ago * SECOND,
        monotonic=SYSTEM.monotonic(),
    )


def seen(folder: Path, area: str) -> list[tuple[str, str]]:
    return [(one.level, one.said) for one in dict(examine.ALL)[area](subject(folder))]


def test_it_tells_a_line_of_each_thing_and_makes_nothing(folder: Path) -> None:
    said = arr(folder, "doctor")
    assert said.code == 0
    lines = [line.split()[:2] for line in said.out.splitlines() if not line.startswith(" ")]
    assert [area for _, area in lines] == [
        "python", "arr", "packages", "sqlite", "zone", "limits", "file", "imports", "state", "disk", "daemon", "worker",
        "clock",
    ]  # fmt: skip
    assert {level for level, _ in lines} <= {"ok", "warn"}
    assert said.err.endswith(" 0 fail\n")
    assert "none yet: arr run makes" in said.out
    assert not (folder / ".arr").exists()


def test_it_examines_the_machine_where_there_is_no_tasks_file(tmp_path: Path) -> None:
    said = here(tmp_path, "doctor", "--json")
    assert said.code == 0
    assert found(said, "file") == [("warn", "there is no tasks file here")]
    assert found(said, "worker")[0][0] == "ok"
    assert said.json["ok"] is True
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_faults_fails_and_points_at_check(folder: Path) -> None:
    (folder / "tasks.toml").write_text('[tasks.a]\nfunc = "m.f"\nretrys = 1\n')
    said = here(folder, "doctor", "--json")
    assert (said.code, said.json["ok"]) == (1, False)
    ((level, text),) = found(said, "file")
    assert (level, text.startswith("tasks.toml:3:1: tasks.a: unknown key")) == ("fail", True)
    assert [one["mend"] for one in said.json["findings"] if one["area"] == "file"] == [
        "see all of it: arr check tasks.toml"
    ]


def test_what_others_could_change_is_told_with_its_mend(folder: Path) -> None:
    (folder / "tasks.toml").chmod(0o666)
    level = "fail" if os.geteuid() == 0 else "warn"
    assert (level, f"{folder / 'tasks.toml'} can be written by other users (mode 0666)") in seen(folder, "file")


def test_modules_that_hide_pythons_own_are_told(folder: Path) -> None:
    (folder / "tasks.toml").write_text(TASKS.replace("[arr]", '[arr]\npython_path = ["lib", "gone"]'))
    (folder / "lib/email").mkdir(parents=True)
    (folder / "lib/email/__init__.py").write_text("")
    (folder / "lib/calendar.py").write_text("")
    assert seen(folder, "imports")[:3] == [
        ("warn", f"{folder}/lib/calendar.py hides Python's own module of that name"),
        ("warn", f"{folder}/lib/email hides Python's own module of that name"),
        ("warn", f"{folder}/gone of python_path is no folder"),
    ]


def test_a_store_that_is_damaged_fails(folder: Path) -> None:
    here(folder, "enqueue", "sleeper")
    database = folder / ".arr/tasks.toml/arr.db"
    assert seen(folder, "store")[0][0] == "ok"
    content = bytearray(database.read_bytes())
    content[2 * 4096 : -4096] = b"\x5a" * (len(content) - 3 * 4096)
    database.write_bytes(content)
    said = here(folder, "doctor", "--json")
    assert said.code == 1
    assert "fail" in {level for level, _ in found(said, "store")}


def test_a_store_of_another_version_is_told(folder: Path) -> None:
    here(folder, "enqueue", "sleeper")
    for version, level, text in ((99, "fail", "was made by a newer arr"), (1, "warn", "of version 1, this arr makes")):
        with sqlite3.connect(folder / ".arr/tasks.toml/arr.db") as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        connection.close()
        first = seen(folder, "store")[0]
        assert (first[0], text in first[1]) == (level, True)


def test_rows_that_are_later_than_the_clock_are_told(folder: Path) -> None:
    here(folder, "enqueue", "sleeper")
    findings = list(state.store(subject(folder, seconds_ago=3600)))
    assert [one.level for one in findings] == ["warn", "ok"]
    assert findings[0].said.startswith("run 1 is of ")


def test_files_that_others_can_read_are_told(folder: Path) -> None:
    here(folder, "enqueue", "sleeper")
    (folder / ".arr/tasks.toml/arr.db").chmod(0o644)
    assert ("warn", f"other users can reach {folder}/.arr/tasks.toml/arr.db (mode 0644)") in seen(folder, "state")


def test_a_full_disk_fails_and_one_that_fills_up_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = []
    for free in (10 << 20, 500 << 20, 50 << 30):
        monkeypatch.setattr(state, "free_bytes", lambda folder, free=free: free)
        levels += [one.level for one in state.disk(subject(folder))]
    assert levels == ["fail", "warn", "ok"]


def test_a_network_file_system_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arrcli.host.files.file_system", lambda folder: "nfs4")
    (one,) = state.disk(subject(folder))
    assert (one.level, "network file system (nfs4)" in one.said) == ("fail", True)
    assert one.mend == "name a local folder with --state-dir"


def test_a_clock_that_jumps_or_is_of_another_age_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "clock_is_kept", lambda: True)
    assert [one.level for one in machine.clock(subject(folder))] == ["ok"]
    (jumped,) = machine.clock(subject(folder, seconds_ago=3690))
    assert (jumped.level, jumped.said.startswith("it jumped by 1h1m in ")) == ("warn", True)
    monkeypatch.setattr(machine, "clock_is_kept", lambda: False)
    (alone,) = machine.clock(subject(folder))
    assert (alone.level, alone.said.endswith("and nothing keeps it in step")) == ("warn", True)
    monkeypatch.setattr(machine, "EARLIEST", SYSTEM.now() + 3600 * SECOND)
    assert [one.level for one in machine.clock(subject(folder))] == ["fail"]


def test_zone_data_that_is_missing_or_old_and_a_zone_that_cannot_be_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data, levels in (([], ["fail"]), ([("/usr", "2019c")], ["warn", "ok"]), ([("/usr", "")], ["ok"])):
        monkeypatch.setattr(machine, "zone_data", lambda data=data: data)
        assert [one.level for one in machine.zone(subject(folder))] == levels

    def unknown() -> object:
        raise ScheduleError("this machine's time zone cannot be told", hint="name one")

    monkeypatch.setattr(machine, "machine_zone", unknown)
    assert [one.level for one in machine.zone(subject(folder))] == ["warn", "ok"]


def test_too_few_open_files_fail(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for soft, hard, mend in ((40, 4096, "ulimit -n 72"), (40, 60, "raise it in /etc/security/limits.conf")):
        monkeypatch.setattr(machine, "open_files", lambda soft=soft, hard=hard: (soft, hard))
        (one,) = machine.limits(subject(folder))
        assert (one.level, one.said) == ("fail", "40 open files are too few for 1 worker")
        assert one.mend.startswith(mend)


def test_a_package_outside_of_its_bounds_is_told(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    wanted = ["typer<1,>=0.26", "rich>=99", "tzdata", "pydantic<2,>=1.9; python_version > '3'"]
    monkeypatch.setattr(program, "requires", lambda name: wanted)
    said = [one.said.split()[0] for one in program.packages(subject(folder)) if one.level == "warn"]
    assert said == ["rich", "pydantic"]


def test_a_daemon_is_well_until_its_code_is_older_than_what_is_installed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(folder) as daemon:
        daemon.until("start  sleeper")
        (one,) = state.daemon(subject(folder))
        assert one.said == f"pid {daemon.process.pid}, arr {arr_version()}, 1 worker"
        monkeypatch.setattr(state, "arr_version", lambda: "9.9")
        other, _ = state.daemon(subject(folder))
        assert other.said == f"pid {daemon.process.pid}, arr {arr_version()}: installed is 9.9"
        monkeypatch.undo()
        newer = folder / "package"
        newer.mkdir()
        (newer / "new.py").write_text("")
        monkeypatch.setattr(state, "_PACKAGE", newer)
        first, _ = state.daemon(subject(folder))
        assert first.said.endswith("arr's files were changed since it started")


def test_a_daemon_that_is_about_to_start_is_not_taken_for_an_old_one(folder: Path) -> None:
    places = Places.of_tasks_file(folder / "tasks.toml")
    places.make()
    lock = Lock.take(places.planner, {"pid": 4711, "started_at": SYSTEM.now()})
    assert lock is not None
    assert seen(folder, "daemon") == [("ok", "pid 4711 is about to start")]
    lock.release()


def test_what_a_killed_daemon_left_is_told_and_the_next_one_removes_it(folder: Path) -> None:
    with running(folder) as daemon:
        daemon.until("start  sleeper")
        assert [level for level, _ in seen(folder, "leftovers")] == ["ok"]
        _kill(daemon)
    assert seen(folder, "leftovers") == [
        ("warn", "1 run of a process that is gone"),
        ("warn", "2 locks or output of processes that are gone"),
    ]
    with running(folder) as daemon:
        daemon.until("start  sleeper")
        (claim,) = (folder / ".arr/tasks.toml/claims").iterdir()
        assert claim.name.startswith(f"{daemon.process.pid}-")


def _kill(daemon: Daemon) -> None:
    daemon.process.kill()
    daemon.process.wait()
    outputs = daemon.log.parent / ".arr/tasks.toml/outputs"
    eventually(lambda: all(_free(path) for path in outputs.glob("*.out")))


def _free(path: Path) -> bool:
    from arrcli.host.lock import holder

    return holder(path) is None


def test_an_examination_that_stumbles_stops_no_other(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def stumbles(subject: Subject) -> list[Finding]:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(examine, "ALL", (("one", stumbles), ("two", lambda subject: [Finding("two", "ok", "well")])))
    first, second = examine.examined(None, None)
    assert (first.level, first.said) == ("warn", "this could not be examined: ZeroDivisionError: oh")
    assert second == Finding("two", "ok", "well")


def test_a_worker_that_cannot_run_anything_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "NOTHING", "math.no_such_function")
    (one,) = worker.starts(subject(folder))
    assert (one.level, "no_such_function" in one.said) == ("fail", True)
