"""The screen on a real terminal: what it takes, it gives back."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dashboard_pictures import picture

from arrcli.dashboard.draw import Frame
from arrcli.dashboard.paint import Painter
from arrcli.dashboard.terminal import Bell, wants_screen
from arrcli.dashboard.view import View

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"

PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, {tests!r})
from dashboard_pictures import picture
from arrcli.dashboard.screen import Screen

screen = Screen(monotonic=lambda: time.monotonic_ns() // 1000, environ=os.environ)
stopping = []
def stop(*_):
    stopping.append(1)
    screen.wake()
signal.signal(signal.SIGINT, stop)
{before}
ended = screen.run(get, stop=lambda: bool(stopping), {options})
print("ENDED", ended, flush=True)
"""

SHELL = """
import fcntl, os, signal, subprocess, sys, termios
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
job = subprocess.Popen([sys.executable, "-c", sys.argv[1]], process_group=0)
os.tcsetpgrp(0, job.pid)
_, status = os.waitpid(job.pid, os.WUNTRACED)
os.tcsetpgrp(0, os.getpgrp())
print("JOB STOPPED", os.WIFSTOPPED(status), flush=True)
sys.stdin.readline()
os.kill(job.pid, signal.SIGCONT)
print("IN BACKGROUND", flush=True)
sys.stdin.readline()
os.tcsetpgrp(0, job.pid)
os.kill(job.pid, signal.SIGCONT)
job.wait()
"""
"""As much of a shell as stops a job, lets it go on behind, and brings it to the front."""


