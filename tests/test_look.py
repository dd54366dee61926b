"""Looking at what ran: `arr show` of a run and of a task, `arr runs` by its filters, `arr logs -f` to the end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command_line import ARR, PATIENCE_S, Daemon, environment, eventually, here, running

from arrcli.cli.logs import Written
from arrcli.model.frames import own_frames, pieces
from arrcli.worker.capture import joined

TASKS = """
[arr]
workers = 2
[tasks.parse]
description = "Reads what is not JSON"
func = "jobs.parse"
args = ["{"]
cron = "30 2 * * MON-FRI"
timezone = "Europe/Riga"
timeout = "1h"
retries = 1
retry_delay = "10ms"
[tasks.again]
func = "jobs.again"
retries = 1
retry_delay = "300ms"
[tasks.stuck]
func = "jobs.stuck"
timeout = "500ms"
[tasks.waits]
func = "jobs.waits"
[tasks.long]
func = "jobs.long"
max_output = "2KiB"
[tasks.fine]
func = "math.factorial"
args = [5]
"""
JOBS = """
import json, os, sys, time
from arrcli.context import current_run
def parse(text):
    return inner(text)
def inner(text):
    return json.loads(text)
def again():
    print("try", current_run().attempt, flush=True)
    if current_run().attempt == 1:
        while not os.path.exists("again"): time.sleep(0.01)
        raise OSError("not yet")
def stuck():
    print("before", flush=True)
    while True: time.sleep(0.01)
def waits():
    open("waiting", "w").close()
    deeper()
def deeper():
    while not os.path.exists("enough"): time.sleep(0.01)
def long():
    print("a" * 2000, flush=True)  # all of it is kept as long as it is all
    while not os.path.exists("go"): time.sleep(0.01)
    print("b" * 3000)
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Daemon]]:
    folder = tmp_path_factory.mktemp("look")
    (folder / "tasks.toml").write_text(TASKS)
    (folder / "jobs.py").write_text(JOBS)
    with running(folder) as daemon:
        yield folder, daemon


def ended(folder: Path, target: str) -> str:
    """The id of a run of it that has ended."""
    run = here(folder, "enqueue", target).out.strip()
    eventually(lambda: here(folder, "show", run, "--json").json["run"]["finished_at"] is not None)
    return run


def test_a_failed_run_is_shown_with_its_own_frames_first_and_the_traceback_whole(world: tuple[Path, Daemon]) -> None:
    folder, _ = world
    run = ended(folder, "parse")
    said = here(folder, "show", run).out
    first, table, own, whole = said.rstrip().split("\n\n")
    assert "state      failed  JSONDecodeError: Expecting property name" in first
    assert "cost       " in first and " CPU  " in first
    assert [line.split()[:2] for line in table.splitlines()] == [
        ["ATTEMPT", "OUTCOME"],
        ["1", "failed"],
        ["2", "failed"],
    ]
    assert own.splitlines()[1:] == [
        "  jobs.py:7 in inner: return json.loads(text)",
        "  jobs.py:5 in parse: return inner(text)",
    ]
    assert whole.startswith("Traceback (most recent call last):\n")
    assert f'File "{folder}/jobs.py", line 5, in parse\n    return inner(text)' in whole
    assert "json/decoder.py" in whole
    coloured = here(folder, "show", run, NO_COLOR="", FORCE_COLOR="1").out
    dimmed = [line for line in coloured.splitlines() if line.startswith("\x1b[2m  File")]
    assert dimmed and all("/json/" in line for line in dimmed)


