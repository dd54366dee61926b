"""The README's two commands, each whole on a fresh clone: the first is run here, the second is what CI runs."""

from __future__ import annotations

import re
import shlex
import shutil
import time
from pathlib import Path

from command_line import arr, running

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUN = "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/arr run tasks.toml.example"
TEST = 'python3 -m venv .venv && .venv/bin/pip install -q -e ".[test]" && .venv/bin/python -m pytest'
SOON_S = 10.0


def test_the_quick_start_is_two_commands() -> None:
    assert re.findall(r"^python3 -m venv .*$", README, re.MULTILINE) == [RUN, TEST]


def test_ci_runs_the_command_for_tests_as_the_readme_has_it() -> None:
    ci = (ROOT / ".ci/run").read_text()
    pattern = re.search(r"sed -n 's/\^\\\((.*?)\\\)\$/", ci)
    assert pattern is not None
    assert [line for line in README.splitlines() if re.fullmatch(pattern[1], line)] == [TEST]
    assert 'bash -c "$command"' in ci


def test_the_command_that_runs_the_example_does_something_within_ten_seconds(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tasks.toml.example", tmp_path)
    command, *words = shlex.split(RUN.rpartition("&& ")[2])
    assert (command, words[0]) == (".venv/bin/arr", "run")
    begun = time.monotonic()
    with running(tmp_path, *words[1:]) as daemon:
        daemon.until("ok     startup")
        assert time.monotonic() - begun < SOON_S
        assert "tasks.toml.example" in arr(tmp_path, "list").err  # finds the daemon's file by itself
        assert daemon.stop() == 0
    assert "ok     startup" in daemon.text
    assert (tmp_path / ".arr/tasks.toml.example/arr.db").is_file()
