"""Files, names and arguments that nobody meant: each is told of in a sentence, and nothing else is lost by it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from command_line import Said, eventually
from world import World, resident_mb

TICK = '[tasks.tick]\nfunc = "jobs.note"\nevery = "100ms"\non_overlap = "allow"\n'
HEAD = "[arr]\nworkers = 1\n"

NONSENSE: dict[str, tuple[bytes, str]] = {
    "half a line": (b"[tasks.tick\nfunc =", r"tasks\.toml:1:\d+: a table's name is not closed — [^\n]+"),
    "binary": (bytes(range(256)) * 40, r"tasks\.toml:2:118: the byte 0x80 is not UTF-8 — [^\n]+"),
    "NUL bytes": (b"[arr]\0\0\nworkers = 1\n", r"tasks\.toml:1:6: [^\n]+"),
    "UTF-16": ("[arr]\n".encode("utf-16"), r"tasks\.toml is UTF-16, not UTF-8 — save it as UTF-8"),
    "UTF-16, the other way": (
        b"\xfe\xff" + "[arr]\n".encode("utf-16-be"),
        r"tasks\.toml is UTF-16, not UTF-8 — [^\n]+",
    ),
    "Latin-1": (b'[tasks.t]\nfunc = "caf\xe9.f"\n', r"tasks\.toml:2:12: the byte 0xe9 is not UTF-8 — save [^\n]+"),
    "a key twice": (
        HEAD.encode() + b"workers = 2\n",
        r"tasks\.toml:3:1: this key or table is there twice — remove one",
    ),
    "a table twice": (b"[tasks.a]\n[tasks.a]\n", r"tasks\.toml:2:\d+: this table is there twice — [^\n]+"),
    "a number of 5,000 digits": (
        HEAD.encode() + b"x = " + b"7" * 5000,
        r"tasks\.toml:3:5: a number of thousands of digits — write it in quotes",
    ),
    "5,000 lists in each other": (
        HEAD.encode() + b"x = " + b"[" * 5000 + b"]" * 5000,
        r"tasks\.toml: lists or tables are nested too deeply — a few levels are enough",
    ),
    "100 MB": (b"# 100 MB\n" + b"#" * 100_000_000, r"tasks\.toml is larger than 32 MiB — this is hardly a tasks file"),
    "arguments that are not numbers": (
        b'[tasks.t]\nfunc = "a.b"\nargs = [nan]\n',
        r"tasks\.toml:3:\d+: tasks\.t\.args[^\n]*: [^\n]+",
    ),
    "a name that clears the screen": (
        b'[tasks."\\u001b[2J"]\nfunc = "a.b"\n',
        r"tasks\.toml:1:\d+: [^\n\x1b]+",
    ),
    "a name that reverses": (b'[tasks."\\u202egnp.exe"]\nfunc = "a.b"\n', r"tasks\.toml:1:\d+: [^\n\u202e]+"),
    "a name of 10 kB": (b"[tasks." + b"x" * 10_000 + b']\nfunc = "a.b"\n', r"tasks\.toml:1:\d+: [^\n]{1,1000}"),
    "names of digits, and with a dash": (
        b'[tasks.17]\nfunc = "a.b"\n[tasks.-x]\nfunc = "a.b"\n',
        r"tasks\.toml:1:1: tasks\.17: a name of digits alone is read as a run's id — put a letter to it",
    ),
    "a path for a callable": (b'[tasks.t]\nfunc = "../../etc/passwd"\n', r"tasks\.toml:2:8: tasks\.t\.func: [^\n]+"),
}


def first_line(said: Said) -> str:
    return said.err.splitlines()[0].removeprefix("arr: ")


QUICK = {"5,000 lists in each other", "a name that clears the screen"}


@pytest.mark.parametrize(
    "what", [*sorted(QUICK), *(pytest.param(w, marks=pytest.mark.long) for w in NONSENSE if w not in QUICK)]
)
def test_a_file_of_nonsense_is_refused_with_its_place_and_what_is_wrong(world: World, what: str) -> None:
    data, wanted = NONSENSE[what]
    (world.folder / "tasks.toml").write_bytes(data)
    said = world.arr("run", "--plain", timeout=20)
    assert said.code == 65, said
    assert re.fullmatch(wanted, first_line(said)), said.err[:2000]
    assert len(said.err) < 5000
    assert not [mark for mark in "\x1b\0\u202e" if mark in said.err]
    assert not world.state.exists()
    as_json = world.here("check", "--json").json["error"]
    assert (as_json["kind"], as_json["exit_code"]) == ("config", 65)
    assert re.match(wanted, as_json["faults"][0] if as_json["faults"] else as_json["message"])


def test_a_byte_order_mark_is_no_fault(world: World) -> None:
    (world.folder / "tasks.toml").write_bytes(b"\xef\xbb\xbf" + HEAD.encode() + TICK.encode())
    assert world.here("check").code == 0
    with world.running():
        eventually(lambda: len(world.starts()) > 1)


@pytest.mark.parametrize(
    "whats", [["half a line"], pytest.param(["UTF-16", "5,000 lists in each other", "binary"], marks=pytest.mark.long)]
)
def test_a_file_edited_into_nonsense_keeps_the_old_tasks_and_is_told_of_once_then_mended_it_is_taken(
    world: World, whats: list[str]
) -> None:
    tasks = world.folder / "tasks.toml"
    world.write(TICK)
    with world.running() as daemon:
        for what in whats:
            told = daemon.text.count("reload refused")
            tasks.write_bytes(NONSENSE[what][0])
            daemon.read_until(lambda text: text.count("reload refused") == told + 1, what)  # noqa: B023
        before = len(world.starts())
        eventually(lambda: len(world.starts()) > before + 15)  # at 10 a second: the file was looked at again meanwhile
        assert daemon.text.count("reload refused") == len(whats)
        status = world.here("status")
        assert (status.code, "goes by what" in status.err) == (0, True), status
        world.write(TICK.replace("[tasks.tick]", "[tasks.tock]"))
        daemon.until("reloaded: added tock; removed tick")
        eventually(lambda: world.here("status").err == "")  # the daemon tells of itself once a second


# -- names and arguments

NAMES = (
    *(
        "../..",
        "[/]",
        "\x1b[2J\x1b]52;c;eA==\x07x.y",
        "\u202ex.y",
        "a\nb.c",
        "x" * 10_000,
        "17",
        "..",
        "jobs.",
        "jobs..note",
    ),
    *("/etc/passwd", "1; DROP TABLE runs", "", os.fsdecode(b"\xff.x"), "jobs.note;rm", "jobs note.x", "a:b:c"),
)
"""Neither tasks nor dotted paths."""


def is_one_sentence(said: Said) -> bool:
    """Nothing on stdout, and one line without anything that a terminal would obey."""
    words = said.err.removesuffix("\n")
    return said.out == "" and words.startswith("arr: ") and len(words) < 1100 and words.isprintable()


def refused(world: World, code: int, *words: str) -> None:
    said = world.here(*words)
    assert said.code == code, said
    assert is_one_sentence(said), said


@pytest.mark.parametrize(
    "names", [NAMES[:2], pytest.param(NAMES[2:], marks=pytest.mark.long)], ids=["a few", "the others"]
)
def test_names_of_nothing_are_not_found_and_add_nothing(world: World, names: tuple[str, ...]) -> None:
    world.write(TICK)
    world.enqueue("jobs.note")
    for name in names:
        refused(world, 4, "enqueue", "--", name)
    refused(world, 4, "show", "1; DROP TABLE runs")
    refused(world, 4, "cancel", names[0])
    assert world.rows("SELECT count(*) FROM runs") == [(1,)]


ARGUMENTS: dict[str, int] = {
    "k:=...": 2,
    "k:=": 2,
    "k:=NaN": 2,
    "k:=[-Infinity]": 2,
    "k:=1e400": 2,
    "k:=1 2": 2,
    "k:=" + "1" * 5_000: 2,
    "k:=" + "[" * 100_000: 2,
    "k:=" + "[" * 50_000 + "]" * 50_000: 2,
}


@pytest.mark.parametrize("argument", ["k:=1e400", pytest.param("the others", marks=pytest.mark.long)])
def test_what_must_be_json_and_is_not_is_refused_and_nothing_is_queued(world: World, argument: str) -> None:
    world.enqueue("jobs.note")
    for one in [argument] if argument in ARGUMENTS else ARGUMENTS:
        refused(world, ARGUMENTS[one], "enqueue", "jobs.note", one)
    assert world.rows("SELECT count(*) FROM runs") == [(1,)]


@pytest.mark.long
def test_no_letter_of_an_argument_is_taken_for_an_option(world: World) -> None:
    for word in ("-5h", "-Infinity", "-verify", "-nf", "--verify"):
        refused(world, 2, "enqueue", "jobs.note", word)
    run = world.enqueue("math.fabs", "-1.5e3")
    assert world.run(run)["args"] == [-1500.0]


OPTIONS = (
    ("--key", os.fsdecode(b"\xff")),
    ("--priority", "9" * 30),
    ("--priority", "x"),
    ("--at", "9" * 5000),
    ("--at", "\x1b[2J"),
    ("--in", "1e400s"),
    ("--expires", "99999999d"),
    ("--wait", "--timeout", "soon"),
)


@pytest.mark.long
def test_options_of_nonsense_are_refused_and_nothing_is_queued(world: World) -> None:
    with world.running():
        for words in OPTIONS:
            said = world.here("enqueue", "jobs.note", *words)
            assert (said.code, said.out) == (2, ""), said
            assert is_one_sentence(Said(2, "", said.err.partition("\n")[0])), said
        assert world.rows("SELECT count(*) FROM runs") == [(0,)]


ECHOED = {
    "NaN": "NaN",
    "1e400": "1e400",
    "[NaN]": "[NaN]",
    "9223372036854775808": 1 << 63,
    "1" + "0" * 400: 10**400,
    "1" + "0" * 5_000: "1" + "0" * 5_000,
    "[" * 50_000: "[" * 50_000,
    "\x1b[2J\u202e[/]": "\x1b[2J\u202e[/]",
    os.fsdecode(b"\xff"): "\udcff",
    "x" * 100_000: "x" * 100_000,
    "": "",
    "-5": -5,
    "a\nb": "a\nb",
}


def test_arguments_of_any_kind_reach_the_task_as_they_are(world: World) -> None:
    (world.folder / "echo.py").write_text(
        "import json\ndef back(*args):\n    open('echo.json', 'w').write(json.dumps(args))\n"
        "def fail(text='\\x1b[2J\\u202e\\udcff[/]\\0'):\n    print(repr(text))\n    raise ValueError(text * 50_000)\n"
    )
    with world.running():
        run = int(world.arr("enqueue", "echo.back", "--", *ECHOED).out)
        failed = world.enqueue("echo.fail")
        world.until_ended(run, failed)
        assert json.loads((world.folder / "echo.json").read_text()) == list(ECHOED.values())
        for words in (["show", str(run)], ["show", str(failed)], ["runs"], ["logs", str(failed)]):
            said = world.here(*words)
            assert said.code == 0
            assert not [mark for mark in "\x1b\0\u202e\udcff" if mark in said.out + said.err]
        assert world.run(failed)["error"]["type"] == "ValueError"


@pytest.mark.long
def test_an_argument_of_ten_megabytes_reaches_the_task_and_no_log(world: World) -> None:
    (world.folder / "echo.py").write_text("def size(text):\n    return len(text)\n")
    program = (
        "from arrcli import connect, execute_task\n"
        "with connect('tasks.toml') as app:\n    print(execute_task(app, 'echo.size', {'text': 'x' * 10_000_000}).id)\n"
    )
    with world.running() as daemon:
        words = [sys.executable, "-c", program]
        done = subprocess.run(words, cwd=world.folder, env=world.environment(), capture_output=True, check=True)
        run = int(done.stdout)
        world.until_ended(run)
        assert world.run(run)["result"] == 10_000_000
        said = world.here("runs")
        assert said.code == 0 and len(said.out) < 1000
    assert len(daemon.text) < 5000


ALLOWED = ("[/]", "../..", "$(touch x)", "; rm -rf .", "%s %n", "*", "ünï 日本語", "a'b\"c", "-" * 0 + "x" * 100)
"""Names that tasks may have, odd as they are."""


def test_tasks_of_odd_names_are_run_and_shown_by_their_names(world: World) -> None:
    names = [json.dumps(name, ensure_ascii=False) for name in ALLOWED]
    world.write("".join(f'[tasks.{name}]\nfunc = "jobs.note"\nat = 2020-01-01T00:00:00\n' for name in names))
    with world.running():
        runs = [world.enqueue(name) for name in ALLOWED[:2]]
        world.until_ended(*runs)
        shown = world.here("runs", "--json", "-n", "0").json["runs"]
        assert {run["task"] for run in shown if run["state"] == "succeeded"} == set(ALLOWED[:2])
        assert world.here("show", ALLOWED[0]).code == 0
        listed = world.here("list", "-n", "0")
        assert listed.code == 0
        for name in ALLOWED:
            assert name in listed.out
        assert sorted(path.name for path in world.folder.glob("*") if path.name == "x") == []


# -- many tasks


def many(count: int) -> str:
    lines = (
        f'[tasks.task-{n:06d}]\nfunc = "jobs.note"\ncron = "{n % 60} {n // 60 % 24} * * *"\n' for n in range(count)
    )
    return TICK.replace("100ms", "1s") + "".join(lines)


@pytest.mark.long
@pytest.mark.parametrize(("count", "most_mb"), [(10_000, 200), (100_000, 310)])
def test_thousands_of_tasks_are_loaded_kept_in_little_memory_and_answered_for(
    world: World, count: int, most_mb: int
) -> None:
    world.write(many(count))
    daemon = world.start(ready=False)
    eventually(lambda: len(world.starts()) > 2, lambda: daemon.text[-2000:], within=120)
    assert resident_mb(daemon.process.pid) < most_mb
    listed = world.arr("list", "-n", "3", timeout=120)
    assert listed.code == 0
    assert f"{count + 1} tasks, 3 lines shown" in listed.out + listed.err
    checked = world.arr("check", timeout=240)
    assert checked.code == 0
    assert f"tasks.toml: {count + 1} tasks, all callables found" in checked.err + checked.out
    assert resident_mb(daemon.process.pid) < most_mb
    assert daemon.stop() == 0
