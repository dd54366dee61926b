"""The daemon's log: lines to a descriptor whose reader may be slow, stopped (Ctrl-S) or gone, and which another program
that shares it may have made non-blocking."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

BACKLOG: Final = 4 << 20
"""Characters of lines that wait for a reader; from there on the oldest of them give way."""
_AT_ONCE: Final = 4096
_LOOK_S: Final = 1.0


class Log:
    """A thread of its own writes the lines: whoever says something never waits for who reads it.

    Lines that nobody took in time, or that could not be written, are dropped, and `dropped(how_many)` is the line that
    stands in their place. A reader that is gone costs the lines, and nothing else.
    """

    def __init__(self, fd: int, encoding: str, dropped: Callable[[int], str]) -> None:
        self._fd, self._encoding, self._dropped = fd, encoding, dropped
        self._lines: deque[str] = deque()
        self._waiting = self._missing = self._taken = 0
        self._busy = False
        self._changed = threading.Condition()
        threading.Thread(target=self._write_on, name="arr-log", daemon=True).start()

    def say(self, line: str) -> None:
        """Write this line, without its line end, once there is room for it."""
        with self._changed:
            self._lines.append(line)
            self._waiting += len(line)
            while self._waiting > BACKLOG and len(self._lines) > 1:
                self._waiting -= len(self._lines.popleft())
                self._missing += 1
            self._changed.notify_all()

    def miss(self, lines: int) -> None:
        """So many lines were not even said: they are told of with those that were dropped."""
        with self._changed:
            self._missing += lines

    def written(self, *, patience_s: float) -> bool:
        """Wait until all is written; False once nothing at all was taken for so long."""
        with self._changed:
            while not self._idle():
                before = self._taken
                if not self._changed.wait_for(lambda: self._idle() or self._taken != before, patience_s):  # noqa: B023
                    return False
        return True

    def _idle(self) -> bool:
        return not self._busy and not self._lines

    def _write_on(self) -> None:
        while True:
            data, lines = self._next()
            while data:
                try:
                    data = data[os.write(self._fd, data) :]
                except BlockingIOError:
                    select.select([], [self._fd], [], _LOOK_S)
                    continue
                except OSError:  # nobody reads any more, or the disk is full: the work goes on
                    data = b""
                    self.miss(lines)
                with self._changed:
                    self._taken += 1
                    self._busy = bool(data)
                    self._changed.notify_all()

    def _next(self) -> tuple[bytes, int]:
        """Waits for a line; as many as are written at once, which are few: each write shows that the reader lives.

        With them, how many are missing where they are not written.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._lines)
            lines = [self._dropped(self._missing)] if self._missing else []
            count, self._missing, size = self._missing, 0, 0
            while self._lines and size < _AT_ONCE:
                lines.append(self._lines.popleft())
                size += len(lines[-1])
                count += 1
            self._waiting -= size
            self._busy = True
        return "".join(f"{line}\n" for line in lines).encode(self._encoding, "replace"), count
