"""Whether the code that a worker has imported has changed on disk since."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_BETWEEN_LOOKS_NS: Final = 1_000_000_000
_OURS: Final = str(Path(__file__).parent.parent) + os.sep
_INSTALLED: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


class CodeWatch:
    """The files of imported modules under the user's own folders, and when each was written last."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = tuple(os.path.join(os.path.realpath(folder), "") for folder in folders)  # noqa: PTH118
        self._known: set[str] = set(sys.modules)
        self._count = len(sys.modules)
        self._written: dict[str, int] = {}
        self._looked = 0
        self._changed = False

    def note(self, since_ns: int) -> None:
        """Take in what has been imported since the last time, which was after `since_ns` (wall clock)."""
        if len(sys.modules) == self._count:
            return
        for name in set(sys.modules) - self._known:
            self._add(name, since_ns)
        self._known = set(sys.modules)
        self._count = len(sys.modules)

    def _add(self, name: str, since_ns: int) -> None:
        path = getattr(sys.modules.get(name), "__file__", None)
        if not isinstance(path, str) or not self._is_of_the_user(os.path.realpath(path)):
            return
        written = _written(path)
        self._written[path] = written
        if written > since_ns:
            self._changed = True  # edited since its import began, or just before: which one nobody knows

    def _is_of_the_user(self, path: str) -> bool:
        own = path.startswith(self._folders) and not path.startswith(_OURS)
        return own and not any(part in path for part in _INSTALLED)

    def has_changed(self) -> bool:
        """Looks at the files at most once a second."""
        now = time.monotonic_ns()
        if not self._changed and now - self._looked >= _BETWEEN_LOOKS_NS:
            self._looked = now
            self._changed = any(_written(path) != written for path, written in self._written.items())
        return self._changed


def _written(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - 2 microseconds a file, once a second
    except OSError:
        return -1
