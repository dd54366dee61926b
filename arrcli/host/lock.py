"""A lock that the kernel frees when its holder is gone, however it went.

A flock belongs to the open file, which a fork shares: a forked child gives its copies up at once, or it would keep the
lock of a parent that is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import Any, Final

from arrcli.host.files import cannot, open_private
from arrcli.model.value import dataclass


@dataclass(slots=True)
class Lock:
    """A held flock; `release` or the end of the process gives it up. Never inherited, over a fork or an exec."""

    path: Path
    handle: int
    pid: int
    length: int = 0

    @classmethod
    def take(cls, path: Path, facts: dict[str, Any] | None = None) -> Lock | None:
        """The lock with `facts` written into its file, or None while another process holds it."""
        while True:
            handle = open_private(path, os.O_RDWR | os.O_CREAT)
            taken = _try(handle, fcntl.LOCK_EX)
            if taken and _still_there(handle, path):
                break
            held = not taken and not _try(handle, fcntl.LOCK_SH)
            os.close(handle)
            if held:
                return None
            # Its last holder removed the file between our open and our flock, or somebody only looked who holds it.
        _HELD.add(handle)
        lock = cls(path, handle, os.getpid())
        lock.length = os.fstat(handle).st_size  # written over, which needs no room on a full disk
        try:
            lock.write(facts or {})
        except OSError as error:
            lock.release()
            raise cannot("written", path, error, "look at its disk") from error
        return lock

    def write(self, facts: dict[str, Any]) -> None:
        """Say something new of the holder, for `holder` to read; at no moment is it half said."""
        if self.pid != os.getpid():
            return
        text = json.dumps(facts).encode()
        self.length = max(self.length, len(text))
        os.pwrite(self.handle, text.ljust(self.length), 0)

    def release(self, *, remove: bool = False) -> None:
        """Give it up; `remove` takes the file away too. Nothing in a forked child, which has no part in it."""
        handle, self.handle = self.handle, -1
        if handle < 0 or self.pid != os.getpid():
            return
        if remove:
            self.path.unlink(missing_ok=True)
        _HELD.discard(handle)
        os.close(handle)


_HELD: Final[set[int]] = set()


def _forget_held() -> None:
    for handle in _HELD:
        with contextlib.suppress(OSError):
            os.close(handle)
    _HELD.clear()


os.register_at_fork(after_in_child=_forget_held)


def _try(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _still_there(handle: int, path: Path) -> bool:
    try:
        return os.fstat(handle).st_ino == path.lstat().st_ino
    except FileNotFoundError:
        return False


def holder(path: Path) -> dict[str, Any] | None:
    """What the holder of the lock wrote into it; None while nobody holds it. Takes nothing, creates nothing."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError):  # not there, or no possible name
        return None
    try:
        return None if _try(handle, fcntl.LOCK_SH) else _facts(os.pread(handle, 65536, 0))
    finally:
        os.close(handle)


def _facts(text: bytes) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
