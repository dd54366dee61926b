"""A crontab line by line, as Debian's cron and cronie read it: nothing is judged here but the form of a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Blank:
    """A line of blanks."""

    number: int


@dataclass(frozen=True, slots=True)
class Comment:
    """`# text`; the text is what stands behind the sign."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """`NAME = value`: holds for the entries below it."""

    number: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A time, in system crontabs a user, and the rest of the line as it stands: command, `%` and all."""

    number: int
    text: str
    when: str
    user: str
    rest: str


@dataclass(frozen=True, slots=True)
class Odd:
    """A line that is none of these, and why."""

    number: int
    text: str
    why: str


Line: TypeAlias = Blank | Comment | Variable | Entry | Odd

_VARIABLE: Final = re.compile(
    r"""(?:"(?P<double>[^"=]*)"|'(?P<single>[^'=]*)'|(?P<bare>[^\s="'][^\s=]*))\s*=\s*(?P<value>.*)""", re.DOTALL
)
_QUOTED: Final = re.compile(r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')\s*""", re.DOTALL)
_NICKNAME: Final = re.compile(r"(?P<when>@every[ \t]+\S+|@\S+)[ \t]+(?P<rest>.+)", re.IGNORECASE)
_FIELDS: Final = re.compile(r"(?P<when>\S+(?:[ \t]+\S+){4})[ \t]+(?P<rest>.+)")
_USER: Final = re.compile(r"(?P<user>\S+)[ \t]+(?P<rest>.+)")
_BEGINS: Final = "0123456789*@-~"
"""What a time may begin with: names stand in later fields only."""


def lines(data: bytes, *, system: bool) -> Iterator[Line]:
    """Every line of a crontab, in order, numbered from 1; `system`: entries have a column for the user."""
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = raw.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            yield Odd(number, raw.decode(errors="backslashreplace"), "it is not UTF-8: save the crontab as UTF-8")
            continue
        yield _line(number, text.lstrip(" \t"), system=system)


def entry(text: str, number: int = 0, *, system: bool = False) -> Entry | Odd:
    """A time and a command, or why it is none."""
    timed = text.removeprefix("-") if text.startswith("-") else text  # it asks some crons not to log the start
    found = (_NICKNAME if timed.startswith("@") else _FIELDS).fullmatch(timed)
    if found is None or timed[:1] not in _BEGINS:
        return Odd(number, text, "it is neither an entry nor NAME = value")
    user, rest = "", found["rest"]
    if system:
        owned = _USER.fullmatch(rest)
        if owned is None:
            return Odd(number, text, "a line of a system crontab has a user in front of its command")
        user, rest = owned["user"], owned["rest"]
    if rest.startswith("*"):
        return Odd(number, text, "the command begins with a star: cron has five fields in front of it")
    return Entry(number, text, found["when"], user, rest)


def _line(number: int, text: str, *, system: bool) -> Line:
    if not text.strip():
        return Blank(number)
    if "\0" in text:
        return Odd(number, text, "it has a NUL character")
    if text.startswith("#"):
        return Comment(number, text[1:].rstrip())
    return _variable(number, text) or entry(text, number, system=system)


def _variable(number: int, text: str) -> Variable | None:
    """A setting; None where the line is none, as with a quote that nothing closes."""
    found = _VARIABLE.fullmatch(text)
    if found is None:
        return None
    name, value = found["double"] or found["single"] or found["bare"], found["value"].rstrip()
    if value.startswith(("'", '"')):
        quoted = _QUOTED.fullmatch(value)
        if quoted is None:
            return None
        value = quoted["double"] if quoted["single"] is None else quoted["single"]
    return Variable(number, name, value) if name else None
