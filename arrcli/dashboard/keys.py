"""The one table of keys: what is read, what the bar and the `?` page list, what the documentation prints."""

from __future__ import annotations

from typing import Final

from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """An act, the keys that do it (names as `decoded` gives them), how they are shown, and in how few words.

    `bar` is what the key bar says, "" keeps it out of there; `asks`: it asks something of the daemon.
    """

    act: str
    names: tuple[str, ...]
    shown: str
    text: str
    bar: str = ""
    asks: bool = False


KEYS: Final = (
    Key("quit", ("q",), "q", "quit; arr run stops once what runs has ended", "q quit"),
    Key("help", ("?",), "?", "these keys", "? keys"),
    Key("down", ("j", "down"), "j ↓", "one row down", "↓ move"),
    Key("up", ("k", "up"), "k ↑", "one row up"),
    Key("page_down", ("pgdn", " ", "ctrl-f"), "PgDn space", "a page down"),
    Key("page_up", ("pgup", "ctrl-b"), "PgUp", "a page up"),
    Key("first", ("g", "home"), "g Home", "the first row"),
    Key("last", ("G", "end"), "G End", "the last row"),
    Key("next_pane", ("tab",), "Tab", "the next pane: next, ended, failing, running", "Tab pane"),
    Key("previous_pane", ("shift-tab",), "Shift-Tab", "the pane before"),
    Key(
        "open",
        ("enter",),
        "Enter",
        "open a run: attempts, traceback, output as it comes; of a task its newest",
        "Enter open",
    ),
    Key("run_now", ("r",), "r", "run the task now", "r run", asks=True),
    Key("cancel", ("x",), "x", "cancel the run; y confirms", "x cancel", asks=True),
    Key("again", ("a",), "a", "run an ended run again", "a again", asks=True),
    Key("pause", ("p",), "p", "pause the task, or let it go on", "p pause", asks=True),
    Key("reload", ("R",), "R", "read the tasks file again", "R reload", asks=True),
    Key("filter", ("/",), "/", "show only tasks with this text; Enter keeps it, Esc drops it", "/ filter"),
    Key("sort", ("s",), "s", "sort what comes next: by time, by name, the worst first", "s sort"),
    Key("timeline", ("t",), "t", "the next 24 hours", "t 24h"),
    Key("back", ("esc",), "Esc", "close this page, drop the filter"),
    Key("redraw", ("ctrl-l",), "Ctrl-L", "draw all of it anew"),
)

ASKING: Final = frozenset(key.act for key in KEYS if key.asks)
"""Acts that a screen without control leaves alone."""
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


def bar(width: int, *, control: bool = True) -> str:
    """`q quit  ? keys  Enter open  r run  x cancel`, as many as there is room for, the most wanted first."""
    said = ""
    for key in sorted(KEYS, key=_importance):
        if not key.bar or (key.asks and not control):
            continue
        longer = f"{said}  {key.bar}" if said else key.bar
        if len(longer) > width:
            break
        said = longer
    return said


def page_bar(width: int, *, of_run: bool, control: bool = True) -> str:
    """The keys of a page, as many as there is room for."""
    asked = ("x cancel", "a again", "r run", "p pause") if of_run and control else ()
    said = "Esc back"
    for part in ("↓ scroll", *asked, "G end", "? keys", "q quit"):
        if len(said) + 2 + len(part) > width:
            break
        said = f"{said}  {part}"
    return said


_WANTED: Final = ("quit", "help", "open", "run_now", "cancel", "pause", "filter", "sort", "timeline")


def _importance(key: Key) -> int:
    return _WANTED.index(key.act) if key.act in _WANTED else len(_WANTED)


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
