"""The tasks files that come with arr: they load, and all that they call exists and runs."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arrcli import demo
from arrcli.config.advice import warnings
from arrcli.config.load import load, parse
from arrcli.config.starter import MORE, starter
from arrcli.model.instant import SECOND
from arrcli.model.schedule import At
from arrcli.model.task import TasksFile

ROOT = Path(__file__).parent.parent
EXAMPLE = load(ROOT / "tasks.toml.example", machine_zone="UTC")
STARTER = parse(starter("tasks.toml"), "tasks.toml", machine_zone="UTC")
NOW = 1_800_000_000 * SECOND


def called(func: str) -> Callable[..., Any]:
    module, _, name = func.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


@pytest.mark.parametrize("file", [EXAMPLE, STARTER], ids=["example", "starter"])
def test_it_loads_without_a_word_and_all_it_calls_exists(file: TasksFile) -> None:
    assert file.notes == ()
    assert all(callable(called(task.func)) for task in file.tasks.values())


def test_the_example_has_nothing_to_warn_of() -> None:
    assert warnings(EXAMPLE, NOW) == []


def test_the_example_shows_something_within_ten_seconds() -> None:
    heartbeat = EXAMPLE.tasks["heartbeat"].schedule
    assert heartbeat is not None
    assert heartbeat.after(NOW + 1) == NOW + 10 * SECOND


def test_the_example_shows_each_kind_of_task() -> None:
    kinds = {task.schedule.kind for task in EXAMPLE.tasks.values() if task.schedule}
    assert kinds == {"cron", "every", "at", "reboot"}
    decade = EXAMPLE.tasks["new-decade"].schedule
    assert isinstance(decade, At)
    assert decade.text == "at 2030-01-01T00:00:00Z"
    assert EXAMPLE.tasks["flaky"].retries == 3
    assert EXAMPLE.tasks["too-slow"].timeout == 4 * SECOND
    assert {task.executor for task in EXAMPLE.tasks.values()} == {"process", "thread"}
    assert "arrcli.shell.run" in {task.func for task in EXAMPLE.tasks.values()}


def test_the_starter_names_its_own_file_where_it_has_to() -> None:
    assert "#   arr check      is this file right" in starter("tasks.toml")
    assert "#   arr check 'my tasks.toml'      is this file right" in starter("my tasks.toml")
    assert parse(starter("a\n[x].toml"), "t.toml", machine_zone="UTC").tasks.keys() == STARTER.tasks.keys()


def test_what_the_starter_comments_out_is_right_too() -> None:
    ordinary, _, taught = starter("tasks.toml").partition(MORE)
    lines = [line.removeprefix("#").removeprefix(" ") for line in taught.splitlines()]
    file = parse("\n".join([ordinary, *lines]), "tasks.toml", machine_zone="UTC")
    assert file.notes == ()
    assert list(file.tasks) == ["heartbeat", "nightly", "disk", "by-hand", "report", "party"]
    report = file.tasks["report"]
    assert (report.on_overlap, report.catch_up, report.pool, report.enabled) == ("queue", "all", "disk", False)
    assert max(map(len, starter("tasks.toml").splitlines())) <= 120


def test_the_demo_says_what_it_does(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    demo.heartbeat()
    assert demo.flaky(10**9) == "it answered"
    with pytest.raises(ConnectionError, match="the server did not answer"):
        demo.flaky(1)
    assert demo.slow(0.01) == "done after 0.01 s"
    assert asyncio.run(demo.fetch_all(2)) == ["answer 1", "answer 2"]
    (tmp_path / "a.txt").write_text("abc")
    (tmp_path / ".hidden").write_text("abc")
    assert demo.report(str(tmp_path)) == {"files": 1, "bytes": 3}
    printed = capsys.readouterr().out
    assert printed.startswith("alive: load ")
    assert "2 answers in 0.2 s" in printed


def test_the_demo_needs_nothing_but_the_standard_library() -> None:
    code = "import sys, arrcli.demo; print('pydantic' in sys.modules, 'rich' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
