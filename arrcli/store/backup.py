"""A copy of a store that is in use: whole, as it was at one moment, in one file that stands alone."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from arrcli.errors import NotFoundError, StoreError
from arrcli.store.opening import to_read, to_write
from arrcli.store.refusals import full, refuse_log_alone, translated
from arrcli.store.schema import version

_PAGES: Final = 512
"""How many are copied between two words of progress."""
_RUNS: Final = "SELECT count(*), coalesce(max(id), 0) FROM runs"


def back_up(
    database: Path, to: Path, *, force: bool = False, progress: Callable[[int, int], None] | None = None
) -> int:
    """Copy the store to the file `to` (0600), check the copy, and only then give it its name; its size in bytes.

    Nobody is held up meanwhile. `progress` hears how many pages are copied, and of how many. StoreError where `to` is
    there already (unless `force`), is the store itself, or cannot be written; the store is left as it was.
    """
    refuse_log_alone(database)
    if not database.exists():
        raise NotFoundError(f"there is no store at {database}; arr run makes one")
    if _is_of(database, to):
        raise StoreError(f"{to} is the store itself; name another file")
    if not force and os.path.lexists(to):
        raise StoreError(f"{to} is there already; name another file, or replace it with --force")
    part = to.with_name(f".{to.name}.{secrets.token_hex(4)}.part")
    _make(part)
    try:
        _copied(database, part, progress or (lambda done, total: None))
        _synced(part)
        _named(part, to, force=force)
        _synced(to.parent)
    finally:
        for left in (part, Path(f"{part}-journal")):
            left.unlink(missing_ok=True)
    return to.stat().st_size


def _is_of(database: Path, to: Path) -> bool:
    own = [Path(f"{database}{end}") for end in ("", "-wal", "-shm")]
    return any(to.absolute() == one.absolute() or (to.exists() and one.exists() and to.samefile(one)) for one in own)


def _make(part: Path) -> None:
    try:
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StoreError(f"{part.parent} takes no backup: {error.strerror}; name another place") from error
    os.fchmod(handle, 0o600)
    os.close(handle)


def _copied(database: Path, part: Path, progress: Callable[[int, int], None]) -> None:
    """Page by page, from one snapshot: what is committed meanwhile is in the next backup."""

    def tell(_: int, left: int, total: int) -> None:
        progress(total - left, total)

    with _opened(to_read(database), database) as source, _opened(to_write(part), part) as copy:
        with translated(str(database)):
            source.execute("BEGIN")
            version(source, str(database))
            runs = source.execute(_RUNS).fetchone()
        with translated(str(part)):
            source.backup(copy, pages=_PAGES, progress=tell)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, that can be read wherever it is
            damage = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if damage != "ok" or copy.execute(_RUNS).fetchone() != runs:
                raise StoreError(f"the copy of {database} is not whole ({damage}); look at it with: arr db check")


@contextmanager
def _opened(uri: str, path: Path) -> Iterator[sqlite3.Connection]:
    with (
        translated(str(path)),
        closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection,
    ):
        yield connection


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _named(part: Path, to: Path, *, force: bool) -> None:
    """Under its name at one stroke; what another process has put there meanwhile stays, unless `force`."""
    try:
        if force:
            part.replace(to)
            return
        with contextlib.suppress(PermissionError):  # a file system without hard links
            os.link(part, to)
            return
        if os.path.lexists(to):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        part.replace(to)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise full(str(to)) from error
        raise StoreError(f"{to} cannot be written: {error.strerror}; name another file") from error
