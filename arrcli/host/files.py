"""Files and folders that arr creates or trusts: private under any umask, and never through a link."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from arrcli.errors import ArrError, StoreError, StoreFullError, UsageError

PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700
_NETWORK: Final = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.s3fs",
    "fuse.glusterfs", "beegfs", "gfs2", "ocfs2", "webdav", "davfs",
}  # fmt: skip


class UntrustedError(ArrError):
    """Run by root, arr was pointed at something that another user could change."""

    kind = "untrusted"


def private_folder(path: Path) -> Path:
    """Make `path` (one level of it at a time) as 0700 where it is missing; what is there must be a folder."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        for folder in reversed(missing):
            with _no_umask():
                folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
    except OSError as error:
        raise cannot("made", error.filename or path, error, "name another place with --state-dir") from error
    if not path.is_dir():
        raise StoreError(f"{path} is not a folder; move it away, or name another with --state-dir")
    return path


def folder_within(path: Path) -> Path:
    """The same inside a folder of arr's own, where nothing is a link."""
    if path.is_symlink():
        raise StoreError(f"{path} is a link; arr does not follow links in its state directory: remove it")
    return private_folder(path)


def read_within(path: Path) -> str:
    """The text of a file of arr's own; OSError where it is not there, is a link or no regular file."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read()


def cannot(be: str, path: str | Path, error: OSError, mend: str) -> StoreError:
    """What the system refused to do to a file of arr's own, in a sentence that says how to mend it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFullError(f"the disk of {path} is full; nothing was written: make room, then try again")
    return StoreError(f"{path} cannot be {be}: {error.strerror}; {mend}")


def open_private(path: Path, flags: int) -> int:
    """Open a file of arr's own as 0600, never through a link and never anything but a regular file."""
    try:
        handle = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, PRIVATE_FILE)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise StoreError(f"{path} is a link; arr does not follow links in its state directory: remove it") from None
        raise cannot("opened", path, error, "check its owner, mode and disk") from error
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise StoreError(f"{path} is not a regular file; remove it")
    if flags & os.O_CREAT and stat.S_IMODE(status.st_mode) != PRIVATE_FILE and status.st_uid == os.geteuid():
        os.fchmod(handle, PRIVATE_FILE)  # made under a strange umask, or opened up by somebody
    return handle


def write_new(path: Path, text: str, *, force: bool = False) -> None:
    """A file of the user's, made private; UsageError where there is one already, unless it is to be replaced."""
    if not force and os.path.lexists(path):
        raise UsageError(f"{path} is there already; name another, or replace it with --force")
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    with os.fdopen(open_private(path, flags), "w", encoding="utf-8") as out:
        out.write(text)


@contextmanager
def _no_umask() -> Iterator[None]:
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def refuse_network(folder: Path) -> None:
    """StoreError when `folder` lies on a network file system: locks and shared memory do not hold there."""
    kind = file_system(folder)
    if kind in _NETWORK:
        raise StoreError(
            f"{folder} is on a network file system ({kind}), where SQLite's locks do not hold; "
            "name a local folder with --state-dir"
        )


def file_system(folder: Path) -> str:
    """The type of the file system that `folder` lies on, as the kernel names it; "" where it does not tell (macOS)."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    wanted, best, kind = os.fspath(folder.resolve()), "", ""
    for line in lines:
        left, _, right = line.partition(" - ")
        mount = left.split(" ")[4].encode().decode("unicode_escape", "replace")
        inside = wanted == mount or wanted.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, right.split(" ")[0]
    return kind


def distrust(paths: Iterator[Path] | list[Path]) -> list[str]:
    """Why these paths should not be trusted, a sentence each: others may write them, or own them (root may).

    Run by root this is an UntrustedError; run by anyone else the caller warns.
    """
    root = os.geteuid() == 0
    found = [said for path in paths if (said := _fault(path))]
    if found and root:
        raise UntrustedError(f"{found[0]}; arr runs as root and refuses it: chown or chmod it")
    return found


def _fault(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):  # a sticky bit keeps nobody from adding files: to import, say
        return f"{path} can be written by other users (mode {stat.S_IMODE(status.st_mode):04o})"
    if status.st_uid not in (0, os.geteuid()) and os.environ.get("ARR_TRUST") != "1":
        return f"{path} belongs to user {status.st_uid} (set ARR_TRUST=1 to trust other owners)"
    return ""


def supported() -> None:
    """ArrError on Windows."""
    if sys.platform == "win32":
        raise ArrError("arr does not run on Windows; use it in WSL, on Linux or on macOS")
