"""The JSON Schema of a tasks file, for editors: made of the same table of keys that loads it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from itertools import combinations
from typing import Any, Final

from pydantic import TypeAdapter

from arrcli.config.shape import TABLES, Key, Shape

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NAMED: Final = {"pools": "pool", "tasks": "task"}
"""The tables that have names of the user's in them, and what each of those is."""
_MEANINGS: Final = {
    "arr": "what holds for the whole file",
    "defaults": "what tasks have where they do not say otherwise",
    "pools": "caps across tasks, by name",
    "tasks": "the tasks, by name",
}
_ONE_OF: Final = ("cron", "every", "at", "after")


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12): every key with its kind, default and meaning; it knows no other keys.

    It knows nothing of zones, cron fields or other tasks: what it takes, `load` may still refuse.
    """
    tables = {_NAMED.get(name, name): _table(shape.meaning, _keys(shape)) for name, shape in TABLES.items()}
    tables["task"]["required"] = ["func"]
    tables["task"]["not"] = {"anyOf": [{"required": list(pair)} for pair in combinations(_ONE_OF, 2)]}
    sections = {name: _section(name) for name in TABLES}
    head = {"$schema": DIALECT, "title": "tasks.toml of arr", "$defs": tables}
    return head | _table("A tasks file of arr.", sections)


def _table(meaning: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "description": meaning, "properties": properties, "additionalProperties": False}


def _section(name: str) -> dict[str, Any]:
    table = {"$ref": f"#/$defs/{_NAMED.get(name, name)}"}
    held = {"type": "object", "additionalProperties": table} if name in _NAMED else table
    return {**held, "description": _MEANINGS[name], "default": {}}


def _keys(shape: Shape) -> dict[str, Any]:
    return {name: _key(key) for name, key in shape.keys.items()}


def _key(key: Key) -> dict[str, Any]:
    kind = TypeAdapter(key.kind).json_schema()
    kind.pop("title", None)
    return {**kind, "description": key.meaning, **_default(key.default)}


def _default(said: str) -> dict[str, Any]:
    """As a value where it is TOML; words, as `none`, are no value."""
    try:
        return {"default": tomllib.loads(f"value = {said}")["value"]}
    except tomllib.TOMLDecodeError:
        return {}
