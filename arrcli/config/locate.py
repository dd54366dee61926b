"""Where each key and value of a TOML document stands; tomllib does not tell.

The scanner reads what tomllib has taken, so it need not judge. It runs only when there is something to point
at.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from contextlib import suppress
from typing import Final

from arrcli.config.place import Path, Place, Point

DEEPEST: Final = 100
"""Paths with more parts are not noted: nobody wrote them by hand."""

_SPACE: Final = re.compile(r"[ \t]*")
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+')
_SCALAR: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'  # up to two quotes may stand before the three that close
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|[^,\]}\n#]+",  # a number, a date (which may hold a blank), a truth value
    re.DOTALL,
)


def locate(text: str) -> dict[Path, Place]:
    """The place of every key and value, by path: `("tasks", "backup", "args", 0)`.

    Tables that no header names, as `a` in `[a.b]` or `a.b = 1`, stand where they are first mentioned. Of a
    text that tomllib refuses, the part before the first surprise.
    """
    scanner = _Scanner(text.replace("\r\n", "\n") + "\n")
    with suppress(_LostError, RecursionError):
        scanner.scan()
    return scanner.places()


class _LostError(Exception):
    """The text is not what tomllib would take."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: dict[Path, tuple[int, int]] = {}
        self._last_of: dict[Path, int] = {}  # the index of the newest table of each array of tables

    def places(self) -> dict[Path, Place]:
        starts = [0, *(match.end() for match in re.finditer("\n", self._text))]

        def point(offset: int) -> Point:
            line = bisect_right(starts, offset)
            return line, offset - starts[line - 1] + 1

        return {path: Place(point(key), point(value)) for path, (key, value) in self._found.items()}

    def scan(self) -> None:
        table: Path = ()
        self._take(_BLANK)
        while self._at < len(self._text):
            if self._next("["):
                table = self._header()
            else:
                self._pair(table)
            self._take(_BLANK)

    def _header(self) -> Path:
        start = self._at
        self._at += 2 if self._text.startswith("[[", start) else 1
        path, key = self._keys(())
        if self._text.startswith("[[", start):
            index = self._last_of[path] = self._last_of.get(path, -1) + 1
            path = (*path, index)
            self._at += 1
        self._at += 1
        self._note(path, key, start)
        return path

    def _pair(self, table: Path) -> None:
        path, key = self._keys(table)
        if not self._next("="):
            raise _LostError
        self._at += 1
        self._take(_SPACE)
        self._note(path, key, self._at)
        self._value(path)

    def _keys(self, path: Path) -> tuple[Path, int]:
        """The path that a dotted key leads to from `path`, and where its last part stands."""
        while True:
            self._take(_SPACE)
            start = self._at
            part = _unquoted(self._take(_KEY))
            if path in self._last_of:
                path = (*path, self._last_of[path])
            path = (*path, part)
            if len(path) <= DEEPEST:
                self._found.setdefault(path, (start, start))
            self._take(_SPACE)
            if not self._next("."):
                return path, start
            self._at += 1

    def _value(self, path: Path) -> None:
        if self._next("["):
            self._array(path)
        elif self._next("{"):
            self._inline_table(path)
        else:
            self._take(_SCALAR)

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while not self._closed("]"):
            self._note((*path, index), self._at, self._at)
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while not self._closed("}"):
            self._pair(path)

    def _closed(self, bracket: str) -> bool:
        """Past blanks, comments and commas: is that the end?"""
        self._take(_BLANK)
        while self._next(","):
            self._at += 1
            self._take(_BLANK)
        closed = self._next(bracket)
        self._at += closed
        return closed

    def _note(self, path: Path, key: int, value: int) -> None:
        if len(path) <= DEEPEST:
            self._found[path] = (key, value)

    def _next(self, char: str) -> bool:
        return self._text.startswith(char, self._at)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise _LostError
        self._at = match.end()
        return match[0]


def _unquoted(key: str) -> str:
    if key[0] == "'":
        return key[1:-1]
    if key[0] == '"':
        return next(iter(tomllib.loads(f"{key}=0"))) if "\\" in key else key[1:-1]
    return key
