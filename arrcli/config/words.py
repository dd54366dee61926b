"""Pydantic's findings in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, get_args

from pydantic_core import ErrorDetails

from arrcli.config.faults import Fault, meant, quoted, shown
from arrcli.config.kinds import MOST, REFUSED
from arrcli.config.place import Path
from arrcli.config.shape import FIRST, TABLES

Words: TypeAlias = Callable[[Any, Mapping[str, Any], Path], str]
"""(value, context, path) -> what is wrong with it, and how to mend it."""

OTHER_NAMES: Final = {
    "call": "func",
    "callable": "func",
    "command": 'func = "arrcli.shell.run", args = ["..."]',
    "cmd": 'func = "arrcli.shell.run", args = ["..."]',
    "shell": 'func = "arrcli.shell.run", args = ["..."]',
    "schedule": "cron",
    "interval": "every",
    "tz": "timezone",
    "depends_on": "after",
    "max_instances": "max_concurrent",
    "concurrency": "max_concurrent",
    "environment": "env",
    "working_dir": "cwd",
    "workdir": "cwd",
    "kill_after": "timeout",
}
"""What other schedulers call our keys."""


def faults_of(errors: Iterable[ErrorDetails], path: Path) -> list[Fault]:
    """A fault of each error in the value at that path."""
    return [_fault(error, (*path, *error["loc"])) for error in errors]


def _fault(error: ErrorDetails, path: Path) -> Fault:
    words = WORDS.get(error["type"])
    said = words(error["input"], error.get("ctx", {}), path) if words else error["msg"]
    return Fault(path, said)


def unknown_key(path: Path) -> str:
    """What to say of a key that its table does not know: the one that was meant, or where it belongs."""
    word, table = str(path[-1]), str(path[0]) if len(path) > 1 else ""
    said = f"unknown key {quoted(word)}"
    if table == "defaults" and word in FIRST:
        return f"{quoted(word)} has no default — write it in each task"
    known = list(TABLES[table].keys if table else TABLES)
    if word in OTHER_NAMES and table in ("tasks", "defaults"):
        other = OTHER_NAMES[word]
        return f"{said} — it is called {quoted(other) if other.isidentifier() else other} here"
    if near := meant(word, known):
        return said + near
    homes = (name for name in ("arr", "tasks", "pools") if word in TABLES[name].keys)
    if home := next(homes, None):
        return f"{said} — it belongs in {_header(home)}"
    if len(known) <= 8:
        return f"{said} — the keys are: {', '.join(known)}"
    return f"{said} — arr export --schema lists all there are"


def _header(table: str) -> str:
    return f"[{table}.NAME]" if table in ("pools", "tasks") else f"[{table}]"


def no_table(value: Any, path: Path) -> str:
    """What to say of a value that stands where a table belongs."""
    name = ".".join(str(part) for part in path)
    if len(path) > 3 or not name.replace(".", "").replace("_", "").replace("-", "").isalnum():
        return f"{shown(value)} stands where a table belongs — write {{ key = value }}"
    if path[-1] in ("env", "kwargs"):
        return f"{shown(value)} stands where a table belongs — write {path[-1]} = {{ key = value }}"
    header = _header(name) if len(path) == 1 else f"[{name}]"
    return f"{shown(value)} stands where a table belongs — write {header}, and its keys in the lines below"


def _text(value: Any, _: Mapping[str, Any], __: Path) -> str:
    fix = "write it in quotes" if isinstance(value, str | int | float) else 'write "text"'
    return f"{shown(value)} is not text — {fix}"


def _list(value: Any, _: Mapping[str, Any], __: Path) -> str:
    inside = f'"{value}"' if isinstance(value, str) and value.isalnum() else "..."
    return f"{shown(value)} is not a list — write [{inside}]"


def _choice(value: Any, context: Mapping[str, Any], path: Path) -> str:
    choices = _choices(path)
    said = f"{shown(value)} is not one of {', '.join(choices)}"
    return said + (meant(value, choices) if isinstance(value, str) else "")


def _choices(path: Path) -> list[str]:
    """The words that the key at that path may be."""
    return [str(word) for word in get_args(TABLES[str(path[0])].keys[str(path[-1])].kind)]


def _plain(said: str) -> Words:
    return lambda value, context, path: f"{shown(value)} {said}"


WORDS: Final[Mapping[str, Words]] = {
    REFUSED: lambda value, context, path: str(context["what"]),
    "string_type": _text,
    "bool_type": _plain("is not true or false — write one of the two, without quotes"),
    "int_type": _plain("is not a whole number — write digits, without quotes"),
    "int_from_float": _plain("is not a whole number — leave the fraction out"),
    "greater_than_equal": lambda value, context, path: f"{shown(value)} is below the least, {context['ge']}",
    "less_than_equal": _plain(f"is above the most, {MOST}"),
    "list_type": _list,
    "dict_type": lambda value, context, path: no_table(value, path),
    "literal_error": _choice,
}
