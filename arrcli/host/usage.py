"""What processes use just now, of processor and memory, each with its descendants. Linux tells; elsewhere nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

from arrcli.model.value import dataclass

_APART_US: Final = 500_000
"""Shares of less time than this say little: until then the last one holds."""
_MOST: Final = 200
"""Descendants that are looked at; a heap of them is no reason to look for long."""


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu` is the share of one processor since the last look, None at the first; memory is what is resident."""

    cpu: float | None
    rss_kb: int


@dataclass(frozen=True, slots=True)
class _Look:
    at: int
    ticks: int
    usage: Usage


class Meter:
    """Remembers its last look at each process. `monotonic` gives microseconds."""

    def __init__(self, monotonic: Callable[[], int]) -> None:
        self._monotonic = monotonic
        self._looks: dict[int, _Look] = {}

    def of(self, pids: Collection[int]) -> dict[int, Usage]:
        """Of each process that there is; the others are forgotten."""
        now = self._monotonic()
        looks = {pid: look for pid in pids if (look := self._look(pid, now)) is not None}
        self._looks = looks
        return {pid: look.usage for pid, look in looks.items()}

    def _look(self, pid: int, now: int) -> _Look | None:
        last = self._looks.get(pid)
        if last is not None and now - last.at < _APART_US:
            return last
        found = [used for used in map(_used, _family(pid)) if used is not None]
        if not found:
            return None
        ticks, pages = (sum(part) for part in zip(*found, strict=True))
        cpu = None
        if last is not None:
            cpu = max(0, ticks - last.ticks) / os.sysconf("SC_CLK_TCK") / ((now - last.at) / 1e6)
        return _Look(now, ticks, Usage(cpu, pages * os.sysconf("SC_PAGE_SIZE") // 1024))


def _family(pid: int) -> Iterator[int]:
    """The process, and what it started."""
    waiting, seen = [pid], 0
    while waiting and seen < _MOST:
        each = waiting.pop()
        seen += 1
        yield each
        try:
            tasks = list(Path(f"/proc/{each}/task").iterdir())
            waiting += [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except (OSError, ValueError):
            continue


def _used(pid: int) -> tuple[int, int] | None:
    """Ticks of processor time, its ended children's included, and resident pages."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return sum(map(int, fields[11:15])), int(fields[21])
    except (OSError, ValueError, IndexError):
        return None
