"""What a benchmark consists of: rows of figures, and who is measured for each."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from servers import Servers

ARR = "arr"
Taken: TypeAlias = Mapping[str, float]
"""One round of one contender: figure by key."""


class LeftOut(Exception):
    """Why a contender cannot be measured here."""


@dataclass(frozen=True)
class Ask:
    """How a measurement is to be made: where, how large, with which servers."""

    folder: Path
    servers: Servers
    quick: bool = False
    long: bool = False

    def size(self, usual: int, *, quick: int, long: int | None = None) -> int:
        return quick if self.quick else long if self.long and long is not None else usual


@dataclass(frozen=True)
class Figure:
    """A number that is measured. `target`: what arr is to reach; `over`: how many times better than these others;
    `absurd`: how many times off its target it must be to be more than noise."""

    key: str
    what: str
    unit: str
    better: Literal["more", "less", ""] = ""
    target: float | None = None
    over: Mapping[str, float] = field(default_factory=dict)
    absurd: float = 10

    def advantage(self, ours: float, theirs: float) -> float | None:
        """How many times better ours is than theirs; above 1 we win."""
        best, other = (ours, theirs) if self.better == "more" else (theirs, ours)
        return best / other if other and self.better else None

    def meets(self, value: float) -> bool | None:
        """None where there is nothing to meet."""
        if self.target is None:
            return None
        return value >= self.target if self.better == "more" else value <= self.target

    def broken(self, value: float) -> bool:
        """So far off the target that it cannot be noise."""
        if self.target is None:
            return False
        return value < self.target / self.absurd if self.better == "more" else value > self.target * self.absurd


@dataclass(frozen=True)
class Contender:
    """Somebody who is measured, by a way of their own documentation."""

    name: str
    measure: Callable[[Ask], Taken]


@dataclass(frozen=True)
class Row:
    """Contenders in the same discipline. `quick`: part of the smoke; `long`: only where a long run was asked for."""

    name: str
    what: str
    figures: Sequence[Figure]
    contenders: Sequence[Contender]
    quick: bool = False
    long: bool = False
    rounds: int = 5


@dataclass(frozen=True)
class Spread:
    """The median of several rounds, and how far they lie apart."""

    median: float
    least: float
    most: float

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        return Spread(statistics.median(values), min(values), max(values))


@dataclass
class Measured:
    """A row with what was taken in each round; None where a contender has none of it."""

    row: Row
    taken: list[dict[str, Taken | None]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def spread(self, name: str, key: str) -> Spread | None:
        values = [taken[key] for each in self.taken if (taken := each.get(name)) is not None and key in taken]
        return Spread.of(values) if values else None

    def advantage(self, over: str, figure: Figure) -> Spread | None:
        """Of arr over another contender, taken within each round."""
        found = []
        for each in self.taken:
            ours, theirs = each.get(ARR), each.get(over)
            if ours is not None and theirs is not None and figure.key in ours and figure.key in theirs:
                ratio = figure.advantage(ours[figure.key], theirs[figure.key])
                found += [] if ratio is None else [ratio]
        return Spread.of(found) if found else None

    def absurdities(self) -> list[str]:
        """What is too bad to be noise: arr could not be measured, or is a tenth of what it should be."""
        said = [f"{self.row.name}: {ARR}: {self.left_out[ARR]}"] if ARR in self.left_out else []
        for figure in self.row.figures:
            spread = self.spread(ARR, figure.key)
            if spread is not None and figure.broken(spread.median):
                said.append(
                    f"{self.row.name}: {figure.what} is {spread.median:g} {figure.unit}: {figure.target:g} wanted"
                )
        return said
