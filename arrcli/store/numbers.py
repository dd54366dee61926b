"""The numbers of runs. Other hands may give the last one that there is, and none would be left for another run."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Final

from arrcli.errors import StoreError

_LAST: Final = (1 << 63) - 1
_ABSURD: Final = 1 << 53
"""Nobody counts so far."""
_USED: Final = "SELECT max((SELECT max(id) FROM runs), (SELECT max(seq) FROM sqlite_sequence WHERE name = 'runs'))"
_SANE: Final = "SELECT coalesce(max(id), 0) FROM runs WHERE id < ?"
_ABSURDLY: Final = "SELECT id FROM runs WHERE id >= ? ORDER BY id"
_RENUMBER: Final = """UPDATE runs SET id = ?, state = iif(stage = 2, 'pending', state), claimed_by = NULL,
    stage = iif(stage = 2, 0, stage) WHERE id = ?"""
"""What runs under a number that is taken from it begins again."""


class NumbersError(StoreError):
    """There was no number left for a run; there are numbers again."""


def freed(connection: sqlite3.Connection) -> bool:
    """Whether the numbers had run out: then the absurd ones were changed for the next ones, in a transaction."""
    try:
        if connection.execute(_USED).fetchone()[0] != _LAST:
            return False
        connection.execute("BEGIN IMMEDIATE")
        last: int = connection.execute(_SANE, (_ABSURD,)).fetchone()[0]
        for (absurd,) in connection.execute(_ABSURDLY, (_ABSURD,)).fetchall():
            last += 1
            connection.execute(_RENUMBER, (last, absurd))
        connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'runs'", (last,))
        connection.execute("COMMIT")
    except sqlite3.Error:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        return False
    return True
