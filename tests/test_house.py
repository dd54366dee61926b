"""The house holds: data flows one way, and each room knows only what it may."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "arrcli"
FILES = sorted(path.relative_to(HOUSE) for path in HOUSE.rglob("*.py"))

VALUES = {"errors", "clock", "text", "model"}
WORKERS = {"worker", "context"}
MAY: dict[str, set[str]] = {
    "errors": set(),
    "clock": set(),
    "text": set(),
    "model": VALUES,
    "store": VALUES | {"store"},
    "config": VALUES | {"config"},
    "host": VALUES | {"host"},
    "engine": VALUES | {"engine", "store.contract", "store.values", "worker.wire"},
    "worker": WORKERS,
    "context": WORKERS,
    "dashboard": {"model", "text", "dashboard"},
    "doctor": VALUES | {"doctor", "config", "host", "store", "app", "asking"},
}
"""What each room may import of ours; of a room with a dot that module alone. A room that is not here may see all."""

OUTSIDE: dict[str, set[str]] = {
    "croniter": {"model/schedule"},
    "rich": {"dashboard", "cli"},
    "typer": {"cli"},
    "click": {"cli"},
    "pydantic": {"config"},
    "tomli_w": {"config", "cli"},
    "tomllib": {"config", "cli"},
    "sqlite3": {"store"},
}
"""Which rooms know a library. A file's room is its folder under arrcli."""

WALL_CLOCK = {"time", "time_ns", "now", "utcnow", "today"}
STOPWATCH = {"monotonic", "monotonic_ns", "perf_counter"}
TELLERS = {"clock.py", "worker"}
"""Where the time of day may be asked for: workers are other processes, with no clock but the machine's."""
TIMERS = TELLERS | {"store/gate.py", "handle.py", "cli/enqueue.py", "context.py", "demo.py"}
"""Where a wait in real time may be measured besides."""


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse((HOUSE / file).read_text(), str(file))


def room(file: Path) -> str:
    return file.parts[0] if len(file.parts) > 1 else file.stem


def imported(file: Path) -> Iterator[str]:
    """The dotted names of all modules that a file imports, late ones included."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(file: Path, rooms: set[str]) -> bool:
    said = file.as_posix()
    return any(said == each or said.startswith(f"{each}/") for each in rooms)


def modules() -> set[str]:
    return {".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in FILES}


@pytest.mark.parametrize("file", [file for file in FILES if room(file) in MAY], ids=str)
def test_imports_point_inwards(file: Path) -> None:
    may, known = MAY[room(file)], modules()
    ours = {name.removeprefix("arrcli.") for name in imported(file) if name.startswith("arrcli.")}
    wrong = {
        name
        for name in ours & known
        if name not in may and name.split(".")[0] not in may and not any(each.startswith(f"{name}.") for each in may)
    }
    assert wrong == set()


@pytest.mark.parametrize("library", OUTSIDE)
def test_a_library_is_known_in_its_rooms_alone(library: str) -> None:
    users = {file for file in FILES for name in imported(file) if name.split(".")[0] == library}
    assert {str(file) for file in users if not is_within(file, OUTSIDE[library])} == set()


def asking(words: set[str]) -> set[Path]:
    """The files that call one of these on `time`, `datetime` or `date`."""
    return {
        file
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in words
        if node.value.id in {"time", "datetime", "date"}
    }


def test_only_the_clock_is_asked_the_time() -> None:
    assert {str(file) for file in asking(WALL_CLOCK) if not is_within(file, TELLERS)} == set()
    assert {str(file) for file in asking(STOPWATCH) if not is_within(file, TIMERS)} == set()


def test_workers_stand_on_the_standard_library_alone() -> None:
    users = [file for file in FILES if room(file) in {"worker", "context"}]
    roots = {name.split(".")[0] for file in users for name in imported(file)} - {"arrcli"}
    assert roots - sys.stdlib_module_names == set()


def test_values_are_made_the_cheap_way() -> None:
    """What the standard library makes costs a start four times as much. Workers have few, and see no model."""
    users = {str(file) for file in FILES for name in imported(file) if name == "dataclasses.dataclass"}
    assert {file for file in users if not is_within(Path(file), WORKERS | {"context.py", "model/value.py"})} == set()


def test_patterns_are_compiled_when_they_are_first_used() -> None:
    """In the rooms that every verb goes through: a start would pay for all of them, and use a few."""
    common = {"model", "config", "store", "host", "text.py", "errors.py", "app.py", "cli/group.py"}
    seldom = {"config/crontab", "config/locate.py"}
    compiled = {
        str(file)
        for file in FILES
        if is_within(file, common) and not is_within(file, seldom)
        for statement in tree(file).body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for node in ast.walk(statement)
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "re.compile"
    }
    assert compiled == set()


def test_there_are_no_cycles_between_rooms() -> None:
    edges: dict[str, set[str]] = {}
    for file in FILES:
        ours = {name.split(".")[1] for name in imported(file) if name.startswith("arrcli.") and "." in name}
        edges.setdefault(room(file), set()).update(ours - {room(file)})
    inner = [name for name in MAY if name not in WORKERS]
    for name in inner:
        seen: set[str] = set()
        todo = [name]
        while todo:
            for following in edges.get(todo.pop(), set()):
                assert following != name, f"{name} imports itself by way of others"
                if following not in seen:
                    seen.add(following)
                    todo.append(following)


def test_sql_stands_in_the_store_alone() -> None:
    verbs = ("SELECT ", "INSERT ", "UPDATE runs", "DELETE FROM")
    found = {
        str(file)
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(verbs)
    }
    assert {file for file in found if not file.startswith("store/")} == set()


def test_no_room_is_called_after_nothing() -> None:
    assert {file.stem for file in FILES} & {"utils", "util", "helpers", "common", "manager", "misc"} == set()
