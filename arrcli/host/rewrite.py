"""A file of the user's, changed whole: whoever reads it finds the old content or the new, never a part of one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from arrcli.errors import ArrError, NotFoundError


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Put `change` of the content in its place, with the file's mode, owner and attributes; a link to it stays.

    Two that do so at once come one after the other. NotFoundError where there is no file; ArrError, with nothing
    written, where it cannot be replaced as it is; what `change` raises, likewise.
    """
    real = Path(os.path.realpath(path))
    with _held(real, path) as handle:
        before = _content(handle)
        after = change(before)
        if after != before:
            _replace(real, path, after, handle)


@contextmanager
def _held(real: Path, path: Path) -> Iterator[int]:
    """The file, opened and locked; not one that another writer has replaced meanwhile."""
    while True:
        try:
            handle = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise NotFoundError(f"there is no {path}") from None
        except OSError as error:
            raise ArrError(f"{path} cannot be read: {error.strerror}") from error
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ArrError(f"{path} is not a regular file; name one")
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_at(handle, real):
                yield handle
                return
        finally:
            os.close(handle)


def _is_at(handle: int, real: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), real.lstat())
    except FileNotFoundError:
        return False


def _content(handle: int) -> bytes:
    with os.fdopen(handle, "rb", closefd=False) as opened:
        return opened.read()


def _replace(real: Path, path: Path, content: bytes, handle: int) -> None:
    try:
        new, name = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    except OSError as error:
        raise ArrError(f"{path} cannot be replaced: {error.strerror} in {real.parent}; nothing was written") from error
    try:
        with os.fdopen(new, "wb") as out:
            out.write(content)
            out.flush()
            _dress_alike(new, handle)
            os.fsync(new)
        Path(name).replace(real)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise ArrError(f"{path} cannot be replaced as it is: {error.strerror}; nothing was written") from error
    _sync(real.parent)


def _dress_alike(new: int, old: int) -> None:
    """Owner, mode and attributes; OSError where this user may not give it the same owner."""
    was, now = os.fstat(old), os.fstat(new)
    if (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
        os.fchown(new, was.st_uid, was.st_gid)
    os.fchmod(new, stat.S_IMODE(was.st_mode))
    if hasattr(os, "listxattr"):
        for attribute in os.listxattr(old):
            with contextlib.suppress(OSError):  # some are the system's own
                os.setxattr(new, attribute, os.getxattr(old, attribute))


def _sync(folder: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
