"""The gate: a flock file before the write lock, so that loops of writers do not starve the daemon.

SQLite's own waiting is a lottery that a busy writer wins again and again. A privileged store (the daemon's) takes the
gate exclusively around its transaction, the others share it before they begin.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from arrcli.errors import StoreError

_PAUSE_S: Final = 0.0005


class Gate:
    """The gate of one store. Who waits longer than `patience` seconds goes on without it: SQLite's lock still
    guards."""

    def __init__(self, path: str, *, privileged: bool, patience: float) -> None:
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self._handle = os.open(path, flags, 0o600)
        except OSError as error:
            raise StoreError(f"{path} cannot be opened ({error.strerror}); remove it where it is a link") from error
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            os.close(self._handle)
            raise StoreError(f"{path} is not a regular file; remove it")
        if os.fstat(self._handle).st_mode & 0o777 == 0:
            os.fchmod(self._handle, 0o600)  # just made, under a umask that takes everything
        self._mode = fcntl.LOCK_EX if privileged else fcntl.LOCK_SH
        self._patience = patience

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Held through the block."""
        held = self._take()
        try:
            yield
        finally:
            if held:
                fcntl.flock(self._handle, fcntl.LOCK_UN)

    def _take(self) -> bool:
        until = time.monotonic() + self._patience
        while True:
            try:
                fcntl.flock(self._handle, self._mode | fcntl.LOCK_NB)
                return True
            except OSError:
                if time.monotonic() >= until:
                    return False
                time.sleep(_PAUSE_S)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._handle)
