"""The verbs that set up: files written, moved and examined, by the real `arr`."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import command_line
import pytest
from command_line import ARR, Said, arr, environment, running

Arr = Callable[..., Said]
CRONTAB = """\
MAILTO=ops@example.org
# Nightly backup
30 2 * * * echo backup
61 * * * * never
"""


@pytest.fixture
def here(tmp_path: Path) -> Arr:
    """`arr WORDS` in the test's folder, within this process."""
    return partial(command_line.here, tmp_path)


def with_program(folder: Path, name: str, script: str) -> str:
    """A PATH in which a program of that name comes first."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    program = programs / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{programs}:{os.environ['PATH']}"


# -- import-cron


def test_import_cron_prints_a_file_that_check_finds_whole_and_names_what_did_not_move(
    tmp_path: Path, here: Arr
) -> None:
    (tmp_path / "old").write_text(CRONTAB)
    said = here("import-cron", "old")
    assert said.code == 1
    assert list(tomllib.loads(said.out)["tasks"]) == ["nightly-backup"]
    first, second, last = said.err.splitlines()
    assert first.startswith("line 1: MAILTO=ops@example.org: arr sends no mail")
    assert second.startswith("line 4: left as a comment: minute 61 is above 59")
    assert last == "1 task; 1 line left as comments"
    (tmp_path / "tasks.toml").write_text(said.out)
    checked = here("check", "--json")
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


def test_import_cron_without_a_file_takes_this_users_crontab(tmp_path: Path, here: Arr) -> None:
    path = with_program(tmp_path, "crontab", 'test "$*" = -l && echo "@daily mine"')
    said = here("import-cron", PATH=path)
    assert (said.code, list(tomllib.loads(said.out)["tasks"])) == (0, ["mine"])


def test_import_cron_says_so_where_there_is_no_crontab(tmp_path: Path, here: Arr) -> None:
    path = with_program(tmp_path, "crontab", "echo no crontab for you >&2; exit 1")
    said = here("import-cron", PATH=path)
    assert (said.code, said.out) == (4, "")
    assert said.err == "arr: crontab -l: no crontab for you; name a file, or - for standard input\n"
    nothing = here("import-cron", PATH=str(tmp_path))
    assert (nothing.code, nothing.err) == (
        4,
        "arr: there is no crontab program here; name a file, or - for standard input\n",
    )
    assert here("import-cron", "nowhere").code == 4


def test_import_cron_writes_a_private_file_and_never_over_another(tmp_path: Path, here: Arr) -> None:
    (tmp_path / "old").write_text("@daily echo hello\n")
    assert here("import-cron", "old", "-o", "new.toml").out == ""
    made = tmp_path / "new.toml"
    assert made.stat().st_mode & 0o777 == 0o600
    first = made.read_bytes()
    (tmp_path / "old").write_text("@daily echo other\n")
    refused = here("import-cron", "old", "-o", "new.toml")
    assert (refused.code, made.read_bytes()) == (2, first)
    assert here("import-cron", "old", "-o", "new.toml", "--force").code == 0
    assert 'args = ["echo other"]' in made.read_text()


def test_an_imported_command_runs_as_cron_would_run_it(tmp_path: Path, here: Arr) -> None:
    (tmp_path / "old").write_text('HOME=/\nWHO = me\n@daily echo "$WHO in $PWD"; cat%a 100\\% b%c\n')
    here("import-cron", "old", "-o", "tasks.toml")
    (name,) = tomllib.loads((tmp_path / "tasks.toml").read_text())["tasks"]
    ran = arr(tmp_path, "exec", name)
    assert (ran.code, ran.out) == (0, "me in /\na 100% b\nc\n")


# -- add

MINE = """\
# My tasks.\r
[arr]\r
timezone = "Europe/Riga" # here\r
\r
[pools.disk]\r
size = 1\r
[tasks.first]\r
func = "jobs.first\""""
"""With the line ends of Windows, and none at the end: nothing of it may change."""


