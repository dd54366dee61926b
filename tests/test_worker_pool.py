"""The pool of worker processes, with real processes: what ends how, and that nothing is lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import PATIENCE_S
from worker_rooms import attempt, begun, eventually, is_alive, outcomes, pool_in, tried, turn

from arrcli.worker import stack
from arrcli.worker.capture import sweep
from arrcli.worker.pool import ProcessPool
from arrcli.worker.stack import readable
from arrcli.worker.wire import Outcome

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux sees descendants in other sessions")


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessPool]:
    with pool_in(tmp_path_factory.mktemp("pool")) as made:
        yield made


def test_a_call_succeeds_with_its_result(pool: ProcessPool) -> None:
    one = attempt("add", 2, kwargs={"b": 3})
    outcome = tried(pool, one)
    assert (outcome.kind, outcome.result, outcome.run_id) == ("succeeded", 5, one.run_id)
    assert outcome.started_at and outcome.finished_at and outcome.finished_at >= outcome.started_at


def test_what_child_processes_use_is_counted_with_the_attempt(pool: ProcessPool) -> None:
    used = tried(pool, attempt("busy_child")).cpu_us
    assert used is not None and used > 20_000
    used = tried(pool, attempt("noop")).cpu_us
    assert used is not None and used < 20_000


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the highest peak ever is told")
def test_the_memory_of_one_attempt_is_not_told_of_the_next(tmp_path: Path) -> None:
    with pool_in(tmp_path, workers=1) as pool:
        assert (tried(pool, attempt("fat")).rss_kb or 0) > 100_000
        for slim in (attempt("sleep", 0.01), attempt("noop")):
            assert 1_000 < (tried(pool, slim).rss_kb or 0) < 90_000


def test_a_failure_shows_the_frames_of_the_task_and_none_of_ours(pool: ProcessPool) -> None:
    outcome = tried(pool, attempt("boom"))
    assert (outcome.kind, outcome.error_type, outcome.error_message) == ("failed", "ValueError", "bad")
    assert 'raise ValueError("bad")' in outcome.error_traceback
    assert "arrcli" not in outcome.error_traceback
    assert outcome.retryable and not outcome.broken


def test_output_of_every_kind_is_captured_in_order(pool: ProcessPool) -> None:
    outcome = tried(pool, attempt("write"))
    assert outcome.output.decode().splitlines() == [
        "from print",
        "to stderr",
        "INFO shop: from logging",
        "from a shell",
        "from C",
        "from a child",
        "no newline",
    ]


def test_output_keeps_its_head_and_tail(pool: ProcessPool) -> None:
    outcome = tried(pool, attempt("write_much", 10_000_000, max_output=1000))
    text = outcome.output.decode()
    assert text.startswith("first\nxxx") and text.endswith("xxx\nlast\n")
    assert "\n... 9,999,011 bytes cut ...\n" in text
    assert len(text) < 1100


@linux_only
def test_a_running_attempt_does_not_fill_the_disk(tmp_path: Path) -> None:
    with pool_in(tmp_path) as pool:
        mark = tmp_path / "mark"
        pool.submit([attempt("write_for_long", str(mark), 30_000_000, max_output=10_000)])
        eventually(mark.exists, executor=pool)
        (file,) = (tmp_path / "out").glob("*.out")
        eventually(lambda: file.stat().st_blocks * 512 < 1_000_000, executor=pool)
        assert file.stat().st_size > 29_000_000
        assert file.stat().st_mode & 0o777 == 0o600


def test_output_of_a_running_attempt_can_be_read_live(tmp_path: Path) -> None:
    with pool_in(tmp_path) as pool:
        tried(pool, attempt("write"))
        mark = tmp_path / "mark"
        pool.submit([attempt("write_for_long", str(mark), 100)])
        live = begun(pool).live
        eventually(mark.exists, executor=pool)
        assert live is not None
        name, offset = live.split(":")
        assert (tmp_path / "out" / name).read_bytes()[int(offset) :].startswith(b"first\n")


def test_a_timeout_ends_an_attempt_within_its_grace(pool: ProcessPool) -> None:
    start = time.monotonic()
    outcome = tried(pool, attempt("sleep", 60, timeout=100_000))
    assert (outcome.kind, outcome.error_message) == ("timed_out", "timed out after 0.1s")
    assert 0.1 <= time.monotonic() - start < 30


def test_a_task_that_ignores_term_is_killed(pool: ProcessPool, tmp_path: Path) -> None:
    outcome = tried(pool, attempt("stubborn", str(tmp_path / "x"), timeout=150_000, stop_grace=100_000))
    assert outcome.kind == "timed_out"
    assert outcome.duration is not None and outcome.duration >= 250_000


def test_a_task_that_returns_after_its_timeout_has_still_timed_out(pool: ProcessPool, tmp_path: Path) -> None:
    outcome = tried(pool, attempt("polite", str(tmp_path / "x"), timeout=150_000))
    assert (outcome.kind, outcome.result) == ("timed_out", None)


@pytest.mark.parametrize(
    ("func", "args", "how"),
    [
        ("leave", [3], "exited with code 3"),
        ("leave", [0], "exited with code 0"),
        ("kill", [9], "killed by SIGKILL (by hand, or for want of memory)"),
        ("kill", [11], "killed by SIGSEGV"),
        ("abort", [], "killed by SIGABRT"),
    ],
)
def test_the_death_of_a_worker_costs_one_attempt(pool: ProcessPool, func: str, args: list[int], how: str) -> None:
    first, *others = [attempt(func, *args), attempt("add", 1), attempt("add", 2)]
    pool.submit([first, *others])
    found = {each.run_id: each for each in outcomes(pool, 3)}
    assert (found[first.run_id].kind, found[first.run_id].begun) == ("lost", True)
    assert found[first.run_id].error_message == how
    assert [found[each.run_id].kind for each in others] == ["succeeded", "succeeded"]


def test_two_thousand_runs_come_back_once_each(tmp_path: Path) -> None:
    with pool_in(tmp_path, workers=2) as pool:
        attempts = [attempt("echo", index) for index in range(2000)]
        waiting, found = list(attempts), list[Outcome]()
        until = time.monotonic() + PATIENCE_S
        while len(found) < 2000 and time.monotonic() < until:
            room = pool.room()
            now, waiting = waiting[:room], waiting[room:]
            pool.submit(now)
            found += [each for each in turn(pool) if isinstance(each, Outcome)]
        assert sorted(each.run_id for each in found) == [each.run_id for each in attempts]
        assert sorted(each.result for each in found) == list(range(2000))
        assert pool.running() == 0


def test_kills_at_random_lose_nothing_and_charge_only_what_had_begun(tmp_path: Path) -> None:
    with pool_in(tmp_path, workers=2) as pool:
        pool.submit([attempt("noop") for _ in range(3000)])
        found: list[Outcome] = []
        until = time.monotonic() + PATIENCE_S
        kills = 0
        while len(found) < 3000 and time.monotonic() < until:
            found += [each for each in turn(pool) if isinstance(each, Outcome)]
            pids = [view.pid for view in pool.views() if view.pid]
            if kills < 10 and len(found) > 200 * kills and pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pids[kills % len(pids)], signal.SIGKILL)
                    kills += 1
        assert len({each.run_id for each in found}) == len(found) == 3000
        assert kills == 10
        assert sum(each.kind == "lost" for each in found) <= kills
        assert {each.kind for each in found} <= {"succeeded", "lost"}


def test_what_is_taken_back_at_any_moment_is_executed_once_all_the_same(tmp_path: Path) -> None:
    marks, count, luck = tmp_path / "marks", 3000, random.Random(1)
    with pool_in(tmp_path, workers=2) as pool:
        waiting = [attempt("mark", str(marks), number) for number in range(1, count + 1)]
        by_id = {each.run_id: each for each in waiting}
        succeeded = taken_back = 0
        until = time.monotonic() + PATIENCE_S
        while succeeded < count and time.monotonic() < until:
            now, waiting = waiting[: pool.room()], waiting[pool.room() :]
            pool.submit(now)
            if luck.random() < 0.3:
                pool.recall()
            for each in turn(pool):
                if isinstance(each, Outcome) and each.kind == "released":
                    waiting.append(by_id[each.run_id])
                    taken_back += 1
                elif isinstance(each, Outcome):
                    succeeded += each.kind == "succeeded"
        assert pool.running() == 0 and not waiting
    assert sorted(map(int, marks.read_text().split())) == list(range(1, count + 1))
    assert taken_back > 100


def test_what_is_in_the_hands_of_a_worker_behind_a_run_that_goes_on_is_done_by_another(tmp_path: Path) -> None:
    marks, gate = str(tmp_path / "marks"), tmp_path / "gate"
    with pool_in(tmp_path, workers=2) as pool:
        pool.submit([attempt("mark_or_wait", marks, number, str(gate)) for number in range(1, 101)])  # known as short
        outcomes(pool, 100)
        pool.submit([attempt("mark_or_wait", marks, number, str(gate)) for number in (0, *range(101, 201))])
        assert [each.kind for each in outcomes(pool, 100)] == ["succeeded"] * 100
        assert pool.running() == 1
        gate.touch()
        assert outcomes(pool)[0].kind == "succeeded"


@linux_only
def test_descendants_in_other_sessions_end_with_the_attempt(pool: ProcessPool, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    assert tried(pool, attempt("grandchild", str(path))).kind == "succeeded"
    eventually(lambda: not is_alive(int(path.read_text())), executor=pool)
    assert tried(pool, attempt("add", 1)).result == 2


@linux_only
def test_descendants_end_with_a_killed_attempt(pool: ProcessPool, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    outcome = tried(pool, attempt("grandchild_and_sleep", str(path), timeout=500_000))
    assert outcome.kind == "timed_out"
    eventually(lambda: not is_alive(int(path.read_text())))


_PROGRAM = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parent.parent)]!r}
from pathlib import Path
from worker_rooms import *
folder = Path(sys.argv[1])
pid = folder / "pid"
with pool_in(folder, workers=2) as pool:
    pool.submit([attempt("grandchild_and_sleep", str(pid))])
    eventually(lambda: pid.exists() and pid.read_text(), executor=pool)
    eventually(lambda: all(each.pid for each in pool.views()), executor=pool)
    print(*[each.pid for each in pool.views()], pool.supervisor_pid, flush=True)
    while True:
        turn(pool)
"""


