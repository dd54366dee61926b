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
from command_line import PATIENCE_S
from dashboard_pictures import picture
from rich.segment import Segment

from arrcli.dashboard.draw import Frame
from arrcli.dashboard.paint import Painter
from arrcli.dashboard.screen import Screen
from arrcli.dashboard.terminal import Bell, wants_screen
from arrcli.dashboard.view import View
from arrcli.model.instant import SECOND
from arrcli.model.snapshot import Snapshot

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"

PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, {tests!r})
from dashboard_pictures import picture
from arrcli.clock import SYSTEM
from arrcli.dashboard.screen import Screen

screen = Screen(monotonic=SYSTEM.monotonic, spent=SYSTEM.spent, environ=os.environ)
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

    def __init__(
        self, before: str = "def get(wanted): return picture()", options: str = "", shell: bool = False
    ) -> None:
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
        assert self.process.wait(PATIENCE_S) is not None
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
        before="seen = []\ndef get(wanted):\n    seen.append(1)\n    return picture() if len(seen) < 2 else 1 / 0"
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
    session.until("a row up or down")
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
    session.until("▶ 1  ✗ 2  ⏸ 1")
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
    assert session.process.wait(PATIENCE_S) == 0
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
        before="signal.signal(signal.SIGHUP, signal.SIG_IGN)\nget = lambda wanted: picture()\n"
        f"run = screen.run\ndef noted(*a, **k):\n    open({str(left)!r}, 'w').write(run(*a, **k))\nscreen.run = noted"
    )
    session.until("import-orders")
    os.close(session.fd)
    session.fd = os.dup(session.child_end)
    session.process.wait(PATIENCE_S)
    assert left.read_text() == "hung up"


class Driven:
    """A screen on a terminal in this process: what happens in each of its turns is a step; time passes as told."""

    def __init__(self, *steps: Callable[[Driven], None]) -> None:
        self.ours, self.theirs = pty.openpty()
        self.now = self.work = self.asked = 0
        self.heard = ""
        self._steps = iter(steps)
        self.screen = Screen(
            self.theirs, self.theirs, monotonic=lambda: self.now, spent=lambda: self.work, environ={"TERM": "xterm"}
        )

    def taken(self, wanted: int) -> Snapshot:
        """A picture, whose drawing takes 20 ms."""
        self.asked += 1
        self.work += 20_000
        return picture()

    def type(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def hear(self) -> None:
        """What the screen has sent, so far."""
        while select.select([self.ours], [], [], 0)[0]:
            self.heard += os.read(self.ours, 65536).decode()

    def run(self) -> None:
        try:
            self.screen.run(self.taken, stop=self._stepped)
        finally:
            self.screen.close()
            os.close(self.ours)
            os.close(self.theirs)

    def _stepped(self) -> bool:
        step = next(self._steps, None)
        if step is not None:
            step(self)
        self.screen.wake()  # no turn waits for the next
        return step is None


def later(microseconds: int) -> Callable[[Driven], None]:
    """So much time passes, and something has changed."""

    def pass_time(driven: Driven) -> None:
        driven.now += microseconds
        driven.screen.changed()

    return pass_time


def asked(times: int) -> Callable[[Driven], None]:
    """So many snapshots have been asked for."""

    def check(driven: Driven) -> None:
        assert driven.asked == times

    return check


def test_a_frame_that_took_long_is_followed_by_a_pause_many_times_as_long() -> None:
    nothing = later(0)
    Driven(nothing, asked(1), later(1_200_000), asked(1), later(80_000), nothing, asked(2)).run()


def test_nothing_is_asked_for_while_the_user_has_stopped_the_output() -> None:
    def stop(driven: Driven) -> None:
        termios.tcflow(driven.theirs, termios.TCOOFF)

    def go_on(driven: Driven) -> None:
        termios.tcflow(driven.theirs, termios.TCOON)

    hour = later(3600 * SECOND)
    Driven(later(0), asked(1), stop, hour, hour, asked(1), go_on, asked(2)).run()


def test_a_note_gives_its_place_back_to_the_keys_after_five_seconds() -> None:
    def press_s(driven: Driven) -> None:
        driven.type("s")

    def says(text: str) -> Callable[[Driven], None]:
        def check(driven: Driven) -> None:
            driven.hear()
            assert text in driven.heard.rpartition("\x1b[24;1H")[2]

        return check

    soon = later(SECOND)
    Driven(
        soon, press_s, says("sorted by name"), soon, soon, says("sorted by name"), later(5 * SECOND), says("quit")
    ).run()


def test_what_changes_while_a_frame_is_due_rings_no_bell() -> None:
    def rings(driven: Driven) -> None:
        driven.screen._bell.quiet()
        for _ in range(3):
            driven.screen.changed()
        assert not select.select([driven.screen._bell.fd], [], [], 0)[0]

    Driven(later(0), asked(1), later(0), rings, asked(1)).run()


def test_of_a_line_that_changed_the_end_stays_where_it_is_the_same() -> None:
    painter = Painter(colour=False)
    painter.painted([[Segment("in 9s  "), Segment("import-orders  "), Segment("ok")]])
    later = [[Segment("in 8s  "), Segment("import-orders  "), Segment("ok")]]
    assert painter.painted(later) == "\x1b[?2026h\x1b[1;1Hin 8s  \x1b[?2026l"
    last = [[Segment("in 8s  "), Segment("import-orders  "), Segment("no")]]
    assert painter.painted(last) == "\x1b[?2026h\x1b[1;1Hin 8s  import-orders  no\x1b[?2026l"


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
