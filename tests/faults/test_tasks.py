"""Tasks that say, raise, return, change or import what nobody expects; many at once, and slower than their period."""

from __future__ import annotations

import os
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from command_line import PATIENCE_S, eventually
from world import World

MIB = 1 << 20


@pytest.fixture(autouse=True)
def _odd(world: World) -> None:
    world.bring("odd")


def settled(
    world: World, *asked: tuple[str, list[Any], dict[str, Any]], within: float = PATIENCE_S
) -> list[dict[str, Any]]:
    """These runs, once a daemon has ended them all; each began once and nothing was lost."""
    with world.running():
        ids = world.ask(*asked)
        world.until_ended(within=within)
        runs = world.runs()
    assert sorted(start["run"] for start in world.starts()) == ids
    return [runs[run] for run in ids]


# -- what it says


@pytest.mark.parametrize("megabytes", [8, pytest.param(100, marks=pytest.mark.long)])
def test_of_much_output_head_and_tail_are_kept_and_every_byte_of_little(world: World, megabytes: int) -> None:
    much, little, endless = settled(
        world,
        ("odd.shout", [megabytes], {"max_output": "64KiB"}),
        ("odd.every_byte", [], {}),
        ("odd.drone", [], {"timeout": "500ms", "stop_grace": "100ms", "max_output": "1MiB"}),
    )
    assert (much["state"], little["state"], endless["reason"]) == ("succeeded", "succeeded", "timed_out")
    said = world.output(much["id"])
    cut = megabytes * MIB + len("the end\n") - 64 * 1024
    assert f"\n... {cut:,} bytes cut ...\n".encode() in said
    assert said.startswith(b"xxx") and said.endswith(b"x\nthe end\n")
    assert 64 * 1024 < len(said) < 65 * 1024
    assert world.output(little["id"]) == bytes(range(256))
    said = world.output(endless["id"])
    assert b"bytes cut" in said and MIB < len(said) < MIB + 100
    assert world.database.stat().st_size < 5 * MIB
    assert list(world.state.rglob("*.out")) == []


# -- what it raises


@pytest.mark.parametrize("executor", ["process", pytest.param("thread", marks=pytest.mark.long)])
def test_whatever_is_raised_is_the_end_of_its_run_and_of_nothing_else(world: World, executor: str) -> None:
    ways: list[tuple[str, Any, tuple[str, str | None, str | None]]] = [
        ("exit_by", None, ("succeeded", None, None)),
        ("exit_by", 0, ("succeeded", None, None)),
        ("exit_by", 1, ("failed", "SystemExit", "exited with code 1")),
        ("exit_by", "so long", ("failed", "SystemExit", "so long")),
        ("throw", "interrupt", ("failed", "KeyboardInterrupt", "")),
        ("throw", "generator", ("failed", "GeneratorExit", "")),
        ("throw", "whim", ("failed", "odd.Whim", "as it likes")),
        ("throw", "wordless", ("failed", "odd.Wordless", "<Wordless whose text raised RuntimeError>")),
        ("throw", "homeless", ("failed", "\\ud800.a\x1b[31m\\ud800", "from nowhere")),
        ("throw", "surrogate", ("failed", "ValueError", "\\ud800 and \x1b]0;title\x07")),
    ]
    names = ("exit_by", "throw", "throw_with_notes", "exit_unprintably", "recurse")
    tasks = [f'[tasks.{name}]\nfunc = "odd.{name}"\nexecutor = "{executor}"\n' for name in names]
    world.write("".join(tasks), workers=1)
    *runs, locked, noted, unprintable, deep = settled(
        world,
        *[(func, [value], {}) for func, value, _ in ways],
        ("throw", ["locked"], {}),
        ("throw_with_notes", [], {}),
        ("exit_unprintably", [], {}),
        ("recurse", [], {}),
    )
    errors = [run["error"] or {} for run in runs]
    told = [(run["state"], e.get("type"), e.get("message")) for run, e in zip(runs, errors, strict=True)]
    assert told == [expected for _, _, expected in ways]
    assert {(each["state"], each["reason"]) for each in (locked, noted, unprintable, deep)} == {("failed", "error")}
    assert locked["error"]["message"].startswith("('locked', <unlocked _thread.lock")
    assert (noted["error"]["type"], noted["error"]["message"]) == ("ValueError", "noted")
    assert noted["error"]["traceback"].endswith("<Unprintable whose text raised SystemExit>\n")
    assert unprintable["error"]["message"] == "<Unprintable whose text raised SystemExit>"
    assert deep["error"]["type"] == "RecursionError"
    assert "[Previous line repeated" in deep["error"]["traceback"]
    assert len(deep["error"]["traceback"]) < 10_000