def test_a_task_is_shown_on_a_page(world: tuple[Path, Daemon]) -> None:
    folder, _ = world
    ended(folder, "parse")
    lines = here(folder, "show", "parse").out.splitlines()
    assert lines[:6] == [
        "task       parse",
        "           Reads what is not JSON",
        "calls      jobs.parse",
        'args       ["{"]',
        "schedule   30 2 * * MON-FRI (Europe/Riga)",
        "           At 02:30, Monday through Friday",
    ]
    assert lines[6].startswith("next       ") and lines[6].count("02:30 EE") == 3
    assert lines[7:10] == ['policies   timeout = "1h"', "           retries = 1", '           retry_delay = "10ms"']
    assert lines[10].startswith("last ") and "✗" in lines[10] and "0 ok" in lines[10]
    assert lines[12].split() == ["ID", "TASK", "DUE", "ORIGIN", "STATE", "TOOK", "WHY"]
    shown = here(folder, "show", "parse", "--json").json["task"]
    assert shown["policies"] == {"timeout": '"1h"', "retries": "1", "retry_delay": '"10ms"'}
    by_hand = here(folder, "show", "fine").out
    assert "schedule   by hand\nnext       by hand\n" in by_hand
    assert "policies" not in by_hand


def test_a_running_run_says_where_it_is_and_one_that_timed_out_where_it_was(world: tuple[Path, Daemon]) -> None:
    folder, _ = world
    run = here(folder, "enqueue", "waits").out.strip()
    eventually(lambda: (folder / "waiting").exists())
    eventually(lambda: here(folder, "show", run, "--json").json["run"]["state"] == "running")
    for target in (run, "waits"):
        lines = here(folder, "show", target, "--stack").out.splitlines()
        assert lines[0].startswith(f"run {run} of waits has been running for ")
        assert lines[1:] == [
            "Stack (most recent call last):",
            f'  File "{folder}/jobs.py", line 18, in waits',
            "    deeper()",
            f'  File "{folder}/jobs.py", line 20, in deeper',
            '    while not os.path.exists("enough"): time.sleep(0.01)',
        ]
    assert "in deeper" in here(folder, "show", run, "--stack", "--json").json["stack"]
    (folder / "enough").touch()
    eventually(lambda: here(folder, "show", run, "--json").json["run"]["state"] == "succeeded")
    assert here(folder, "show", run, "--stack").code == 2
    assert here(folder, "show", "waits", "--stack").code == 2
    late = ended(folder, "stuck")
    assert f'  File "{folder}/jobs.py", line 15, in stuck\n    while True' in here(folder, "show", late).out
    assert "in stuck" in here(folder, "show", late, "--json").json["run"]["error"]["traceback"]


def test_runs_are_found_by_state_reason_origin_time_and_pattern(world: tuple[Path, Daemon]) -> None:
    folder, _ = world
    bad, good, late = ended(folder, "parse"), ended(folder, "fine"), ended(folder, "stuck")

    def found(*words: str) -> set[str]:
        runs = here(folder, "runs", "--json", "-n", "0", *words).json["runs"]
        return {str(run["id"]) for run in runs} & {bad, good, late}

    assert found() == {bad, good, late}
    assert found("--state", "failed") == {bad, late}
    assert found("--state", "ok,failed") == {bad, good, late}
    assert found("--reason", "timed-out") == {late}
    assert found("--reason", "error", "--reason", "timed_out") == {bad, late}
    assert found("--origin", "cron") == set()
    assert found("--since", "1h") == {bad, good, late}
    assert found("--until", "1h ago") == set()
    assert found("?a*") == {bad}
    assert here(folder, "runs", "--state", "fine").code == 2
    assert here(folder, "runs", "--since", "someday").code == 2


