"""The daemon, for real: `arr run` as a process, with signals, kills and edits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import PATIENCE_S, arr, environment, eventually, here, running

HEAD = '[arr]\nworkers = 2\nshutdown_grace = "{grace}"\n'
JOBS = """
import os, pathlib, sys, time
def note(text="x"):
    with open("log.txt", "a") as out: out.write(text + "\\n")
def loud():
    print("hello from", "loud"); os.system("echo from a child"); sys.stderr.write("on stderr\\n")
def forever():
    note("began"); print("working", flush=True)
    while True: time.sleep(0.05)
def die(): os._exit(3)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs.py").write_text(JOBS)
    write(tmp_path, "")
    return tmp_path


def write(folder: Path, tasks: str, grace: str = "8s") -> None:
    (folder / "tasks.toml").write_text(HEAD.format(grace=grace) + tasks)


def lines(folder: Path) -> list[str]:
    log = folder / "log.txt"
    return log.read_text().split() if log.exists() else []


def test_schedules_run_and_are_recorded(folder: Path) -> None:
    tick, cron = '[tasks.tick]\nfunc = "jobs.note"\nevery = "200ms"\n', 'func = "jobs.note"\ncron = "* * * * * *"\n'
    write(folder, f"{tick}[tasks.cron]\n{cron}")
    with running(folder) as daemon:
        daemon.until(lambda text: text.count("ok     tick") >= 3 and "ok     cron" in text)
        write(
            folder, f"{tick}until = 2020-01-01T00:00:00Z\n[tasks.cron]\n{cron}"
        )  # no slot may be on its way at the end
        here(folder, "reload")
        daemon.until("changed tick")
        eventually(lambda: not here(folder, "runs", "tick", "--state", "pending,running", "--json").json["runs"])
        assert daemon.stop() == 0
    runs = here(folder, "runs", "tick", "--json").json["runs"]
    assert {run["state"] for run in runs} == {"succeeded"}
    slots = [run["slot"] for run in runs]
    assert len(slots) == len(set(slots))


def test_enqueue_wait_gives_the_end_of_the_run_as_its_exit_code(folder: Path) -> None:
    with running(folder):
        assert here(folder, "enqueue", "math.factorial", "5", "--wait").code == 0
        assert here(folder, "enqueue", "math.factorial", "-5", "--wait").code == 1
        assert here(folder, "enqueue", "jobs.forever", "--wait", "--timeout", "300ms").code == 124
    found = {tuple(run["args"]): run for run in here(folder, "runs", "math.factorial", "--json").json["runs"]}
    assert found[(5,)]["result"] == 120
    assert found[(-5,)]["error"]["type"] == "ValueError"


def test_what_a_run_prints_is_its_log(folder: Path) -> None:
    with running(folder):
        run = here(folder, "enqueue", "jobs.loud", "--wait")
        assert run.code == 0
        assert here(folder, "logs", run.out.strip()).out == "hello from loud\nfrom a child\non stderr\n"


