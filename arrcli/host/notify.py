"""Words to the service manager (systemd's sd_notify protocol); nothing where there is none."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Final

_PATIENCE_S: Final = 1.0


def notify(*words: str, patience_s: float = _PATIENCE_S) -> bool:
    """Send e.g. "READY=1", "STOPPING=1", "WATCHDOG=1"; False when nobody asked to be told, or nobody listened so
    long: a manager that hangs must not hold the daemon up."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out,
    ):
        out.settimeout(patience_s)
        out.sendto("\n".join(words).encode(), "\0" + address[1:] if address[0] == "@" else address)
        return True
    return False


def watchdog_interval() -> int | None:
    """Microseconds between two WATCHDOG=1 that the manager wants (half of its limit), or None."""
    text = os.environ.get("WATCHDOG_USEC", "")
    mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(text) // 2 if text.isdigit() and mine else None
