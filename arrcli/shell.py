"""Shell commands as tasks: `func = "arrcli.shell.run"`, `args = ["tar czf backup.tgz /srv"]`."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from arrcli.worker.failure import death


class CommandFailed(Exception):
    """A command exited with another code than 0, or was killed; `returncode` as subprocess has it."""

    def __init__(self, message: str, returncode: int) -> None:
        super().__init__(message)
        self.returncode = returncode


def run(command: str, *, stdin: str | None = None, shell: str = "/bin/sh") -> None:
    """Run a command with a shell; its output is the run's. Raises `CommandFailed` unless it exits with code
    0.

    `stdin` is the text that it reads; none: nothing. When the run is stopped, the command's processes get
    TERM and, after the task's `stop_grace`, KILL.
    """
    with _left_to_the_command():
        done = subprocess.run(  # noqa: S603 - a command is what the user asked for
            [shell, "-c", command],
            input=None if stdin is None else stdin.encode("utf-8", "surrogateescape"),
            stdin=subprocess.DEVNULL if stdin is None else None,
            check=False,
        )
    if done.returncode:
        raise CommandFailed(death(done.returncode), done.returncode)


def pipe(command: list[str], data: object) -> None:
    """Run a program (no shell) with `data` as JSON on its standard input: how a command is told of a failed run.

    Raises `CommandFailed` unless it exits with code 0.
    """
    with _left_to_the_command():
        done = subprocess.run(command, input=json.dumps(data).encode(), check=False)  # noqa: S603 - as asked for
    if done.returncode:
        raise CommandFailed(death(done.returncode), done.returncode)


@contextmanager
def _left_to_the_command() -> Iterator[None]:
    """TERM reaches the whole process group: the command decides what it does about it, this process waits
    for that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    was = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, was)
