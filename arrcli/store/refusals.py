"""SQLite's errors as ours, each with the next step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from arrcli.errors import StoreBusyError, StoreError, StoreFullError, StoreLostError, UsageError
from arrcli.store.reserve import is_full, size_of
from arrcli.text import brief

_HIDES_FULL: Final = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
"""What SQLite says of a disk that is too full for its shared memory."""


@contextmanager
def translated(where: str) -> Iterator[None]:
    """What SQLite refuses to do with the database `where` is a StoreError; of what cannot be kept, a UsageError."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise UsageError(f"{brief(str(error.object))} is not UTF-8 text, as all names and words here are") from error
    except OverflowError as error:
        if "SQLite" not in str(error):
            raise
        raise UsageError("a number is beyond 64 bits, and cannot be kept") from error
    except sqlite3.OperationalError as error:
        raise _operational(error, where) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        raise StoreLostError(
            f"{where} is damaged or is no store of arr's ({error}); look at it with: arr db check"
        ) from error


def refuse_log_alone(database: Path) -> None:
    """SQLite takes a log without its database for nothing, and removes it, with all that was committed last."""
    log = Path(f"{database}-wal")
    if not size_of(database) and size_of(log):
        raise StoreLostError(
            f"{database} is gone or empty, and its log is left: put the store back in its place; or, to go on with a "
            f"backup or anew, remove {log}"
        )


def says_full(error: BaseException) -> bool:
    """SQLite had no room: on the disk, or among the numbers of rows."""
    return isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL


def full(where: str) -> StoreFullError:
    """What is said of a disk without room."""
    return StoreFullError(f"the disk of {where} is full; nothing was written: make room, then try again")


def _operational(error: sqlite3.OperationalError, where: str) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusyError(f"{where} is kept locked by another process; nothing was written")
    if code == sqlite3.SQLITE_FULL or (code in _HIDES_FULL and is_full(Path(where).parent)):
        return full(where)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        be = "opened" if code == sqlite3.SQLITE_CANTOPEN else "written"
        return StoreError(f"{where} cannot be {be} ({error}); check the owner and mode of it and of its folder")
    return StoreError(f"{where}: {error}")
