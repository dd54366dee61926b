"""The pool's end of a supervisor: starts it, gives it orders, hears of births and deaths, outlives it."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from arrcli.worker import kernel
from arrcli.worker.wire import decode, encode

_ROOT: Final = str(Path(__file__).parent.parent.parent)
_START: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop()); from arrcli.worker.supervisor import main; sys.path.pop(0); main()"
)
_MARK: Final = "ARR_SUPERVISOR"
_FAREWELL_S: Final = 6.0
_open: WeakSet[Supervised]


class Supervised:
    """A supervisor process, and the socket to it."""

    def __init__(self, *, environ: Mapping[str, str]) -> None:
        self._mark = secrets.token_hex(8)
        self._unread = b""
        self._complaint = kernel.anonymous_file("arr-complaint")
        self._control, theirs = socket.socketpair()
        self._owner = os.getpid()
        self._process = self._start(theirs, {**environ, _MARK: self._mark})
        self._control.setblocking(False)
        _open.add(self)

    def _start(self, theirs: socket.socket, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """In a session of its own, so that a terminal's Ctrl-C does not reach the workers."""
        control = kernel.out_of_reach(theirs.detach())  # never 0 to 2, where its own streams go
        arguments = [str(control), str(os.getpid()), _ROOT]
        try:
            return subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-P", "-c", _START, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaint,
                pass_fds=[control],
                start_new_session=True,
                env=environ,
            )
        finally:
            os.close(control)

    def fileno(self) -> int:
        return self._control.fileno()

    @property
    def pid(self) -> int:
        return self._process.pid

    def spawn(self, order: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        """Ask for a worker that gets these descriptors."""
        line = encode({**order, "do": "spawn", "descriptors": len(descriptors)}) + b"\n"
        with contextlib.suppress(OSError):  # a supervisor that is gone is noticed by `news`
            socket.send_fds(self._control, [line], list(descriptors))

    def signal(self, index: int, generation: int, number: int) -> None:
        """Send a signal to a worker's whole process group, unless it has ended."""
        order = {"do": "signal", "index": index, "generation": generation, "signal": number}
        with contextlib.suppress(OSError):
            self._control.send(encode(order) + b"\n")

    def news(self) -> list[dict[str, Any]] | None:
        """Births and deaths since the last time; None once the supervisor itself is gone."""
        told: list[dict[str, Any]] = []
        while True:
            try:
                data = self._control.recv(65536)
            except BlockingIOError:
                return told
            except OSError:
                return told or None
            if not data:
                return told or None
            *lines, self._unread = (self._unread + data).split(b"\n")
            told += [decode(line) for line in lines]

    def keep_going(self) -> bool:
        """Continue it where somebody has stopped it: stopped, it would end nothing and bury nobody."""
        if not kernel.has_stopped(self.pid):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
        return True

    def complaint(self) -> str:
        """What it wrote to its standard error: why it could not start."""
        with contextlib.suppress(OSError):
            size = os.fstat(self._complaint).st_size
            return os.pread(self._complaint, 4000, max(0, size - 4000)).decode("utf-8", "replace").strip()
        return ""

    def avenge(self, workers: Sequence[int]) -> None:
        """It died before its workers: kill what is left of them, their descendants in other sessions too."""
        self._process.kill()
        self._process.wait()
        for pid in workers:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self._kill_marked()
        until = time.monotonic() + 1.0
        while time.monotonic() < until and not all(kernel.is_gone(pid) for pid in workers):
            time.sleep(0.001)

    def _kill_marked(self) -> None:
        """Every process that was started with our mark in its environment."""
        mark = f"{_MARK}={self._mark}".encode()
        for pid in kernel.processes() if kernel.LINUX else ():
            with contextlib.suppress(OSError):
                handle = os.pidfd_open(pid)
                try:
                    if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                        signal.pidfd_send_signal(handle, signal.SIGKILL)
                finally:
                    os.close(handle)

    def forget(self) -> None:
        """Close our descriptors: all that a forked copy of this program may do."""
        self._control.close()
        with contextlib.suppress(OSError):
            os.close(self._complaint)
        _open.discard(self)

    def close(self, workers: Sequence[int] = ()) -> None:
        """End it: with our end of the socket closed it kills its workers and all that they started."""
        self._control.close()
        if os.getpid() == self._owner:
            self.keep_going()
            try:
                self._process.wait(_FAREWELL_S)
            except subprocess.TimeoutExpired:
                self.avenge(workers)
        self.forget()


_open = WeakSet()


def pids() -> set[int]:
    """Of the supervisors of this program; for the thread that starts them."""
    return {each.pid for each in _open}


def _forget_all() -> None:
    for each in list(_open):
        each.forget()


os.register_at_fork(after_in_child=_forget_all)