class Session:
    """A program in a terminal of its own, and what it has sent so far."""

    def __init__(self, before: str = "get = picture", options: str = "", shell: bool = False) -> None:
        self.fd, child = pty.openpty()
        termios.tcsetwinsize(child, (24, 80))
        self.child_end = child
        self.modes = termios.tcgetattr(child)
        self.text = ""
        code = PROGRAM.format(tests=str(Path(__file__).parent), before=before, options=options)
        self.process = subprocess.Popen(
            [sys.executable, "-c", *([SHELL] if shell else []), code],
            stdin=child,
            stdout=child,
            stderr=child,
            env={**os.environ, "TERM": "xterm"},
            start_new_session=True,
        )

    def send(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def until(self, wanted: Callable[[str], bool] | str, seconds: float = 8) -> str:
        """Reads on until `wanted` holds of all that was sent; a failure says what was."""
        seen = wanted if callable(wanted) else lambda text: wanted in text
        while not seen(self.text):
            assert select.select([self.fd], [], [], seconds)[0], f"only {self.text!r}"
            self.text += os.read(self.fd, 65536).decode(errors="replace")
        return self.text

    def resize(self, lines: int, columns: int) -> None:
        termios.tcsetwinsize(self.child_end, (lines, columns))
        self.process.send_signal(signal.SIGWINCH)

    def assert_given_back(self) -> None:
        assert self.process.wait(8) is not None
        assert self.text.count(ENTER) == self.text.count(LEAVE) == 1
        assert self.text.index(ENTER) < self.text.index(LEAVE)
        assert "\x1b[?25h" in self.text and "\x1b[?7h" in self.text
        assert termios.tcgetattr(self.child_end) == self.modes


@pytest.fixture
def start() -> Iterator[Callable[..., Session]]:
    sessions: list[Session] = []

    def begin(*args: Any, **more: Any) -> Session:
        sessions.append(Session(*args, **more))
        return sessions[-1]

    yield begin
    for session in sessions:
        session.process.kill()
        session.process.wait()
        os.close(session.fd)
        os.close(session.child_end)


def test_q_ends_the_view_and_the_terminal_is_as_it_was(start: Callable[..., Session]) -> None:
    session = start()
    session.until("import-orders")
    assert not termios.tcgetattr(session.child_end)[3] & (termios.ICANON | termios.ECHO)
    session.send("q")
    session.until("ENDED quit")
    session.assert_given_back()
    frames = session.text.count("\x1b[?2026h")
    assert frames == session.text.count("\x1b[?2026l") > 0


def test_an_interrupt_is_the_callers_and_ends_the_view_by_stop(start: Callable[..., Session]) -> None:
    session = start()
    session.until("import-orders")
    session.process.send_signal(signal.SIGINT)
    session.until("ENDED stopped")
    session.assert_given_back()


def test_an_exception_gives_the_terminal_back_before_it_is_printed(start: Callable[..., Session]) -> None:
    session = start(
        before="seen = []\ndef get():\n    seen.append(1)\n    return picture() if len(seen) < 2 else 1 / 0"
    )
    session.until("import-orders")
    session.until("ZeroDivisionError")
    session.assert_given_back()
    assert session.text.index(LEAVE) < session.text.index("Traceback")


def test_q_asks_the_caller_where_it_wants_to_be_asked(start: Callable[..., Session]) -> None:
    session = start(options="on_quit=lambda: print('ASKED') or stop()")
    session.until("import-orders")
    session.send("q")
    session.until("ENDED stopped")
    assert "ASKED" in session.text


def test_keys_move_the_cursor_and_what_they_ask_for_reaches_the_caller(start: Callable[..., Session]) -> None:
    session = start(options="act=lambda act: print('ACT', act) or 'done so'")
    session.until("jobs.mail")
    session.send("\x1b[B")
    session.until("─ import-orders ")
    session.send("?")
    session.until("one row down")
    session.send("\x1b")
    session.send("xn")
    session.until("cancel run 4823 of import-orders?")
    session.send("x")
    session.send("y")
    session.until("ACT Cancel(run=4823, name='import-orders')")
    session.until("done so")
    session.send("r")
    session.until("ACT RunNow(task='import-orders')")
    session.send("q")
    session.until("ENDED quit")


def test_a_new_size_is_drawn_at_once(start: Callable[..., Session]) -> None:
    session = start()
    session.until("import-orders")
    session.resize(40, 120)
    session.until("\x1b[40;1H")
    session.resize(5, 20)
    session.until("14:03:22 ▶ 1")
    session.send("q")
    session.until("ENDED quit")
    session.assert_given_back()


def test_ctrl_z_gives_the_terminal_back_until_the_job_is_in_front_again(start: Callable[..., Session]) -> None:
    session = start(shell=True)
    session.until("import-orders")
    session.send("\x1a")
    session.until("JOB STOPPED True")
    assert session.text.count(LEAVE) == 1
    assert termios.tcgetattr(session.child_end) == session.modes
    session.send("\n")
    session.until("IN BACKGROUND")
    session.send("\n")
    session.until(lambda text: text.count(ENTER) == 2)
    assert session.text.index("IN BACKGROUND") < session.text.rindex(ENTER)
    session.send("q")
    session.until("ENDED quit")
    assert session.process.wait(8) == 0
    assert session.text.count(LEAVE) == 2
    assert termios.tcgetattr(session.child_end) == session.modes


def test_output_that_the_user_stopped_does_not_keep_the_view_from_ending(start: Callable[..., Session]) -> None:
    session = start()
    session.until("import-orders")
    session.send("\x13")
    session.process.send_signal(signal.SIGINT)
    session.until("ENDED stopped")
    session.assert_given_back()


def test_a_terminal_that_is_gone_ends_the_view(start: Callable[..., Session], tmp_path: Path) -> None:
    left = tmp_path / "ending"
    session = start(
        before="signal.signal(signal.SIGHUP, signal.SIG_IGN)\nget = picture\n"
        f"run = screen.run\ndef noted(*a, **k):\n    open({str(left)!r}, 'w').write(run(*a, **k))\nscreen.run = noted"
    )
    session.until("import-orders")
    os.close(session.fd)
    session.fd = os.dup(session.child_end)
    session.process.wait(8)
    assert left.read_text() == "hung up"


def test_only_lines_that_changed_are_sent_again() -> None:
    painter = Painter(colour=True)
    lines = Frame(picture(), View()).lines(80, 24)
    assert len(re.findall(r"\x1b\[\d+;1H", painter.painted(lines))) == 24
    assert painter.painted(lines) == ""
    moved = Frame(picture(), View(selected=1)).lines(80, 24)
    assert re.findall(r"\x1b\[(\d+);1H", painter.painted(moved)) == ["10", "11", "21", "22", "23"]


def test_without_colour_the_words_stay() -> None:
    painted = Painter(colour=False).painted(Frame(picture(), View()).lines(80, 24))
    codes = {code for codes in re.findall(r"\x1b\[([\d;]*)m", painted) for code in codes.split(";")}
    assert codes <= {"", "0", "1", "2", "7"}
    assert "✗ 2 failing" in painted


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError("none")


@pytest.mark.parametrize(
    "environ",
    [
        {"TERM": "dumb"},
        {},
        {"TERM": "xterm", "TTY_INTERACTIVE": "0"},
        {"TERM": "xterm", "ARR_NO_DASHBOARD": "1"},
    ],
)
def test_the_environment_can_refuse_the_screen(environ: dict[str, str]) -> None:
    master, slave = pty.openpty()
    with os.fdopen(master, "rb", buffering=0), os.fdopen(slave, "rb", buffering=0) as terminal:
        assert wants_screen(terminal, terminal, {"TERM": "xterm"}) is True
        assert wants_screen(terminal, terminal, environ) is False


def test_a_pipe_at_either_end_gets_no_screen_whatever_colour_is_forced(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    environ = {"TERM": "xterm", "FORCE_COLOR": "1"}
    with (
        os.fdopen(master, "rb", buffering=0),
        os.fdopen(slave, "rb", buffering=0) as terminal,
        (tmp_path / "file").open("w") as file,
    ):
        assert wants_screen(terminal, file, environ) is False
        assert wants_screen(file, terminal, environ) is False
    closed = io.StringIO()
    closed.close()
    assert wants_screen(closed, closed, environ) is False


def test_a_bell_rung_a_hundred_thousand_times_blocks_nobody() -> None:
    bell = Bell()
    for _ in range(100_000):
        bell.ring()
    assert select.select([bell.fd], [], [], 0)[0]
    bell.quiet()
    assert not select.select([bell.fd], [], [], 0)[0]
    bell.close()
    bell.ring()
