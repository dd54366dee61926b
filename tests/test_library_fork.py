"""A program that forks: the child reaches its parent's durable store, and takes nothing of what is the parent's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import library_tasks
import pytest
from command_line import PATIENCE_S, environment, eventually

from arrcli import background_worker, execute_task, execute_task_at, execute_tasks
from arrcli.errors import UsageError
from arrcli.host.places import Places


def in_child(act: Callable[[], object]) -> int:
    """The exit code of a forked child that acts: 0 when it got through."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("leave", [background_worker.stop_application, lambda app: app.close()])
def test_a_child_that_stops_its_copy_leaves_the_parents_alone(tmp_path: Path, leave: Callable[..., object]) -> None:
    with background_worker.start_application(data_source=tmp_path / "arr.db") as app:
        assert in_child(lambda: leave(app)) == 0
        assert Places.of_database(tmp_path / "arr.db").bell.exists()
        assert execute_task(app, library_tasks.add, [1]).result(20) == 2


def test_a_child_waits_for_and_cancels_what_its_parent_runs(tmp_path: Path) -> None:
    with background_worker.start_application(data_source=tmp_path / "arr.db") as app:
        later = execute_task_at(app, "2999-01-01T00:00", library_tasks.add, [1])

        def act() -> None:
            assert execute_task(app, library_tasks.add, [1]).result(20) == 2
            assert later.cancel()

        assert in_child(act) == 0
        assert later.wait(PATIENCE_S)


def test_a_child_forked_in_the_midst_of_its_parents_commits_gets_through(tmp_path: Path) -> None:
    with background_worker.start_application(data_source=tmp_path / "arr.db") as app:
        for _ in range(6):
            execute_tasks(app, [(library_tasks.add, [1])] * 50)  # the engine claims and settles them meanwhile
            assert in_child(lambda: execute_task(app, "math.factorial", [5])) == 0
        eventually(lambda: sum(run.result == 120 for run in app.store.recent(400)) == 6)


def test_a_child_of_an_application_in_memory_is_told_to_start_its_own() -> None:
    def act() -> None:
        with pytest.raises(UsageError, match="forked child; start one there"):
            execute_task(app, library_tasks.add, [1])
        with background_worker.start_application() as own:
            assert execute_task(own, library_tasks.add, [1]).result(20) == 2

    with background_worker.start_application() as app:
        assert in_child(act) == 0


PARENT = """
import os, sys
from arrcli import background_worker
app = background_worker.start_application(data_source="arr.db")
child = os.fork()
if child == 0:
    os.close(1)
    sys.stdin.read()
    os._exit(0)
print(child, flush=True)
os._exit(0)
"""


def test_a_child_that_outlives_its_parent_does_not_keep_the_parents_locks(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdin is not None and parent.stdout is not None
    child = int(parent.stdout.read())
    assert parent.wait(PATIENCE_S) == 0
    os.kill(child, 0)
    eventually(lambda: Places.of_database(tmp_path / "arr.db").daemon() is None)
    os.kill(child, 0)
    parent.stdin.close()
