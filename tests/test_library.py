"""The library's doors, on the same engine as the daemon."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import library_tasks
import pytest
from command_line import environment, eventually, here, running

import arrcli
from arrcli import (
    App,
    QueueStore,
    background_worker,
    connect,
    execute_task,
    execute_task_at,
    execute_tasks,
    global_background_worker,
    task,
)
from arrcli.errors import NotThereYetError, RunFailed, TimedOutError, UsageError
from arrcli.model.run import State


class Queue:
    """The three verbs of a data source, over a list."""

    def __init__(self) -> None:
        self.tasks: list[Mapping[str, Any]] = []
        self.scheduled: list[datetime] = []

    def enqueue_task(self, task: Mapping[str, Any], *, app: App) -> None:
        self.tasks.append(task)

    def dequeue_task(self, *, app: App) -> Mapping[str, Any] | None:
        return self.tasks.pop(0) if self.tasks else None

    def schedule_task(self, scheduled_time: datetime, task: Mapping[str, Any], *, app: App) -> None:
        self.scheduled.append(scheduled_time)
        self.tasks.append(task)


@pytest.fixture(params=["memory", "file", "processes", "queue"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    """Every kind of application."""
    options: dict[str, dict[str, Any]] = {
        "memory": {},
        "file": {"data_source": tmp_path / "arr.db"},
        "processes": {"data_source": tmp_path / "arr.db", "executor": "process"},
        "queue": {"data_source": QueueStore(Queue())},
    }
    with background_worker.start_application(number_of_workers=2, **options[request.param]) as started:
        yield started


@pytest.fixture
def memory() -> Iterator[App]:
    with background_worker.start_application(number_of_workers=2) as started:
        yield started


def test_a_callable_a_dotted_path_and_a_registered_name_run(app: App) -> None:
    assert execute_task(app, library_tasks.add, {"a": 2, "b": 5}).result(20) == 7
    assert execute_task(app, "math.factorial", [5]).result(20) == 120
    plain = execute_task(app, "plain", 21)
    assert plain.result(20) == 42
    assert plain.run.name == "plain"


def test_data_becomes_arguments_by_its_kind(memory: App) -> None:
    def ran(data: Any) -> Any:
        return execute_task(memory, library_tasks.given, data).result(20)

    assert ran(None) == [[], {}]
    assert ran({"to": "x"}) == [[], {"to": "x"}]
    assert ran((1, "b")) == [[1, "b"], {}]
    assert ran("one") == [["one"], {}]
    with pytest.raises(UsageError, match="must be JSON"):
        execute_task(memory, library_tasks.given, {"x": object()})
    with pytest.raises(UsageError, match="must be JSON"):
        execute_task(memory, library_tasks.given, float("nan"))


def test_a_run_at_a_time_waits_for_it_and_a_past_one_runs_at_once(app: App) -> None:
    soon = execute_task_at(app, timedelta(milliseconds=300), library_tasks.add, [1])
    assert soon.state is State.PENDING
    assert soon.result(20) == 2
    run = soon.run
    assert run.started_at is not None
    assert run.started_at >= run.due_at
    assert execute_task_at(app, datetime(2020, 1, 1, tzinfo=UTC), library_tasks.add, [1]).result(20) == 2
    assert execute_task_at(app, "2020-01-01T00:00", library_tasks.add, [1]).result(20) == 2
    with pytest.raises(ValueError, match="no time zone"):
        execute_task_at(app, datetime(2030, 1, 1), library_tasks.add, [1])


def test_two_runs_for_one_instant_both_run(app: App) -> None:
    when = datetime.now(UTC) + timedelta(milliseconds=200)
    both = [execute_task_at(app, when, library_tasks.add, [number]) for number in (1, 2)]
    assert [run.result(20) for run in both] == [2, 3]


def test_many_are_queued_in_one_transaction_and_all_run(app: App) -> None:
    runs = execute_tasks(app, [(library_tasks.add, {"a": number}) for number in range(200)])
    assert [run.result(30) for run in runs] == list(range(1, 201))
    assert len({run.id for run in runs}) == 200


def test_a_failing_task_stops_nothing_and_its_error_is_raised_where_it_is_asked_for(app: App) -> None:
    failed = execute_task(app, library_tasks.fail)
    with pytest.raises(RunFailed, match="ValueError: as asked for") as caught:
        failed.result(20)
    assert "library_tasks.py" in "".join(caught.value.__notes__)
    assert execute_task(app, library_tasks.add, [1]).result(20) == 2


def test_retries_are_policies_of_a_run(memory: App) -> None:
    run = execute_task(memory, library_tasks.fails_twice, ["retried"], retries=2, retry_delay="10ms")
    assert run.result(20) == 3
    assert run.run.attempt == 3
    with pytest.raises(TypeError, match=r"no option 'retrys'; did you mean 'retries'\?"):
        execute_task(memory, library_tasks.add, [1], retrys=2)


def test_a_registered_task_gets_the_time_of_its_run(app: App) -> None:
    run = execute_task(app, "when-due")
    told = datetime.fromisoformat(run.result(20))
    assert told == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=run.run.due_at)


def test_a_name_is_registered_once() -> None:
    with pytest.raises(UsageError, match="registered already"):
        task("plain")(library_tasks.add)


def test_waiting_has_a_bound_and_does_not_end_the_run(memory: App) -> None:
    library_tasks.opened.clear()
    run = execute_task(memory, library_tasks.wait_for_it)
    with pytest.raises(TimedOutError):
        run.result(0.05)
    assert run.wait(0.05) is False
    library_tasks.opened.set()
    assert run.result(20) == "done"


def test_a_handle_can_be_awaited(memory: App) -> None:
    async def both() -> list[Any]:
        return list(await asyncio.gather(*(execute_task(memory, library_tasks.add, [n]) for n in (1, 2))))

    assert asyncio.run(both()) == [2, 3]


def test_a_pending_run_is_cancelled_and_its_result_says_so(app: App) -> None:
    run = execute_task_at(app, timedelta(hours=1), library_tasks.add, [1])
    assert run.cancel() is True
    assert run.state is State.CANCELLED
    assert run.cancel() is False
    with pytest.raises(RunFailed, match="cancelled"):
        run.result(1)


def test_a_running_run_in_a_worker_process_is_cancelled(tmp_path: Path) -> None:
    with background_worker.start_application(data_source=tmp_path / "arr.db", executor="process") as app:
        run = execute_task(app, library_tasks.endless, stop_grace="100ms")
        eventually(lambda: run.state is State.RUNNING)
        run.cancel()
        assert run.wait(20)
        assert run.state is State.CANCELLED


def test_processes_run_beside_this_program_threads_inside_it(tmp_path: Path) -> None:
    with background_worker.start_application(data_source=tmp_path / "arr.db", executor="process") as app:
        assert execute_task(app, library_tasks.pid).result(20) != os.getpid()
    with background_worker.start_application() as app:
        assert execute_task(app, library_tasks.pid).result(20) == os.getpid()


def test_a_lambda_runs_in_memory_and_is_refused_where_others_would_have_to_find_it(memory: App, tmp_path: Path) -> None:
    assert execute_task(memory, lambda x: x + 1, [1]).result(20) == 2
    with (
        background_worker.start_application(data_source=tmp_path / "arr.db") as durable,
        pytest.raises(UsageError, match="cannot be named"),
    ):
        execute_task(durable, lambda: None)


def test_stop_finishes_what_is_due_and_leaves_the_rest_in_a_durable_store(tmp_path: Path) -> None:
    app = background_worker.start_application(data_source=tmp_path / "arr.db")
    due = execute_tasks(app, [(library_tasks.add, [number]) for number in range(50)])
    later = execute_task_at(app, timedelta(hours=1), library_tasks.add, [1])
    assert background_worker.stop_application(app) is True
    assert {run.state for run in due} == {State.SUCCEEDED}
    assert later.state is State.PENDING
    with pytest.raises(UsageError, match="stopped"):
        execute_task(app, library_tasks.add, [1])
    with connect(tmp_path / "arr.db") as again:
        assert [run.id for run in again.store.pending()] == [later.id]


def test_stop_cancels_the_rest_in_memory() -> None:
    app = background_worker.start_application()
    later = execute_task_at(app, timedelta(hours=1), library_tasks.add, [1])
    background_worker.stop_application(app)
    assert later.state is State.CANCELLED


def test_two_applications_on_one_store_share_the_work_and_lose_none(tmp_path: Path) -> None:
    path = tmp_path / "arr.db"
    with (
        background_worker.start_application(data_source=path) as one,
        background_worker.start_application(data_source=path) as other,
    ):
        runs = [execute_task(app, library_tasks.add, [n]) for n, app in enumerate([one, other] * 25)]
        assert [run.result(20) for run in runs] == list(range(1, 51))
        assert {run.run.attempt for run in runs} == {1}


def test_the_global_application_starts_once_and_says_when_there_is_none() -> None:
    assert global_background_worker.stop_application() is False
    with pytest.raises(UsageError, match="no global application"):
        global_background_worker.execute_task(library_tasks.add, [1])
    started = global_background_worker.start_application(number_of_workers=2)
    try:
        assert global_background_worker.application() is started
        with pytest.raises(UsageError, match="running already"):
            global_background_worker.start_application()
        assert global_background_worker.execute_task(library_tasks.add, [1]).result(20) == 2
    finally:
        assert global_background_worker.stop_application() is True


def test_wrong_words_at_the_start_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        background_worker.start_application(number_of_workers=0)
    with pytest.raises(NotThereYetError):
        background_worker.start_application(task_runner=lambda app: None)
    with pytest.raises(UsageError, match="QueueStore"):
        background_worker.start_application(data_source=Queue())


def test_a_queue_gets_tasks_as_json_and_gives_tasks_that_others_put_there() -> None:
    queue = Queue()
    with background_worker.start_application(data_source=QueueStore(queue)) as app:
        run = execute_task_at(app, timedelta(milliseconds=50), library_tasks.add, {"a": 1})
        assert run.result(20) == 2
        assert queue.scheduled[0].tzinfo is not None
        queue.tasks.append({"id": "theirs", "name": "library_tasks.add", "data": [40, 2], "time": None})
        eventually(lambda: any(other.result == 42 for other in app.store.recent(10)))


def test_connect_enqueues_to_the_daemon_of_a_tasks_file(tmp_path: Path) -> None:
    (tmp_path / "tasks.toml").write_text('[tasks.fact]\nfunc = "math.factorial"\nargs = [5]\n')
    with running(tmp_path), connect(tmp_path / "tasks.toml") as queue:
        assert execute_task(queue, "fact").result(20) == 120
        assert execute_task(queue, "math.factorial", [4]).result(20) == 24
    assert len(here(tmp_path, "runs", "--json").json["runs"]) == 2


def test_a_forked_child_enqueues_to_a_durable_store_and_not_to_memory(memory: App, tmp_path: Path) -> None:
    with background_worker.start_application(data_source=tmp_path / "arr.db") as app:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                execute_task(app, library_tasks.add, [1])
                code = 2
                execute_task(memory, library_tasks.add, [1])
            except UsageError:
                code = 0 if code == 2 else 3
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        eventually(lambda: [run.result for run in app.store.recent(5)] == [2])


SCRIPT = """
import sys
from arrcli import background_worker, execute_task
def double(x): return x * 2
{guard}
app = background_worker.start_application(data_source="arr.db", executor="process")
print(execute_task(app, double, 4).result(20))
"""


def _script(folder: Path, guard: str) -> subprocess.CompletedProcess[str]:
    body = SCRIPT.format(guard=guard)
    if guard:
        head, _, tail = body.partition(guard + "\n")
        body = head + guard + "\n" + "".join(f"    {line}\n" for line in tail.splitlines())
    (folder / "script.py").write_text(body)
    return subprocess.run(
        [sys.executable, "script.py"], cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )


def test_a_callable_of_a_script_runs_in_workers_and_the_end_of_the_script_stops_them(tmp_path: Path) -> None:
    done = _script(tmp_path, 'if __name__ == "__main__":')
    assert (done.returncode, done.stdout) == (0, "8\n"), done.stderr


def test_a_script_that_starts_again_when_it_is_imported_gets_one_clear_error(tmp_path: Path) -> None:
    done = _script(tmp_path, "")
    assert done.returncode == 1
    assert 'put start_application under: if __name__ == "__main__":' in done.stderr


def test_the_package_costs_nothing_until_a_name_is_asked_for() -> None:
    code = "import sys, arrcli; print(sorted(m for m in sys.modules if m.startswith('arrcli')))"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=30)
    assert done.stdout == "['arrcli']\n"


@pytest.mark.parametrize("name", arrcli.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(arrcli, name).__doc__
