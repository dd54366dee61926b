"""A lock that the kernel frees when its holder is gone, however it went."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arrcli.host.files import open_private


@dataclass(slots=True)
class Lock:
    """A held flock; `release` or the end of the process gives it up. Never inherited: the descriptor closes on exec."""

    path: Path
    handle: int
    pid: int

    @classmethod
    def take(cls, path: Path, facts: dict[str, Any] | None = None) -> Lock | None:
        """The lock with `facts` written into its file, or None while another process holds it."""
        while True:
            handle = open_private(path, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(handle)
                return None
            if _still_there(handle, path):
                break
            os.close(handle)  # its last holder removed the file between our open and our flock
        lock = cls(path, handle, os.getpid())
        lock.write(facts or {})
        return lock

    def write(self, facts: dict[str, Any]) -> None:
        """Say something new of the holder, for `holder` to read."""
        text = json.dumps(facts).encode()
        os.pwrite(self.handle, text, 0)
        os.ftruncate(self.handle, len(text))

    def release(self, *, remove: bool = False) -> None:
        """Give it up; `remove` takes the file away too. A forked child's copy only closes."""
        if self.handle < 0:
            return
        if remove and self.pid == os.getpid():
            self.path.unlink(missing_ok=True)
        os.close(self.handle)
        self.handle = -1


def _still_there(handle: int, path: Path) -> bool:
    try:
        return os.fstat(handle).st_ino == path.lstat().st_ino
    except FileNotFoundError:
        return False


def holder(path: Path) -> dict[str, Any] | None:
    """What the holder of the lock wrote into it; None while nobody holds it. Takes nothing, creates nothing."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _facts(os.pread(handle, 65536, 0))
    finally:
        os.close(handle)
    return None


def _facts(text: bytes) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