@linux_only
def test_a_killed_program_leaves_no_process_behind(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    with subprocess.Popen([sys.executable, str(program), str(tmp_path)], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        pids = [int(pid) for pid in daemon.stdout.readline().split()]
        pids.append(int((tmp_path / "pid").read_text()))
        assert len(pids) == 4 and all(is_alive(pid) for pid in pids)
        daemon.kill()
    eventually(lambda: not any(is_alive(pid) for pid in pids))


@linux_only
def test_the_death_of_the_supervisor_costs_what_had_begun_and_is_mended(tmp_path: Path) -> None:
    with pool_in(tmp_path) as pool:
        path = tmp_path / "pid"
        one, other = attempt("grandchild_and_sleep", str(path)), attempt("add", 1)
        pool.submit([one, other])
        eventually(lambda: path.exists() and path.read_text(), executor=pool)
        assert pool.supervisor_pid is not None
        os.kill(pool.supervisor_pid, signal.SIGKILL)
        lost, done = outcomes(pool, 2)
        assert (lost.run_id, lost.kind, lost.begun, lost.died) == (one.run_id, "lost", True, False)
        assert (done.run_id, done.kind) == (other.run_id, "succeeded")
        eventually(lambda: not is_alive(int(path.read_text())))


def test_a_link_among_the_outputs_of_an_earlier_pool_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "worker-0-0.out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "worker-1-0.out").write_text("of a worker that is no more")
    sweep(tmp_path)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["elsewhere", "worker-0-0.out"]


def test_what_a_task_changes_around_itself_is_put_back(pool: ProcessPool) -> None:
    before = tried(pool, attempt("surroundings")).result
    pid = tried(pool, attempt("who")).result
    assert tried(pool, attempt("change_everything")).kind == "succeeded"
    assert tried(pool, attempt("surroundings")).result == before
    assert tried(pool, attempt("who")).result == pid
    assert b"from print" in tried(pool, attempt("write")).output


def test_a_run_sees_its_names_env_and_folder(pool: ProcessPool, tmp_path: Path) -> None:
    slot = 1_767_225_600_000_000
    one = attempt("names", task="nightly", slot=slot, env={"MINE": "1"})
    assert tried(pool, one).result == {
        "ARR_TASK": "nightly",
        "ARR_RUN_ID": str(one.run_id),
        "ARR_ATTEMPT": "1",
        "ARR_SLOT": "2026-01-01T00:00:00.000000Z",
        "MINE": "1",
    }
    assert tried(pool, attempt("names")).result["ARR_SLOT"] is None
    assert tried(pool, attempt("os.getcwd", cwd=str(tmp_path))).result == str(tmp_path)
    missing = tried(pool, attempt("os.getcwd", cwd=str(tmp_path / "none")))
    assert (missing.kind, "none" in missing.error_message) == ("failed", True)
    assert tried(pool, attempt("run_facts", task="t", slot=slot)).result[1:] == [
        "t",
        1,
        "2026-01-01T00:00:00+00:00",
    ]


def test_a_live_worker_is_light(pool: ProcessPool) -> None:
    loaded = set(tried(pool, attempt("modules")).result)
    assert not loaded & {"typer", "rich", "pydantic", "croniter", "sqlite3", "tomllib", "psutil"}
    assert not {name for name in loaded if name.startswith(("arrcli.store", "arrcli.engine", "arrcli.cli"))}


def test_a_worker_with_a_left_thread_is_replaced(pool: ProcessPool) -> None:
    before = tried(pool, attempt("who")).result
    assert tried(pool, attempt("leave_thread")).kind == "succeeded"
    assert tried(pool, attempt("who")).result != before


def test_a_forked_child_that_returns_is_no_second_worker(pool: ProcessPool) -> None:
    outcome = tried(pool, attempt("fork_and_return"))
    assert outcome.kind == "succeeded"
    assert tried(pool, attempt("add", 1)).result == 2


def test_ten_megabytes_of_arguments_arrive(pool: ProcessPool) -> None:
    outcome = tried(pool, attempt("builtins.len", "é" * 10_000_000))
    assert outcome.result == 10_000_000


def test_progress_is_seen_while_it_runs_and_a_cancel_ends_it(pool: ProcessPool, tmp_path: Path) -> None:
    one = attempt("half_way", str(tmp_path / "x"))
    pool.submit([one])
    eventually(lambda: (tmp_path / "x").exists() and pool.views()[0].run_id == one.run_id, executor=pool)
    (view,) = pool.views()
    assert (view.state, view.run_id, view.progress, view.progress_text) == (
        "busy",
        one.run_id,
        0.5,
        "half way",
    )
    assert pool.cancel(one.run_id)
    assert outcomes(pool)[0].kind == "cancelled"
    assert not pool.cancel(one.run_id)


def test_the_stack_of_a_running_attempt_can_be_asked_for(pool: ProcessPool, tmp_path: Path) -> None:
    one = attempt("touch_and_sleep", str(tmp_path / "x"))
    pool.submit([one])
    eventually(lambda: (tmp_path / "x").exists() and pool.views()[0].run_id == one.run_id, executor=pool)
    assert pool.ask_stack(one.run_id) and not pool.ask_stack(-1)
    eventually(lambda: "in touch_and_sleep" in pool.stack(one.run_id))
    pool.cancel(one.run_id)
    assert outcomes(pool)[0].kind == "cancelled"


def test_an_attempt_that_is_timed_out_says_where_it_was(pool: ProcessPool, tmp_path: Path) -> None:
    pool.submit([attempt("touch_and_sleep", str(tmp_path / "x"), timeout=300_000)])
    (outcome,) = outcomes(pool)
    assert (outcome.kind, outcome.error_message) == ("timed_out", "timed out after 0.3s")
    lines = outcome.error_traceback.splitlines()
    assert lines[0] == "Stack (most recent call last):"
    assert [line.rpartition(", in ")[2] for line in lines[1:]] == ["touch_and_sleep"]


def test_one_that_ignores_term_and_one_that_is_in_c_say_so_too(pool: ProcessPool, tmp_path: Path) -> None:
    pool.submit([attempt("stubborn", str(tmp_path / "x"), timeout=300_000, stop_grace=100_000)])
    assert "in stubborn" in outcomes(pool)[0].error_traceback
    pool.submit([attempt("in_c", timeout=300_000, stop_grace=0)])
    assert "in in_c" in outcomes(pool)[0].error_traceback


@linux_only
def test_a_process_that_has_become_another_program_is_not_ended_by_the_question(
    pool: ProcessPool, tmp_path: Path
) -> None:
    one = attempt("become", str(tmp_path / "x"), timeout=1_000_000)
    pool.submit([one])
    eventually(lambda: (tmp_path / "x").exists() and (tmp_path / "x").read_text(), executor=pool)
    comm = Path("/proc", (tmp_path / "x").read_text(), "comm")
    eventually(lambda: comm.read_text() == "sleep\n", executor=pool)
    assert pool.ask_stack(one.run_id)
    (outcome,) = outcomes(pool)
    assert (outcome.kind, outcome.error_message, outcome.error_traceback) == ("timed_out", "timed out after 1s", "")


DUMP = """Thread 0x00007f01 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 320 in wait
  File "/srv/app/jobs.py", line 9 in feed
  File "/usr/lib/python3.11/threading.py", line 982 in run
  File "/usr/lib/python3.11/threading.py", line 1045 in _bootstrap_inner
  File "/usr/lib/python3.11/threading.py", line 1002 in _bootstrap

Thread 0x00007f03 (most recent call first):
  File "{ours}/host.py", line 5 in _ring_when_owed
  File "/usr/lib/python3.11/threading.py", line 1002 in _bootstrap

Current thread 0x00007f02 (most recent call first):
  File "/srv/app/jobs.py", line 3 in inner
  File "/srv/app/jobs.py", line 5 in work
  File "{ours}/perform.py", line 40 in call
  File "<string>", line 1 in <module>
"""


def test_stacks_are_read_as_tracebacks_are_without_what_is_arrs() -> None:
    assert readable(DUMP.format(ours=Path(stack.__file__).parent)) == (
        "Stack (most recent call last):\n"
        '  File "/srv/app/jobs.py", line 5, in work\n'
        '  File "/srv/app/jobs.py", line 3, in inner\n'
        "\n"
        "Another thread (most recent call last):\n"
        '  File "/srv/app/jobs.py", line 9, in feed\n'
        '  File "/usr/lib/python3.11/threading.py", line 320, in wait\n'
    )
    assert readable("") == ""


@linux_only
def test_child_processes_have_the_grace_too(pool: ProcessPool, tmp_path: Path) -> None:
    mark, cleaned = tmp_path / "mark", tmp_path / "cleaned"
    script = f"trap 'sleep 0.1; touch {cleaned}; exit' TERM; touch {mark}; while :; do sleep 0.01; done"
    one = attempt("subprocess.call", ["sh", "-c", script])
    pool.submit([one])
    eventually(mark.exists, executor=pool)
    pool.cancel(one.run_id)
    assert outcomes(pool)[0].kind == "cancelled"
    assert cleaned.exists()


@linux_only
def test_child_processes_that_ignore_term_are_killed_after_the_grace(pool: ProcessPool, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = f"trap '' TERM; echo $$ > {mark}; while :; do sleep 0.01; done"
    one = attempt("subprocess.call", ["sh", "-c", script], stop_grace=200_000)
    pool.submit([one])
    eventually(lambda: mark.exists() and mark.read_text(), executor=pool)
    pool.cancel(one.run_id)
    assert outcomes(pool)[0].kind == "cancelled"
    assert not is_alive(int(mark.read_text()))


def test_force_does_not_wait_for_the_grace(pool: ProcessPool, tmp_path: Path) -> None:
    one = attempt("stubborn", str(tmp_path / "x"), stop_grace=600_000_000)
    pool.submit([one])
    eventually((tmp_path / "x").exists, executor=pool)
    pool.cancel(one.run_id)
    pool.cancel(one.run_id, force=True)
    assert outcomes(pool)[0].kind == "cancelled"


def test_what_has_not_begun_is_released(pool: ProcessPool) -> None:
    tried(pool, *[attempt("noop") for _ in range(20)])
    long, *short = [attempt("sleep", 60), *[attempt("noop") for _ in range(5)]]
    pool.submit([long, *short])
    assert begun(pool).run_id == long.run_id
    assert pool.cancel(short[0].run_id)
    pool.recall()
    assert [(each.kind, each.begun) for each in outcomes(pool, 5)] == [("released", False)] * 5
    pool.cancel(long.run_id, force=True)
    assert outcomes(pool)[0].kind == "cancelled"


@pytest.mark.parametrize("usual", [0, 0.02])
def test_what_waits_behind_a_long_run_goes_to_an_idle_worker(usual: float, tmp_path: Path) -> None:
    with pool_in(tmp_path, workers=2) as pool:
        for _ in range(40):
            tried(pool, attempt("sleep", usual))
        long = attempt("sleep", 600)
        pool.submit([long, *[attempt("sleep", usual) for _ in range(30)]])
        assert {each.kind for each in outcomes(pool, 30)} == {"succeeded"}


def test_runs_of_some_milliseconds_follow_each_other_while_nobody_looks(tmp_path: Path) -> None:
    with pool_in(tmp_path) as pool:
        for _ in range(20):
            tried(pool, attempt("touch_and_sleep", str(tmp_path / "first"), 0.01))
        assert pool.room() >= 2
        paths = [tmp_path / name for name in ("a", "b")]
        pool.submit([attempt("touch_and_sleep", str(path), 0.01) for path in paths])
        eventually(lambda: all(path.exists() for path in paths))
        assert [each.kind for each in outcomes(pool, 2)] == ["succeeded"] * 2


def test_changed_code_is_run_by_a_new_worker(pool: ProcessPool, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("code")
    with pool_in(folder) as fresh:
        (folder / "mine.py").write_text("def version(): return 1\n")
        assert tried(fresh, attempt("mine.version")).result == 1
        (folder / "mine.py").write_text("def version(): return 'two'\n")
        eventually(lambda: tried(fresh, attempt("mine.version")).result == "two")
        (folder / "mine.py").write_text("import nothing_of_that_name\n")
        eventually(lambda: tried(fresh, attempt("mine.version")).broken)
        (folder / "mine.py").write_text("def version(): return 'four'\n")
        eventually(lambda: tried(fresh, attempt("mine.version")).result == "four")


def test_recycle_replaces_every_worker_and_loses_nothing(tmp_path: Path) -> None:
    with pool_in(tmp_path, workers=2) as pool:
        pool.submit([attempt("sleep", 0.2), attempt("sleep", 0.2)])
        begun(pool)
        before = {view.pid for view in pool.views()}
        pool.recycle()
        pool.submit([attempt("noop") for _ in range(10)])
        assert {each.kind for each in outcomes(pool, 12)} == {"succeeded"}
        eventually(lambda: not before & {view.pid for view in pool.views()}, executor=pool)


def test_stop_now_kills_what_has_begun_and_releases_the_rest(tmp_path: Path) -> None:
    with pool_in(tmp_path) as pool:
        one, other = attempt("sleep", 60), attempt("noop")
        pool.submit([one, other])
        begun(pool)
        pool.stop(now=True)
        found = {each.run_id: (each.kind, each.begun) for each in outcomes(pool, 2)}
        assert found == {one.run_id: ("lost", True), other.run_id: ("released", False)}
        assert pool.room() == 0 and pool.running() == 0


def test_closing_ends_all_processes_and_removes_the_outputs(tmp_path: Path) -> None:
    with pool_in(tmp_path, workers=2) as pool:
        eventually(lambda: all(view.pid for view in pool.views()), executor=pool)
        pids = [view.pid for view in pool.views() if view.pid]
        pool.close()
    assert not any(is_alive(pid) for pid in pids)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_forked_copy_of_the_program_harms_nothing(tmp_path: Path) -> None:
    with pool_in(tmp_path) as pool:
        tried(pool, attempt("add", 1))
        child = os.fork()
        if child == 0:
            pool.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert tried(pool, attempt("add", 1)).result == 2
        assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="forces on Linux what others take anyway")
def test_the_portable_fallbacks_do_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARR_PORTABLE", "1")
    monkeypatch.setattr("arrcli.worker.kernel.LINUX", False)
    with pool_in(tmp_path, workers=2) as pool:
        pool.submit([attempt("add", 1), attempt("kill", 9), attempt("write"), attempt("sleep", 60, timeout=200_000)])
        assert sorted(each.kind for each in outcomes(pool, 4)) == [
            "lost",
            "succeeded",
            "succeeded",
            "timed_out",
        ]
        assert tried(pool, attempt("builtins.len", "x" * 3_000_000)).result == 3_000_000
