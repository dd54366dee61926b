"""What the programs of arr need: a tasks file, a daemon, a queue, and what its processes use."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

from contest import running

from arrcli import App, execute_tasks

CHUNK = 10_000
HEAD = '[arr]\nworkers = {workers}\npython_path = ["{here}"]\ntimezone = "UTC"\n'
RUN = [sys.executable, "-m", "arrcli", "run"]
STOP_S = 20.0


def write(folder: Path, tasks: str = "", *, workers: int = 2) -> None:
    head = HEAD.format(workers=workers, here=Path(__file__).parent)
    (folder / "tasks.toml").write_text(head + tasks)


@contextmanager
def started(folder: Path, *, ready: bool = True) -> Iterator[tuple[int, float]]:
    """`arr run --plain`, its log thrown away: pid, and how many seconds passed until it told that it is ready."""
    address = f"\0arr-bench-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(address)
        heard.settimeout(120)
        began = time.monotonic()
        with running([*RUN, "--plain"], folder, NOTIFY_SOCKET="@" + address[1:]) as process:
            while ready and b"READY=1" not in heard.recv(4096):
                pass
            yield process.pid, time.monotonic() - began


def warm(app: App) -> None:
    """Every worker has imported what is measured."""
    for handle in execute_tasks(app, [("bench_jobs.noop", None)] * 20 + [("time.sleep", [0.05])] * 4):
        handle.wait(60)


def queue(app: App, folder: Path, func: str, count: int) -> None:
    """A stamp, so many runs, a stamp."""
    stamp = ("bench_jobs.stamp", [str(folder / "stamps")])
    execute_tasks(app, [stamp])
    for start in range(0, count, CHUNK):
        execute_tasks(app, [(func, None)] * min(CHUNK, count - start))
    execute_tasks(app, [stamp])


def all_ended(store: Path, state: str, count: int) -> None:
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        counted = dict(connection.execute("SELECT state, n FROM ended"))
    if counted.get(state, 0) < count:
        raise SystemExit(f"{count} runs were to be {state}: {json.dumps(counted)}")


@contextmanager
def on_a_screen(folder: Path, *, lines: int = 40, columns: int = 120) -> Iterator[int]:
    """`arr run` with its dashboard, on a terminal of this size that a thread reads."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(RUN, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    reader = threading.Thread(target=_read, args=(ours,), daemon=True)
    reader.start()
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
        process.kill()
        process.wait()
        reader.join(STOP_S)
        os.close(ours)


def _read(fd: int) -> None:
    with contextlib.suppress(OSError):  # the other end is closed
        while os.read(fd, 65536):
            pass


# -- what processes use ----------------------------------------------------------------------------------------------


def kin(pid: int) -> list[int]:
    """The processes that came of this one."""
    parents = {int(entry.name): parent for entry in Path("/proc").glob("[0-9]*") if (parent := _parent(entry))}
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def cpu_s(pid: int, thread: int | None = None) -> float:
    """CPU seconds of a process so far, or of one of its threads."""
    path = Path(f"/proc/{pid}/stat") if thread is None else Path(f"/proc/{pid}/task/{thread}/stat")
    ticks = path.read_text().rpartition(")")[2].split()[11:13]
    return sum(int(each) for each in ticks) / os.sysconf("SC_CLK_TCK")


def cpu_of_kin() -> tuple[float, float]:
    """CPU seconds so far of this process, and of those that came of it."""
    return time.process_time(), sum(cpu_s(each) for each in kin(os.getpid()))


def memory_mb(pid: int, what: str) -> float:
    """`Rss` or `Pss` of a process."""
    said = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in said.splitlines() if line.startswith(f"{what}:")) / 1024


def _parent(entry: Path) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return 0
