"""Room on the disk that is set aside, so that what ends can be recorded on a full one.

Most of it lies ahead in the write-ahead log, where nobody else can take it: a commit on a full disk writes over it. A
file beside holds some more, to be given up when even that is used, or to start on a full disk.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LEAST: Final = 1 << 20
"""Bytes. A disk with less free room than this is taken for full."""
AHEAD: Final = 4 << 20
"""Bytes that stay free in the log."""
RESERVE: Final = 4 << 20
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_HEAD: Final = struct.Struct(">8xI4x8s8x")
"""Of a write-ahead log (SQLite's walformat): the size of a page, and the salt that stands in each frame in use too."""
_FRAME: Final = struct.Struct(">8x8s8x")


def is_full(folder: Path | str) -> bool:
    """Whether its disk has less than LEAST free; False where it does not tell."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail) * disk.f_frsize < LEAST


class Reserve:
    """What is set aside for one database; nothing is before `kept`."""

    def __init__(self, database: Path, file: Path) -> None:
        self.file = file
        self._log = Path(f"{database}-wal")
        self._moved: bytes | None = None

    def used(self) -> int:
        """How many bytes of the log are written, from its start: what follows them is room ahead."""
        with self._reading() as log:
            return 0 if log is None or os.pread(log, _HEAD.size, 0) == self._moved else _used(log)

    def moved(self) -> None:
        """All that is written now is in the database, and the next commit begins the log anew, under a new head."""
        with self._reading() as log:
            self._moved = None if log is None else os.pread(log, _HEAD.size, 0)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[int | None]:
        try:
            log = _opened(self._log, os.O_RDONLY)  # unlike the index, it has no locks
        except OSError:
            log = None
        try:
            yield log
        finally:
            if log is not None:
                os.close(log)

    def wants(self) -> bool:
        """There is too little ahead in the log."""
        return size_of(self._log) < self.used() + AHEAD

    def kept(self) -> bool:
        """All is set aside: the log (which nobody may be writing) is grown, and the file made, where need be.

        False where the disk has no room for that; True too where another reason forbids it: then there is none.
        """
        if not _grown(self._log, self.used() + 2 * AHEAD if self.wants() else 0, os.O_RDWR):
            return False
        return _grown(self.file, RESERVE, os.O_RDWR | os.O_CREAT)

    def given_up(self) -> int:
        """Give the file's room back to the disk; how many bytes."""
        there = size_of(self.file)
        with contextlib.suppress(OSError):
            handle = _opened(self.file, os.O_RDWR)
            try:
                os.ftruncate(handle, 0)
            finally:
                os.close(handle)
        return there

    def lengthen_log(self, by: int) -> None:
        """Take so much room for the log, which nobody may be writing, as long as it is to be had."""
        _grown(self._log, size_of(self._log) + by, os.O_RDWR)


def _used(log: int) -> int:
    head = os.pread(log, _HEAD.size, 0)
    if len(head) < _HEAD.size:
        return 0
    page, salt = _HEAD.unpack(head)
    step = int(page) + _FRAME.size
    low, high = 0, (os.fstat(log).st_size - _HEAD.size) // step
    while low < high:  # the frames in use come first
        middle = (low + high) // 2
        (found,) = _FRAME.unpack(os.pread(log, _FRAME.size, _HEAD.size + middle * step))
        low, high = (middle + 1, high) if found == salt else (low, middle)
    return _HEAD.size + low * step


def _opened(path: Path, flags: int) -> int:
    """A regular file, never through a link; OSError of anything else, and no wait for a FIFO's other end."""
    handle = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return handle


def size_of(path: Path) -> int:
    """0 where there is no such file."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _grown(path: Path, size: int, flags: int) -> bool:
    """The file has this size at least, its room taken; False, and it is as it was, where the disk is full."""
    there = size_of(path)
    if there >= size:
        return True
    try:
        handle = _opened(path, flags)
    except OSError as error:
        return error.errno not in _FULL
    try:
        _allocate(handle, there, size - there)
    except OSError as error:
        os.ftruncate(handle, there)
        return error.errno not in _FULL
    finally:
        os.close(handle)
    return True


def _allocate(handle: int, start: int, length: int) -> None:
    """Append zeros that have their place on the disk; written ones, for what was only promised a place is written in at
    the cost of a file that grows."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, start, length)
    zeros = bytes(1 << 16)
    for place in range(start, start + length, len(zeros)):
        os.pwrite(handle, zeros[: start + length - place], place)
