"""What can be asked for is done or refused where it is asked: nothing is silently left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import library_tasks
import pytest

from arrcli import App, MemoryStore, background_worker, connect, execute_task, execute_task_at
from arrcli.errors import ArrError, DeniedError, NotFoundError, RunFailed, UsageError


@pytest.fixture
def app() -> Iterator[App]:
    with background_worker.start_application() as started:
        yield started


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"retrys": 1}, "did you mean 'retries'"),
        ({"max_concurrent": 1}, "no option 'max_concurrent'"),
        ({"retries": -1}, "retries: -1 is below 0"),
        ({"retries": "3"}, "retries: '3' is not a whole number"),
        ({"retry_delay": timedelta(seconds=-5)}, "retry_delay: .* below 0"),
        ({"retry_delay": "5 parsecs"}, "retry_delay: .*not a duration"),
        ({"retry_backoff": "wild"}, "retry_backoff: 'wild' is not one of"),
        ({"expires": 0}, "expires: 0 is no time at all"),
        ({"pool": "heavy"}, "there is no pool 'heavy'"),
        ({"timeout": "1s"}, "timeout needs workers that are processes"),
        ({"env": {"A": "1"}}, "env needs workers that are processes"),
    ],
)
def test_a_wrong_option_is_refused_by_its_name(app: App, options: dict[str, Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        execute_task(app, library_tasks.add, [1], **options)
    assert app.store.pending() == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({1: 2}, "1 is no name"),
        ({"a": {1, 2}}, "must be JSON"),
        ([float("inf")], "must be JSON"),
        (b"bytes", "must be JSON"),
    ],
)
def test_data_that_is_no_json_is_refused(app: App, data: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        execute_task(app, library_tasks.given, data)


def test_any_mapping_gives_keyword_arguments(app: App) -> None:
    assert execute_task(app, library_tasks.add, MappingProxyType({"a": 1, "b": 2})).result(20) == 3


def test_a_name_that_nothing_has_is_refused_with_the_one_that_was_meant(app: App) -> None:
    with pytest.raises(NotFoundError, match="did you mean 'plain'"):
        execute_task(app, "plane", [1])


@pytest.mark.parametrize("time", ["tomorrow-ish", "2026-02-30", 5, None])
def test_what_is_no_time_is_refused(app: App, time: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="time"):
        execute_task_at(app, time, library_tasks.add, [1])


def test_a_lambda_runs_from_a_memory_store_of_ones_own() -> None:
    with background_worker.start_application(data_source=MemoryStore()) as app:
        assert execute_task(app, lambda: "ran").result(20) == "ran"


def test_a_timeout_that_threads_cannot_keep_fails_the_run_and_says_so(tmp_path: Path) -> None:
    with background_worker.start_application(data_source=tmp_path / "arr.db"), connect(tmp_path / "arr.db") as other:
        run = execute_task(other, library_tasks.add, [1], timeout="1s")
        with pytest.raises(RunFailed, match="timeout: threads of a program cannot do that") as caught:
            run.result(20)
        assert caught.value.run.fault.type == "arrcli.UsageError"


def test_a_timeout_is_kept_by_processes(tmp_path: Path) -> None:
    with background_worker.start_application(data_source=tmp_path / "arr.db", executor="process") as app:
        run = execute_task(app, library_tasks.endless, timeout="200ms", stop_grace="100ms")
        with pytest.raises(RunFailed, match="timed_out"):
            run.result(20)


def test_a_tasks_file_bounds_what_may_be_asked_of_its_daemon(tmp_path: Path) -> None:
    (tmp_path / "tasks.toml").write_text(
        '[arr]\nallow = ["library_tasks.*"]\n[pools.heavy]\nsize = 1\n[tasks.fact]\nfunc = "math.factorial"\n'
    )
    with connect(tmp_path / "tasks.toml") as queue:
        with pytest.raises(DeniedError, match=r"math\.gcd is not allowed"):
            execute_task(queue, "math.gcd", [1, 2])
        with pytest.raises(NotFoundError, match="did you mean 'fact'"):
            execute_task(queue, "fcat")
        assert execute_task(queue, "fact", [5], pool="heavy").run.task == "fact"
        assert execute_task(queue, library_tasks.add, [1]).run.func == "library_tasks.add"


def test_connect_takes_what_is_no_database_for_a_tasks_file(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text('[tasks.fact]\nfunc = "math.factorial"\n')
    with connect(tmp_path / "jobs") as queue:
        assert list(queue.file.tasks) == ["fact"]
    with connect(tmp_path / "new.db") as queue:
        assert execute_task(queue, "math.factorial", [5]).run.func == "math.factorial"
    with pytest.raises(ArrError, match=r"none\.toml"):
        connect(tmp_path / "none.toml")
