"""The verbs that set up: files written, moved and examined, by the real `arr`."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

from command_line import ARR, arr, environment

CRONTAB = """\
MAILTO=ops@example.org
# Nightly backup
30 2 * * * echo backup
61 * * * * never
"""


def with_program(folder: Path, name: str, script: str) -> str:
    """A PATH in which a program of that name comes first."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    program = programs / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{programs}:{os.environ['PATH']}"


# -- import-cron


def test_import_cron_prints_a_file_that_check_finds_whole_and_names_what_did_not_move(tmp_path: Path) -> None:
    (tmp_path / "old").write_text(CRONTAB)
    said = arr(tmp_path, "import-cron", "old")
    assert said.code == 1
    assert list(tomllib.loads(said.out)["tasks"]) == ["nightly-backup"]
    first, second, last = said.err.splitlines()
    assert first.startswith("line 1: MAILTO=ops@example.org: arr sends no mail")
    assert second.startswith("line 4: left as a comment: minute 61 is above 59")
    assert last == "1 task; 1 line left as comments"
    (tmp_path / "tasks.toml").write_text(said.out)
    checked = arr(tmp_path, "check", "--json")
    assert (checked.code, [task["task"] for task in checked.json["tasks"]]) == (0, ["nightly-backup"])


def test_import_cron_reads_standard_input_and_tells_all_as_json(tmp_path: Path) -> None:
    done = subprocess.run(
        [*ARR, "import-cron", "-", "--json"],
        cwd=tmp_path,
        env=environment(),
        input="@daily a\n",
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert '"schema_version": 1' in done.stdout
    assert '"tasks": ["a"], "left": 0, "remarks": []' in done.stdout


def test_import_cron_without_a_file_takes_this_users_crontab(tmp_path: Path) -> None:
    path = with_program(tmp_path, "crontab", 'test "$*" = -l && echo "@daily mine"')
    said = arr(tmp_path, "import-cron", PATH=path)
    assert (said.code, list(tomllib.loads(said.out)["tasks"])) == (0, ["mine"])


def test_import_cron_says_so_where_there_is_no_crontab(tmp_path: Path) -> None:
    path = with_program(tmp_path, "crontab", "echo no crontab for you >&2; exit 1")
    said = arr(tmp_path, "import-cron", PATH=path)
    assert (said.code, said.out) == (4, "")
    assert said.err == "arr: crontab -l: no crontab for you; name a file, or - for standard input\n"
    nothing = arr(tmp_path, "import-cron", PATH=str(tmp_path))
    assert (nothing.code, nothing.err) == (
        4,
        "arr: there is no crontab program here; name a file, or - for standard input\n",
    )
    assert arr(tmp_path, "import-cron", "nowhere").code == 4


def test_import_cron_writes_a_private_file_and_never_over_another(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("@daily echo hello\n")
    assert arr(tmp_path, "import-cron", "old", "-o", "new.toml").out == ""
    made = tmp_path / "new.toml"
    assert made.stat().st_mode & 0o777 == 0o600
    first = made.read_bytes()
    (tmp_path / "old").write_text("@daily echo other\n")
    refused = arr(tmp_path, "import-cron", "old", "-o", "new.toml")
    assert (refused.code, made.read_bytes()) == (2, first)
    assert arr(tmp_path, "import-cron", "old", "-o", "new.toml", "--force").code == 0
    assert 'args = ["echo other"]' in made.read_text()


def test_an_imported_command_runs_as_cron_would_run_it(tmp_path: Path) -> None:
    (tmp_path / "old").write_text('HOME=/\nWHO = me\n@daily echo "$WHO in $PWD"; cat%a 100\\% b%c\n')
    arr(tmp_path, "import-cron", "old", "-o", "tasks.toml")
    (name,) = tomllib.loads((tmp_path / "tasks.toml").read_text())["tasks"]
    ran = arr(tmp_path, "exec", name)
    assert (ran.code, ran.out) == (0, "me in /\na 100% b\nc\n")
