"""Output of attempts that share a process: what a thread or coroutine prints goes to its own attempt's
buffer.
"""

from __future__ import annotations

import io
import sys
import threading
from contextvars import ContextVar
from typing import Any, Final, TextIO

from arrcli.worker.capture import joined

_buffer: ContextVar[Buffer | None] = ContextVar("arr_output", default=None)


class Buffer:
    """The head and the tail of what was written, `most` bytes at most; any thread may write."""

    def __init__(self, most: int) -> None:
        self._head_most = most // 2
        self._tail_most = most - most // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._cut = 0
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        with self._lock:
            room = self._head_most - len(self._head)
            self._head += data[:room]
            self._tail += data[room:]
            if len(self._tail) > 2 * self._tail_most + 4096:
                self._drop()

    def _drop(self) -> None:
        over = len(self._tail) - self._tail_most
        if over > 0:
            self._cut += over
            del self._tail[:over]

    def value(self) -> bytes:
        with self._lock:
            self._drop()
            if not self._cut:
                return bytes(self._head + self._tail)
            return joined(bytes(self._head), self._cut, bytes(self._tail))


def write_to(buffer: Buffer | None) -> None:
    """From here on, what this thread or coroutine prints goes to `buffer`."""
    _buffer.set(buffer)


class RoutedBytes(io.RawIOBase):
    """The bytes under a routed stream, for who writes to `sys.stdout.buffer`."""

    def __init__(self, otherwise: TextIO) -> None:
        self._otherwise = otherwise

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raw = bytes(data)
        buffer = _buffer.get()
        if buffer is not None:
            buffer.write(raw)
        else:
            self._otherwise.write(raw.decode("utf-8", "backslashreplace"))
        return len(raw)


class Routed(io.TextIOBase):
    """A text stream that writes to the current attempt's buffer, and to `otherwise` outside of any."""

    encoding: Final = "utf-8"  # type: ignore[misc]  # the base says str | None, this one knows
    errors: Final = "backslashreplace"  # type: ignore[misc]

    def __init__(self, otherwise: TextIO) -> None:
        self.otherwise = otherwise
        self.buffer = RoutedBytes(otherwise)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return _buffer.get() is None and self.otherwise.isatty()

    def fileno(self) -> int:
        return self.otherwise.fileno()

    def write(self, text: str) -> int:
        buffer = _buffer.get()
        if buffer is None:
            return self.otherwise.write(text)
        buffer.write(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self) -> None:
        if _buffer.get() is None:
            self.otherwise.flush()


def install() -> None:
    """Route this process's `sys.stdout` and `sys.stderr`, once."""
    if not isinstance(sys.stdout, Routed):
        sys.stdout = Routed(sys.stdout)
    if not isinstance(sys.stderr, Routed):
        sys.stderr = Routed(sys.stderr)
