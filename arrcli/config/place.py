"""Where something stands in a tasks file: by the names that lead to it, and by line and column."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""`("tasks", "backup", "args", 0)`"""
Point: TypeAlias = tuple[int, int]
"""Line and column, from 1."""


class Place(NamedTuple):
    """Of a key (its last part) and of its value (of a table: its header)."""

    key: Point
    value: Point
