"""Between a pool and one worker: an inbox of packets, a shared page, a log of outcomes.

The page tells which run has begun and the log is appended to before it says that none has, so that whatever
kills the worker, the pool knows which attempt it was on, and no outcome is lost or counted twice.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any, Final

from arrcli.worker import kernel
from arrcli.worker.wire import decode, encode

PACKET_LIMIT: Final = 32_768
"""Bytes of a packet; longer messages travel as a file whose descriptor the packet carries."""

_ONE_DESCRIPTOR: Final = socket.CMSG_SPACE(4)
_CLOSED_ON_EXEC: Final[int] = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_PAGE: Final = 4096
_PUNCH_STEP: Final = 1 << 20
_LONGEST: Final = 1 << 26
_PID, _RUN, _NUMBER, _WALL, _MONO, _OFFSET, _CPU, _CANCELLED, _SEQ, _TEXT_LENGTH = range(10)
_FRACTION: Final = struct.Struct("=d")
_FRACTION_AT: Final = 80
_SERIAL, _FLOOR = 11, 12
_TEXT_AT: Final = 128
_TEXT_MOST: Final = 400
NO_PROGRESS: Final = -1.0
_HEARD_S: Final = 0.0002
"""After this long what one processor wrote has long reached the other: it takes nanoseconds."""

Key = tuple[int, int]
"""A run's id and the number of its attempt."""


class Page:
    """The shared memory of a pool and a worker: what has begun, how far it is, and whether it was
    cancelled.
    """

    def __init__(self, fd: int) -> None:
        self._map = mmap.mmap(fd, _PAGE)
        self._cells = memoryview(self._map).cast("q")

    @staticmethod
    def create() -> int:
        fd = kernel.anonymous_file("arr-page")
        os.ftruncate(fd, _PAGE)
        return fd

    def introduce(self, pid: int) -> None:
        self._cells[_PID] = pid

    def begin(self, key: Key, *, wall: int, mono: int, offset: int, cpu: int) -> None:
        """The run's cell is written last: who reads it finds the others complete."""
        cells = self._cells
        cells[_NUMBER] = key[1]
        cells[_WALL] = wall
        cells[_MONO] = mono
        cells[_OFFSET] = offset
        cells[_CPU] = cpu
        _FRACTION.pack_into(self._map, _FRACTION_AT, NO_PROGRESS)
        cells[_TEXT_LENGTH] = 0
        cells[_RUN] = key[0]

    def end(self) -> None:
        self._cells[_RUN] = 0

    def begun(self) -> Key | None:
        """The attempt that has begun and whose outcome was not in the log yet."""
        run = self._cells[_RUN]
        return (run, self._cells[_NUMBER]) if run else None

    @property
    def pid(self) -> int:
        return self._cells[_PID]

    @property
    def started(self) -> tuple[int, int, int, int]:
        """Of the begun attempt: wall and monotonic microseconds, where its output begins, CPU used before
        it.
        """
        cells = self._cells
        return cells[_WALL], cells[_MONO], cells[_OFFSET], cells[_CPU]

    def may_begin(self, serial: int) -> bool:
        """The worker's question before each attempt: not, where it was taken back. It is announced before it is asked,
        and `take_back` looks a while after it has spoken: so one of the two always hears of the other.
        """
        self._cells[_SERIAL] = serial
        return self._cells[_FLOOR] <= serial

    def take_back(self, before: int) -> int:
        """The pool's word that nothing of a serial below `before` shall begin any more; the last serial that may have.

        That one the worker tells of: its outcome, or that it gave it back.
        """
        self._cells[_FLOOR] = before
        time.sleep(_HEARD_S)
        return self._cells[_SERIAL]

    def ask_to_stop(self, run_id: int) -> None:
        self._cells[_CANCELLED] = run_id

    def is_asked_to_stop(self, run_id: int) -> bool:
        return self._cells[_CANCELLED] == run_id

    def report(self, fraction: float, text: str) -> None:
        data = text.encode("utf-8", "replace")[:_TEXT_MOST]
        self._cells[_SEQ] += 1
        self._map[_TEXT_AT : _TEXT_AT + len(data)] = data
        self._cells[_TEXT_LENGTH] = len(data)
        _FRACTION.pack_into(self._map, _FRACTION_AT, fraction)
        self._cells[_SEQ] += 1

    def progress(self) -> tuple[float | None, str]:
        """The fraction done (None: not told) and a text; a text that is being written now is left out."""
        before = self._cells[_SEQ]
        length = min(max(self._cells[_TEXT_LENGTH], 0), _TEXT_MOST)
        data = self._map[_TEXT_AT : _TEXT_AT + length]
        fraction: float = _FRACTION.unpack_from(self._map, _FRACTION_AT)[0]
        whole = before % 2 == 0 and before == self._cells[_SEQ]
        return (fraction if fraction >= 0 else None), data.decode("utf-8", "ignore") if whole else ""

    def close(self) -> None:
        self._cells.release()
        with contextlib.suppress(BufferError):
            self._map.close()


