"""The bell: a FIFO by which any process wakes the daemon, in well under a millisecond.

A FIFO rather than a socket: its path may be of any length, and opening it for writing says whether anybody listens.
"""

from __future__ import annotations

import contextlib
import os
import stat
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
        for handle in (self._read, self._hold):
            with contextlib.suppress(OSError):
                os.close(handle)


def ring(path: Path) -> bool:
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
