"""What the machine says of itself: its clock's keeper, its zone data, its limits, its disks."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys
import zoneinfo
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

_TIME_ERROR: Final = 5
_SYNCHRONISED: Final = Path("/run/systemd/timesync/synchronized")
_TIMEX_BYTES: Final = 512


def clock_is_kept() -> bool | None:
    """Whether something (NTP, chrony, the hypervisor) keeps the kernel's clock in step; None: it cannot be told."""
    if _SYNCHRONISED.exists():
        return True
    if not sys.platform.startswith("linux"):
        return None
    try:
        asked = ctypes.create_string_buffer(_TIMEX_BYTES)  # zeros: nothing is to be changed
        state = ctypes.CDLL(None, use_errno=True).adjtimex(asked)
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def zone_data() -> list[tuple[str, str]]:
    """Where time zones are read from, first the one that counts, with its version ("" where it does not say)."""
    found = []
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / "UTC").is_file():
            found.append((str(folder), _version_in(folder)))
    with contextlib.suppress(PackageNotFoundError):
        found.append(("the package tzdata", version("tzdata")))
    return found


def _version_in(folder: Path) -> str:
    for name, words in (("tzdata.zi", 2), ("+VERSION", 0)):
        try:
            line = (folder / name).read_text(errors="replace").partition("\n")[0]
        except OSError:
            continue
        return line.split()[words] if len(line.split()) > words else ""
    return ""


def open_files() -> tuple[int, int]:
    """How many files a process may have open: now, and at the most that it could ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _bounded(soft), _bounded(hard)


def processes() -> int:
    """How many processes this user may have."""
    return _bounded(resource.getrlimit(resource.RLIMIT_NPROC)[0])


def _bounded(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit


def free_bytes(folder: Path) -> int:
    """What this user can still write where the folder is, or would be."""
    while not folder.exists():
        folder = folder.parent
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
