"""The live view: draws when something happened, at most so often, and once a second for the countdowns."""

from __future__ import annotations

import codecs
import os
import select
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from threading import get_ident
from typing import Any, Final, Literal

from arrcli.dashboard.act import Act
from arrcli.dashboard.draw import Frame
from arrcli.dashboard.keys import ACTS, ASKING, decoded
from arrcli.dashboard.moves import answered, pressed
from arrcli.dashboard.paint import Painter
from arrcli.dashboard.terminal import Bell, Terminal, in_foreground, wants_screen
from arrcli.dashboard.view import Order, Page, Pane, View
from arrcli.dashboard.wishes import wish
from arrcli.model.instant import SECOND
from arrcli.model.snapshot import Opened, Snapshot
from arrcli.model.value import dataclass

__all__ = ["Ending", "Screen", "wants_screen"]

Ending = Literal["quit", "stopped", "hung up"]

_ESCAPE_WAIT_S: Final = 0.05
"""An Esc is the key, and not a sequence's beginning, where nothing follows it for so long."""
_TICK: Final = SECOND
_SHARE: Final = 64
"""A frame that took long is followed by a pause so many times as long: drawing takes 1.6 % of a core at the most."""
_NOTE: Final = 5 * SECOND
"""How long a note stands where the keys are, if no key is pressed."""
_LONGEST_PAUSE: Final = 2 * SECOND
_LINES: Final = 24
"""Of a terminal whose size is not known yet."""
_SEARCHED: Final = 1000
"""So many pending runs a filter looks through, or another order than that of time sorts."""
_FARTHEST: Final = 2000
"""Nobody scrolls through more of them."""


