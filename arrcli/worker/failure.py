"""What went wrong, as text: walking the frames costs a 30th of what `traceback.format_exception` does."""

from __future__ import annotations

import linecache
import signal
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

MESSAGE_LIMIT: Final = 16 * 1024
TRACEBACK_LIMIT: Final = 64 * 1024
_NAME_LIMIT: Final = 500
_CHAIN_LIMIT: Final = 10
_FRAMES_EACH_SIDE: Final = 40
_REPEATS_SHOWN: Final = 3
_GROUP_LIMIT: Final = 15
_GROUP_DEPTH: Final = 3
_OURS: Final = str(Path(__file__).parent) + "/"
_CAUSE: Final = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT: Final = "\nDuring handling of the above exception, another exception occurred:\n\n"

Frame = tuple[str, int, str]


def type_name(error: BaseException) -> str:
    """`ValueError`, `shop.errors.OutOfStock`."""
    kind = type(error)
    module = getattr(kind, "__module__", "")
    name = str(kind.__qualname__)
    return bounded(name if module in ("builtins", "__main__") else f"{module}.{name}", _NAME_LIMIT)


def message(error: BaseException) -> str:
    """What the exception says of itself, bounded, encodable; an exception that cannot say it is named."""
    return text_of(error, MESSAGE_LIMIT)


def text_of(value: object, limit: int) -> str:
    """`str(value)`, bounded, encodable; what cannot be made text is named."""
    try:
        text = str(value)
    except BaseException as other:  # noqa: BLE001, RUF100 - a task's own __str__ may raise anything
        text = f"<{type(value).__name__} whose text raised {type(other).__name__}>"
    return bounded(text, limit)


def death(code: int) -> str:
    """How a process ended, of its exit code as subprocess has it: "exited with code 3", "killed by SIGSEGV"."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def bounded(text: str, limit: int) -> str:
    """At most `limit` characters and a note of how many were cut; lone surrogates are escaped."""
    if len(text) > limit:
        text = f"{text[:limit]}... ({len(text) - limit:,} more characters)"
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def traceback_text(error: BaseException) -> str:
    """The traceback of an exception and of those behind it, as Python prints it, without arr's own frames,
    bounded.
    """
    parts: list[str] = []
    for link, each in reversed(list(_chain(error))):
        parts.append(_one(each))
        parts.append(link)
    text = "".join(parts)
    if len(text) > TRACEBACK_LIMIT:
        half = TRACEBACK_LIMIT // 2
        text = f"{text[:half]}\n... {len(text) - 2 * half:,} characters cut ...\n{text[-half:]}"
    return bounded(text, TRACEBACK_LIMIT + 100)


def _chain(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    """The exception and what led to it, each with the words that lead on from it."""
    seen: set[int] = set()
    link = ""
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(seen) < _CHAIN_LIMIT:
        seen.add(id(current))
        yield link, current
        if current.__cause__ is not None:
            link, current = _CAUSE, current.__cause__
        elif current.__suppress_context__:
            return
        else:
            link, current = _CONTEXT, current.__context__


def _one(error: BaseException, depth: int = 0) -> str:
    frames = _without_ours(list(_frames(error.__traceback__)))
    head = "Traceback (most recent call last):\n" if frames else ""
    return f"{head}{''.join(_lines(frames))}{_last_line(error)}{_members(error, depth)}"


def _frames(tb: TracebackType | None) -> Iterator[Frame]:
    while tb is not None:
        code = tb.tb_frame.f_code
        yield code.co_filename, tb.tb_lineno, code.co_name
        tb = tb.tb_next


def _without_ours(frames: list[Frame]) -> list[Frame]:
    """Without the worker's frames, the import machinery's, and asyncio's before the first of the task's."""
    kept = [each for each in frames if not is_ours(each[0])]
    first = next((index for index, each in enumerate(kept) if "/asyncio/" not in each[0]), 0)
    return kept[first:]


def is_ours(filename: str) -> bool:
    """A file of the workers', or of the import machinery."""
    return filename.startswith((_OURS, "<frozen "))


def _lines(frames: list[Frame]) -> Iterator[str]:
    for name in {frame[0] for frame in frames}:
        linecache.checkcache(name)
    if len(frames) > 2 * _FRAMES_EACH_SIDE:
        yield from _folded(frames[:_FRAMES_EACH_SIDE])
        yield f"  ... {len(frames) - 2 * _FRAMES_EACH_SIDE} frames cut ...\n"
        frames = frames[-_FRAMES_EACH_SIDE:]
    yield from _folded(frames)


def _folded(frames: list[Frame]) -> Iterator[str]:
    """A frame that repeats itself is told three times, as Python does."""
    last: Frame | None = None
    repeats = 0
    for frame in [*frames, None]:
        if frame is not None and frame == last:
            repeats += 1
            if repeats >= _REPEATS_SHOWN:
                continue
        else:
            if repeats >= _REPEATS_SHOWN:
                yield f"  [Previous line repeated {repeats - _REPEATS_SHOWN + 1} more times]\n"
            last, repeats = frame, 0
        if frame is not None:
            yield _frame(*frame)


def _frame(filename: str, line: int, name: str) -> str:
    source = linecache.getline(filename, line).strip()
    shown = f"    {source[:200]}\n" if source else ""
    return f'  File "{filename}", line {line}, in {name}\n{shown}'


def _last_line(error: BaseException) -> str:
    where = ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f'  File "{error.filename}", line {error.lineno}\n    {text_of(error.text or "", 200).strip()}\n'
    said = message(error)
    notes = "".join(f"{text_of(note, 1000)}\n" for note in _notes(error))
    return f"{where}{type_name(error)}{': ' if said else ''}{said}\n{notes}"


def _notes(error: BaseException) -> list[object]:
    notes = getattr(error, "__notes__", None)
    return notes[:20] if isinstance(notes, list) else []


def _members(error: BaseException, depth: int) -> str:
    """What an exception group holds, indented."""
    if not isinstance(error, BaseExceptionGroup) or depth >= _GROUP_DEPTH:
        return ""
    shown = error.exceptions[:_GROUP_LIMIT]
    parts = [f"  {index}:\n{_indented(_one(each, depth + 1))}" for index, each in enumerate(shown, 1)]
    more = len(error.exceptions) - len(shown)
    return "".join(parts) + (f"  and {more} more exceptions\n" if more else "")


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())
