"""How a store is: asked of its file, which is neither made nor changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from arrcli.errors import StoreError
from arrcli.model.value import dataclass
from arrcli.store.opening import to_read
from arrcli.store.schema import VERSION, version

SQLITE: Final = sqlite3.sqlite_version
_STEPS: Final = 10_000
"""Instructions of SQLite's between two questions whether that is enough."""


@dataclass(frozen=True, slots=True)
class Health:
    """The store's version and the one that this arr makes; what SQLite finds wrong; whether it looked at all of it."""

    version: int
    known: int
    problems: tuple[str, ...]
    whole: bool


def examined(path: Path, *, enough: Callable[[], bool]) -> Health:
    """SQLite's quick check, until `enough`; StoreError where it is no store that this arr can read."""
    try:
        with closing(sqlite3.connect(to_read(path), uri=True)) as connection:
            found = version(connection, str(path))
            connection.set_progress_handler(lambda: int(enough()), _STEPS)
            try:
                rows = connection.execute("PRAGMA quick_check(20)").fetchall()
            except sqlite3.OperationalError as error:
                if "interrupt" not in str(error):
                    raise
                return Health(found, VERSION, (), whole=False)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read as a store: {error}") from error
    return Health(found, VERSION, tuple(row[0] for row in rows if row[0] != "ok"), whole=True)
