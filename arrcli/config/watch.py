"""Watches a tasks file: looked at once a second, taken when it has been still for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from arrcli.config.load import load
from arrcli.errors import ArrError, ConfigError
from arrcli.model.instant import SECOND, Instant
from arrcli.model.task import TasksFile

LOOK: Final = SECOND

_Mark = tuple[int, int, int] | None


class Watch:
    """The source of a daemon's tasks. `shown` is the path as the user gave it: it stands in front of each fault."""

    def __init__(self, shown: str, current: TasksFile, read: Callable[[], TasksFile] | None = None) -> None:
        """`read` reads it as its user wants it read; an error that it raises is what is wrong with the file."""
        self._shown, self._current = shown, current
        self._load = read or (lambda: load(shown))
        self._taken = self._seen = _mark(shown)
        self._looked: Instant = 0

    def poll(self, now: Instant, *, asked: bool) -> TasksFile | ConfigError | None:
        """A changed file that was found whole, what is wrong with it, or None. `asked`: read it now, changed or not."""
        if asked:
            self._taken = self._seen = _mark(self._shown)
            return self._read()
        if self._current.reload == "manual" or 0 <= now - self._looked < LOOK:
            return None
        self._looked = now
        before, self._seen = self._seen, _mark(self._shown)
        if self._seen is None or self._seen in (self._taken,) or self._seen != before:
            return None
        self._taken = self._seen
        found = self._read()
        return None if isinstance(found, TasksFile) and found == self._previous else found

    _previous: TasksFile | None = None

    def _read(self) -> TasksFile | ConfigError:
        self._previous = self._current
        try:
            self._current = self._load()
        except ConfigError as error:
            return error
        except ArrError as error:
            return ConfigError(str(error), (str(error),))
        return self._current


def _mark(path: str) -> _Mark:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
