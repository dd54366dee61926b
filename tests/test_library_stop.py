"""How an application ends: by a call, by the end of its program, by a signal; and what it leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

import library_tasks
import pytest
from command_line import environment, eventually

from arrcli import background_worker, execute_task, execute_task_at, execute_tasks, global_background_worker
from arrcli.errors import UsageError
from arrcli.host.places import Places
from arrcli.model.run import State


def program(folder: Path, text: str, *words: str) -> subprocess.Popen[str]:
    """A script that runs there."""
    (folder / "program.py").write_text(text)
    return subprocess.Popen(
        [sys.executable, *(words or ["program.py"])],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def test_a_stop_whose_time_is_over_gives_up_what_runs_and_says_so() -> None:
    gate = threading.Event()
    app = background_worker.start_application()
    run = execute_task(app, lambda: gate.wait(20))
    eventually(lambda: run.state is State.RUNNING)
    assert background_worker.stop_application(app, timeout=0.05) is False
    assert run.state is State.CANCELLED
    gate.set()


def test_a_killed_run_of_a_durable_store_is_there_for_the_next_start(tmp_path: Path) -> None:
    app = background_worker.start_application(data_source=tmp_path / "arr.db", executor="process")
    run = execute_task(app, library_tasks.endless)
    eventually(lambda: run.state is State.RUNNING)
    assert background_worker.stop_application(app, timeout=0.1) is False
    assert run.state is State.PENDING
    assert background_worker.stop_application(app) is True


def test_what_is_due_is_finished_though_its_time_comes_with_the_stop(tmp_path: Path) -> None:
    app = background_worker.start_application(data_source=tmp_path / "arr.db")
    runs = execute_tasks(app, [(library_tasks.add, [number]) for number in range(300)])
    later = execute_task_at(app, timedelta(hours=1), library_tasks.add, [1])
    assert background_worker.stop_application(app) is True
    assert ({run.state for run in runs}, later.state) == ({State.SUCCEEDED}, State.PENDING)


def test_another_application_of_the_store_hears_its_bell_once_the_first_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "arr.db"
    first = background_worker.start_application(data_source=path)
    with background_worker.start_application(data_source=path) as second:
        assert Places.of_database(path).daemon() is not None
        background_worker.stop_application(first)
        eventually(lambda: second.daemon_status().pid == os.getpid() and Places.of_database(path).bell.exists())
        assert execute_task(second, library_tasks.add, [1]).result(20) == 2


def test_worker_processes_of_a_memory_store_leave_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with background_worker.start_application(executor="process") as app:
        assert execute_task(app, "math.factorial", [5]).result(20) == 120
        assert list(tmp_path.glob("arr-outputs-*"))
    assert not list(tmp_path.glob("arr-outputs-*"))


def test_a_global_application_that_was_stopped_by_hand_can_be_started_again() -> None:
    app = global_background_worker.start_application()
    background_worker.stop_application(app)
    with pytest.raises(UsageError, match="stopped"):
        global_background_worker.execute_task(library_tasks.add, [1])
    global_background_worker.start_application()
    assert global_background_worker.execute_task(library_tasks.add, [1]).result(20) == 2
    assert global_background_worker.stop_application() is True
    assert global_background_worker.stop_application() is False


def test_signals_are_taken_in_the_main_thread_only_and_nothing_is_left_of_a_refused_start() -> None:
    told: list[Exception] = []

    def start() -> None:
        try:
            background_worker.start_application(handle_signals=True)
        except UsageError as error:
            told.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join(20)
    assert "main thread" in str(told[0])
    assert "arr-engine" not in {one.name for one in threading.enumerate()}


ENDS = """
import threading
from arrcli import background_worker, execute_task
begun = threading.Event()
def work():
    begun.set()
    threading.Event().wait(0.2)
    print("finished", flush=True)
app = background_worker.start_application()
execute_task(app, work)
begun.wait()
"""


def test_the_end_of_a_program_waits_for_what_has_begun(tmp_path: Path) -> None:
    assert said(program(tmp_path, ENDS)) == (0, "finished\n", "")


SIGNALLED = """
import signal, sys, threading
from arrcli import background_worker, execute_tasks
def work(number):
    print(number, flush=True)
    threading.Event().wait(0.05)
app = background_worker.start_application(handle_signals=True, data_source=sys.argv[1])
print("ready", flush=True)
while True:
    execute_tasks(app, [(work, [1])] * 3)
    threading.Event().wait(0.01)
"""


def test_a_signal_in_the_midst_of_commits_stops_the_application_and_then_the_program(tmp_path: Path) -> None:
    process = program(tmp_path, SIGNALLED, "program.py", "arr.db")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    code, _, err = said(process)
    assert code in (1, -signal.SIGINT), err
    assert "KeyboardInterrupt" in err or "the application is stopped" in err
    with background_worker.start_application(data_source=tmp_path / "arr.db") as app:
        assert not app.store.running()


MODULE = """
from arrcli import background_worker, execute_task
def double(x): return x * 2
class Doubler:
    @staticmethod
    def twice(x): return x * 2
if __name__ == "__main__":
    with background_worker.start_application(data_source="arr.db", executor="process") as app:
        run = execute_task(app, double, 4)
        print(run.result(20), execute_task(app, Doubler.twice, 5).result(20), run.run.func)
"""


def test_a_callable_of_a_script_is_named_by_its_file_or_by_its_module(tmp_path: Path) -> None:
    assert said(program(tmp_path, MODULE)) == (0, "8 10 program.double\n", "")
    assert said(program(tmp_path, MODULE, "-m", "program")) == (0, "8 10 program.double\n", "")


def test_a_callable_that_was_typed_in_is_refused_where_others_would_have_to_find_it(tmp_path: Path) -> None:
    code, _, err = said(program(tmp_path, "", "-c", MODULE))
    assert code == 1
    assert "double cannot be named: another process could not import it" in err
