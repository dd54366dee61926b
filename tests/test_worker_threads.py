"""The shared host of `executor = "thread"`, and threads of this program."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import PATIENCE_S
from worker_rooms import TASKS, attempt, begun, eventually, is_alive, outcomes, tried, turn

from arrcli.context import current_run
from arrcli.worker.suspects import Suspects, Witnesses
from arrcli.worker.threads import LocalThreads, ThreadHost
from arrcli.worker.wire import Attempt, Outcome


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadHost]:
    folder = tmp_path_factory.mktemp("host")
    (folder / "jobs.py").write_text(TASKS)
    made = ThreadHost(threads=32, outputs=folder / "out", python_path=[str(folder)], cwd=str(folder))
    yield made
    made.close()


def test_no_process_is_started_before_there_is_work(tmp_path: Path) -> None:
    host = ThreadHost(outputs=tmp_path / "out")
    assert host.views() == [] and host.wait_us() is None
    host.close()


def test_plain_functions_run_at_once_and_each_keeps_its_own_output(host: ThreadHost, tmp_path: Path) -> None:
    host.submit([attempt("meet", str(tmp_path), index, 32) for index in range(32)])
    found = outcomes(host, 32)
    assert sorted(each.output.decode() for each in found) == sorted(f"a {i}\nb {i}\n" for i in range(32))


def test_hundreds_of_coroutines_wait_at_once(host: ThreadHost) -> None:
    tried(host, attempt("talk", 0))
    start = time.monotonic()
    host.submit([attempt("talk", index) for index in range(500)])
    assert {each.kind for each in outcomes(host, 500)} == {"succeeded"}
    assert time.monotonic() - start < 30  # one after the other they take 50


def test_a_failure_and_its_cast_are_as_in_a_process(host: ThreadHost) -> None:
    outcome = tried(host, attempt("boom"))
    assert (outcome.kind, outcome.error_type) == ("failed", "ValueError")
    assert "arrcli" not in outcome.error_traceback
    assert tried(host, attempt("nothing_there")).broken


def test_the_stacks_of_the_host_can_be_asked_for(host: ThreadHost, tmp_path: Path) -> None:
    one = attempt("until_cancelled", str(tmp_path / "x"))
    host.submit([one])
    eventually((tmp_path / "x").exists, executor=host)
    eventually(lambda: host.ask_stack(one.run_id), executor=host)
    assert not host.ask_stack(-1)
    eventually(lambda: "in until_cancelled" in host.stack(one.run_id))
    host.cancel(one.run_id)
    assert outcomes(host)[0].kind == "cancelled"
    assert host.stack(one.run_id) == ""


def test_the_stack_of_a_run_is_that_of_its_own_thread_or_coroutine(host: ThreadHost, tmp_path: Path) -> None:
    plain, waiting = attempt("until_cancelled", str(tmp_path / "x")), attempt("awaits", str(tmp_path / "y"))
    host.submit([plain, waiting])
    eventually(lambda: (tmp_path / "x").exists() and (tmp_path / "y").exists(), executor=host)
    for one, innermost in ((plain, ", in until_cancelled\n"), (waiting, ", in sleeps\n")):
        eventually(lambda one=one: host.ask_stack(one.run_id), executor=host)  # type: ignore[misc]
        eventually(lambda one=one, innermost=innermost: innermost in host.stack(one.run_id))  # type: ignore[misc]
        said = host.stack(one.run_id)
        assert said.startswith("Stack (most recent call last):\n") and "Another thread" not in said
    assert [line.rpartition(" ")[2] for line in said.splitlines()[1:3]] == ["awaits", "sleeps"]
    for one in (plain, waiting):
        host.cancel(one.run_id)
    assert {outcome.kind for outcome in outcomes(host, 2)} == {"cancelled"}


def test_a_host_that_a_task_keeps_from_answering_tells_of_all_its_threads(host: ThreadHost, tmp_path: Path) -> None:
    one = attempt("keeps_the_interpreter", str(tmp_path / "x"))
    host.submit([one])
    eventually((tmp_path / "x").exists, executor=host)
    eventually(lambda: host.ask_stack(one.run_id), executor=host)
    eventually(lambda: "in keeps_the_interpreter" in host.stack(one.run_id))
    (tmp_path / "x.enough").touch()
    assert outcomes(host)[0].kind == "succeeded"


def test_long_output_is_cut_in_the_middle(host: ThreadHost) -> None:
    text = tried(host, attempt("write_much", 1_000_000, max_output=1000)).output.decode()
    assert text.startswith("first\n") and text.endswith("last\n") and "999,011 bytes cut" in text


@pytest.mark.parametrize("func", ["fork_and_await", "fork_aside"])
def test_a_child_that_a_coroutine_forked_runs_none_of_the_others(host: ThreadHost, tmp_path: Path, func: str) -> None:
    said, counted = tmp_path / "said", tmp_path / "counted"
    said.mkdir()
    count, fork = attempt("count", str(counted)), attempt(func, str(said))
    host.submit([count, fork])
    found = {each.run_id: (each.kind, each.result) for each in outcomes(host, 2)}
    assert found == {count.run_id: ("succeeded", None), fork.run_id: ("succeeded", "parent")}
    (pid,) = {int(line) for line in counted.read_text().splitlines()}
    assert len(counted.read_text().splitlines()) == 30
    words = {int(path.name): path.read_text() for path in said.iterdir()}
    (child,) = words.keys() - {pid}
    assert words == {pid: "awoke", child: "child"}
    eventually(lambda: not is_alive(child), executor=host)


def test_an_exit_in_a_task_of_a_coroutine_s_own_ends_nobody_else(host: ThreadHost) -> None:
    others = [attempt("talk", index) for index in range(3)]
    host.submit([*others, attempt("exit_aside")])
    assert sorted((each.kind, str(each.result)) for each in outcomes(host, 4)) == [
        ("succeeded", "0"),
        ("succeeded", "1"),
        ("succeeded", "2"),
        ("succeeded", "aside"),
    ]


def test_cancelling_is_cooperative(host: ThreadHost, tmp_path: Path) -> None:
    plain, waiting = attempt("until_cancelled", str(tmp_path / "a")), attempt("forever", str(tmp_path / "b"))
    host.submit([plain, waiting])
    eventually(lambda: (tmp_path / "a").exists() and (tmp_path / "b").exists(), executor=host)
    eventually(lambda: {view.run_id for view in host.views()} == {plain.run_id, waiting.run_id}, executor=host)
    assert host.cancel(plain.run_id) and host.cancel(waiting.run_id)
    assert [each.kind for each in outcomes(host, 2)] == ["cancelled", "cancelled"]


def test_force_kills_the_host_and_the_others_are_lost(host: ThreadHost, tmp_path: Path) -> None:
    one, other = attempt("sleep", 60), attempt("forever", str(tmp_path / "x"))
    host.submit([one, other])
    eventually((tmp_path / "x").exists, executor=host)
    host.cancel(one.run_id, force=True)
    found = {each.run_id: (each.kind, each.died) for each in outcomes(host, 2)}
    assert found == {one.run_id: ("cancelled", True), other.run_id: ("lost", False)}
    assert tried(host, attempt("add", 1)).result == 2


def test_the_death_of_the_host_costs_each_of_its_runs_one_attempt(host: ThreadHost, tmp_path: Path) -> None:
    host.submit([attempt("forever", str(tmp_path / str(index))) for index in range(5)])
    eventually(lambda: len(list(tmp_path.iterdir())) == 5, executor=host)
    pid = host.views()[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    lost = outcomes(host, 5)
    assert [(each.kind, each.begun, each.died) for each in lost] == [("lost", True, False)] * 5
    assert tried(host, attempt("add", 1)).result == 2


def test_the_death_of_the_host_is_laid_to_a_run_that_was_alone_there(host: ThreadHost) -> None:
    lost = tried(host, attempt("leave", 3))
    assert (lost.kind, lost.died, lost.error_message) == ("lost", True, "exited with code 3")


def test_whoever_ends_the_host_is_found_among_many(host: ThreadHost, tmp_path: Path) -> None:
    naps = [attempt("sleep", 0.2) for _ in range(7)]
    culprit = attempt("leave_when", str(tmp_path / "all"), 3)
    host.submit([*naps, culprit])
    eventually(lambda: len(host.views()) == 8, executor=host)
    (tmp_path / "all").touch()
    done: list[Outcome] = []
    for _ in range(8):
        found = outcomes(host, host.running())
        done += found
        lost = [each for each in found if each.kind == "lost"]
        if any(each.died for each in lost):
            break
        again = {each.run_id: each.number + 1 for each in lost}
        host.submit([replace(each, number=again[each.run_id]) for each in (*naps, culprit) if each.run_id in again])
    assert [each.run_id for each in done if each.died and each.kind == "lost"] == [culprit.run_id]
    assert sorted(each.run_id for each in done if each.kind == "succeeded") == [each.run_id for each in naps]
    eventually(lambda: [view.state for view in host.views()] in ([], ["idle"]), executor=host)


def test_nine_deaths_of_their_supervisor_are_no_run_s_doing() -> None:
    witnesses = Witnesses()
    assert [witnesses.is_guilty(1) for _ in range(11)] == [False] * 9 + [True] * 2
    assert not witnesses.is_guilty(2)


def test_among_a_thousand_a_culprit_is_alone_after_nine_deaths() -> None:
    suspects = Suspects()
    beside, deaths = list(range(1000)), 0
    while len(beside) > 1:
        suspects.accuse(beside)
        deaths += 1
        beside = beside[: suspects.company(0)]
    assert (beside, deaths) == ([0], 9)


def test_recycling_lets_what_has_begun_finish(host: ThreadHost) -> None:
    slow = attempt("sleep", 0.3)
    host.submit([slow])
    pid = begun(host).pid
    host.recycle()
    assert tried(host, attempt("who")).result != pid
    assert outcomes(host)[0].run_id == slow.run_id
    eventually(lambda: not is_alive(pid), executor=host)


# --- in this program


@pytest.fixture
def local() -> Iterator[Callable[..., LocalThreads]]:
    made: list[LocalThreads] = []

    def make(number: int = 2, **more: Any) -> LocalThreads:
        made.append(LocalThreads(number, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_any_callable_can_be_found_by_the_callers_own_table(local: Callable[..., LocalThreads]) -> None:
    table: dict[str, Callable[..., Any]] = {"secret": lambda x: x * 2}
    threads = local(resolve=table.__getitem__)
    assert tried(threads, attempt("builtins.len", "abc")).result == 3
    assert tried(threads, attempt("x:y").__class__(run_id=1, number=1, func="secret", args=[4])).result == 8


def test_two_hundred_runs_on_four_threads_come_back_once_each(local: Callable[..., LocalThreads]) -> None:
    threads = local(4, capture=True)
    waiting, found = [attempt("builtins.print", index) for index in range(200)], list[Outcome]()
    until = time.monotonic() + PATIENCE_S
    while len(found) < 200 and time.monotonic() < until:
        room = threads.room()
        threads.submit(waiting[:room])
        waiting = waiting[room:]
        found += [each for each in turn(threads) if isinstance(each, Outcome)]
    assert sorted(int(each.output) for each in found) == list(range(200))
    assert threads.running() == 0


def test_a_thread_of_this_program_says_where_it_is(local: Callable[..., LocalThreads]) -> None:
    go = threading.Event()
    threads = local(1, resolve={"wait": go.wait}.__getitem__)
    one = attempt("wait")
    threads.submit([Attempt(run_id=one.run_id, number=1, func="wait")])
    eventually(lambda: threads.ask_stack(one.run_id))
    assert threads.stack(one.run_id).startswith("Stack (most recent call last):\n")
    assert ", in wait\n" in threads.stack(one.run_id)
    go.set()
    assert outcomes(threads)[0].kind == "succeeded"
    assert not threads.ask_stack(one.run_id)


def test_a_thread_is_asked_to_stop_and_what_waits_is_released(local: Callable[..., LocalThreads]) -> None:
    entered = threading.Event()

    def patient() -> None:
        entered.set()
        while not current_run().cancelled:
            time.sleep(0.002)

    threads = local(1, resolve={"patient": patient}.__getitem__)
    one = attempt("x.y").__class__(run_id=900_001, number=1, func="patient")
    threads.submit([one, attempt("builtins.len", "a")])
    assert entered.wait(PATIENCE_S)
    threads.recall()
    assert threads.cancel(one.run_id)
    assert sorted(each.kind for each in outcomes(threads, 2)) == ["cancelled", "released"]


def test_after_a_hard_stop_a_late_end_changes_nothing(local: Callable[..., LocalThreads]) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow() -> None:
        entered.set()
        leave.wait(PATIENCE_S)

    threads = local(1, resolve={"slow": slow}.__getitem__)
    threads.submit([attempt("x.y").__class__(run_id=900_002, number=1, func="slow")])
    assert entered.wait(PATIENCE_S)
    threads.stop(now=True)
    assert [(each.kind, each.begun) for each in outcomes(threads)] == [("lost", True)]
    leave.set()
    assert [each for each in turn(threads) if isinstance(each, Outcome)] == []
    assert threads.room() == 0 and threads.running() == 0
