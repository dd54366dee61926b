"""The JSON Schema that editors get."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from arrcli.config.schema import json_schema
from arrcli.config.shape import reference

SCHEMA = json_schema()
EXAMPLE = Path(__file__).parent.parent / "tasks.toml.example"


def takes(schema: dict[str, Any], value: Any) -> bool:
    """Is the value valid? Knows what our schema uses, and no more."""
    if "$ref" in schema:
        schema = {**schema, **SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]}
    known = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "array": list,
        "object": dict,
    }
    value = value.isoformat() if hasattr(value, "isoformat") else value
    if "anyOf" in schema and not any(takes(option, value) for option in schema["anyOf"]):
        return False
    if "not" in schema and takes(schema["not"], value):
        return False
    if "type" in schema and (
        not isinstance(value, known[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean")
    ):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return False
    if isinstance(value, list):
        return all(takes(schema.get("items", {}), element) for element in value)
    if isinstance(value, dict):
        return takes_table(schema, value)
    return True


def takes_table(schema: dict[str, Any], table: dict[str, Any]) -> bool:
    if not set(schema.get("required", [])) <= set(table):
        return False
    others = schema.get("additionalProperties", True)
    return all(
        takes(schema["properties"][key], value)
        if key in schema.get("properties", {})
        else others is not False and (others is True or takes(others, value))
        for key, value in table.items()
    )


def test_the_example_is_valid_under_it() -> None:
    assert takes(SCHEMA, tomllib.loads(EXAMPLE.read_text()))


@pytest.mark.parametrize(
    "text",
    [
        "[arr]\nworkers = 0",
        "[task.x]\nfunc = 'a.b'",
        "[tasks.x]",
        "[tasks.x]\nfunc = 'a.b'\nretrys = 1",
        "[tasks.x]\nfunc = 'a.b'\ncron = '* * * * *'\nevery = '5s'",
        "[tasks.x]\nfunc = 'a.b'\non_overlap = 'no'",
        "[defaults]\nfunc = 'a.b'",
        "[pools.x]\nsize = 'one'",
    ],
)
def test_what_load_refuses_by_shape_is_invalid_under_it(text: str) -> None:
    assert not takes(SCHEMA, tomllib.loads(text))


def test_it_says_its_dialect_and_is_json() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert list(SCHEMA["properties"]) == ["arr", "defaults", "pools", "tasks"]


def test_a_key_has_its_meaning_and_its_default() -> None:
    task = SCHEMA["$defs"]["task"]["properties"]
    assert task["retries"] == {
        "description": "further attempts after one that failed",
        "type": "integer",
        "minimum": 0,
        "maximum": 2147483647,
        "default": 0,
    }
    assert list(task)[:7] == ["func", "args", "kwargs", "cron", "every", "at", "after"]
    assert "default" not in task["timeout"]


def test_every_key_is_described() -> None:
    for table in SCHEMA["$defs"].values():
        assert all(key.get("description") for key in table["properties"].values())
    assert all(key.meaning and key.default for key in reference())
    assert len(reference()) == 6 + 2 + 40
