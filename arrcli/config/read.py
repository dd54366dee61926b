"""From a path to TOML tables: what cannot be read is one clear sentence, no traceback and no wait."""

from __future__ import annotations

import errno
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any, Final

from arrcli.config.faults import in_one, refusal_at
from arrcli.config.place import Point
from arrcli.errors import ConfigError, NotFoundError
from arrcli.text import clean

LARGEST: Final = 32 << 20
"""What is larger is no tasks file: 10,000 tasks take about a megabyte."""

_AT: Final = r" \(at (?:line (\d+), column (\d+)|end of document)\)$"
_LONG_NUMBER: Final = r"[0-9][0-9_]{4000,}"
_LIKE_A_DATE: Final = r"\d{4}-\d\d-\d\d|\d\d:\d\d:"
_BOMS: Final = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read(path: Path, *, file: str) -> str:
    """The text of a tasks file, its byte order mark taken off.

    NotFoundError where there is none; ConfigError if it is no regular file, cannot be read, is too large, or
    is not UTF-8. A FIFO or a device is refused without waiting for it.
    """
    return decoded(_bytes_of(path, clean(file)), file)


def tables(text: str, *, file: str) -> dict[str, Any]:
    """The TOML document; ConfigError at the line and column where it ends to be one."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise in_one(
            file, [f"{clean(file)}: lists or tables are nested too deeply — a few levels are enough"]
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(text, file, str(error)) from None
    except ValueError:  # int() refuses what would take it too long
        found = re.search(_LONG_NUMBER, text)
        point = _point_of(text, found.start()) if found else (1, 1)
        raise refusal_at(file, text, point, "a number of thousands of digits — write it in quotes") from None


def _bytes_of(path: Path, file: str) -> bytes:
    try:
        # Not to wait for the other end of a FIFO.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"no tasks file {file} — make one with: arr init") from None
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from None
    try:
        _refuse_unless_regular(os.fstat(handle).st_mode, file)
        with os.fdopen(handle, "rb", closefd=False) as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        raise _unreadable(file, error) from None
    finally:
        os.close(handle)
    if len(data) > LARGEST:
        raise ConfigError(f"{file} is larger than {LARGEST >> 20} MiB — this is hardly a tasks file")
    return data


def _refuse_unless_regular(mode: int, file: str) -> None:
    if stat.S_ISDIR(mode):
        raise ConfigError(f"{file} is a folder — name the tasks file in it, as {file}/tasks.toml")
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{file} is not a regular file — give the path of a TOML file")


def _unreadable(file: str, error: OSError | ValueError) -> ConfigError:
    if isinstance(error, PermissionError):
        return ConfigError(f"{file} cannot be read: permission denied — see its mode with: ls -l {file}")
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return ConfigError(f"{file} cannot be read: its links go round in a circle — give the file itself")
    why = error.strerror if isinstance(error, OSError) else "no such name is possible"
    return ConfigError(f"{file} cannot be read: {why} — give the path of a TOML file")


def decoded(data: bytes, file: str) -> str:
    """The text of a file's bytes, its byte order mark taken off; ConfigError where they are not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if data.startswith(b"SQLite format 3"):
            raise ConfigError(f"{clean(file)} is a store, not a tasks file — name the tasks file") from None
        coding = _BOMS.get(data[:2])
        if coding:
            raise ConfigError(f"{clean(file)} is {coding}, not UTF-8 — save it as UTF-8") from None
        before = data[: error.start].decode("utf-8-sig", "replace")
        text = data.decode("utf-8-sig", "replace")
        said = f"the byte 0x{data[error.start]:02x} is not UTF-8 — save the file as UTF-8"
        raise refusal_at(file, text, _point_of(before, len(before)), said) from None


def _point_of(text: str, offset: int) -> Point:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


_MENDED: Final = (
    ("Cannot overwrite a value", "this key or table is there twice — remove one"),
    ("Cannot declare", "this table is there twice — rename or remove one"),
    ("Duplicate inline table key", "this key is there twice — remove one"),
    ("Cannot mutate immutable", "this table is complete already — write all of its keys in one place"),
    ("Cannot redefine namespace", "this table is there twice — rename or remove one"),
    ("Invalid date or datetime", "there is no such date or time — write 2026-01-31T09:00:00"),
    ("Invalid value", 'this is no value — text needs quotes, as "text"; truth is true or false'),
    ("Unterminated string", "a text is not closed — its quotes must end it"),
    ("Expected \"'", "a text is not closed — its quotes must end it"),
    ("Expected '='", "a key without a value — write key = value"),
    ("Invalid statement", "this is no statement — write key = value, or a [table]"),
    (
        "Invalid initial character for a key",
        'this is no key — write letters, digits, _, -, or "any text"',
    ),
    ("Unclosed array", "a list is not closed — end it with ]"),
    ("Unclosed inline table", "an inline table is not closed — end it with }"),
    ("Expected ']'", "a table's name is not closed — write [tasks.name]"),
    ("Unescaped '\\'", "a lone backslash — write \\\\ for one, or the text in 'single quotes'"),
    ("Illegal character '\\n'", "a text is not closed on its line — its quotes must end it"),
    ("Illegal character", "a control character cannot stand here — remove it"),
    ("Expected newline or end of document", "something follows the value — write one key = value a line"),
)


def _syntax_error(text: str, file: str, said: str) -> ConfigError:
    lines = text.replace("\r\n", "\n").split("\n")
    found = re.search(_AT, said)
    what = said[: found.start()] if found else said
    if found and found[1]:
        line, column = int(found[1]), int(found[2])
    else:
        line = next((number for number in range(len(lines), 0, -1) if lines[number - 1].strip()), 1)
        column = len(lines[line - 1].rstrip()) + 1
    source = lines[line - 1] if line <= len(lines) else ""
    if what.startswith("Cannot overwrite"):  # tomllib points behind the value
        column = len(source) - len(source.lstrip()) + 1
    return refusal_at(file, "\n".join(lines), (line, column), _mended(what, source[max(0, column - 12) :][:24]))


def _mended(what: str, near: str) -> str:
    if what.startswith("Expected newline") and re.search(_LIKE_A_DATE, near):
        return "there is no such date or time — write 2026-01-31T09:00:00"
    words = next((words for start, words in _MENDED if what.startswith(start)), None)
    return words or f"this is not TOML: {clean(what)[:200]} — see toml.io"
