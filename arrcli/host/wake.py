"""The bell: a FIFO by which any process wakes the daemon, in well under a millisecond.

A FIFO rather than a socket: its path may be of any length, and opening it for writing says whether anybody listens.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
from collections.abc import Iterable
from pathlib import Path

from arrcli.errors import StoreError


class Bell:
    """The listening end. `fileno` becomes readable when somebody rang."""

    def __init__(self, path: Path) -> None:
        """Make the FIFO (0600) where it is missing; anything else in its place is a StoreError."""
        self.path = path
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISFIFO(os.lstat(path).st_mode):
                raise StoreError(f"{path} is in the place of arr's wake-up and is no FIFO; remove it")
            path.unlink()
        os.mkfifo(path, 0o600)
        path.chmod(0o600)
        flags = os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        self._read = os.open(path, os.O_RDONLY | flags)
        self._hold = os.open(path, os.O_WRONLY | flags)  # so that the last ringer's close is no end of file

    def fileno(self) -> int:
        return self._read

    def quiet(self) -> bool:
        """Forget all rings; True where there was one."""
        rung = False
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read, 65536):
                rung = True
        return rung

    def close(self) -> None:
        self.path.unlink(missing_ok=True)
        self.let_go()

    def let_go(self) -> None:
        """Close only, as a forked child does: the FIFO stays its parent's."""
        for handle in (self._read, self._hold):
            with contextlib.suppress(OSError):
                os.close(handle)


class Waiter:
    """Waits for any of several descriptors, for the bell, or for `wake` from another thread or a signal handler."""

    def __init__(self, bell: Bell | None = None) -> None:
        self._bell = bell
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else _pipe()

    def listen(self, bell: Bell) -> None:
        """Wait for this bell too, from now on; by the thread that waits."""
        self._bell = bell

    def wait(self, filenos: Iterable[int], timeout_us: int) -> bool:
        """Wait at most so long; True when somebody rang or woke, False when only a descriptor or the time did."""
        poll = select.poll()  # made anew: a number may be another descriptor than it was at the last wait
        for handle in {self._out, *filenos, *(() if self._bell is None else (self._bell.fileno(),))}:
            poll.register(handle, select.POLLIN)
        ready = {handle for handle, _ in poll.poll(-(-max(0, timeout_us) // 1000))}
        called = False
        if self._out in ready:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._out, 4096):
                    called = True
        if self._bell is not None and self._bell.fileno() in ready:
            called = self._bell.quiet() or called
        return called

    def wake(self) -> None:
        """Make `wait` return; safe in a signal handler and from any thread."""
        with contextlib.suppress(OSError):
            os.write(self._in, b".")

    def close(self) -> None:
        for handle in (self._out, self._in):
            with contextlib.suppress(OSError):
                os.close(handle)


def _pipe() -> tuple[int, int]:
    out, into = os.pipe()
    os.set_blocking(out, False)
    os.set_blocking(into, False)
    return out, into


def ring(path: Path | str) -> bool:
    """Wake whoever listens at `path`; False when nobody does."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        if not stat.S_ISFIFO(os.fstat(handle).st_mode):
            return False
        os.write(handle, b".")
    except BlockingIOError:
        return True  # full of rings already
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