def test_logs_follow_a_run_until_it_is_cancelled(folder: Path) -> None:
    import subprocess

    from command_line import ARR, environment

    with running(folder) as daemon:
        run = here(folder, "enqueue", "jobs.forever").out.strip()
        daemon.until("start  jobs.forever")
        eventually(lambda: "working" in here(folder, "logs", run).out)
        follow = subprocess.Popen(
            [*ARR, "logs", run, "-f"],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert follow.stdout is not None
        assert follow.stdout.readline() == "working\n"
        assert here(folder, "show", run, "--json").json["run"]["state"] == "running"
        assert here(folder, "cancel", run).code == 0
        assert follow.wait(PATIENCE_S) == 1
        follow.communicate()
        assert here(folder, "show", run, "--json").json["run"]["state"] == "cancelled"


def test_a_second_daemon_is_refused_and_names_the_first(folder: Path) -> None:
    with running(folder) as daemon:
        said = arr(folder, "run", "--plain")
        assert said.code == 75
        assert f"pid {daemon.process.pid}" in said.err
        assert here(folder, "status").code == 0
    assert here(folder, "status").code == 3


def test_a_daemon_killed_in_a_run_takes_its_workers_with_it_and_the_next_tries_the_run_again(folder: Path) -> None:
    with running(folder) as daemon:
        run = here(folder, "enqueue", "jobs.forever").out.strip()
        eventually(lambda: lines(folder) == ["began"])
        daemon.process.kill()
        daemon.process.wait()
        eventually(lambda: not _processes(folder), lambda: str(_processes(folder)))
    with running(folder) as daemon:
        eventually(lambda: lines(folder) == ["began", "began"])
        shown = here(folder, "show", run, "--json").json["run"]
        assert (shown["attempt"], shown["attempts"][0]["outcome"]) == (2, "lost")


def _processes(folder: Path) -> list[str]:
    """Processes that stand in this folder, ourselves left out."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder:
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_a_worker_that_dies_costs_one_attempt_of_its_run_and_three_deaths_fail_it(folder: Path) -> None:
    write(folder, '[tasks.die]\nfunc = "jobs.die"\nretry_delay = "10ms"\n')
    with running(folder) as daemon:
        run = here(folder, "enqueue", "die").out.strip()
        daemon.until(f"failed die            run {run}")
        assert here(folder, "enqueue", "math.factorial", "3", "--wait").code == 0
    shown = here(folder, "show", run, "--json").json["run"]
    assert (shown["state"], shown["reason"], shown["attempt"]) == ("failed", "lost", 3)


def test_sigterm_lets_a_run_end_within_the_grace_and_kills_it_after(folder: Path) -> None:
    write(folder, "", grace="300ms")
    with running(folder) as daemon:
        run = here(folder, "enqueue", "jobs.forever").out.strip()
        eventually(lambda: lines(folder) == ["began"])
        assert daemon.stop() == 1
    shown = here(folder, "show", run, "--json").json["run"]
    assert (shown["state"], shown["attempts"][0]["outcome"]) == ("pending", "lost")


def test_a_second_signal_kills_at_once(folder: Path) -> None:
    write(folder, "", grace="600s")
    with running(folder) as daemon:
        here(folder, "enqueue", "jobs.forever")
        eventually(lambda: lines(folder) == ["began"])
        daemon.process.send_signal(signal.SIGINT)
        daemon.until("stopping")
        assert daemon.stop(signal.SIGINT) == 1


def test_a_changed_file_is_taken_a_faulty_one_is_not(folder: Path) -> None:
    write(folder, '[tasks.a]\nfunc = "jobs.note"\ncron = "0 0 1 1 *"\n')
    with running(folder) as daemon:
        write(
            folder,
            '[tasks.a]\nfunc = "jobs.note"\ncron = "0 0 1 1 *"\n[tasks.b]\nfunc = "jobs.note"\nevery = "100ms"\n',
        )
        daemon.until("added b")
        daemon.until("ok     b")
        write(folder, '[tasks.a]\nfunk = "jobs.note"\n')
        daemon.process.send_signal(signal.SIGHUP)
        text = daemon.until("reload refused")
        assert 'unknown key "funk"' in text
        ended = daemon.text.count("ok     b")
        daemon.until(lambda text: text.count("ok     b") > ended)


def test_burst_runs_what_is_due_and_says_by_its_exit_code_whether_all_went_well(folder: Path) -> None:
    here(folder, "enqueue", "jobs.note", "one")
    here(folder, "enqueue", "jobs.note", "later", "--in", "1h")
    assert arr(folder, "run", "--burst").code == 0
    assert lines(folder) == ["one"]
    here(folder, "enqueue", "math.factorial", "-1")
    assert arr(folder, "run", "--burst").code == 1


def test_json_events_are_an_object_a_line(folder: Path) -> None:
    here(folder, "enqueue", "jobs.note")
    said = arr(folder, "run", "--burst", "--json")
    events = [json.loads(line) for line in said.out.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "daemon_started"
    assert kinds[-1] == "daemon_stopped"
    assert "run_succeeded" in kinds
    assert {event["schema_version"] for event in events} == {1}


def test_on_failure_is_told_of_the_run_once(folder: Path) -> None:
    write(
        folder,
        '[tasks.bad]\nfunc = "math.factorial"\nargs = [-1]\nretries = 1\nretry_delay = "10ms"\n'
        'on_failure = ["tee", "failed.json"]\n',
    )
    here(folder, "enqueue", "bad")
    assert arr(folder, "run", "--burst").code == 1
    told = json.loads((folder / "failed.json").read_text())
    assert (told["task"], told["state"], told["attempt"]) == ("bad", "failed", 2)
    assert len(here(folder, "runs", "arrcli.shell.pipe", "--json").json["runs"]) == 1


MEET = """
import asyncio
there = 0
async def meet():
    global there
    there += 1
    while there < 20: await asyncio.sleep(0.01)
    return there
"""


def test_thread_tasks_share_one_process_and_coroutines_run_at_once(folder: Path) -> None:
    (folder / "jobs.py").write_text(MEET)
    write(folder, '[tasks.meet]\nfunc = "jobs.meet"\nexecutor = "thread"\n')
    for _ in range(20):
        here(folder, "enqueue", "meet")
    assert arr(folder, "run", "--burst").code == 0
    runs = here(folder, "runs", "meet", "--json").json["runs"]
    assert [run["result"] for run in runs] == [20] * 20


def test_the_daemon_and_the_verbs_meet_at_one_gate(folder: Path) -> None:
    here(folder, "enqueue", "jobs.note")
    assert arr(folder, "run", "--burst").code == 0
    gates = {path.name for path in (folder / ".arr" / "tasks.toml").iterdir() if "gate" in path.name}
    assert gates == {"gate", "gate.turn"}


def test_everything_that_is_made_is_private(folder: Path) -> None:
    before = os.umask(0)
    try:
        here(folder, "enqueue", "jobs.note")
        arr(folder, "run", "--burst")
    finally:
        os.umask(before)
    for path in (folder / ".arr").rglob("*"):
        if path.is_dir():
            assert path.stat().st_mode & 0o777 == 0o700, path
        elif path.name != ".gitignore":
            assert path.stat().st_mode & 0o777 == 0o600, path


def test_a_renamed_file_starts_anew_and_is_told_how_to_take_its_state_over(folder: Path) -> None:
    here(folder, "enqueue", "jobs.note")
    (folder / "tasks.toml").rename(folder / "jobs.toml")
    said = arr(folder, "run", "jobs.toml", "--burst")
    assert "mv .arr/tasks.toml .arr/jobs.toml" in said.err
    assert lines(folder) == []
    (folder / ".arr" / "jobs.toml").rename(folder / "aside")
    (folder / ".arr" / "tasks.toml").rename(folder / ".arr" / "jobs.toml")
    assert arr(folder, "run", "jobs.toml", "--burst").code == 0
    assert lines(folder) == ["x"]


def test_the_service_manager_hears_that_it_is_ready_alive_and_stopping(folder: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(20)
        with running(folder, NOTIFY_SOCKET=str(folder / "notify")) as daemon:
            heard = [manager.recv(1000) for _ in range(3)]
            daemon.stop()
            heard.append(manager.recv(1000))
            while heard[-1] == b"WATCHDOG=1":
                heard.append(manager.recv(1000))
    assert any(word.startswith(b"READY=1") for word in heard)
    assert b"WATCHDOG=1" in heard
    assert heard[-1] == b"STOPPING=1"


def test_a_daemon_looks_for_garbage_again_once_it_has_started_and_not_among_its_tasks(folder: Path) -> None:
    write(folder, '[tasks.nightly]\nfunc = "jobs.note"\ncron = "30 2 * * *"\n')
    code = (
        "import gc; from arrcli.cli import exit_code_of; exit_code_of(['run', '--plain', '--burst']); "
        "print('GC', gc.isenabled(), gc.get_freeze_count() > 10_000)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, text=True)
    assert said.stdout.splitlines()[-1] == "GC True True"
