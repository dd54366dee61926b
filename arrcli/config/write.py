"""TOML as people write it: a key a line, small tables and lists within it. Names and plain values are tomli_w's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import tomli_w

WIDEST: Final = 100
"""From this width on a list is written an element a line."""


def table(path: Sequence[str], keys: Mapping[str, Any]) -> str:
    """`[path]` and its keys, each line ended."""
    return "".join(f"{line}\n" for line in [header(path), *map(pair, keys, keys.values())])


def header(path: Sequence[str]) -> str:
    """`[tasks.nightly]`, quoted where TOML wants it."""
    return f"[{'.'.join(map(name, path))}]"


def pair(key: str, given: Any) -> str:
    """`key = value`; a long list of several on lines of its own."""
    line = f"{name(key)} = {value(given)}"
    if len(line) <= WIDEST or not isinstance(given, list | tuple) or len(given) < 2:
        return line
    return "\n".join([f"{name(key)} = [", *(f"    {value(element)}," for element in given), "]"])


def name(key: str) -> str:
    """A key, quoted where TOML wants it."""
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def value(given: Any) -> str:
    """A value on one line: text, numbers, truth, times, and lists and tables of them."""
    if isinstance(given, Mapping):
        pairs = ", ".join(f"{name(key)} = {value(element)}" for key, element in given.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(given, list | tuple):
        return f"[{', '.join(map(value, given))}]"
    if isinstance(given, datetime):
        return given.isoformat().replace("+00:00", "Z")
    return tomli_w.dumps({"x": given}).removeprefix("x = ").removesuffix("\n")


def comment(text: str) -> str:
    """`# text`, a line of it a line; what may not stand in a comment is written as an escape."""
    return "\n".join(f"# {_printable(line)}".rstrip() for line in text.split("\n"))


def aligned(lines: Iterable[tuple[str, str]]) -> str:
    """Lines with remarks behind them, the remarks below each other."""
    rows = list(lines)
    width = max((len(line) for line, remark in rows if remark), default=0)
    return "".join(f"{line.ljust(width)}  # {remark}\n" if remark else f"{line}\n" for line, remark in rows)


def _printable(text: str) -> str:
    return "".join(char if char == "\t" or (char >= " " and char != "\x7f") else f"\\x{ord(char):02x}" for char in text)