# -- what it returns


def test_a_result_that_cannot_be_kept_is_null_with_a_note_and_the_run_succeeded(world: World) -> None:
    notes = {
        "object": "the result is not JSON: Object of type object is not JSON serializable",
        "set": "the result is not JSON: Object of type set is not JSON serializable",
        "bytes": "the result is not JSON: Object of type bytes is not JSON serializable",
        "nan": "the result is not JSON: Out of range float values are not JSON compliant",
        "infinity": "the result is not JSON: Out of range float values are not JSON compliant",
        "surrogate": "the result holds text that is not Unicode (a lone surrogate)",
        "huge": "the result is 262,146 bytes of JSON, over the 262,144 that are kept",
        "deep": "the result is nested too deeply",
        "ring": "the result is not JSON: Circular reference detected",
        "digits": "the result is not JSON: Exceeds the limit (4300 digits) for integer string conversion",
        "spiteful": "the result is not JSON: KeyboardInterrupt",
        "unprintable": "the result is not JSON: Object of type Unprintable is not JSON serializable",
    }
    *runs, largest, number = settled(world, *[("odd.give", [name], {}) for name in [*notes, "largest", "number"]])
    assert {run["state"] for run in runs} == {"succeeded"}
    assert [run["result"] for run in runs] == [None] * len(notes)
    told = {name: str(run["result_note"]) for name, run in zip(notes, runs, strict=True)}
    assert {name: said[: len(notes[name])] for name, said in told.items()} == notes
    assert len(largest["result"]) == 256 * 1024 - 2
    assert number["result"] == 10**30


# -- what it changes


def test_the_next_task_sees_none_of_what_the_last_one_changed(world: World) -> None:
    world.write(workers=1)
    before, disorder, after, spoil, last = settled(
        world,
        ("odd.look_around", [], {}),
        ("odd.disorder", [], {}),
        ("odd.look_around", [], {}),
        ("odd.spoil", [], {}),
        ("odd.look_around", [], {}),
    )
    assert {each["state"] for each in (before, disorder, after, spoil, last)} == {"succeeded"}
    assert {each["attempt"] for each in (before, disorder, after, spoil, last)} == {1}
    assert before["result"]["cwd"] == str(world.folder) and before["result"]["stdin"] == ""
    assert after["result"] == before["result"] == last["result"]
    heard = b"heard\nheard too\nheard of a child\n"
    assert [world.output(each["id"]) for each in (before, after, last)] == [heard] * 3


def test_files_that_a_task_leaves_open_are_not_missing_to_the_next(world: World) -> None:
    world.write(workers=1)
    with world.running(through=["sh", "-c", 'ulimit -n 300; exec "$@"', "sh"]):
        leaks = world.ask(*[("odd.leak", [], {})] * 3)
        world.until_ended()
        runs = world.runs()
    assert [runs[run]["state"] for run in leaks] == ["succeeded"] * 3
    assert len({runs[run]["result"] for run in leaks}) == 1
    assert runs[leaks[0]]["result"] > 200


SETTING = """
import os, signal, sys
os.environ["SET"] = "at import"
os.chdir("/")
os.umask(0)
sys.path.append("/appended")
sys.setrecursionlimit(3000)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
def go():
    umask = os.umask(0)
    os.umask(umask)
    found = [os.environ.get("SET"), os.getcwd(), umask, "/appended" in sys.path, sys.getrecursionlimit()]
    return [*found, signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN]
"""


def test_what_a_module_sets_as_it_is_imported_stands_for_each_of_its_runs(world: World) -> None:
    world.write(workers=1)
    (world.folder / "setting.py").write_text(SETTING)
    umask = os.umask(0o077)
    os.umask(umask)
    with world.running():
        ids = world.ask(
            *[("setting.go", [], {})] * 3, ("odd.zone", [], {"env": {"TZ": "Asia/Tokyo"}}), ("odd.zone", [], {})
        )
        world.until_ended()
        runs = world.runs()
    here = str(world.folder)
    assert [runs[run]["result"] for run in ids[:3]] == [["at import", here, umask, True, 3000, True]] * 3
    assert [runs[run]["result"] for run in ids[3:]] == ["JST", "UTC"]


