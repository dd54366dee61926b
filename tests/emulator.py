"""A terminal that a test can read: a program on a pty, and what its screen shows, cell by cell."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyte
from command_line import ARR, PATIENCE_S, environment


class Emulator:
    """`arr WORDS` in a terminal of so many columns and lines."""

    def __init__(self, folder: Path, words: Sequence[str], columns: int, lines: int, **more: str) -> None:
        self._fd, self._child = pty.openpty()
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = b""
        self._set_size(columns, lines)
        names = {"TERM": "xterm-256color", "NO_COLOR": "", **more}
        self.process = subprocess.Popen(
            [*ARR, *words],
            cwd=folder,
            env={name: text for name, text in environment(**names).items() if text},
            stdin=self._child,
            stdout=self._child,
            stderr=self._child,
            start_new_session=True,
            preexec_fn=self._take_terminal,
        )

    def _take_terminal(self) -> None:
        import fcntl

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def _set_size(self, columns: int, lines: int) -> None:
        termios.tcsetwinsize(self._child, (lines, columns))

    def resize(self, columns: int, lines: int) -> None:
        self._set_size(columns, lines)
        self.screen.resize(lines, columns)
        self.process.send_signal(signal.SIGWINCH)

    @property
    def lines(self) -> list[str]:
        """What the screen shows; a character of two cells counts as one."""
        return [line.rstrip() for line in self.screen.display]

    def column(self, at: int) -> str:
        """The characters of one column of cells, from top to bottom."""
        return "".join(self.screen.buffer[line][at].data for line in range(self.screen.lines))

    def press(self, *keys: str) -> None:
        for key in keys:
            os.write(self._fd, key.encode())

    def until(self, wanted: str | Callable[[list[str]], object], *, within: float = PATIENCE_S) -> list[str]:
        """Read on until the screen shows it; a failure shows the screen."""
        seen = wanted if callable(wanted) else lambda lines: any(wanted in line for line in lines)
        end = time.monotonic() + within
        while not (self._is_whole and seen(self.lines)):
            left = end - time.monotonic()
            assert left > 0, f"no {wanted!r} on:\n" + "\n".join(self.lines)
            self._read(left)
        return self.lines

    @property
    def _is_whole(self) -> bool:
        """No frame is under way: what a screen shows in the middle of one it never shows."""
        return self.sent.rfind(b"\x1b[?2026h") <= self.sent.rfind(b"\x1b[?2026l")

    def _read(self, seconds: float) -> None:
        if select.select([self._fd], [], [], seconds)[0]:
            with suppress(OSError):
                data = os.read(self._fd, 65536)
                self.sent += data
                self._stream.feed(data)

    def read_for(self, seconds: float) -> None:
        """Take what comes in that time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read(left)

    def ends(self) -> int:
        """Its exit code; what it still writes is read, so that it does not wait for us."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < end, "it does not end"
            self._read(0.05)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._fd)
        os.close(self._child)


@contextmanager
def emulated(folder: Path, *words: str, size: tuple[int, int] = (80, 24), **more: str) -> Iterator[Emulator]:
    """A program in an emulated terminal, ended whatever the test does."""
    emulator = Emulator(folder, words, *size, **more)
    try:
        yield emulator
    finally:
        emulator.close()
