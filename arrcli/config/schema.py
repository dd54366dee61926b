"""The JSON Schema of a tasks file, for editors: made of the same models that load it."""

from __future__ import annotations

import tomllib
from itertools import combinations
from typing import Any, Final

from arrcli.config.shape import FileShape, TaskShape

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NAMES: Final = {"ArrShape": "arr", "DefaultsShape": "defaults", "PoolShape": "pool", "TaskShape": "task"}
_ONE_OF: Final = ("cron", "every", "at", "after")


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12): every key with its kind, default and meaning; it knows no other keys.

    It knows nothing of zones, cron fields or other tasks: what it takes, `load` may still refuse.
    """
    made = FileShape.model_json_schema(ref_template="#/$defs/{model}")
    plain: dict[str, Any] = _plain(made)
    task = plain["$defs"]["task"]
    task["required"] = ["func"]
    task["not"] = {"anyOf": [{"required": list(pair)} for pair in combinations(_ONE_OF, 2)]}
    task["properties"] = {name: task["properties"][name] for name in _in_order(TaskShape)}
    return {"$schema": DIALECT, "title": "tasks.toml of arr", **plain}


def _in_order(shape: type[TaskShape]) -> list[str]:
    own = [name for name in shape.model_fields if name in shape.__annotations__]
    return [*own, *(name for name in shape.model_fields if name not in own)]


def _plain(node: Any) -> Any:
    """Without pydantic's titles and null defaults; our own names and defaults in their place."""
    if isinstance(node, list):
        return [_plain(element) for element in node]
    if isinstance(node, str):
        return _renamed(node)
    if not isinstance(node, dict):
        return node
    plain = {
        _NAMES.get(key, key): _plain(value)
        for key, value in node.items()
        if key not in ("title", "default", "x-default") or isinstance(value, dict)
    }
    default = node.get("x-default")
    return plain | _default(default) if isinstance(default, str) else plain


def _default(said: str) -> dict[str, Any]:
    """As a value where it is TOML; words, as `none`, are no value."""
    try:
        return {"default": tomllib.loads(f"value = {said}")["value"]}
    except tomllib.TOMLDecodeError:
        return {}


def _renamed(text: str) -> str:
    last = text.removeprefix("#/$defs/")
    return f"#/$defs/{_NAMES[last]}" if last != text else text
