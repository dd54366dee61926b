"""Whose doing was it? Of the end of a process that many share it cannot be told at once, but in time."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

CHANCES: Final = 9
"""So many deaths of their supervisor are no doing of the runs that had begun there."""
_MOST: Final = 10_000


class Witnesses:
    """Runs that had begun when the supervisor above their worker died. That may be by hand; a run that is there each
    time, however often, does it itself.
    """

    def __init__(self) -> None:
        self._times: dict[int, int] = {}

    def is_guilty(self, run_id: int) -> bool:
        """Of a run that had begun when it died again."""
        times = self._times.pop(run_id, 0) + 1
        self._times[run_id] = times
        while len(self._times) > _MOST:
            del self._times[next(iter(self._times))]
        return times > CHANCES


class Suspects:
    """Runs that have been in a host when it died together with others.

    Each is tried next among half as many, and those that are lost again among a quarter: whoever does no harm soon
    comes to its end, and who ends its host is alone there after a few deaths, however many there were.
    """

    def __init__(self) -> None:
        self._company: dict[int, int] = {}

    def accuse(self, runs: Collection[int]) -> None:
        """These had begun in a host that died; one alone is no suspect, but known."""
        for run_id in runs if len(runs) > 1 else ():
            self._company.pop(run_id, None)
            self._company[run_id] = len(runs) // 2
        while len(self._company) > _MOST:
            del self._company[next(iter(self._company))]

    def acquit(self, run_id: int) -> None:
        """Its attempt came to its end."""
        self._company.pop(run_id, None)

    def company(self, run_id: int) -> int | None:
        """With how many at the most, itself one of them, it may be in a host; None: it is no suspect."""
        return self._company.get(run_id)
