"""Takes the rounds of a row: contenders in turn, so that what else the machine does falls on all of them."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from row import Ask, Contender, LeftOut, Measured, Row, Taken


def measured(row: Row, ask: Ask, rounds: int) -> Measured:
    """The row in so many rounds; who cannot be measured is left out by name, with the reason."""
    whole = Measured(row)
    for number in range(rounds):
        taken: dict[str, Taken | None] = {}
        for contender in row.contenders:
            if contender.name not in whole.left_out:
                _say(f"{row.name}: round {number + 1} of {rounds}: {contender.name}")
                taken[contender.name] = _taken(contender, ask, whole)
        whole.taken.append(taken)
    _say("")
    return whole


def _taken(contender: Contender, ask: Ask, whole: Measured) -> Taken | None:
    with _emptied(ask.folder) as folder:
        try:
            return contender.measure(replace(ask, folder=folder))
        except LeftOut as reason:
            whole.left_out[contender.name] = str(reason)
            return None


@contextmanager
def _emptied(inside: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=inside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _say(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)
