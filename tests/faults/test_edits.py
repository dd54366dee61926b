"""Between a kill -9 and the next start the code, the schedule, the tasks, the file's name or the Python change.

Whatever was edited: no committed run is stranded, none begins without a record, and what cannot run says why.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from command_line import Daemon, eventually
from world import World, kill

GO = "go"
SLOT = '[tasks.slot]\nfunc = "jobs.until"\nargs = ["go"]\nevery = "1s"\non_overlap = "queue"\n'
HAND = '[tasks.hand]\nfunc = "jobs.until"\nargs = ["go"]\nretries = 3\n'
OTHER = '[tasks.other]\nfunc = "other.fine"\nevery = "1s"\n'


@dataclass
class Left:
    """The runs that a daemon left when it was killed."""

    slot: int
    hand: int
    bare: int
    waiting: int
    """Of the task `hand`; it had not begun."""

    @property
    def begun(self) -> tuple[int, int, int]:
        return (self.slot, self.hand, self.bare)

    @property
    def all(self) -> tuple[int, ...]:
        return (*self.begun, self.waiting)


def killed(world: World) -> Left:
    """A slot, a task's run and a bare path's run were running, another waited, when the daemon was killed."""
    (world.folder / "other.py").write_text("def fine():\n    return 'fine'\n")
    world.write(SLOT + HAND, workers=3)
    daemon = world.start()
    hand, bare = world.enqueue("hand"), world.enqueue("jobs.until", GO)
    eventually(lambda: len(world.starts()) == 3)
    waiting = world.enqueue("hand", GO)
    kill(daemon)
    slot = world.rows("SELECT id FROM runs WHERE task = 'slot' AND state = 'running'")[0][0]
    world.asked.append(slot)
    return Left(slot, hand, bare, waiting)


def go(world: World) -> None:
    """Let everything that runs end."""
    (world.folder / GO).touch()


def outcomes(world: World, *ids: int) -> list[tuple[str, str | None, int]]:
    rows = {row[0]: row[1:] for row in world.rows("SELECT id, state, reason, attempt FROM runs")}
    return [rows[run] for run in ids]


def succeeds(world: World, task: str) -> bool:
    run = world.enqueue(task)
    world.until_ended(run)
    return world.state_of(run) == "succeeded"


def until_log(daemon: Daemon, count: int, words: str) -> None:
    eventually(lambda: daemon.text.count(words) >= count, lambda: daemon.text)


# -- the code ----


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        pytest.param(
            lambda text: text.replace("def until(", "def as_long_as("),
            'ImportError: jobs has no "until"',
            id="renamed",
        ),
        pytest.param(
            lambda text: text.replace("def until(path: str)", "def until(path: str"),
            "SyntaxError: invalid syntax (jobs.py, line ",
            id="syntax",
            marks=pytest.mark.long,
        ),
        pytest.param(
            lambda text: text + "\nimport no_such_module\n",
            "ModuleNotFoundError: No module named 'no_such_module'",
            id="import",
            marks=pytest.mark.long,
        ),
    ],
)
def test_runs_whose_code_is_broken_end_with_why_and_the_mended_code_clears_the_mark(
    world: World, edit: Callable[[str], str], why: str
) -> None:
    left = killed(world)
    jobs = world.folder / "jobs.py"
    whole = jobs.read_text()
    jobs.write_text(edit(whole))
    world.write(SLOT + HAND + OTHER, workers=3)
    with world.running() as daemon:
        world.until_ended(*left.all)
        assert outcomes(world, *left.begun) == [("failed", "error", 2)] * 3
        assert outcomes(world, left.waiting) == [("failed", "error", 1)]  # without its 3 retries
        assert world.here("list").out.count(f"broken: {why}") == 2
        assert why in world.here("show", "hand").out
        shown = world.here("show", str(left.hand)).out
        assert why in shown
        assert "Lost: the daemon that ran it ended without a word" in shown
        until_log(daemon, 1, "ok     other ")
        jobs.write_text(whole)
        go(world)
        eventually(lambda: succeeds(world, "hand"))  # a worker looks for changed code once a second
        eventually(lambda: "broken" not in world.here("list").out)
    assert len([start for start in world.starts() if start["run"] in left.all]) == 3


@pytest.mark.long
def test_a_function_that_changed_is_what_lost_runs_are_tried_with(world: World) -> None:
    left = killed(world)
    jobs = world.folder / "jobs.py"
    jobs.write_text(jobs.read_text() + "\n\ndef until(path: str) -> str:\n    _began('new')\n    return 'new'\n")
    with world.running():
        world.until_ended(*left.all)
        assert [world.rows("SELECT result FROM runs WHERE id = ?", run)[0][0] for run in left.all] == ['"new"'] * 4
        assert outcomes(world, *left.begun) == [("succeeded", None, 2)] * 3


# -- the tasks ----


@pytest.mark.long
def test_a_changed_schedule_owes_nothing_and_what_was_committed_is_run(world: World) -> None:
    left = killed(world)
    before = world.rows("SELECT max(id) FROM runs")[0][0]
    world.write(SLOT.replace('"1s"', '"1h"') + HAND, workers=3)
    time.sleep(1.5)  # slots of the old schedule pass
    with world.running():
        go(world)
        world.until_ended(*left.all)
        assert outcomes(world, *left.begun) == [("succeeded", None, 2)] * 3
        assert world.rows("SELECT count(*) FROM runs WHERE id > ?", before) == [(0,)]
        assert world.here("list", "--json").json["upcoming"][0]["kind"] == "every"


@pytest.mark.parametrize("renamed", [False, pytest.param(True, marks=pytest.mark.long)], ids=["removed", "renamed"])
def test_slots_of_a_task_that_is_gone_end_removed_and_what_was_asked_for_waits_for_it(
    world: World, renamed: bool
) -> None:
    left = killed(world)
    world.write((SLOT + HAND).replace("[tasks.", "[tasks.new-") if renamed else OTHER, workers=4)
    go(world)
    with world.running():
        world.until_ended(left.slot, left.bare)
        assert outcomes(world, left.slot, left.bare) == [("skipped", "removed", 1), ("succeeded", None, 2)]
        eventually(lambda: world.rows("SELECT count(*) FROM runs WHERE held_by = 'unknown hand'") == [(2,)])
        listed = world.here("list").out
        assert listed.count("no task hand in tasks.toml") == 2
        assert "no task hand in tasks.toml" in world.here("show", str(left.hand)).out
        assert world.rows("SELECT count(*) FROM runs WHERE task = 'slot' AND state <> 'skipped'") == [(0,)]
    world.write(SLOT + HAND)
    with world.running():
        world.until_ended(left.hand, left.waiting)
        assert outcomes(world, left.hand, left.waiting) == [("succeeded", None, 2), ("succeeded", None, 1)]


# -- the file ----


def test_a_renamed_file_finds_no_state_and_says_whose_state_lies_beside_it(world: World) -> None:
    (world.folder / "other.py").write_text("def fine():\n    return 'fine'\n")
    world.write()
    run = world.enqueue("other.fine")
    tasks, renamed = world.folder / "tasks.toml", world.folder / "jobs.toml"
    tasks.rename(renamed)
    for words in (["list", "-f", "jobs.toml"], ["run", "--plain", "--burst", "jobs.toml"]):
        said = world.arr(*words)
        assert said.code == 0
        assert "other.fine" not in said.out
    assert (
        "note: .arr/tasks.toml holds the state of tasks.toml, which is gone. If jobs.toml is that file renamed, "
        "take its state over before you start: mv .arr/tasks.toml .arr/jobs.toml\n"
    ) in said.err
    assert world.state_of(run) == "pending"
    shutil.rmtree(world.folder / ".arr" / "jobs.toml")
    (world.folder / ".arr" / "tasks.toml").rename(world.folder / ".arr" / "jobs.toml")
    assert world.arr("run", "--plain", "--burst", "jobs.toml").code == 0
    assert world.here("show", str(run), "-f", "jobs.toml", "--json").json["run"]["state"] == "succeeded"


# -- the Python ----


def other_python() -> str | None:
    """Another version of Python on this machine that has what arr needs."""
    needed = "import typer, rich, croniter, tomli_w, pydantic, tzlocal, cron_descriptor"
    found = (shutil.which(f"python3.{minor}") for minor in (11, 12, 13, 14) if minor != sys.version_info.minor)
    return next((one for one in found if one and not subprocess.run([one, "-c", needed]).returncode), None)


@pytest.mark.long
def test_another_version_of_python_takes_over_what_the_first_left(world: World) -> None:
    other = other_python()
    if other is None:
        pytest.skip("there is no other Python with what arr needs")
    left = killed(world)
    go(world)
    mine, world.python = world.python, other
    said = world.arr("run", "--plain", "--burst")
    assert said.code == 0, said.err
    world.python = mine
    assert outcomes(world, *left.begun) == [("succeeded", None, 2)] * 3
    with world.running():
        world.until_ended(world.enqueue("hand"), *left.all)
