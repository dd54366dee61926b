"""`%` in the command of a crontab: the first one ends it, what follows is its standard input. As Debian's cron does it.

In front of that `\\%` is `%` and `\\\\` is `\\`; behind it `%` ends a line and `\\%` is `%`.
"""

from __future__ import annotations

import re
from typing import Final

_COMMAND: Final = re.compile(r"(?:[^\\%]|\\.)*\\?", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_PERCENT: Final = re.compile(r"\\?%")
_SIGN: Final = "\\%"
_LINE_END: Final = "\n"
_RUN: Final = re.compile(r"(?P<run>\\+)(?P<next>%?)|%")


def taken_apart(rest: str) -> tuple[str, str | None]:
    """The command that a shell gets, and its standard input; None where it gets none."""
    found = _COMMAND.match(rest)
    written = "" if found is None else found[0]
    command = _ESCAPED.sub(lambda pair: pair[1] if pair[1] in "%\\" else pair[0], written)
    data = _PERCENT.sub(lambda sign: "\n" if sign[0] == "%" else "%", rest[len(written) + 1 :])
    said = data.rstrip("\\")  # a backslash that nothing follows does not count as an unfinished line
    return command, (f"{data}\n" if said and not said.endswith("\n") else data) or None


def put_together(command: str, data: str | None) -> str:
    """The rest of a crontab's line that `taken_apart` reads as these two.

    ValueError, with why, where no line says that.
    """
    if "\n" in command:
        raise ValueError("its command has several lines")
    written = _RUN.sub(_doubled, command)
    if not data:
        return written
    written += "\\" * ((len(written) - len(written.rstrip("\\"))) % 2)  # or it would escape the first %
    for said in (data.removesuffix("\n"), data):  # cron ends the last line itself
        rest = f"{written}%{said.replace('%', _SIGN).replace(_LINE_END, '%')}"
        if taken_apart(rest) == (command, data):
            return rest
    raise ValueError("cron cannot give it this standard input")


def is_read_otherwise(rest: str) -> bool:
    """Whether cronie, which leaves two backslashes alone, reads another command here."""
    found = _COMMAND.match(rest)
    return found is not None and any(pair[1] == "\\" for pair in _ESCAPED.finditer(found[0]))


def _doubled(found: re.Match[str]) -> str:
    """One backslash stands for itself, unless what follows would be escaped by it."""
    if found["run"] is None:
        return "\\%"
    backslashes = found["run"]
    if found["next"]:
        return f"{backslashes * 2}\\%"
    return backslashes + backslashes[1:]