class _Over(Exception):
    """The view is to end."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """What the caller of `run` gave."""

    get_snapshot: Callable[[int], Snapshot]
    stop: Callable[[], bool]
    look: Callable[[int], Opened | None]
    act: Callable[[Act], str] | None
    on_quit: Callable[[], None] | None
    pause: int


class Screen:
    """The dashboard on a terminal. `run` is called in the main thread; `wake` and `changed` from anywhere.

    `monotonic` and `spent` give microseconds: of time, and of work of this thread's. SIGINT and SIGTERM stay the
    caller's: their handlers `wake`, `stop` tells.
    `ascii` keeps arr's own glyphs in ASCII; letters that `encoding` lacks are shown as `?`.
    """

    def __init__(
        self,
        stdin: int = 0,
        stdout: int = 1,
        *,
        monotonic: Callable[[], int],
        spent: Callable[[], int],
        environ: Mapping[str, str],
        ascii: bool = False,
        encoding: str = "utf-8",
    ) -> None:
        self.view = View(ascii=ascii)
        self._terminal = Terminal(stdin, stdout)
        self._bell = Bell()
        self._monotonic, self._spent = monotonic, spent
        self._encoding = encoding
        self._painter = Painter(colour=not environ.get("NO_COLOR"))
        self._letters = codecs.getincrementaldecoder("utf-8")("replace")
        self._frame: Frame | None = None
        self._size = (0, 0)
        self._due = self._next_tick = self._note_ends = 0
        self._dirty = True
        self._resized = self._suspended = self._resumed = self._stopped = False

    def wake(self) -> None:
        """Look at once whether it is to stop. Async-signal-safe, never blocks."""
        self._bell.ring()

    def changed(self) -> None:
        """There is something new to show; costs nothing where a frame is due already."""
        if not self._dirty:
            self._bell.ring()

    def close(self) -> None:
        """Give up the wake-up pipe, once nobody calls `wake` any more."""
        self._bell.close()
        self._terminal.close()

    def run(
        self,
        get_snapshot: Callable[[int], Snapshot],
        *,
        stop: Callable[[], bool],
        look: Callable[[int], Opened | None] = lambda run: None,
        act: Callable[[Act], str] | None = None,
        on_quit: Callable[[], None] | None = None,
        fps: int = 4,
    ) -> Ending:
        """Show snapshots until `stop()`; the terminal is given back whatever happens. Says how it ended.

        `get_snapshot` is told how many pending runs there should be in it: as many as may be seen. `q` calls `on_quit`,
        and `stop` then decides; without `on_quit` it ends the view. `look` gives a run to be opened. `act` carries out
        what is asked for, and says in a sentence what came of it; without it the screen only looks on. A key alone
        redraws the snapshot that there is; all else asks for a new one.
        """
        self.view = replace(self.view, control=act is not None)
        session = _Session(
            get_snapshot=get_snapshot,
            stop=stop,
            look=look,
            act=act,
            on_quit=on_quit,
            pause=SECOND // max(1, fps),
        )
        with self._signals():
            try:
                while True:
                    self._turn(session)
            except _Over as over:
                return over.ending
            finally:
                self._terminal.leave()

    def _turn(self, session: _Session) -> None:
        """Draw what is due, then sleep until something happens or the next frame is due."""
        if session.stop():
            raise _Over("stopped")
        self._obey_signals()
        if self._terminal.entered:
            self._refresh(session)
        for fd in self._ready():
            if fd == self._bell.fd:
                self._bell.quiet()
                self._dirty = True
            else:
                self._hear(session)

    def _ready(self) -> list[int]:
        """The descriptors that have something to say; none of them once the next frame is due."""
        watched = [self._bell.fd]
        watched += [self._terminal.reads] if self._terminal.entered else []  # in the background: not our keys
        writable = [self._terminal.writes] if self._stopped else []
        return select.select(watched, writable, [], self._patience() / SECOND)[0]

    def _patience(self) -> int:
        """How long nothing is to be drawn; where nobody can see it, until somebody can."""
        if not self._terminal.entered or self._stopped:
            return _TICK
        return max(0, (self._due if self._dirty else self._next_tick) - self._monotonic())

    def _refresh(self, session: _Session) -> None:
        if self._resized and self._frame is not None:  # at once, however lately the last frame was
            self._resized = False
            self._draw(self._frame)
        now = self._monotonic()
        if now < (self._due if self._dirty else self._next_tick) or not self._takes_output():
            return
        self._dirty, began = False, self._spent()
        if self.view.note and now >= self._note_ends:
            self.view = self.view.noted("")
        frame = self._framed(session.get_snapshot(self._reach()), self.view, session)
        self._draw(frame)
        self._due = now + max(session.pause, min(_SHARE * (self._spent() - began), _LONGEST_PAUSE))
        self._next_tick = max(self._due, now + _TICK - frame.snapshot.now % _TICK)

    def _takes_output(self) -> bool:
        """Whether a frame would be seen: nothing is drawn, nor looked at, while the user has stopped the output."""
        self._stopped = not self._terminal.takes_output()
        return not self._stopped

    def _reach(self) -> int:
        """How many pending runs may be seen: two panes full from the cursor on, more where they are filtered or
        sorted."""
        rows = 2 * (_LINES if self._frame is None else self._frame.seen(Pane.NEXT, *self._size))
        if self.view.filter or self.view.order is not Order.TIME:
            rows = max(rows, _SEARCHED)
        return _rounded(min(_FARTHEST, rows + (self.view.selected if self.view.pane is Pane.NEXT else 0)))

    def _framed(self, snapshot: Snapshot, view: View, session: _Session) -> Frame:
        """A frame, with the run of its page as it is now."""
        return Frame(snapshot, view, session.look(view.opened) if view.page is Page.RUN else None)

    def _draw(self, frame: Frame) -> None:
        """Show the frame; where the user has stopped the output it is left out, and drawn once it goes on."""
        self._frame = frame
        if frame.view.note and frame.view.note is not self.view.note:
            self._note_ends = self._monotonic() + _NOTE
        self.view = frame.view
        if not self._takes_output():
            self._dirty = True
            return
        size = self._terminal.size()
        if size != self._size:
            self._painter.forget()
            self._size = size
        painted = self._painter.painted(frame.lines(*size))
        self._send(painted)

    def _send(self, text: str) -> None:
        try:
            whole = self._terminal.write(text.encode(self._encoding, "replace"))
        except OSError:
            raise _Over("hung up") from None
        if not whole:
            self._painter.forget()
            self._dirty = True

    def _hear(self, session: _Session) -> None:
        """Read the keys that are there, and do what they say."""
        text = self._read()
        names, rest = decoded(text)
        while rest:
            more = self._read() if select.select([self._terminal.reads], [], [], _ESCAPE_WAIT_S)[0] else ""
            found, rest = decoded(rest + more) if more else (["esc"] if rest == "\x1b" else [], "")
            names += found
        for name in names:
            self._press(name, session)

    def _read(self) -> str:
        try:
            data = os.read(self._terminal.reads, 1024)
        except OSError:
            data = b""
        if not data:
            raise _Over("hung up")
        return self._letters.decode(data)

    def _press(self, name: str, session: _Session) -> None:
        if self._frame is None:
            return
        view = pressed(name, self._frame, self._frame.page(*self._size))
        if view is not None:
            is_other = (view.page, view.opened) != (self.view.page, self.view.opened)
            frame = self._frame
            self._draw(self._framed(frame.snapshot, view, session) if is_other else frame.but(view))
            return
        match ACTS.get(name):
            case "quit":
                self._quit(session)
            case "redraw":
                self._painter.forget()
                self._draw(self._frame)
            case _:
                self._ask(name, self._frame, session)

    def _ask(self, name: str, frame: Frame, session: _Session) -> None:
        """What a key, or a yes, asks of the daemon; then what came of it, and how things are now."""
        meant = frame.view.asking
        act = meant if meant is not None else _wished(name, frame)
        if act is None or session.act is None:
            return
        said = act if isinstance(act, str) else session.act(act)
        self._draw(frame.but(answered(frame.view, said)))
        self._dirty = True

    def _quit(self, session: _Session) -> None:
        if session.on_quit is None:
            raise _Over("quit")
        session.on_quit()
        self._dirty = True

    def _obey_signals(self) -> None:
        """What the handlers left to do; then the terminal is ours, if the shell has us in the foreground."""
        if self._suspended:
            self._suspended = False
            self._suspend()
        if self._resumed:
            self._resumed = False
            self._terminal.entered = False  # whoever had it meanwhile has left it in no state that we know
        if not self._terminal.entered and in_foreground(self._terminal.reads):
            self._terminal.enter()
            self._painter.forget()
            self._dirty, self._due = True, 0

    def _suspend(self) -> None:
        """Ctrl-Z: give the terminal back and stop, as any program does; SIGCONT goes on from here."""
        self._terminal.leave()
        ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.pthread_kill(get_ident(), signal.SIGTSTP)  # to this thread: nothing below runs before the stop
        signal.signal(signal.SIGTSTP, ours)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Size, stop and continuation reach the loop; their handlers only leave a word and ring."""
        before = {
            number: signal.signal(number, handler)
            for number, handler in (
                (signal.SIGWINCH, self._on_resize),
                (signal.SIGCONT, self._on_resume),
                (signal.SIGTSTP, self._on_suspend),
            )
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _on_resize(self, *_: Any) -> None:
        self._resized = True
        self._bell.ring()

    def _on_resume(self, *_: Any) -> None:
        self._resumed = True
        self._bell.ring()

    def _on_suspend(self, *_: Any) -> None:
        self._suspended = True
        self._bell.ring()


def _rounded(count: int) -> int:
    """Up to a power of two: where the cursor moves by a row, no other number of runs is asked for."""
    return 1 << (count - 1).bit_length()


def _wished(name: str, frame: Frame) -> Act | str | None:
    act = ACTS.get(name)
    return wish(act, frame.under_cursor(), frame.snapshot) if act in ASKING else None
