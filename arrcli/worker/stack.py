"""Where a process's threads are, as tracebacks are read: the innermost frame last, without arr's own.

What `faulthandler` writes into a file when it is signalled costs nothing until then, and works whatever the task is in:
a loop in C, a lock that nobody gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

from arrcli.worker.failure import TRACEBACK_LIMIT, Frame, bounded, is_ours

_AWAITED: Final = ("cr_await", "gi_yieldfrom", "ag_await")
_THREAD: Final = re.compile(r"(?P<current>Current thread|Thread) 0x[0-9a-f]+")
_FRAME: Final = re.compile(r'  File "(?P<file>.*)", line (?P<line>[0-9]+) in (?P<name>.*)')


def readable(dump: str) -> str:
    """What `faulthandler` wrote, the main thread first; "" where no frame but arr's is in it."""
    threads = sorted(_threads(dump), key=lambda thread: not thread[0])  # the signal is heard by the main thread
    parts = [
        f"{'Stack' if current else 'Another thread'} (most recent call last):\n{''.join(map(_line, frames))}"
        for current, frames in threads
        if frames
    ]
    return bounded("\n".join(parts), TRACEBACK_LIMIT)


def of_thread(frame: FrameType | None) -> str:
    """The same of a thread of this process, by its innermost frame."""
    frames: list[Frame] = []
    while frame is not None:
        frames.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return _told(frames)


def of_coroutine(awaited: Any) -> str:
    """The same of a coroutine that waits: its own frame, that of what it awaits, and so on."""
    frames: list[Frame] = []
    while (frame := _frame_of(awaited)) is not None:
        frames.insert(0, (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        awaited = next((x for name in _AWAITED if (x := getattr(awaited, name, None)) is not None), None)
    return _told(frames)


def _frame_of(awaited: Any) -> FrameType | None:
    found = (getattr(awaited, name, None) for name in ("cr_frame", "gi_frame", "ag_frame"))
    return next((frame for frame in found if isinstance(frame, FrameType)), None)


def _told(innermost_first: list[Frame]) -> str:
    kept = _kept(innermost_first)
    said = f"Stack (most recent call last):\n{''.join(map(_line, kept))}" if kept else ""
    return bounded(said, TRACEBACK_LIMIT)


def _threads(dump: str) -> Iterator[tuple[bool, list[Frame]]]:
    """(whether it is the one that was asked, its frames) of each thread."""
    current, frames = False, list[Frame]()
    for line in dump.splitlines():
        if head := _THREAD.match(line):
            yield current, _kept(frames)
            current, frames = head["current"] != "Thread", []
        elif found := _FRAME.match(line):
            frames.append((found["file"], int(found["line"]), found["name"]))
    yield current, _kept(frames)


def _kept(innermost_first: list[Frame]) -> list[Frame]:
    """The outermost first. The interpreter's own way into a thread tells nothing: it is left out with arr's frames."""
    frames = innermost_first[::-1]
    first = next((index for index, each in enumerate(frames) if not _leads_in(each)), len(frames))
    return [each for each in frames[first:] if not is_ours(each[0])]


def _leads_in(frame: Frame) -> bool:
    file, _, name = frame
    return (
        is_ours(file)
        or file == "<string>"
        or (file.endswith("/threading.py") and name in ("_bootstrap", "_bootstrap_inner", "run"))
        or (file.endswith("/concurrent/futures/thread.py") and name in ("_worker", "run"))
    )


def _line(frame: Frame) -> str:
    file, line, name = frame
    return f'  File "{file}", line {line}, in {name}\n'
