"""A traceback's text, told apart: which lines are frames, and which of those are the task's own code."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import PurePath
from typing import Final

from arrcli.model.value import dataclass

_FRAME: Final = r'  File "(?P<file>[^"]+)", line (?P<line>[0-9]+)(?:, in (?P<name>.*))?$'
_LIBRARIES: Final = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `source` is the line of code below it, "" where there is none."""

    file: str
    line: int
    name: str
    source: str
    own: bool

    @property
    def where(self) -> str:
        """`jobs.py:12 in nightly`."""
        return f"{PurePath(self.file).name}:{self.line}" + (f" in {self.name}" if self.name else "")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of the text: those of a frame, or one other line."""

    text: str
    frame: Frame | None = None


def pieces(text: str, folders: Collection[str]) -> Sequence[Piece]:
    """The text in order. Frames of files below one of the folders are the task's own, but for installed packages."""
    lines = text.splitlines()
    found: list[Piece] = []
    place = 0
    while place < len(lines):
        head = re.match(_FRAME, lines[place])
        if head is None:
            found.append(Piece(lines[place]))
            place += 1
            continue
        source = list(_below(lines, place + 1))
        frame = Frame(
            file=head["file"],
            line=int(head["line"]),
            name=head["name"] or "",
            source=source[0].strip() if source else "",
            own=_is_own(head["file"], folders),
        )
        found.append(Piece("\n".join([lines[place], *source]), frame))
        place += 1 + len(source)
    return found


def with_sources(text: str, line_of: Callable[[str, int], str]) -> str:
    """The text with the line of code below each frame that has none; `line_of` finds it, or gives ""."""
    lines = text.splitlines()
    told: list[str] = []
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        told.append(line)
        head = re.match(_FRAME, line)
        source = line_of(head["file"], int(head["line"])) if head and not below.startswith("    ") else ""
        told += [f"    {source}"] if source else []
    return "\n".join(told)


def own_frames(found: Sequence[Piece]) -> Sequence[Frame]:
    """The task's own frames, the innermost first; none where there are no others to tell them from."""
    frames = [piece.frame for piece in found if piece.frame is not None]
    own = [frame for frame in frames if frame.own]
    return own[::-1] if len(own) < len(frames) else ()


def _below(lines: Sequence[str], place: int) -> Iterator[str]:
    """The lines of code, and marks under them, that belong to a frame."""
    while place < len(lines) and lines[place].startswith("    "):
        yield lines[place]
        place += 1


def _is_own(file: str, folders: Collection[str]) -> bool:
    path = PurePath(file)
    return not _LIBRARIES.intersection(path.parts) and any(path.is_relative_to(folder) for folder in folders)
