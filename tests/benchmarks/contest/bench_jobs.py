"""What is executed in every discipline, by every contender: plain functions that leave stamps in files."""

from __future__ import annotations

import os
import time

_files: dict[str, int] = {}


def noop() -> None:
    """Nothing."""


def failing() -> None:
    raise ValueError("it always fails")


def stamp(path: str) -> None:
    """The time now."""
    append(path, f"{time.time_ns()}\n")


def started(path: str, asked: int, spend_s: float = 0.0) -> None:
    """When it was asked for, when it started, and when it ended after so long."""
    begun = time.time_ns()
    if spend_s:
        time.sleep(spend_s)
    append(path, f"{asked} {begun} {time.time_ns()}\n")


def append(path: str, line: str) -> None:
    """One write of a whole line, so that those of several processes do not mix."""
    if path not in _files:
        _files[path] = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(_files[path], line.encode())
