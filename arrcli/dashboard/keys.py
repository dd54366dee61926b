"""The one table of keys: what is read, what the bar and the `?` page list, what the documentation prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """An act, the keys that do it (names as `decoded` gives them), how they are shown, and in how few words.

    `shown` "" is listed with the key before it. `bar` is what the key bar says, key and word, "" keeps it out of there;
    `asks`: it asks something of the daemon.
    """

    act: str
    names: tuple[str, ...]
    shown: str
    text: str
    bar: str = ""
    asks: bool = False


KEYS: Final = (
    Key("down", ("j", "down"), "↑ ↓ k j", "a row up or down", "↑↓"),
    Key("up", ("k", "up"), "", "a row up"),
    Key("page_down", ("pgdn", " ", "ctrl-f"), "PgUp PgDn space", "a page up or down"),
    Key("page_up", ("pgup", "ctrl-b"), "", "a page up"),
    Key("first", ("g", "home"), "g G Home End", "the first or the last row"),
    Key("last", ("G", "end"), "", "the last row"),
    Key("next_pane", ("tab",), "Tab Shift-Tab", "the next pane, or the one before", "Tab pane"),
    Key("previous_pane", ("shift-tab",), "", "the pane before"),
    Key("open", ("enter",), "Enter", "open a run: attempts, traceback, output as it comes", "↵ open"),
    Key("run_now", ("r",), "r", "run the task now", "r run", asks=True),
    Key("cancel", ("x",), "x", "cancel the run; y confirms", "x cancel", asks=True),
    Key("again", ("a",), "a", "retry: an ended run once more, as a new one", "a retry", asks=True),
    Key("pause", ("p",), "p", "pause the task, or resume it", "p pause", asks=True),
    Key("filter", ("/",), "/", "only rows with this text; Enter keeps it, Esc drops it", "/ filter"),
    Key("sort", ("s",), "s", "sort what comes next: by time, by name, worst first", "s sort"),
    Key("timeline", ("t",), "t", "the next 24 hours", "t 24h"),
    Key("reload", ("R",), "R", "reload: read the tasks file again", "R reload", asks=True),
    Key("back", ("esc",), "Esc", "close this page, drop the filter"),
    Key("redraw", ("ctrl-l",), "Ctrl-L", "draw all of it anew"),
    Key("help", ("?",), "?", "this page", "? help"),
    Key("quit", ("q",), "q", "quit; arr run then waits for what runs", "q quit"),
)
"""In the order in which they are shown."""

ASKING: Final = frozenset(key.act for key in KEYS if key.asks)
"""Acts that a screen without control leaves alone."""
ACTS: Final = {name: key.act for key in KEYS for name in key.names}
"""The act of each key."""

Pairs: TypeAlias = Sequence[tuple[str, str]]
"""A bar: keys, each with its word."""

_SEQUENCES: Final = {
    "[A": "up",
    "[B": "down",
    "[C": "right",
    "[D": "left",
    "[H": "home",
    "[F": "end",
    "[1~": "home",
    "[4~": "end",
    "[5~": "pgup",
    "[6~": "pgdn",
    "[7~": "home",
    "[8~": "end",
    "[Z": "shift-tab",
    "OA": "up",
    "OB": "down",
    "OC": "right",
    "OD": "left",
    "OH": "home",
    "OF": "end",
}
_CONTROLS: Final = {
    "\r": "enter",
    "\n": "enter",
    "\t": "tab",
    "\x08": "backspace",
    "\x7f": "backspace",
    "\x15": "ctrl-u",
    "\x06": "ctrl-f",
    "\x02": "ctrl-b",
    "\x0c": "ctrl-l",
}


_WANTED: Final = (
    *("quit", "help", "down", "open", "run_now", "cancel", "again", "pause", "filter", "sort"),
    *("reload", "next_pane", "timeline"),
)
"""The first of them stay where the bar is short."""


@lru_cache(maxsize=32)
def bar(width: int, *, control: bool = True, paused: bool = False, ascii: bool = False) -> Pairs:
    """`↑↓  ↵ open  r run  x cancel`: as many as have room, in the order of the table. `paused`: what `p` would end."""
    said = [_pair(key.bar, paused=paused, ascii=ascii) for key in KEYS if _is_on_bar(key, control)]
    acts = [key.act for key in KEYS if _is_on_bar(key, control)]
    by_importance = sorted(range(len(acts)), key=lambda at: _WANTED.index(acts[at]))
    kept = _as_many_as_fit([said[at] for at in by_importance], width)
    return [pair for pair in said if pair in kept]


def page_bar(width: int, *, of_run: bool, control: bool = True, ascii: bool = False) -> Pairs:
    """The keys of a page, as many as there is room for."""
    asked = ("x cancel", "a retry", "r run", "p pause") if of_run and control else ()
    said = ("Esc back", "↑↓ scroll", *asked, "G end", "? help", "q quit")
    return _as_many_as_fit([_pair(each, ascii=ascii) for each in said], width)


def length_of(pairs: Pairs) -> int:
    return sum(len(key) + len(word) + bool(word) for key, word in pairs) + max(0, len(pairs) - 1)


def _is_on_bar(key: Key, control: bool) -> bool:
    return bool(key.bar) and (control or not key.asks)


def _pair(said: str, *, paused: bool = False, ascii: bool = False) -> tuple[str, str]:
    key, _, word = said.partition(" ")
    key = key.replace("↵", "Enter").replace("↑↓", "j/k") if ascii else key
    return key, "resume" if paused and word == "pause" else word


def _as_many_as_fit(pairs: Iterable[tuple[str, str]], width: int) -> Pairs:
    kept: list[tuple[str, str]] = []
    for pair in pairs:
        if length_of([*kept, pair]) > width:
            break
        kept.append(pair)
    return kept


def decoded(text: str) -> tuple[list[str], str]:
    """The names of the keys that these characters are, and an escape sequence's beginning that is left over.

    A letter is its own name. A sequence that nobody knows is no key: it is read to its end and dropped.
    """
    names: list[str] = []
    while text:
        if text[0] != "\x1b":
            name = _CONTROLS.get(text[0], text[0] if text[0].isprintable() else "")
            names += [name] if name else []
            text = text[1:]
            continue
        length = _sequence_length(text)
        if length == 0:
            return names, text
        name = "esc" if length == 1 else _SEQUENCES.get(text[1:length], "")
        names += [name] if name else []
        text = text[length:]
    return names, ""


def _sequence_length(text: str) -> int:
    """How many characters the sequence at the start takes; 1 is a bare ESC, 0 not all there yet."""
    if len(text) == 1:
        return 0
    if text[1] == "O":
        return 3 if len(text) > 2 else 0
    if text[1] != "[":
        return 1
    for index in range(2, len(text)):
        if "@" <= text[index] <= "~":
            return index + 1
    return 0 if len(text) < 32 else len(text)
