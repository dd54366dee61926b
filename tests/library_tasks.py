"""Callables that the library's tests run, also in worker processes."""

from __future__ import annotations

import os
import threading
import time
from datetime import datetime
from typing import Any

from arrcli import task

tried: dict[str, int] = {}


def add(a: int, b: int = 1) -> int:
    return a + b


def given(*args: Any, **kwargs: Any) -> list[Any]:
    return [list(args), kwargs]


def pid() -> int:
    return os.getpid()


def fail() -> None:
    raise ValueError("as asked for")


def fails_twice(name: str) -> int:
    tried[name] = tried.get(name, 0) + 1
    if tried[name] < 3:
        raise OSError("not yet")
    return tried[name]


opened = threading.Event()


def wait_for_it() -> str:
    assert opened.wait(20)
    return "done"


def endless() -> None:
    while True:
        time.sleep(0.01)


@task("when-due", retries=2)
def when_due(*, time: datetime) -> str:
    return time.isoformat()


@task
def plain(x: int) -> int:
    return x * 2
