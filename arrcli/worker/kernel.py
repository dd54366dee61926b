"""What a worker asks of the operating system beyond Python's own library; each has a portable fallback.

`ARR_PORTABLE=1` forces the fallbacks, so that Linux can test what macOS takes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

LINUX = sys.platform == "linux" and not os.environ.get("ARR_PORTABLE")

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_KEEP_SIZE_AND_PUNCH_HOLE = 0x01 | 0x02
_LINE_BUFFERED = 1
_OUT_OF_REACH = 200

STACK_SIGNAL = signal.SIGRTMAX - 3 if hasattr(signal, "SIGRTMAX") else signal.SIGUSR2
"""Asks a worker to write its stacks: one that no task is likely to use."""


@cache
def _libc() -> Any:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: Any) -> None:
    if LINUX:
        _libc().prctl(option, value, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """SIGKILL this process when `parent` (the one that forked it) ends; at once if it has ended already."""
    _prctl(_PR_SET_PDEATHSIG, 9)
    if os.getppid() != parent:
        os._exit(0)


def continue_with_parent_gone() -> None:
    """SIGCONT to this process when its parent ends: one that was stopped still finds out, and cleans up."""
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGCONT))


def forget_peak() -> None:
    """Let the peak of this process's memory be what it uses now. Elsewhere than on Linux it stays the highest ever."""
    if LINUX:
        with contextlib.suppress(OSError):
            handle = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(handle, b"5")
            finally:
                os.close(handle)


def has_stopped(child: int) -> bool:
    """Whether this child has been stopped since the last time that this was asked."""
    if not hasattr(os, "waitid"):
        return False
    try:
        return os.waitid(os.P_PID, child, os.WSTOPPED | os.WNOHANG) is not None
    except ChildProcessError:
        return False


def adopt_orphans() -> None:
    """Descendants whose parents end become children of this process, instead of init's."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def set_name(name: str) -> None:
    """What `ps -o comm` shows; 15 bytes at most."""
    _prctl(_PR_SET_NAME, name.encode()[:15])


def punch(fd: int, start: int, length: int) -> bool:
    """Free the space of a part of a file, whose size stays; False where that cannot be done."""
    if not LINUX or length <= 0:
        return False
    import ctypes

    offset, size = ctypes.c_int64(start), ctypes.c_int64(length)
    return bool(_libc().fallocate(fd, _KEEP_SIZE_AND_PUNCH_HOLE, offset, size) == 0)


def out_of_reach(fd: int) -> int:
    """The same file under a number that no task closes by habit, as in `closerange(3, 64)`; the old one is given up."""
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_REACH)
    except OSError:  # the limit of open files is lower
        os.set_inheritable(fd, False)
        return fd
    os.close(fd)
    return high


def anonymous_file(name: str) -> int:
    """A descriptor of a file that has no name and ends with its last descriptor."""
    if LINUX and hasattr(os, "memfd_create"):
        return os.memfd_create(name, os.MFD_CLOEXEC)
    fd, path = tempfile.mkstemp(prefix="arr-")
    Path(path).unlink()
    return fd


def packet_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends that keep the borders of messages; Linux's tell a closed end too."""
    if LINUX:
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return one, other


def children() -> list[int]:
    """The live or unreaped children of this process, adopted ones included; empty where that cannot be
    told.
    """
    if not LINUX:
        return []
    try:
        lists = [task / "children" for task in Path("/proc/self/task").iterdir()]
        return [int(pid) for each in lists for pid in each.read_text().split()]
    except OSError:
        me = os.getpid()
        return [pid for pid in processes() if _parent(pid) == me]


def kill(children: Iterable[int]) -> None:
    """These children of ours, whose numbers are theirs until they are reaped."""
    for pid in children:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def reap(pids: Iterable[int]) -> None:
    """Bury those of these children that have ended."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def processes() -> Iterator[int]:
    """Every process id in /proc."""
    with contextlib.suppress(OSError):
        yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _parent(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


def catches(pid: int, number: int) -> bool:
    """Whether a process has a handler for the signal; True where that cannot be told."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    mask = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "")
    return not mask or bool(int(mask, 16) >> (number - 1) & 1)


def is_gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return LINUX


def watch_process(pid: int) -> int | None:
    """A descriptor that is readable once the process has ended; None where there is none."""
    if not LINUX or not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def line_buffer_c() -> None:
    """C's stdout writes each line as it is complete; otherwise its output lands after the attempt."""
    with contextlib.suppress(ValueError, AttributeError, OSError, ImportError):
        import ctypes

        name = "stdout" if sys.platform == "linux" else "__stdoutp"
        _libc().setvbuf(ctypes.c_void_p.in_dll(_libc(), name), None, _LINE_BUFFERED, 0)


def flush_c() -> None:
    """Write out what C's stdio still holds."""
    _fflush()(None)


@cache
def _fflush() -> Any:
    import ctypes

    function = _libc().fflush
    function.argtypes = [ctypes.c_void_p]
    return function
