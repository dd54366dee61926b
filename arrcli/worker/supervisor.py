"""The small process between a pool and its workers: it forks them, signals them, and sees every one of them
end.

It runs in a process of its own because only a parent can signal and reap without hitting a stranger's
process; it has one thread, because a worker's death signal is tied to the thread that forked it; it imports
no code of the user's. Every worker is the reaper of its own descendants, so that those that come to the
supervisor are what a dead worker left behind: they are killed. When its pool is gone, so is everything
here.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from arrcli.worker import host, kernel, worker
from arrcli.worker.wire import decode, encode

_FAREWELL_S: Final = 5.0
_KINDS: Final = {"worker": worker.serve, "host": host.serve}
_IGNORED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)

Name = tuple[int, int]
"""A worker's place, and how many had it before."""


class Supervisor:
    """Forks and buries workers, as the pool at the other end of `control` asks."""

    def __init__(self, control: socket.socket, pool_pid: int) -> None:
        self._control = control
        self._watch = kernel.watch_process(pool_pid)
        self._pool_pid = pool_pid
        self._names: dict[int, Name] = {}
        self._asked_to_end: set[int] = set()
        self._lingering: dict[int, dict[str, Any]] = {}
        self._unread = b""
        self._passed: list[int] = []
        self._bell, self._knock = socket.socketpair()

    def run(self) -> None:
        """Until the pool is gone, and then until every process here is."""
        self._prepare()
        try:
            while os.getppid() == self._pool_pid and self._turn():
                pass
        except OSError:
            pass  # the control socket is broken: the pool is gone
        finally:
            self._end_all()

    def _prepare(self) -> None:
        kernel.set_name("arr-supervisor")
        kernel.adopt_orphans()
        kernel.continue_with_parent_gone()
        self._bell.setblocking(False)
        self._knock.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._knock.fileno(), warn_on_full_buffer=False)
        for each in _IGNORED:
            signal.signal(each, signal.SIG_IGN)
        gc.freeze()

    def _turn(self) -> bool:
        """Wait, and do what is asked; False once the pool is gone."""
        poll = select.poll()
        for fd in (self._control.fileno(), self._bell.fileno(), self._watch):
            if fd is not None:
                poll.register(fd, select.POLLIN)
        ready = {fd for fd, _ in poll.poll()}
        if self._bell.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                self._bell.recv(4096)
            self._bury()
        if self._watch in ready:
            return False
        return self._listen() if self._control.fileno() in ready else True

    def _listen(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, 65536, 64)
        if not data:
            return False
        for fd in descriptors:
            os.set_inheritable(fd, False)
        self._passed += descriptors
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._obey(decode(line))
        return True

    def _obey(self, order: Mapping[str, Any]) -> None:
        name = (order["index"], order["generation"])
        if order["do"] == "spawn":
            count = order["descriptors"]
            mine, self._passed = self._passed[:count], self._passed[count:]
            self._spawn(name, order, mine)
        elif (pid := self._pid(name)) is not None:
            self._signal(pid, order["signal"], alone=order["signal"] == kernel.STACK_SIGNAL)

    def _pid(self, name: Name) -> int | None:
        """Of the worker, or of the process group that has outlived it."""
        dead = [(pid, news["died"]) for pid, news in self._lingering.items()]
        return next((pid for pid, each in [*self._names.items(), *dead] if each == name), None)

    def _signal(self, pid: int, number: int, *, alone: bool = False) -> None:
        """To the worker's process group, or to it alone; the number is its own till all are reaped."""
        if number == signal.SIGTERM and kernel.LINUX:
            self._asked_to_end.add(pid)
        if alone and not kernel.catches(pid, number):
            return  # it has become another program, which the question would end
        with contextlib.suppress(ProcessLookupError, PermissionError):
            (os.kill if alone else os.killpg)(pid, number)
            if number == signal.SIGTERM:
                os.killpg(pid, signal.SIGCONT)  # one that is stopped hears of it now, not at the KILL

    def _spawn(self, name: Name, order: Mapping[str, Any], descriptors: list[int]) -> None:
        me = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._say({"died": name, "status": None, "why": f"fork: {error}"})
        else:
            if pid == 0:
                self._become(order, descriptors, me)
            with contextlib.suppress(OSError):
                os.setpgid(pid, pid)
            self._names[pid] = name
            self._say({"born": name, "pid": pid})
        for fd in descriptors:
            os.close(fd)

    def _become(self, order: Mapping[str, Any], descriptors: list[int], parent: int) -> NoReturn:
        """In the forked child: a worker, and never anything else."""
        try:
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)
            kernel.die_with_parent(parent)
            signal.set_wakeup_fd(-1)
            for each in (*_IGNORED, signal.SIGCHLD):
                signal.signal(each, signal.SIG_DFL)
            self._control.close()
            self._bell.close()
            self._knock.close()
            if self._watch is not None:
                os.close(self._watch)
            kernel.adopt_orphans()
            _KINDS[order["kind"]](order, descriptors)
        except BaseException:  # whatever it is, this process must not go on as a second supervisor
            sys.excepthook(*sys.exc_info())
            os._exit(70)
        os._exit(0)

    def _bury(self) -> None:
        """Reap everything that has ended, and end what a worker has left behind."""
        for pid in _ended():
            name = self._names.pop(pid, None)
            if name is not None:
                self._bury_worker(pid, name)
                continue
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._end_orphans()

    def _bury_worker(self, pid: int, name: Name) -> None:
        """Its process group ends with it; that of one asked to end has the rest of its grace, until the pool
        says KILL.
        """
        in_grace = pid in self._asked_to_end
        self._asked_to_end.discard(pid)
        if not in_grace:
            self._signal(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        cpu_us = round((usage.ru_utime + usage.ru_stime) * 1_000_000)
        news = {"died": name, "status": status, "cpu_us": cpu_us, "rss_kb": peak_kb(usage.ru_maxrss)}
        if in_grace:
            self._lingering[pid] = news
        self._end_orphans()
        if not in_grace:
            self._say(news)

    def _end_orphans(self) -> None:
        """Only a dead worker's descendants come to us; each is our child, so its number is its own until
        reaped. A worker is told to be dead when its group is, too.
        """
        alive: set[int] = set()
        for pid in kernel.children():
            if pid in self._names:
                continue
            with contextlib.suppress(ProcessLookupError):
                group = os.getpgid(pid)
                if group in self._lingering:
                    alive.add(group)
                else:
                    os.kill(pid, signal.SIGKILL)
        for group in self._lingering.keys() - alive:
            self._say(self._lingering.pop(group))

    def _say(self, news: Mapping[str, Any]) -> None:
        self._control.sendall(encode(news) + b"\n")

    def _end_all(self) -> None:
        until = time.monotonic() + _FAREWELL_S
        while time.monotonic() < until:
            for pid in self._names:
                self._signal(pid, signal.SIGKILL)
            self._lingering.clear()
            self._end_orphans()
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid:
                self._names.pop(pid, None)
            else:
                time.sleep(0.005)


def _ended() -> Iterator[int]:
    """Children that have ended, each still unreaped, so that its process group can be signalled safely."""
    if not hasattr(os, "waitid"):
        yield from _ended_portable()
        return
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None:
            return
        yield found.si_pid


def _ended_portable() -> Iterator[int]:
    """Where nothing tells without reaping: those that the system says are zombies."""
    import subprocess

    listed = subprocess.run(
        ["/bin/ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=False
    ).stdout
    for line in listed.splitlines():
        pid, ppid, state = line.split()[:3]
        if int(ppid) == os.getpid() and state.startswith("Z"):
            yield int(pid)


def peak_kb(ru_maxrss: int) -> int:
    """Peak memory in KiB: Linux counts in KiB, macOS in bytes."""
    return ru_maxrss // 1024 if sys.platform == "darwin" else ru_maxrss


def main() -> None:
    """`... supervisor CONTROL_FD POOL_PID`, as the pool starts it."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    Supervisor(control, int(sys.argv[2])).run()