def with_file(folder: Path, text: str = MINE) -> Path:
    file = folder / "tasks.toml"
    file.write_bytes(text.encode())
    (folder / "jobs.py").write_text("def first(): pass\ndef mail(to, copies=1): print(to, copies)\n")
    return file


def test_add_appends_a_task_and_touches_nothing_else(tmp_path: Path, here: Arr) -> None:
    file = with_file(tmp_path)
    file.chmod(0o640)
    words = ["ops", "copies:=2", "--cron", "30 2 * * *", "--timeout", "90", "--retries", "3", "--pool", "disk"]
    said = here("add", "Nightly mail", "jobs.mail", *words, "--env", "LANG=C", "--set", "keep_for=7d")
    assert (said.code, said.out) == (0, "")
    assert file.read_bytes().decode() == (
        MINE + '\r\n\r\n[tasks."Nightly mail"]\r\nfunc = "jobs.mail"\r\nargs = ["ops"]\r\nkwargs = { copies = 2 }\r\n'
        'cron = "30 2 * * *"\r\ntimeout = "90s"\r\npool = "disk"\r\nretries = 3\r\nenv = { LANG = "C" }\r\n'
        'keep_for = "7d"\r\n'
    )
    assert file.stat().st_mode & 0o777 == 0o640
    added, following = said.err.splitlines()
    assert added == "added Nightly mail to tasks.toml, line 10"
    assert following.startswith("next: ") and following.count("02:30 EE") == 3
    assert arr(tmp_path, "exec", "Nightly mail").out == "ops 2\n"


def test_add_prints_what_it_would_append_and_writes_nothing(tmp_path: Path, here: Arr) -> None:
    file = with_file(tmp_path)
    before = (file.read_bytes(), file.stat().st_ino, file.stat().st_mtime_ns)
    said = here("add", "x", "jobs.first", "--every", "90s", "--disabled", "--dry-run")
    assert said.out == '[tasks.x]\nfunc = "jobs.first"\nevery = "90s"\nenabled = false\n'
    assert said.err.splitlines()[0] == "would add x to tasks.toml, line 10"
    assert (file.read_bytes(), file.stat().st_ino, file.stat().st_mtime_ns) == before


def test_add_tells_all_that_is_wrong_as_check_does_and_writes_nothing(tmp_path: Path, here: Arr) -> None:
    file = with_file(tmp_path)
    words = ["--cron", "61 * * * *", "--pool", "dsk", "--set", "retrys=3", "--timezone", "Europe/Rigga"]
    said = here("add", "x", "jobs.first", *words)
    assert said.code == 65
    assert said.err == (
        "tasks.toml:12:8: tasks.x.cron: minute 61 is above 59 — fields are: minute hour day month weekday\n"
        '   12 | cron = "61 * * * *"\n'
        'tasks.toml:13:12: tasks.x.timezone: time zone "Europe/Rigga" is unknown — did you mean "Europe/Riga"?\n'
        '   13 | timezone = "Europe/Rigga"\n'
        'tasks.toml:14:8: tasks.x.pool: there is no pool "dsk" — did you mean "disk"?\n'
        '   14 | pool = "dsk"\n'
        'tasks.toml:15:1: tasks.x: unknown key "retrys" — did you mean "retries"?\n'
        "   15 | retrys = 3\n"
        "4 errors in tasks.toml; nothing was written.\n"
    )
    assert file.read_bytes() == MINE.encode()
    assert list(tmp_path.glob(".tasks*")) == []


def test_add_refuses_a_name_that_is_there_and_says_where(tmp_path: Path, here: Arr) -> None:
    file = with_file(tmp_path)
    said = here("add", "first", "jobs.mail")
    assert said.code == 2
    assert said.err == 'arr: tasks.toml:7: there is a task "first" already; choose another name\n'
    assert here("add", "77", "jobs.mail").code == 65
    assert file.read_bytes() == MINE.encode()


