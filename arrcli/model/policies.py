"""A task's policies as a tasks file writes them: those that differ from the defaults."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, Final

from arrcli.model.task import Task
from arrcli.model.when import exact

_ELSEWHERE: Final = frozenset(
    {"name", "func", "args", "kwargs", "schedule", "timezone", "start", "until", "enabled", "description", "after"}
)
"""What a page tells in other places."""
_SPANS: Final = frozenset(
    {"jitter", "misfire_grace", "catch_up_window", "expires", "timeout", "stop_grace", "retry_delay"}
    | {"retry_max_delay", "keep_for"}
)


def policies(task: Task) -> list[str]:
    """`timeout = "1h"`, `retries = 3`, in the order of the reference."""
    usual = Task(name="", func="")
    names = (field.name for field in fields(Task) if field.name not in _ELSEWHERE)
    return [
        f"{name} = {_toml(name, getattr(task, name))}" for name in names if getattr(task, name) != getattr(usual, name)
    ]


def _toml(name: str, value: Any) -> str:
    if name in _SPANS and value is not None:
        return json.dumps(exact(value))
    if isinstance(value, tuple):
        return json.dumps(list(value))
    if hasattr(value, "items"):
        return "{ " + ", ".join(f"{key} = {json.dumps(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)
