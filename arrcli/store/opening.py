"""How a database is opened: for writing, or to be read, also where nothing may be written at all."""

from __future__ import annotations

import os
from pathlib import Path


def to_write(database: Path) -> str:
    """SQLite's URI of it; it is not made where it is missing."""
    return f"{database.absolute().as_uri()}?mode=rw"


def to_read(database: Path) -> str:
    """Nothing of it is changed. SQLite reads beside writers by files of its own; where they cannot be made, and are
    not there, nobody writes either, and it is read as it lies there."""
    still = not os.access(database.parent, os.W_OK) and not os.path.lexists(f"{database}-shm")
    return f"{database.absolute().as_uri()}?mode=ro{'&immutable=1' if still else ''}"
