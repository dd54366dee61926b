"""What the tests' tasks do. Each first writes that it began, with an append that no kill can halve."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from arrcli.context import current_run


def _began(name: str) -> None:
    said = {
        "name": name,
        "run": current_run().id,
        "attempt": current_run().attempt,
        "at": time.time(),
    }
    log = os.open(os.environ["JOBS_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(log, json.dumps(said).encode() + b"\n")
    os.close(log)


def note() -> None:
    _began("note")


def nap(seconds: float = 1.0) -> None:
    _began("nap")
    time.sleep(seconds)


def until(path: str) -> None:
    """Goes on until there is such a file."""
    _began("until")
    while not Path(path).exists():
        time.sleep(0.01)


def forever() -> None:
    _began("forever")
    while True:
        time.sleep(0.05)


def big(kib: int = 200, seconds: float = 1.0) -> str:
    """A result of so many KiB that no packing makes smaller."""
    _began("big")
    time.sleep(seconds)
    return os.urandom(kib * 512).hex()


def talk(path: str) -> str:
    """Says much once there is such a file."""
    until(path)
    for number in range(2000):
        print("line", number)
    print("more", file=sys.stderr)
    return "said"


def die(code: int = 3) -> None:
    _began("die")
    os._exit(code)


def stop_itself() -> None:
    _began("stop_itself")
    os.kill(os.getpid(), signal.SIGSTOP)
