"""`arr logs`: what a run printed, also while it runs."""

from __future__ import annotations

import codecs
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from arrcli.cli.options import Debug, Json, StateDir, Target
from arrcli.model.value import dataclass
from arrcli.text import brief

if TYPE_CHECKING:
    from arrcli.app import App
    from arrcli.model.run import Run

_LOOK_S: Final = 0.1


def logs(
    target: Target,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until it ends; exit as it ended.")] = False,
    attempt: Annotated[int | None, typer.Option("--attempt", min=1, help="Of this attempt; the last.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="As written, escape sequences too.")] = False,
    file: Annotated[
        Path | None, typer.Option("--file", envvar="ARR_FILE", metavar="TASKS", help="The tasks file.")
    ] = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """What a run printed. Of a task: its newest run."""
    from arrcli.cli.columns import print_json
    from arrcli.cli.opened import opened

    with opened(file, state_dir) as app:
        run = _meant(app, target)
        if follow:
            return _followed(app, run, raw=raw)
        running = run.begun and attempt is None
        data = app.live_output(run).replace(b"\0", b"") if running else app.store.output(run.id, attempt)
        if as_json:
            print_json({"run_id": run.id, "output": data.decode("utf-8", "replace")})
        else:
            Page(raw=raw).write(data)
    return 0


def _meant(app: App, target: str) -> Run:
    from arrcli.engine.asks import known
    from arrcli.errors import NotFoundError
    from arrcli.store.values import RunQuery

    if target.isdigit():
        return known(app.store, int(target))
    found = app.store.runs(RunQuery(task=target, limit=50))
    executed = [run for run in found if run.attempt] or list(found)
    if not executed:
        raise NotFoundError(f"no run of {brief(target)}; see the tasks with: arr list")
    return executed[0]


def _followed(app: App, run: Run, *, raw: bool) -> int:
    """Everything that it writes until it ends; then its exit code: 0, 124 timed out, else 1."""
    from arrcli.cli.columns import say
    from arrcli.dashboard.words import outcome, why
    from arrcli.model.run import Reason, State

    page, written, waits = Page(raw=raw), Written(), ""
    while True:
        fresh = app.live_output(run, since=written.position)
        found = app.store.run(run.id)  # asked after reading: what was read before its end is its own
        if found is None:
            say(f"run {run.id} is gone from the history")
            return 1
        is_next = found.attempt != run.attempt
        if found.ended or is_next or (run.begun and not found.begun):
            page.write(written.rest(app.store.output(run.id, run.attempt)) if run.attempt else b"")
        else:
            page.write(written.more(fresh))
        if found.ended and not is_next:
            break
        if is_next:
            written = Written()
        if is_next and run.attempt and found.attempt > run.attempt:
            say(f"run {found.id}  attempt {found.attempt}")
        waits = _told_once(app, found, waits)
        run = found
        if not fresh:
            time.sleep(_LOOK_S)
    say(f"run {found.id} {outcome(found)}  {why(found)}".rstrip())
    if found.state is State.SUCCEEDED:
        return 0
    return 124 if found.reason is Reason.TIMED_OUT else 1


def _told_once(app: App, run: Run, before: str) -> str:
    """What keeps a pending run from running, said when it changes."""
    from arrcli.cli.times import until
    from arrcli.engine.picture import held_words
    from arrcli.model.run import State

    if run.state is not State.PENDING:
        return ""
    now = app.clock.now()
    waits = held_words(run, app.file, app.store.running()) if run.held_by else ""
    if app.daemon_pid is None:
        waits = "no daemon is running (start it: arr run)"
    elif run.ready_at > now and not waits:
        waits = f"attempt {run.attempt + 1}" if run.attempt else "its time"
        return _said(f"run {run.id} waits: {waits} comes in {until(run.ready_at, now)}", waits, before)
    return _said(f"run {run.id} waits: {waits}", waits, before)


def _said(sentence: str, about: str, before: str) -> str:
    """Says the sentence where it is about something else than before; what it is about."""
    from arrcli.cli.columns import say

    if about and about != before:
        say(sentence)
    return about


@dataclass(slots=True)
class Written:
    """How much of an attempt's output has been shown, in bytes as it wrote them."""

    position: int = 0
    is_whole: bool = False

    def more(self, data: bytes) -> bytes:
        """What a running attempt wrote since; what was freed of a long output reads as NULs, which are left out."""
        self.position += len(data)
        return data.replace(b"\0", b"")

    def rest(self, kept: bytes) -> bytes:
        """What is still to be shown of an output that has ended, once; the store may have cut its middle out."""
        if self.is_whole:
            return b""
        self.is_whole = True
        cut = _CUT.search(kept, max(0, len(kept) // 2 - _NOTE_MOST))
        if cut is None or abs(cut.start() - (len(kept) - len(cut[0])) // 2) > _NOTE_MOST:
            return kept[self.position :]
        if self.position <= cut.start():
            return kept[self.position :]
        tail = kept[cut.end() :]
        left = cut.start() + int(cut["count"].replace(b",", b"")) + len(tail) - self.position
        if left <= len(tail):
            return tail[len(tail) - max(0, left) :]
        return f"\n... {left - len(tail):,} bytes cut ...\n".encode() + tail


_CUT: Final = re.compile(rb"\n\.\.\. (?P<count>[0-9,]+) bytes cut \.\.\.\n")
_NOTE_MOST: Final = 64


class Page:
    """Where output goes: as it is, or on a terminal without what that would obey."""

    def __init__(self, *, raw: bool) -> None:
        self._letters = codecs.getincrementaldecoder("utf-8")("replace")
        self._raw = raw or not sys.stdout.isatty()

    def write(self, data: bytes) -> None:
        from arrcli.text import clean

        if self._raw:
            sys.stdout.buffer.write(data)
        else:
            sys.stdout.write(clean(self._letters.decode(data)))
        sys.stdout.flush()
