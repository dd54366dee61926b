"""Faults of a tasks file: collected by the path of what is wrong, placed in the text at the end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, time
from difflib import get_close_matches
from enum import Enum
from typing import Any, Final

from arrcli.config.place import Path, Place, Point
from arrcli.errors import ConfigError
from arrcli.model.value import dataclass
from arrcli.text import clean, one_line, shortened

WIDEST: Final = 100
"""How much of a source line is shown."""

_BARE: Final = r"[A-Za-z0-9_-]+"
_NOWHERE: Final = Place((1, 1), (1, 1))


class Spot(Enum):
    """Which end of `key = value` a fault points at."""

    KEY = "key"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong (or, as a note, surprising) at one path, and how to mend it."""

    path: Path
    text: str
    spot: Spot = Spot.VALUE

    @property
    def label(self) -> str:
        """The path as people write it: of an unknown key, the table that does not know it."""
        return label(self.path[:-1] if self.spot is Spot.KEY else self.path)


@dataclass(slots=True)
class Findings:
    """What was found on the way: faults refuse the file, notes stop nothing."""

    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)

    def fault(self, path: Path, text: str) -> None:
        self.faults.append(Fault(path, text))

    def note(self, path: Path, text: str) -> None:
        self.notes.append(Fault(path, f"{label(path)} {text}"))


def refusal(file: str, text: str, faults: Iterable[Fault]) -> ConfigError:
    """All the faults in one error, in the order of the file, each with its line of the source."""
    lines = text.split("\n")
    blocks = [
        _block(file, lines, point, f"{fault.label}: {fault.text}" if fault.label else fault.text)
        for point, fault in _placed(text, faults)
    ]
    return in_one(file, list(dict.fromkeys(blocks)))


def refusal_at(file: str, text: str, point: Point, said: str) -> ConfigError:
    """One fault at a known line and column."""
    return in_one(file, [_block(file, text.split("\n"), point, said)])


def in_one(file: str, blocks: Sequence[str], *, ending: str = "nothing was started") -> ConfigError:
    """The error that shows these blocks, and counts them."""
    errors = "1 error" if len(blocks) == 1 else f"{len(blocks)} errors"
    return ConfigError("\n".join([*blocks, f"{errors} in {clean(file)}; {ending}."]), blocks)


def notes(file: str, text: str, found: Sequence[Fault]) -> list[str]:
    """The notes, each `FILE:LINE:COL: path what`, in the order of the file."""
    return [f"{clean(file)}:{line}:{column}: {note.text}" for (line, column), note in _placed(text, found)]


def _placed(text: str, faults: Iterable[Fault]) -> list[tuple[Point, Fault]]:
    faults = list(faults)
    if not faults:
        return []
    from arrcli.config.locate import locate  # late: most files have no faults

    places = locate(text)
    fitting = [_fitting(places, fault) for fault in faults]
    return sorted(((_point(places, fault), fault) for fault in fitting), key=lambda pair: pair[0])


def _fitting(places: Mapping[Path, Place], fault: Fault) -> Fault:
    """A lone value is read as a list of one: its fault is that of the key, not of an element `[0]`."""
    lone = fault.path and isinstance(fault.path[-1], int) and fault.path not in places
    return replace(fault, path=fault.path[:-1]) if lone else fault


def _point(places: Mapping[Path, Place], fault: Fault) -> Point:
    """Where the fault is; what stands nowhere is where the nearest table around it is."""
    path = fault.path
    while path and path not in places:
        path = path[:-1]
    place = places.get(path, _NOWHERE)
    return place.key if fault.spot is Spot.KEY and path == fault.path else place.value


def _block(file: str, lines: Sequence[str], point: Point, said: str) -> str:
    line, column = point
    source = lines[line - 1] if line <= len(lines) else ""
    head = f"{clean(file)}:{line}:{column}: {said}"
    shown = shortened(clean(source[: 10 * WIDEST]).replace("\n", " ").rstrip(), WIDEST)
    return f"{head}\n{line:>5} | {shown}" if shown else head


def label(path: Path) -> str:
    """`tasks.backup.args[2]`; names that TOML would quote are quoted, and all of them cleaned."""
    said = ""
    for part in path:
        if isinstance(part, int):
            said += f"[{part}]"
        else:
            name = part if re.fullmatch(_BARE, part) else quoted(part)
            said += f".{shortened(name, 60)}" if said else shortened(name, 60)
    return said


def quoted(text: str) -> str:
    """Text from a file, between quotes, on one line, cleaned and no longer than a message can bear."""
    return f'"{shortened(one_line(text[:1000]), 60)}"'


def shown(value: Any) -> str:
    """A value from a file as a message shows it."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and abs(value) >= 1 << 70:
        return "such a number"
    return str(value)


def reason(error: Exception) -> str:
    """What an error says, on one line, cleaned; its hint is kept however long the rest is."""
    hint = str(getattr(error, "hint", ""))
    said = str(error.args[0] if error.args else error)
    if len(said) > 200:  # what is wrong with a long value stands behind it
        said = f"{said[:100]}…{said[-80:]}"
    return " ".join(clean(said).split()) + (f" — {' '.join(clean(hint).split())}" if hint else "")


def meant(word: str, known: Iterable[str]) -> str:
    """` — did you mean "retries"?`, or nothing where no known word comes near."""
    by_fold = {name.casefold(): name for name in known}
    near = get_close_matches(word[:100].casefold(), list(by_fold), n=1, cutoff=0.6)
    return f" — did you mean {quoted(by_fold[near[0]])}?" if near else ""
