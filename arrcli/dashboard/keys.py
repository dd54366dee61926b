"""The one table of keys: what is read, what the bar and the `?` page list, what the documentation prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Key:
    """An act, the keys that do it (names as `decoded` gives them), how they are shown, and in how few words.

    `short` is what the key bar says; "" keeps it out of the bar.
    """

    act: str
    names: tuple[str, ...]
    shown: str
    text: str
    short: str = ""


KEYS: Final = (
    Key("down", ("j", "down"), "j ↓", "one row down", "move"),
    Key("up", ("k", "up"), "k ↑", "one row up"),
    Key("page_down", ("pgdn", " ", "ctrl-f"), "PgDn space", "a page down"),
    Key("page_up", ("pgup", "ctrl-b"), "PgUp", "a page up"),
    Key("first", ("g", "home"), "g Home", "the first row"),
    Key("last", ("G", "end"), "G End", "the last row"),
    Key("next_pane", ("tab",), "Tab", "the next pane: next, ended, failing, running", "pane"),
    Key("previous_pane", ("shift-tab",), "Shift-Tab", "the pane before"),
    Key("filter", ("/",), "/", "show only tasks with this text; Enter keeps it, Esc drops it", "filter"),
    Key("back", ("esc",), "Esc", "close this page, drop the filter"),
    Key("redraw", ("ctrl-l",), "Ctrl-L", "draw all of it anew"),
    Key("help", ("?",), "?", "these keys", "keys"),
    Key("quit", ("q",), "q", "close", "quit"),
)

ACTS: Final = {name: key.act for key in KEYS for name in key.names}

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


def bar(width: int) -> str:
    """`q quit  ? keys  j ↓ move  Tab pane  / filter`, as many as there is room for."""
    said = ""
    for part in (f"{key.shown} {key.short}" for key in sorted(KEYS, key=_importance) if key.short):
        longer = f"{said}  {part}" if said else part
        if len(longer) > width:
            break
        said = longer
    return said


def _importance(key: Key) -> int:
    return {"quit": 0, "help": 1}.get(key.act, 2)


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