# -- what it imports


IMPORTS = {
    "raises": 'raise ValueError("not today")',
    "exits": "import sys; sys.exit(0)",
    "prints": 'import os; print("imported"); os.write(1, b"by C too\\n")',
    "forks": "import os\nif os.fork() == 0: os._exit(0)\nos.wait()",
    "forks_twice": "import os, time\nif os.fork() == 0: time.sleep(0.2)",
    "vanishes": "import sys; sys.modules[__name__] = None",
    "kills": "import os; os._exit(0)",
    "hangs": "import time; time.sleep(3600)",
}


def test_an_import_may_do_what_it_likes_and_a_timeout_holds_it_too(world: World) -> None:
    for name, body in IMPORTS.items():
        (world.folder / f"imp_{name}.py").write_text(f"{body}\ndef go(): return 'went'\n")
    limits = {"on_lost": "fail", "retry_delay": "0s", "retries": 3}
    hanging = {"timeout": "500ms", "retries": 0}
    with world.running():
        ids = world.ask(*[(f"imp_{name}.go", [], limits | (hanging if name == "hangs" else {})) for name in IMPORTS])
        world.until_ended()
        shown = world.runs()
    runs = {name: shown[run] for name, run in zip(IMPORTS, ids, strict=True)}
    told = {name: (run["state"], run["attempt"], (run["error"] or {}).get("message")) for name, run in runs.items()}
    assert told == {
        "raises": ("failed", 1, "not today"),
        "exits": ("failed", 1, "its import called sys.exit(0)"),
        "prints": ("succeeded", 1, None),
        "forks": ("succeeded", 1, None),
        "forks_twice": ("succeeded", 1, None),
        "vanishes": ("failed", 1, 'imp_vanishes has no "go"'),
        "kills": ("failed", 1, "exited with code 0"),
        "hangs": ("failed", 1, "timed out after 0.5s"),
    }
    assert world.output(runs["prints"]["id"]) == b"imported\nby C too\n"


# -- many, and slow


def test_of_two_hundred_tasks_due_in_one_second_none_is_lost_and_none_runs_twice(world: World) -> None:
    world.write(workers=4)
    with world.running() as daemon:
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)  # which it has taken before
        tasks = [f'[tasks.t{n}]\nfunc = "jobs.note"\nat = {at.isoformat()}\n' for n in range(200)]
        world.write("".join(tasks), workers=4)
        daemon.process.send_signal(signal.SIGHUP)
        eventually(lambda: world.rows("SELECT count(*) FROM runs WHERE state = 'succeeded'") == [(200,)])
        names = world.rows("SELECT task, count(*), min(slot), max(slot) FROM runs GROUP BY task")
    due = int(at.timestamp()) * 1_000_000
    assert sorted(names) == sorted((f"t{n}", 1, due, due) for n in range(200))
    assert Counter(start["attempt"] for start in world.starts()) == {1: 200}
    assert len({start["run"] for start in world.starts()}) == 200


@pytest.mark.parametrize(("period", "most"), [(100, 20), pytest.param(10, 3600, marks=pytest.mark.long)])
def test_of_a_task_slower_than_its_period_each_slot_is_a_run_or_a_recorded_skip(
    world: World, period: int, most: int
) -> None:
    """An hour of them is one of a hundredth of a second each: 3,600 slots."""
    world.write(f'[tasks.slow]\nfunc = "jobs.nap"\nargs = [0.35]\nevery = "{period}ms"\n')
    with world.running():
        eventually(lambda: sum(row[0] for row in world.rows("SELECT count FROM runs")) > most, within=120)
    rows = world.rows("SELECT state, reason, slot, last_slot, count FROM runs WHERE task = 'slow' ORDER BY slot")
    slots: list[int] = []
    for state, reason, slot, last_slot, count in rows:
        assert state == "succeeded" or (state, reason) == ("skipped", "overlap")
        spread = list(range(slot, (last_slot or slot) + 1, period * 1000))
        assert len(spread) == count
        slots += spread
    assert slots == list(range(slots[0], slots[-1] + 1, period * 1000)), "a slot is missing, or there twice"
    assert sum(state == "succeeded" for state, *_ in rows) == len(world.starts())