def test_add_to_a_file_with_faults_shows_those(tmp_path: Path, here: Arr) -> None:
    with_file(tmp_path, '[tasks.a]\nfunc = "m.f"\nretrys = 3\n')
    said = here("add", "b", "m.f", "--json")
    assert (said.code, said.json["error"]["kind"]) == (65, "config")
    assert "tasks.toml:3:1" in said.json["error"]["faults"][0]
    for text in ("[nonsense", "tasks = {}", "# \udcff"):
        (tmp_path / "tasks.toml").write_bytes(text.encode(errors="surrogateescape"))
        said = here("add", "b", "m.f")
        assert (said.code, said.err.endswith("1 error in tasks.toml; nothing was written.\n")) == (65, True)


def test_add_needs_a_file(tmp_path: Path, here: Arr) -> None:
    said = here("add", "x", "jobs.first")
    assert (said.code, said.err) == (4, "arr: no tasks file tasks.toml — make one with: arr init\n")


def test_add_reads_times_in_words_on_the_clock_of_the_task(tmp_path: Path, here: Arr) -> None:
    with_file(tmp_path)
    words = ["--at", "2027-01-31T09:00", "--at", "@1801000000", "--timezone", "America/New_York"]
    said = here("add", "x", "jobs.first", *words, "--json").json
    assert said["toml"].splitlines()[2] == "at = [2027-01-31T09:00:00, 2027-01-26T16:46:40]"
    assert said["next"] == ["2027-01-26T21:46:40.000000Z", "2027-01-31T14:00:00.000000Z"]
    assert (said["task"], said["written"], said["warnings"]) == ("x", True, [])


def test_add_warns_of_what_is_likely_a_mistake_and_adds_it_all_the_same(tmp_path: Path, here: Arr) -> None:
    with_file(tmp_path)
    said = here("add", "x", "jobs.frist", "--cron", "0 0 1 * MON", "--json").json
    assert said["written"]
    weekday, unknown = said["warnings"]
    assert "either is enough" in weekday
    assert "did you mean 'first'?" in unknown


def test_add_takes_no_mistyped_option_for_an_argument(tmp_path: Path, here: Arr) -> None:
    file = with_file(tmp_path)
    said = here("add", "x", "jobs.mail", "--retires", "3")
    assert (said.code, said.err.startswith("arr: there is no option --retires")) == (2, True)
    for words in (["null"], ["to:=[1, null]"], ["--env", "X"], ["--set", "retries"]):
        assert here("add", "x", "jobs.mail", *words).code == 2
    assert file.read_bytes() == MINE.encode()
    said = here("add", "x", "jobs.mail", "-5", '"--retires"', "--dry-run")
    assert 'args = [-5, "--retires"]\n' in said.out


def test_add_goes_through_a_link_and_leaves_it_one(tmp_path: Path, here: Arr) -> None:
    file = with_file(tmp_path)
    file.rename(tmp_path / "real.toml")
    file.symlink_to("real.toml")
    assert here("add", "x", "jobs.first").code == 0
    assert file.is_symlink()
    assert "[tasks.x]" in (tmp_path / "real.toml").read_text()


def test_several_adds_at_once_all_stay(tmp_path: Path) -> None:
    with_file(tmp_path)
    started = [
        subprocess.Popen(
            [*ARR, "add", f"task{n}", "jobs.first"], cwd=tmp_path, env=environment(), stderr=subprocess.PIPE
        )
        for n in range(4)
    ]
    assert [process.communicate()[1] and process.returncode for process in started] == [0] * 4
    names = tomllib.loads((tmp_path / "tasks.toml").read_text())["tasks"]
    assert set(names) == {"first", "task0", "task1", "task2", "task3"}


def test_a_daemon_takes_an_added_task_by_itself(tmp_path: Path) -> None:
    with_file(tmp_path)
    with running(tmp_path) as daemon:
        said = arr(tmp_path, "add", "quick", "jobs.first", "--every", "100ms")
        assert f"pid {daemon.process.pid} takes it by itself\n" in said.err
        daemon.until("ok     quick")


# -- export


