"""A terminal without a person: a pseudo-terminal, what a daemon has sent to it, and the picture that this makes."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from command_line import ARR, PATIENCE_S, Daemon, eventually
from world import World, kill

from arrcli.dashboard.cells import width_of

ENTER, LEAVE, SHOW_CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"
CTRL_C, CTRL_Q, CTRL_S, CTRL_Z = "\x03", "\x11", "\x13", "\x1a"
_SEQUENCE: Final = re.compile(r"\x1b\[(\?)?([0-9;]*)([A-Za-z])|([^\x1b]+)", re.DOTALL)
_HALF: Final = re.compile(r"\x1b(\[\??[0-9;]*)?$")

SHELL: Final = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = subprocess.Popen(sys.argv[1:], process_group=0)
os.tcsetpgrp(0, job.pid)
while True:
    _, status = os.waitpid(job.pid, os.WUNTRACED)
    os.tcsetpgrp(0, os.getpgrp())
    if not os.WIFSTOPPED(status):
        sys.exit(os.waitstatus_to_exitcode(status))
    print("JOB STOPPED", flush=True)
    sys.stdin.readline()
    os.tcsetpgrp(0, job.pid)
    os.killpg(job.pid, signal.SIGCONT)
"""
"""As much of a shell as stops a job, and brings it to the front again on a line end."""


class Console:
    """One terminal, and the daemon in its foreground."""

    def __init__(self, world: World, columns: int, lines: int) -> None:
        self.world = world
        self.fd, self.end = pty.openpty()
        self.resize(columns, lines)
        self.modes = termios.tcgetattr(self.end)
        self.text = ""
        self._letters = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest, self._line, self._shown = "", 0, dict[int, str]()

    def run(self, *words: str, through_shell: bool = False, **more: str) -> Daemon:
        """`arr run WORDS` here, once it holds the planner's lock."""
        log = self.world.folder / f"daemon-{len(self.world.daemons)}.log"
        log.touch()
        shell = [sys.executable, "-c", SHELL] if through_shell else []
        env = self.world.environment(**{"TERM": "xterm", **more})
        process = subprocess.Popen(
            [*shell, *ARR, "run", *words],
            cwd=self.world.folder,
            env=env,
            stdin=self.end,
            stdout=self.end,
            stderr=self.end,
            text=True,
            start_new_session=True,
            preexec_fn=_takes_terminal,
        )
        daemon = Daemon(process, log)
        self.world.daemons.append(daemon)
        eventually(lambda: process.poll() is not None or self.world.holder() is not None, lambda: self.read())
        return daemon

    # -- what a person does

    def press(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        termios.tcsetwinsize(self.end, (lines, columns))

    def hang_up(self) -> None:
        """The line goes dead: the terminal's other end is closed."""
        for fd in (self.end, self.fd):
            os.close(fd)
        self.fd = self.end = -1

    # -- what a person sees

    def read(self) -> str:
        """All that was sent up to now."""
        while self.fd >= 0 and select.select([self.fd], [], [], 0)[0]:
            try:
                sent = os.read(self.fd, 65536)
            except OSError:
                break
            if not sent:
                break
            self._take(self._letters.decode(sent))
        if self.world.daemons:
            self.world.daemons[-1].log.write_text(self.text)
        return self.text

    def _take(self, sent: str) -> None:
        self.text += sent
        sent = self._rest + sent
        self._rest = found[0] if (found := _HALF.search(sent)) else ""
        for each in _SEQUENCE.finditer(sent.removesuffix(self._rest)):
            self._obey(*each.groups(default=""))

    def _obey(self, private: str, numbers: str, letter: str, text: str) -> None:
        if letter == "H":
            self._line = int(numbers.partition(";")[0] or 1)
            self._shown[self._line] = ""
        elif letter == "J" or (private and letter in "hl" and numbers == "1049"):
            self._shown, self._line = {}, 0
        elif text and self._line:
            self._shown[self._line] += text

    def until(self, seen: Callable[[], object], *, within: float = PATIENCE_S) -> None:
        """Read on until it is seen."""
        end = time.monotonic() + within
        while self.read() is not None and not seen():
            assert time.monotonic() < end, f"never seen:\n{self.picture()}\n{self.text[-2000:]!r}"
            select.select([self.fd], [], [], 0.02)

    def until_shown(self, words: str) -> None:
        self.until(lambda: words in self.picture())

    def picture(self) -> str:
        """What stands on the screen: of each line what was painted onto it last."""
        return "\n".join(text for _, text in sorted(self.painted().items()))

    def painted(self) -> dict[int, str]:
        """The lines of the screen as they were painted since it was entered, or cleared, last."""
        return {line: text for line, text in self._shown.items() if line <= self.lines}

    def fits(self) -> bool:
        """The whole screen is painted, each line as wide as the terminal, and nothing beyond."""
        painted = self.painted()
        return set(painted) == set(range(1, self.lines + 1)) and {width_of(t) for t in painted.values()} == {
            self.columns
        }

    def is_given_back(self) -> bool:
        """As it was before: keys by the line and echoed, the alternate screen left, the cursor shown."""
        text = self.read()
        modes: list[Any] = termios.tcgetattr(self.end)
        return (
            modes == self.modes
            and bool(modes[3] & termios.ICANON and modes[3] & termios.ECHO)
            and text.count(ENTER) == text.count(LEAVE)
            and text.rfind(ENTER) < text.rfind(LEAVE)
            and text.rfind("\x1b[?25l") < text.rfind(SHOW_CURSOR)
        )

    def close(self) -> None:
        for fd in {self.fd, self.end} - {-1}:
            with contextlib.suppress(OSError):
                os.close(fd)


@contextmanager
def console(world: World, columns: int = 80, lines: int = 24) -> Iterator[Console]:
    """A terminal; whatever runs on it is killed at the end."""
    made = Console(world, columns, lines)
    try:
        yield made
    finally:
        for pid in world.processes():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for daemon in world.daemons:
            kill(daemon)
        made.close()


def _takes_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
