"""Tasks that end, stop, starve or outlive their process; a daemon that is ended, at any moment and in odd places."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import ARR, PATIENCE_S, eventually
from world import World, descriptors, holes, kill, process_state, resident_mb

FAIL = {"on_lost": "fail"}


@pytest.fixture(autouse=True)
def _deadly(world: World) -> None:
    world.bring("deadly")


def descendants(world: World) -> list[int]:
    """What runs here besides the daemon, its supervisors and its workers."""
    own = {daemon.process.pid for daemon in world.daemons} | {*world.supervisors(), *world.workers()}
    return [pid for pid in world.processes() if pid not in own]


def test_each_way_to_die_costs_its_run_one_attempt_and_says_how(world: World) -> None:
    ways: list[tuple[str, list[Any], str]] = [
        ("deadly.leave", [3], "exited with code 3"),
        ("deadly.leave", [0], "exited with code 0"),
        ("deadly.become", ["/bin/false"], "exited with code 1"),
        ("deadly.abort", [], "killed by SIGABRT"),
        ("deadly.segfault", [], "killed by SIGSEGV"),
        ("deadly.kill_myself", [9], "killed by SIGKILL (by hand, or for want of memory)"),
        ("deadly.kill_myself", [15], "killed by SIGTERM"),
    ]
    with world.running():
        deaths = world.ask(*[(func, args, FAIL) for func, args, _ in ways])
        others = world.ask(*[("jobs.note", [], {})] * 6)
        (thrice,) = world.ask(("deadly.leave", [1], {"retry_delay": "20ms"}))
        world.until_ended()
        runs = world.runs()
    assert [runs[run]["error"]["message"] for run in deaths] == [said for _, _, said in ways]
    assert {(runs[run]["state"], runs[run]["reason"], runs[run]["attempt"]) for run in deaths} == {
        ("failed", "lost", 1)
    }
    assert {(runs[run]["state"], runs[run]["attempt"]) for run in others} == {("succeeded", 1)}
    assert [runs[thrice][name] for name in ("state", "reason", "attempt")] == ["failed", "lost", 3]
    assert sorted(start["run"] for start in world.starts()) == [*deaths, *others, thrice, thrice, thrice]


def test_memory_that_is_short_ends_its_run_and_is_not_short_for_the_next(world: World) -> None:
    world.write(workers=1)
    with world.running():
        before, wanting, after, killed = world.ask(
            ("deadly.memory_limit", [], {}),
            ("deadly.want_memory", [4000], {}),
            ("deadly.memory_limit", [], {}),
            ("deadly.want_memory_and_be_killed", [150], FAIL),
        )
        world.until_ended()
        runs = world.runs()
    assert (runs[wanting]["state"], runs[wanting]["error"]["type"]) == ("failed", "MemoryError")
    assert runs[after]["result"] == runs[before]["result"]
    assert runs[killed]["error"]["message"] == "killed by SIGKILL (by hand, or for want of memory)"
    assert world.rows("SELECT rss_kb FROM runs WHERE id = ?", killed)[0][0] > 150_000


def test_kill_ends_what_no_term_does_and_what_has_stopped(world: World) -> None:
    world.write(workers=4)
    limits = {"timeout": "300ms", "stop_grace": "200ms"}
    with world.running():
        timed = world.ask(*[(f"deadly.{name}", [], limits) for name in ("ignore_term", "spin", "stop_myself")])
        (stopped,) = world.ask(("deadly.stop_myself", [], {}))
        world.until_ended(*timed)
        assert world.state_of(stopped) == "running"
        assert world.here("cancel", str(stopped)).code == 0
        world.until_ended()
        runs = world.runs()
    assert {(runs[run]["state"], runs[run]["reason"]) for run in timed} == {("failed", "timed_out")}
    assert max(runs[run]["duration_s"] for run in timed) < 30
    assert runs[stopped]["state"] == "cancelled"


def test_a_task_that_kills_the_supervisor_costs_an_attempt_and_the_work_goes_on(world: World) -> None:
    with world.running():
        (run,) = world.ask(("deadly.kill_supervisor", [], FAIL))
        world.until_ended()
        (other,) = world.ask(("jobs.note", [], {}))
        world.until_ended()
        assert len(world.supervisors()) == 1
        runs = world.runs()
    assert (runs[run]["reason"], runs[run]["error"]["message"]) == ("lost", "the supervisor of the workers died")
    assert runs[other]["state"] == "succeeded"


@pytest.mark.long
@pytest.mark.parametrize("executor", ["process", "thread"])
def test_a_task_that_kills_the_supervisor_each_time_fails_in_the_end(world: World, executor: str) -> None:
    world.write(f'[tasks.kill]\nfunc = "deadly.kill_supervisor"\nretry_delay = "10ms"\nexecutor = "{executor}"\n')
    with world.running():
        run = world.enqueue("kill")
        world.until_ended(run, within=60)
        assert [world.run(run)[name] for name in ("state", "reason", "attempt")] == ["failed", "lost", 12]


def test_what_a_task_leaves_behind_ends_with_it_and_holds_nobody_up(world: World) -> None:
    world.write(workers=1)
    leaving = [
        "daemonise",
        "leave_grandchild",
        "leave_thread",
        "hang_at_exit",
        "fork_and_raise",
        "fork_and_return_late",
    ]
    with world.running():
        asked: list[tuple[str, list[Any], dict[str, Any]]] = []
        for name in leaving:
            asked += [(f"deadly.{name}", [], {}), ("jobs.note", [], {})]
        runs = world.ask(*asked)
        world.until_ended()
        eventually(lambda: descendants(world) == [])
        shown = world.runs()
    assert {(run, shown[run]["state"], shown[run]["attempt"]) for run in runs} == {(r, "succeeded", 1) for r in runs}
    assert [start["run"] for start in world.starts()] == runs
    assert world.output(runs[2]) == b"from below\n"
    times = world.rows("SELECT started_at, finished_at FROM runs ORDER BY id")
    waits = [after[0] - before[1] for before, after in zip(times[::2], times[1::2], strict=True)]
    assert max(waits) < 1_000_000, "a place was empty for over a second"


@pytest.mark.long
def test_what_hides_from_its_worker_ends_with_it_and_with_a_killed_daemon(world: World) -> None:
    with world.running() as daemon:
        (first,) = world.ask(("deadly.hide", ["first"], FAIL))
        hidden = pid_in(world.folder / "first")
        eventually(lambda: parent_of(hidden) in world.workers())
        os.kill(parent_of(hidden), signal.SIGKILL)
        world.until_ended(first)
        eventually(lambda: process_state(hidden) == "")
        world.ask(("deadly.hide", ["second"], {}))
        hidden = pid_in(world.folder / "second")
        kill(daemon)
        eventually(lambda: process_state(hidden) == "")


@pytest.mark.long
def test_what_hides_from_a_killed_supervisor_ends_too(world: World) -> None:
    with world.running():
        world.ask(("deadly.hide_and_kill_supervisor", ["hidden"], FAIL))
        world.until_ended()
        hidden = pid_in(world.folder / "hidden")
        eventually(lambda: process_state(hidden) == "")


def pid_in(path: Path) -> int:
    eventually(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.long
def test_a_forked_child_that_returns_or_raises_too_is_no_second_worker(world: World) -> None:
    world.write(workers=1)
    with world.running():
        asked: list[tuple[str, list[Any], dict[str, Any]]] = []
        for _ in range(4):
            asked += [("deadly.fork_and_return", [], {}), ("deadly.fork_and_raise", [], {}), ("jobs.note", [], {})]
        runs = world.ask(*asked)
        world.until_ended()
        shown = world.runs()
        eventually(lambda: len(world.workers()) == 1)
    assert [shown[run]["result"] for run in runs] == ["parent", None, None] * 4
    assert {shown[run]["state"] for run in runs} == {"succeeded"}
    assert [start["run"] for start in world.starts()] == runs


@pytest.mark.parametrize("seconds", [0.3, pytest.param(3.0, marks=pytest.mark.long)])
def test_term_lets_what_runs_come_to_its_end(world: World, seconds: float) -> None:
    with world.running() as daemon:
        (run,) = world.ask(("jobs.nap", [seconds], {}))
        eventually(lambda: len(world.starts()) == 1)
        assert daemon.stop() == 0
    assert world.state_of(run) == "succeeded"


def test_term_kills_at_the_end_of_its_grace_and_says_so_by_its_code(world: World) -> None:
    world.write(grace="500ms")
    with world.running() as daemon:
        (run,) = world.ask(("jobs.nap", [600], {}))
        eventually(lambda: len(world.starts()) == 1)
        began = time.monotonic()
        assert daemon.stop() == 1
        assert 0.5 <= time.monotonic() - began < 30
    assert world.state_of(run) == "pending"
    assert "stopped: 1 run killed" in daemon.text


@pytest.mark.parametrize(("busy", "code"), [(True, 1), pytest.param(False, 0, marks=pytest.mark.long)])
def test_five_terms_in_a_row_end_it_at_once_and_in_order(world: World, busy: bool, code: int) -> None:
    world.write(grace="600s")
    with world.running() as daemon:
        if busy:
            world.ask(("jobs.nap", [600], {}))
            eventually(lambda: len(world.starts()) == 1)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.until("stopping")
        for _ in range(4):
            if daemon.process.poll() is None:
                daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(PATIENCE_S) == code
    assert (daemon.text.count("stopping"), daemon.text.count("stopped")) == (1, 1)


@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=pytest.mark.long)])
def test_term_at_start_up_ends_it_with_nothing_left_and_a_whole_store(world: World, rounds: int) -> None:
    world.write('[tasks.tick]\nfunc = "jobs.note"\nevery = "1s"\n')
    world.enqueue("jobs.note")
    moments = random.Random(20261125)
    for _ in range(rounds):
        daemon = world.start(ready=False)
        time.sleep(moments.random() * 0.3)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(PATIENCE_S) in (0, -signal.SIGTERM), daemon.text
        world.nobody_left()
        world.store_holds()
    with world.running():
        world.recovered()
        world.until_ended()


def may_unshare() -> bool:
    done = subprocess.run(["unshare", "-p", "-f", "--mount-proc", "true"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(not may_unshare(), reason="new process namespaces are not allowed here")
@pytest.mark.parametrize("orphans", [False, pytest.param(True, marks=pytest.mark.long)])
def test_as_the_first_process_of_a_container_it_runs_reaps_and_stops(world: World, orphans: bool) -> None:
    daemon = world.start(through=["unshare", "-p", "-f", "--mount-proc"])
    (first,) = children(daemon.process.pid)
    world.ask(("jobs.note", [], {}), ("deadly.daemonise", [], {}), ("deadly.leave", [1], FAIL))
    world.until_ended()
    assert world.holder() == 1
    if orphans:
        own = set(children(first))
        subprocess.run(["nsenter", "-t", str(first), "-p", "-m", "sh", "-c", "sleep 0.5 & exit"], check=True)
        eventually(lambda: set(children(first)) > own)
        eventually(lambda: set(children(first)) == own)
    os.kill(first, signal.SIGTERM)
    assert daemon.process.wait(PATIENCE_S) == 0


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize(("busy", "code"), [(True, 1), (False, 0)])
@pytest.mark.long
def test_with_a_reader_that_goes_away_it_runs_on_and_its_code_is_true(world: World, busy: bool, code: int) -> None:
    world.write('[tasks.tick]\nfunc = "jobs.note"\nevery = "100ms"\n', grace="200ms")
    script = '{ "$@"; echo $? > code; } | head -1 > first'
    daemon = world.start(through=["sh", "-c", script, "sh"])
    if busy:
        world.ask(("jobs.nap", [600], {}))
    eventually(lambda: len(world.starts()) >= 6)
    pid = world.holder()
    assert pid
    os.kill(pid, signal.SIGTERM)
    assert daemon.process.wait(PATIENCE_S) == 0
    assert (world.folder / "code").read_text() == f"{code}\n"
    assert " arr " in (world.folder / "first").read_text()
    assert daemon.text == ""


def test_a_program_with_its_standard_streams_closed_has_workers_too(world: World) -> None:
    program = (
        "from arrcli import background_worker, execute_task\n"
        "app = background_worker.start_application(data_source='own.db', executor='process')\n"
        "result = execute_task(app, 'math.factorial', 5).result(20)\n"
        "background_worker.stop_application(app)\n"
        "open('result', 'w').write(str(result))\n"
    )
    words = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", program]
    assert subprocess.run(words, cwd=world.folder, env=world.environment(), timeout=60, check=False).returncode == 0
    assert (world.folder / "result").read_text() == "120"


@pytest.mark.long
def test_more_workers_than_may_have_their_files_open_are_refused_with_the_number_that_may(world: World) -> None:
    world.write(workers=40)
    daemon = world.start(ready=False, through=["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"])
    assert daemon.process.wait(PATIENCE_S) == 2
    assert daemon.text.startswith(
        "arr: 40 workers need 360 open files and 256 are allowed; start at most 25 workers, or"
    )
    with world.running(through=["sh", "-c", 'ulimit -Sn 256; exec "$@"', "sh"]):
        world.ask(*[("jobs.note", [], {})] * 20)
        world.until_ended()


EXEC = {
    "daemonise": 0,
    "fork_and_return": 0,
    "leave_grandchild": 0,
    "segfault": 128 + signal.SIGSEGV,
    "give_much": 0,
    "ignore_term": 124,
    "stop_myself": 128 + signal.SIGTERM,
}


@pytest.mark.parametrize("names", [["segfault", "give_much"], pytest.param(list(EXEC), marks=pytest.mark.long)])
def test_exec_ends_as_its_task_does_whatever_that_leaves_returns_or_ignores(world: World, names: list[str]) -> None:
    grace = 'stop_grace = "200ms"\n'
    limits = {"ignore_term": f'timeout = "300ms"\n{grace}', "stop_myself": grace}
    world.write("".join(f'[tasks.{name}]\nfunc = "deadly.{name}"\n{limits.get(name, "")}' for name in names))
    out = subprocess.DEVNULL  # and no pipe, which a grandchild would keep open
    ran = {
        name: subprocess.Popen([*ARR, "exec", name], cwd=world.folder, env=world.environment(), stdout=out, stderr=out)
        for name in names
    }
    if "stop_myself" in names:
        eventually(lambda: "stop_myself" in [start["name"] for start in world.starts()])
        ran["stop_myself"].terminate()
    assert {name: process.wait(PATIENCE_S) for name, process in ran.items()} == {name: EXEC[name] for name in names}
    for pid in world.processes():
        os.kill(pid, signal.SIGKILL)  # what a task leaves of `arr exec` is the user's: there is no daemon


HOSTED = """
[defaults]
executor = "thread"
retry_delay = "20ms"
[tasks.nap]
func = "jobs.nap"
args = [0.6]
[tasks.leave]
func = "deadly.leave"
args = [3]
on_lost = "fail"
[tasks.spin]
func = "deadly.spin_in_a_thread"
[tasks.fork]
func = "deadly.fork_and_return"
[tasks.loud]
func = "deadly.loud_child"
"""


@pytest.mark.long
def test_in_the_host_of_threads_a_death_costs_each_run_an_attempt_and_force_ends_what_spins(world: World) -> None:
    world.write(HOSTED)
    with world.running():
        naps = world.ask(*[("nap", [0.6], {})] * 3)
        eventually(lambda: len(world.starts()) == 3)
        (leave,) = world.ask(("leave", [3], {}))
        world.until_ended()
        (spin,) = world.ask(("spin", [], {}))
        eventually(lambda: world.starts()[-1]["name"] == "spin")
        assert world.here("cancel", str(spin), "--force").code == 0
        world.until_ended()
        *forks, loud = world.ask(*[("fork", [], {})] * 3, ("loud", [], {}))
        world.until_ended()
        eventually(lambda: len(world.workers()) == 3)
        runs = world.runs()
        kept = sum(path.stat().st_blocks * 512 for path in world.state.rglob("host-*.out"))
    assert {(runs[run]["state"], runs[run]["attempt"]) for run in naps} == {("succeeded", 2)}
    assert (runs[leave]["state"], runs[leave]["error"]["message"]) == ("failed", "exited with code 3")
    assert runs[spin]["state"] == "cancelled"
    assert [runs[run]["result"] for run in forks] == ["parent"] * 3
    assert runs[loud]["state"] == "succeeded"
    assert kept < 3_000_000, "what children of the host write piles up"


@pytest.mark.long
def test_whatever_tasks_do_to_their_processes_a_schedule_of_seconds_has_no_hole_and_the_daemon_stays_small(
    world: World,
) -> None:
    tick = '[tasks.tick]\nfunc = "jobs.note"\nevery = "1s"\non_overlap = "allow"\nretry_delay = "10ms"\n'
    limits = {"timeout": "600ms", "stop_grace": "100ms", "retry_delay": "10ms"}
    world.write(tick, workers=4)
    with world.running() as daemon:
        world.until_ended(world.enqueue("jobs.note"))
        eventually(lambda: len(world.workers()) == 4)
        before = descriptors(daemon.process.pid)
        for func, args in STORM:
            world.until_ended(*world.ask((func, args, limits)), within=40)
        eventually(lambda: len(world.workers()) == 4 and descriptors(daemon.process.pid) <= before)
        assert resident_mb(daemon.process.pid) < 200
    ticks = {row[0] for row in world.rows("SELECT id FROM runs WHERE task = 'tick'")}
    late = holes([start["at"] for start in world.starts() if start["run"] in ticks])
    assert late == []


STORM: list[tuple[str, list[Any]]] = [
    ("jobs.note", []),
    ("jobs.nap", [0.3]),
    ("deadly.leave", [3]),
    ("deadly.segfault", []),
    ("deadly.kill_myself", [9]),
    ("deadly.kill_supervisor", []),
    ("deadly.want_memory", [4000]),
    ("deadly.ignore_term", []),
    ("deadly.stop_myself", []),
    ("deadly.daemonise", []),
    ("deadly.leave_grandchild", []),
    ("deadly.leave_thread", []),
    ("deadly.hang_at_exit", []),
    ("deadly.fork_and_return_late", []),
    ("deadly.fork_and_raise", []),
    ("deadly.give_much", []),
]


@pytest.mark.long
@pytest.mark.parametrize("rounds", [25])
def test_in_a_storm_of_harmful_tasks_and_sudden_ends_every_run_comes_to_an_end(world: World, rounds: int) -> None:
    chance = random.Random(20261126)
    limits = {"timeout": "600ms", "stop_grace": "100ms", "retries": 1, "retry_delay": "50ms"}
    world.write('[tasks.tick]\nfunc = "jobs.note"\nevery = "300ms"\n', workers=4, grace="300ms")
    for _ in range(rounds):
        daemon = world.start(ready=False)
        world.ask(*[(func, args, limits) for func, args in chance.choices(STORM, k=8)])
        time.sleep(chance.random())
        match chance.randrange(4):
            case 0:
                kill(daemon)
            case 1:
                assert daemon.stop() in (0, 1, -signal.SIGTERM)
            case 2:
                for pid in [*world.supervisors(), *world.workers()][:1]:
                    os.kill(pid, signal.SIGKILL)
                assert daemon.stop() in (0, 1, -signal.SIGTERM)
            case 3:
                daemon.process.send_signal(signal.SIGTERM)
                time.sleep(chance.random() * 0.1)
                assert daemon.stop() in (0, 1, -signal.SIGTERM)
        world.nobody_left()
        world.store_holds()
    with world.running():
        world.recovered()
        world.until_ended(within=30 + rounds * 4)
