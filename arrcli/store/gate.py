"""The gate before the write lock, so that loops of writers do not starve the daemon.

SQLite's own waiting is a lottery that a busy writer wins again and again; so is waiting for a flock that others share
by turns. So there are two files: who wants to write passes the turnstile, and holds the gate while it writes. A
privileged store (the daemon's) keeps the turnstile shut from the moment that it wants to write: those inside come out,
nobody else goes in, and it is next.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from arrcli.errors import StoreError

_PAUSE_S: Final = 0.0005


class Gate:
    """The gate of one store. Who waits longer than `patience` seconds goes on without it: SQLite's lock still
    guards."""

    def __init__(self, path: str, *, privileged: bool, patience: float) -> None:
        self._handle = _opened(path)
        try:
            self._turnstile = _opened(f"{path}.turn")
        except BaseException:
            os.close(self._handle)
            raise
        self._privileged = privileged
        self.patience = patience

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Held through the block."""
        with self._inside(self._shut if self._privileged else self._enter, self.patience):
            yield

    def alone(self, within: float) -> AbstractContextManager[bool]:
        """True, and nobody else is inside through the block; False where somebody was still, after so many seconds."""
        return self._inside(self._shut, within)

    @contextmanager
    def _inside(self, take: Callable[[], bool], within: float) -> Iterator[bool]:
        until = time.monotonic() + within
        while not (held := take()) and time.monotonic() < until:
            time.sleep(_PAUSE_S)
        try:
            yield held
        finally:
            if held:
                _let_go(self._handle)
            _let_go(self._turnstile)

    def _shut(self) -> bool:
        """Keep the turnstile shut once it could be, until those who are inside have come out."""
        return _taken(self._turnstile, fcntl.LOCK_EX) and _taken(self._handle, fcntl.LOCK_EX)

    def _enter(self) -> bool:
        if not _taken(self._turnstile, fcntl.LOCK_SH):
            return False
        try:
            return _taken(self._handle, fcntl.LOCK_SH)
        finally:
            _let_go(self._turnstile)

    def close(self) -> None:
        for handle in (self._handle, self._turnstile):
            with contextlib.suppress(OSError):
                os.close(handle)


def _opened(path: str) -> int:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        mend = "remove it" if error.errno in (errno.ELOOP, errno.EMLINK) else "check its owner, mode and disk"
        raise StoreError(f"{path} cannot be opened ({error.strerror}); {mend}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise StoreError(f"{path} is not a regular file; remove it")
    if os.fstat(handle).st_mode & 0o777 == 0:
        os.fchmod(handle, 0o600)  # just made, under a umask that takes everything
    return handle


def _taken(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _let_go(handle: int) -> None:
    fcntl.flock(handle, fcntl.LOCK_UN)
