"""What attempts write: one append file a worker, as its descriptors 1 and 2.

It catches prints, logging, C and child processes alike, costs nothing where nothing is written, and `arr
logs -f` reads it live. Positions only grow: what the pool has read is punched out, so no offset ever moves.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import secrets
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import Any, Final, TextIO

from arrcli.worker import kernel

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_PUNCH_STEP: Final = 1 << 20
_LONGEST: Final = 1 << 26
"""Without hole punching, a file that has grown past this asks for a new worker."""


class OutputFile:
    """The pool's end of a worker's output."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}-{secrets.token_hex(4)}.out"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self.fd = os.open(self.path, flags, 0o600)
        os.fchmod(self.fd, 0o600)
        with contextlib.suppress(OSError):
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._freed = self._end = 0

    def live(self, offset: int) -> str:
        """Where the output of an attempt that began at `offset` can be read: `FILE:OFFSET`."""
        return f"{self.path.name}:{offset}"

    def size(self) -> int:
        return os.fstat(self.fd).st_size

    def read(self, start: int, end: int, most: int) -> bytes:
        """What was written from `start` to `end`, its head and tail where it is more than `most` bytes."""
        if end - start <= most:
            return self._part(start, end)
        head, tail = self._sides(most)
        return joined(self._part(start, start + head), end - start - head - tail, self._part(end - tail, end))

    def shrink(self, start: int, most: int) -> None:
        """Free the middle of what a running attempt has written, which `read` would leave out anyway."""
        head, tail = self._sides(most)
        kernel.punch(self.fd, start + head, self.size() - tail - start - head)

    def forget(self, end: int) -> None:
        """Free what lies before `end`: it has been read for good."""
        self._end = end
        if end - self._freed >= _PUNCH_STEP and kernel.punch(self.fd, self._freed, end - self._freed):
            self._freed = end

    def is_too_long(self) -> bool:
        return self._end - self._freed > _LONGEST

    def close(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.fd)

    def _sides(self, most: int) -> tuple[int, int]:
        return most // 2, most - most // 2

    def _part(self, start: int, end: int) -> bytes:
        parts = []
        while start < end and (data := os.pread(self.fd, min(end - start, 1 << 24), start)):
            parts.append(data)
            start += len(data)
        return b"".join(parts)


def joined(head: bytes, cut: int, tail: bytes) -> bytes:
    """Head and tail with a note between them; no character is split."""
    whole_head = head.decode("utf-8", "ignore").encode() if _ends_inside(head) else head
    whole_tail = tail[:3].lstrip(_CONTINUATION) + tail[3:]
    cut += len(head) - len(whole_head) + len(tail) - len(whole_tail)
    return whole_head + f"\n... {cut:,} bytes cut ...\n".encode() + whole_tail


_CONTINUATION: Final = bytes(range(0x80, 0xC0))


def _ends_inside(head: bytes) -> bool:
    """Whether the last character is cut, in bytes that are text so far."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4
    return False


def sweep(folder: Path) -> None:
    """Remove the files of workers that are no more: the kernel has dropped their locks."""
    for path in folder.glob("*.out"):
        with contextlib.suppress(OSError):
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(fd)


class Streams:
    """The worker's end: its output file is descriptors 1 and 2, /dev/null is 0, and they stay so whatever an
    attempt does to them. Takes over `fd`, which is out of a task's reach.
    """

    def __init__(self, fd: int) -> None:
        self._spare = fd
        self._null = kernel.out_of_reach(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        self._redirect()
        self._open()
        kernel.line_buffer_c()
        _set_up_logging()

    def position(self) -> int:
        """The end of what was written so far."""
        return os.lseek(self._spare, 0, os.SEEK_END)

    def settle(self) -> int:
        """Flush everything, put the streams back as they were, and give the end of the attempt's output."""
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)
        if sys.stdout is not self._out or sys.stderr is not self._err:
            _flush(self._out)
            _flush(self._err)
        kernel.flush_c()
        if self._raw[0].lost or self._raw[1].lost:
            self._tell_of_loss()
        end = self.position()
        self._redirect()  # at half the cost of looking whether the task put something else there
        if self._out.closed or self._err.closed or self._in.closed:
            self._open()
        elif sys.stdout is not self._out or sys.stderr is not self._err or sys.stdin is not self._in:
            sys.stdin, sys.stdout, sys.stderr = self._in, self._out, self._err
        return end

    def _redirect(self) -> None:
        os.dup2(self._null, 0)
        for number in (1, 2):
            os.dup2(self._spare, number)

    def _open(self) -> None:
        self._in = sys.stdin = sys.__stdin__ = open(0, closefd=False)  # type: ignore[misc]  # noqa: SIM115
        self._raw = _Roomy(1, "w", closefd=False), _Roomy(2, "w", closefd=False)
        self._out = sys.stdout = sys.__stdout__ = _text_file(self._raw[0])  # type: ignore[misc]  # as at start
        self._err = sys.stderr = sys.__stderr__ = _text_file(self._raw[1])  # type: ignore[misc]

    def _tell_of_loss(self) -> None:
        lost = sum(raw.lost for raw in self._raw)
        for raw in self._raw:
            raw.lost = 0
        with contextlib.suppress(OSError):
            os.write(self._spare, f"\n... {lost:,} bytes lost: the disk was full ...\n".encode())


class _Roomy(FileIO):
    """What a full disk does not take is lost, and counted; no attempt fails because of what it prints."""

    lost = 0

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self.lost += len(data)
            return len(data)


def _text_file(raw: FileIO) -> TextIOWrapper[Any]:
    buffered = BufferedWriter(raw)
    return TextIOWrapper(buffered, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _flush(stream: Any) -> None:
    try:
        stream.flush()
    except BaseException:  # a task may have put anything there; suppress() would cost twice what the flush does
        return


class _ToStderr(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stderr` is at the moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self, logging.INFO)
        self.formatter = logging.Formatter("%(levelname)s %(name)s: %(message)s")

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # as logging's own handler of last resort has it
        return sys.stderr


def _set_up_logging() -> None:
    """Records from INFO up reach stderr until the task's code sets logging up itself: `basicConfig` still
    works.
    """
    logging.lastResort = _ToStderr()
    logging.getLogger().setLevel(logging.INFO)