def test_export_writes_the_file_as_it_was_understood(tmp_path: Path, here: Arr) -> None:
    with_file(tmp_path, '[defaults]\nretries = 2\n[tasks.a]\nfunc = "jobs.mail"\nevery = 90\n')
    said = here("export")
    assert (said.code, said.err) == (0, "")
    assert tomllib.loads(said.out) == {"tasks": {"a": {"func": "jobs.mail", "every": "90s", "retries": 2}}}
    assert here("export", "--json").json["tasks"] == {"a": {"func": "jobs.mail", "every": "90s", "retries": 2}}
    everything = here("export", "tasks.toml", "--all").out
    assert "misfire_grace" in everything and "# timeout: none" in everything
    assert here("export", "--all", "--schema").code == 2
    assert here("export", "nowhere.toml").code == 4


def test_export_as_a_crontab_names_what_cron_cannot_do_and_import_takes_it_back(tmp_path: Path, here: Arr) -> None:
    with_file(tmp_path, MINE + '\n[tasks.backup]\nfunc = "arrcli.shell.run"\nargs = ["make"]\ncron = "@daily"\n')
    said = here("export", "--crontab", HOME=str(tmp_path))
    assert said.code == 1
    assert said.out.endswith("\n\nCRON_TZ=Europe/Riga\n\n# [backup]\n@daily make\n")
    assert said.err == (
        "first: left out: it calls jobs.first, and cron runs commands only\n"
        "cron starts a command though its last run still goes, and makes nothing up after a downtime\n"
    )
    (tmp_path / "crontab").write_text(said.out)
    back = here("import-cron", "crontab")
    assert (back.code, list(tomllib.loads(back.out)["tasks"])) == (0, ["backup"])
    told = here("export", "--crontab", "--json").json
    assert list(told["left"]) == ["first"]


# -- init


def test_init_writes_where_it_is_told_and_says_what_comes_next(tmp_path: Path, here: Arr) -> None:
    assert here("init").err == "wrote tasks.toml; look at it, then: arr check; arr run\n"
    said = here("init", "my tasks.toml")
    assert said.err == "wrote my tasks.toml; look at it, then: arr check 'my tasks.toml'; arr run 'my tasks.toml'\n"
    assert (tmp_path / "my tasks.toml").stat().st_mode & 0o777 == 0o600
    assert here("init", "--json", ARR_FILE="other.toml").json["file"] == str(tmp_path / "other.toml")
    refused = here("init", "--json")
    assert (refused.code, refused.json["error"]["kind"]) == (2, "usage")


# -- bars


def on_a_terminal(folder: Path, *words: str) -> tuple[str, str]:
    """What goes to stdout, and what a terminal that is stderr gets."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "wb") as terminal:
        process = subprocess.Popen(
            [*ARR, *words],
            cwd=folder,
            env=environment(TERM="xterm"),
            stdout=subprocess.PIPE,
            stderr=terminal,
            text=True,
        )
    shown = bytearray()
    with contextlib.suppress(OSError):  # the end of a terminal is an error
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    assert process.stdout is not None
    with process.stdout as out:
        said = out.read()
    assert process.wait() == 0
    return said, shown.decode()


def test_a_check_of_many_callables_shows_how_far_it_is_on_a_terminal_only(tmp_path: Path, here: Arr) -> None:
    with_file(tmp_path, "".join(f'[tasks.t{n}]\nfunc = "math.sqrt"\nargs = [{n}]\n' for n in range(12)))
    said, shown = on_a_terminal(tmp_path, "check")
    assert re.search(r"importing .*100%", shown)
    assert said == here("check").out
    assert "importing" not in here("check").err
    assert "importing" not in on_a_terminal(tmp_path, "check", "--json")[1]
    with_file(tmp_path)
    assert "importing" not in on_a_terminal(tmp_path, "check")[1]


def test_pruning_shows_how_far_it_is_on_a_terminal_only(tmp_path: Path, here: Arr) -> None:
    with_file(tmp_path)
    here("enqueue", "first")
    assert "pruning" in on_a_terminal(tmp_path, "db", "prune")[1]
    assert here("db", "prune").err == "deleted 0 ended runs\n"
