"""The terminal itself: whether there is one to draw on, taking it over, giving it back as it was.

Nothing here asks the time, and nothing here is rich's: everything is done with the two descriptors.
"""

from __future__ import annotations

import os
import select
import termios
import tty
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

ENTER: Final = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
"""Alternate screen; no cursor; no wrapping: a glyph wider than we think spoils its own line only."""
LEAVE: Final = b"\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
BEGIN_UPDATE: Final = "\x1b[?2026h"
END_UPDATE: Final = "\x1b[?2026l"
_STOPPED_S: Final = 0.25
"""A terminal that takes nothing for so long is stopped, not slow."""


class Stream(Protocol):
    """As much of `sys.stdin` and `sys.stdout` as is asked."""

    def isatty(self) -> bool: ...

    def fileno(self) -> int: ...


def wants_screen(stdin: Stream, stdout: Stream, environ: Mapping[str, str]) -> bool:
    """Whether the full screen is drawn: both ends are one terminal in the foreground, and nothing says no.

    `TERM=dumb`, `TTY_INTERACTIVE=0` and any value of `ARR_NO_DASHBOARD` say no.
    """
    if environ.get("TERM", "") in ("", "dumb") or environ.get("TTY_INTERACTIVE") == "0":
        return False
    if environ.get("ARR_NO_DASHBOARD"):
        return False
    try:
        return stdin.isatty() and stdout.isatty() and in_foreground(stdin.fileno())
    except (OSError, ValueError, AttributeError):  # closed, or no file at all
        return False


def in_foreground(fd: int) -> bool:
    """False for a job that the shell has put in the background: it may neither read nor draw."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return True  # not our controlling terminal: nobody stops us there


class Terminal:
    """Two descriptors of a terminal. `entered` says whether it is ours now."""

    def __init__(self, reads: int, writes: int) -> None:
        self.reads, self.writes = reads, writes
        self.entered = False
        self._before: list[Any] | None = None
        self._out = _unblocked(writes)

    def enter(self) -> None:
        """Keys come as they are pressed, unechoed (Ctrl-C and Ctrl-Z still signal); the alternate screen."""
        if self.entered:
            return
        if self._before is None:  # later it may be our own modes that are found (stopped from outside)
            self._before = termios.tcgetattr(self.reads)
        self.entered = True
        tty.setcbreak(self.reads, termios.TCSANOW)
        self.write(ENTER)

    def leave(self) -> None:
        """Give the terminal back as it was, once, also where it was stopped by Ctrl-S or is gone."""
        if not self.entered:
            return
        self.entered = False
        with suppress(termios.error, OSError):  # Linux lets a Ctrl-S go only by undoing a stop of our own
            termios.tcflow(self.writes, termios.TCOOFF)
            termios.tcflow(self.writes, termios.TCOON)
        with suppress(OSError):
            self.write(LEAVE)
        if self._before is not None:
            with suppress(termios.error, OSError):
                termios.tcsetattr(self.reads, termios.TCSANOW, self._before)

    def close(self) -> None:
        """Give up the descriptor of one's own; the terminal has been left."""
        if self._out != self.writes:
            os.close(self._out)
            self._out = self.writes

    def size(self) -> tuple[int, int]:
        """Columns and lines; 80x24 where the terminal does not say."""
        try:
            columns, lines = os.get_terminal_size(self.writes)
        except OSError:
            columns = lines = 0
        return (columns, lines) if columns > 0 and lines > 0 else (80, 24)

    def takes_output(self) -> bool:
        """False while the user has stopped it (Ctrl-S): a frame is then left out, not waited for."""
        return bool(select.select([], [self.writes], [], 0)[1])

    def write(self, data: bytes) -> bool:
        """Write it all; False where the user stopped the output in the middle, and the rest was dropped."""
        while data:
            try:
                data = data[os.write(self._out, data) :]
            except BlockingIOError:
                if not select.select([], [self._out], [], _STOPPED_S)[1]:
                    return False
        return True


def _unblocked(fd: int) -> int:
    """A descriptor of one's own on the same terminal, whose writes never wait: the shell's own stays as it is."""
    try:
        return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return fd


class Bell:
    """A pipe that wakes a `select`. `ring` may be called from any thread and from a signal handler."""

    def __init__(self) -> None:
        self.fd, self._end = os.pipe()
        for end in (self.fd, self._end):
            os.set_blocking(end, False)

    def ring(self) -> None:
        with suppress(OSError):  # full: it rings already; closed: nobody listens any more
            os.write(self._end, b"\0")

    def quiet(self) -> None:
        """Take all rings as heard."""
        with suppress(BlockingIOError):
            while os.read(self.fd, 4096):
                pass

    def close(self) -> None:
        """Only once nobody rings any more: the descriptors' numbers are free for others from here on."""
        ends, self.fd, self._end = (self.fd, self._end), -1, -1
        for end in ends:
            os.close(end)
