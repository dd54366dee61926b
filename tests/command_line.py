"""Runs the real `arr`: short verbs to their end, and daemons that are stopped again whatever a test does."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

ARR = [sys.executable, "-m", "arrcli"]
PATIENCE_S = 40.0
"""Nothing takes as long, on the slowest day: a test that waits for it is red."""
_OF_A_TERMINAL = ("COLUMNS", "LINES")


@dataclass(frozen=True)
class Said:
    """What a verb printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(**more: str) -> dict[str, str]:
    """The same for every program, whoever runs the tests: UTC, no colours, a width only where a test gives one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ARR_", *_OF_A_TERMINAL))}
    root = str(Path(__file__).parent.parent)
    return {**kept, "PYTHONPATH": root, "TZ": "UTC", "NO_COLOR": "1", **more}


def arr(folder: Path, *words: str, **more: str) -> Said:
    """`arr WORDS` in a folder."""
    done = subprocess.run(
        [*ARR, *words], cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=60
    )
    return Said(done.returncode, done.stdout, done.stderr)


def here(folder: Path, *words: str, **more: str) -> Said:
    """The same in this process, at a tenth of the cost."""
    from arrcli.cli import exit_code_of

    out, err = _Kept("strict"), _Kept("backslashreplace")
    surroundings = patch.dict(os.environ, environment(**more), clear=True)
    with chdir(folder), surroundings, redirect_stdout(out), redirect_stderr(err):
        code = exit_code_of(words)
    return Said(code, out.text, err.text)


class _Kept(io.TextIOWrapper):
    """A stream that is no terminal, and what was written to it."""

    def __init__(self, errors: str) -> None:
        self._bytes = io.BytesIO()
        super().__init__(self._bytes, encoding="utf-8", errors=errors)

    @property
    def text(self) -> str:
        self.flush()
        return self._bytes.getvalue().decode()


@dataclass
class Daemon:
    """A running `arr run --plain`."""

    process: subprocess.Popen[str]
    log: Path

    @property
    def text(self) -> str:
        return self.log.read_text()

    def until(self, wanted: str | Callable[[str], bool]) -> str:
        """Wait until the log says it; what it says then."""
        seen = wanted if callable(wanted) else lambda text: wanted in text
        return self.read_until(seen, str(wanted))

    def read_until(self, seen: Callable[[str], bool], wanted: str) -> str:
        eventually(
            lambda: seen(self.text) or self.process.poll() is not None,
            lambda: f"no {wanted} in:\n{self.text}",
        )
        assert seen(self.text), f"it ended with {self.process.poll()} before {wanted}:\n{self.text}"
        return self.text

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


def eventually(
    holds: Callable[[], object], why: Callable[[], str] = lambda: "it never came true", *, within: float = PATIENCE_S
) -> None:
    """Poll until it holds, within a bound in seconds."""
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, why()
        time.sleep(0.02)


def plans(folder: Path, pid: int | None) -> bool:
    """This process (None: any) has recovered, and taken its tasks: the lock of the store names more than its pid."""
    from arrcli.host.lock import holder

    facts = [holder(lock) or {} for lock in folder.glob(".arr/*/planner.lock")]
    return any("owner" in each and pid in (None, each["pid"]) for each in facts)


@contextmanager
def running(folder: Path, *words: str, **more: str) -> Iterator[Daemon]:
    """A daemon that has started."""
    log = folder / "daemon.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*ARR, "run", "--plain", *words], cwd=folder, env=environment(**more), stdout=out, stderr=out, text=True
        )
    daemon = Daemon(process, log)
    try:
        eventually(lambda: process.poll() is not None or plans(folder, process.pid), lambda: daemon.text)
        yield daemon
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