class LogWriter:
    """The worker's end of its log: whole lines, at positions of its own."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.position = 0

    def append(self, line: bytes) -> None:
        view = memoryview(line)
        while view:
            written = os.pwrite(self._fd, view, self.position)
            self.position += written
            view = view[written:]


class LogReader:
    """The pool's end: every complete line once; what was read is freed."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._freed = 0
        self.position = 0

    def lines(self) -> Iterator[bytes]:
        while data := os.pread(self._fd, 1 << 20, self.position):
            whole = data.rfind(b"\n") + 1
            if not whole:
                data = self._long_line(len(data))
                whole = len(data)
            if not whole:
                return
            self.position += whole
            yield from data[:whole].splitlines()
        self._free()

    def _long_line(self, so_far: int) -> bytes:
        """A line of more than one reading, or nothing where it is not complete."""
        size = os.fstat(self._fd).st_size - self.position
        if size <= so_far:
            return b""
        data = os.pread(self._fd, size, self.position)
        return data[: data.rfind(b"\n") + 1]

    def _free(self) -> None:
        if self.position - self._freed >= _PUNCH_STEP:
            freed = kernel.punch(self._fd, self._freed, self.position - self._freed)
            self._freed = self.position if freed else self._freed

    def is_too_long(self) -> bool:
        """Where nothing can be freed, a long log asks for a new worker."""
        return self.position - self._freed > _LONGEST


class Channel:
    """The pool's end of everything that it shares with one worker."""

    def __init__(self) -> None:
        self.bell, self._inbox = kernel.packet_pair()
        self.bell.setblocking(False)
        self._page_fd = Page.create()
        self._log_fd = kernel.anonymous_file("arr-log")
        self._stack_fd = kernel.anonymous_file("arr-stack")
        self._stack_from = 0
        self.page = Page(self._page_fd)
        self.log = LogReader(self._log_fd)

    def descriptors(self) -> list[int]:
        """What the worker gets: its inbox, the page, the log, and where its stack goes when it is asked
        for.
        """
        return [self._inbox.fileno(), self._page_fd, self._log_fd, self._stack_fd]

    def expect_stack(self) -> None:
        """From now on `stack` gives what is written next."""
        self._stack_from = os.fstat(self._stack_fd).st_size

    def stack(self) -> str:
        """The stacks of the worker's threads, once they have been written; empty before."""
        return os.pread(self._stack_fd, 1 << 20, self._stack_from).decode("utf-8", "replace")

    def send(self, message: bytes) -> bool:
        """Put a message into the worker's inbox; False where it is full."""
        if len(message) > PACKET_LIMIT:
            return self._send_file(message)
        try:
            self.bell.send(message)
        except OSError:
            return False
        return True

    def _send_file(self, message: bytes) -> bool:
        fd = kernel.anonymous_file("arr-attempt")
        try:
            view = memoryview(message)
            while view:
                view = view[os.write(fd, view) :]
            socket.send_fds(self.bell, [b'{"do":"read"}'], [fd])
        except OSError:
            return False
        finally:
            os.close(fd)
        return True

    def take_back(self) -> list[dict[str, Any]]:
        """The messages that the worker has not read, in order."""
        taken: list[dict[str, Any]] = []
        while (message := receive(self._inbox, socket.MSG_DONTWAIT)) is not None:
            taken.append(message)
        return taken

    def silence(self) -> None:
        """Take the rings that are waiting."""
        with contextlib.suppress(OSError):
            while self.bell.recv(64):
                pass

    def close(self) -> None:
        self.bell.close()
        self._inbox.close()
        self.page.close()
        os.close(self._page_fd)
        os.close(self._log_fd)
        os.close(self._stack_fd)


def receive(inbox: socket.socket, flags: int = 0) -> dict[str, Any] | None:
    """The next message of an inbox; None where there is none (MSG_DONTWAIT) or it is closed."""
    try:
        data, passed, _, _ = inbox.recvmsg(PACKET_LIMIT, _ONE_DESCRIPTOR, flags | _CLOSED_ON_EXEC)
    except BlockingIOError:
        return None
    if passed:
        return decode(_whole(struct.unpack_from("=i", passed[0][2])[0]))
    return decode(data) if data else None


def _whole(fd: int) -> bytes:
    try:
        size = os.fstat(fd).st_size
        return os.pread(fd, size, 0) if size < 1 << 30 else b"".join(_parts(fd, size))
    finally:
        os.close(fd)


def _parts(fd: int, size: int) -> Iterator[bytes]:
    """A single read gives at most 2 GiB."""
    position = 0
    while position < size and (data := os.pread(fd, 1 << 28, position)):
        position += len(data)
        yield data


def ring(inbox: socket.socket) -> None:
    """Wake the pool. A full bell is fine: it has rings to hear anyway."""
    with contextlib.suppress(OSError):
        inbox.send(b"!", socket.MSG_DONTWAIT)


QUIT: Final = encode({"do": "quit"})
