"""What the disk can do by itself, measured in the same round as what is compared with it."""

from __future__ import annotations

import os
import time
from pathlib import Path

_PAGE = b"\0" * 4096


def fdatasyncs(folder: Path, seconds: float) -> float:
    """How many times a second 4 KiB are written and synchronised, one after the other, in this folder."""
    fd = os.open(folder / "synced", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for place in range(256):
            os.pwrite(fd, _PAGE, place * 4096)
        os.fsync(fd)
        calls, began = 0, time.monotonic()
        while time.monotonic() - began < seconds:
            os.pwrite(fd, _PAGE, calls % 256 * 4096)
            os.fdatasync(fd)
            calls += 1
        return calls / (time.monotonic() - began)
    finally:
        os.close(fd)


def file_system(folder: Path) -> str:
    """The kind of file system that a folder lies on."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(where, kind) for where, kind in mounts if str(folder.resolve()).startswith(where)]
    return max(above, default=("", "?"))[1]