@contextmanager
def following(folder: Path, run: str) -> Iterator[subprocess.Popen[str]]:
    """`arr logs RUN -f`, which a test that fails does not wait for."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*ARR, "logs", run, "-f"], cwd=folder, env=environment(), **pipes) as follower:
        try:
            yield follower
        finally:
            follower.kill()


def followed(folder: Path, run: str) -> tuple[int, str, str]:
    with following(folder, run) as follower:
        out, err = follower.communicate(timeout=30)
        return follower.returncode, out, err


def test_following_tells_every_attempt_and_exits_as_the_run_ends(world: tuple[Path, Daemon]) -> None:
    folder, _ = world
    run = here(folder, "enqueue", "again").out.strip()
    with following(folder, run) as follower:
        assert follower.stdout is not None and follower.stderr is not None
        assert follower.stdout.readline() == "try 1\n"
        (folder / "again").touch()
        assert follower.stdout.read() == "try 2\n"
        assert follower.wait(PATIENCE_S) == 0
        err = follower.stderr.read()
    assert f"run {run}  attempt 2" in err and f"run {run} ok" in err
    late = here(folder, "enqueue", "stuck").out.strip()
    code, out, err = followed(folder, late)
    assert (code, out) == (124, "before\n")
    assert f"run {late} failed  timed out" in err
    assert followed(folder, ended(folder, "parse"))[0] == 1


def test_following_shows_all_of_an_output_of_which_the_middle_is_not_kept(world: tuple[Path, Daemon]) -> None:
    folder, _ = world
    run = here(folder, "enqueue", "long").out.strip()
    with following(folder, run) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == "a" * 2000 + "\n"
        (folder / "go").touch()
        assert follower.stdout.read().endswith("b" * 1000 + "\n")
        assert follower.wait(PATIENCE_S) == 0


def test_without_a_daemon_nothing_is_anywhere(tmp_path: Path) -> None:
    (tmp_path / "tasks.toml").write_text("")
    run = here(tmp_path, "enqueue", "math.factorial", "5").out.strip()
    said = here(tmp_path, "show", run, "--stack")
    assert (said.code, said.err) == (2, f"arr: run {run} is pending: only a running one is anywhere\n")
    assert here(tmp_path, "show", "99", "--stack").code == 4


def test_following_says_what_a_run_waits_for(tmp_path: Path) -> None:
    (tmp_path / "tasks.toml").write_text("")
    run = here(tmp_path, "enqueue", "math.factorial", "5", "--in", "1h").out.strip()
    with following(tmp_path, run) as follower:
        assert follower.stderr is not None
        assert follower.stderr.readline() == f"run {run} waits: no daemon is running (start it: arr run)\n"
        here(tmp_path, "cancel", run)
        assert follower.wait(PATIENCE_S) == 1


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (0, b"head\n... 90 bytes cut ...\ntail"),
        (2, b"ad\n... 90 bytes cut ...\ntail"),
        (50, b"\n... 44 bytes cut ...\ntail"),
        (94, b"tail"),
        (96, b"il"),
        (98, b""),
    ],
)
def test_what_is_still_to_be_shown_of_an_output_that_was_cut(shown: int, expected: bytes) -> None:
    kept = joined(b"head", 90, b"tail")
    written = Written(position=shown)
    assert written.rest(kept) == expected
    assert written.rest(kept) == b""


def test_a_note_that_a_task_wrote_itself_is_no_cut() -> None:
    kept = b"x" * 300 + b"\n... 90 bytes cut ...\n"
    assert Written(position=310).rest(kept) == kept[310:]


TRACE = """Traceback (most recent call last):
  File "/srv/app/jobs.py", line 5, in parse
    return inner(text)
           ^^^^^^^^^^^
  File "/srv/app/.venv/lib/python3.11/site-packages/shop/load.py", line 9, in load
  File "/usr/lib/python3.11/json/decoder.py", line 337, in decode
    obj, end = self.raw_decode(s)
ValueError: no
"""


def test_frames_below_the_tasks_folders_are_its_own_but_for_installed_packages() -> None:
    found = pieces(TRACE, ["/srv/app"])
    assert [piece.frame.own if piece.frame else None for piece in found] == [None, True, False, False, None]
    assert "\n".join(piece.text for piece in found) + "\n" == TRACE
    assert [frame.where for frame in own_frames(found)] == ["jobs.py:5 in parse"]
    assert own_frames(pieces(TRACE, ["/usr/lib"])) != ()
    assert own_frames(pieces(TRACE, ["/"]))[0].where == "decoder.py:337 in decode"
    alone = 'Traceback (most recent call last):\n  File "/srv/app/jobs.py", line 5, in parse\nValueError\n'
    assert own_frames(pieces(alone, ["/srv/app"])) == ()
