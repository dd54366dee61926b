"""Which process is which: a pid alone is used again, so with it goes when the process began and on which boot."""

from __future__ import annotations

import functools
import os
from pathlib import Path


@functools.cache
def boot_id() -> str:
    """This boot of this machine; the host's name where the kernel has no boot id."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return os.uname().nodename


def started(pid: int) -> str | None:
    """When the process began, in the kernel's ticks since boot; None when there is no such process (or no /proc)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()[19]


def new_owner_id() -> str:
    """A name for this start of this process, never used before."""
    return f"{os.getpid()}-{os.urandom(6).hex()}"


def give_back_memory() -> None:
    """What this process used for a while goes back to the system, where the C library can be asked for that (glibc)."""
    import ctypes  # late: few need it

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
