"""Tasks that harm the process that they run in, or leave something of it behind."""

from __future__ import annotations

import atexit
import collections
import ctypes
import itertools
import os
import resource
import signal
import subprocess
import sys
import threading
import time

from jobs import _began as began

MB = 1 << 20


def leave(code: int) -> None:
    began("leave")
    os._exit(code)


def become(program: str) -> None:
    began("become")
    os.execv(program, [program])  # noqa: S606


def abort() -> None:
    began("abort")
    os.abort()


def segfault() -> None:
    began("segfault")
    ctypes.string_at(0)


def kill_myself(number: int) -> None:
    began("kill_myself")
    os.kill(os.getpid(), number)
    time.sleep(600)


def stop_myself() -> None:
    began("stop_myself")
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(600)


def kill_supervisor() -> None:
    began("kill_supervisor")
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


def hide_and_kill_supervisor(path: str) -> None:
    began("hide_and_kill_supervisor")
    _hide(path)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


def hide(path: str) -> None:
    began("hide")
    _hide(path)
    time.sleep(600)


def _hide(path: str) -> None:
    """Leave a process that has no variable, parent or session which tells where it came from."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with open(path, "w") as out:  # noqa: PTH123
                out.write(f"{os.getpid()}\n")
            os.execve("/bin/sleep", ["sleep", "600"], {})  # noqa: S606
        os._exit(0)
    os.wait()
    while not os.path.exists(path) or not open(path).read().endswith("\n"):  # noqa: PTH110, PTH123, SIM115
        time.sleep(0.01)


def want_memory(megabytes: int) -> None:
    """More than it has allowed itself."""
    began("want_memory")
    _allow(64 * MB)
    bytearray(megabytes * MB)


def want_memory_and_be_killed(megabytes: int) -> None:
    """As the kernel ends a process when memory is short."""
    began("want_memory_and_be_killed")
    held = bytearray(megabytes * MB)
    held[:: resource.getpagesize()] = b"x" * len(held[:: resource.getpagesize()])
    os.kill(os.getpid(), signal.SIGKILL)


def _allow(more: int) -> None:
    """From now on this process may grow by so many bytes of address space."""
    pages = int(open("/proc/self/statm").read().split()[0])  # noqa: SIM115, PTH123
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, hard))


def memory_limit() -> int:
    began("memory_limit")
    return resource.getrlimit(resource.RLIMIT_AS)[0]


def ignore_term() -> None:
    began("ignore_term")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(0.01)


def spin() -> None:
    """Never back in the interpreter, so that a handler of Python's never runs; nor does another thread."""
    began("spin")
    signal.signal(signal.SIGTERM, lambda *_: None)
    collections.deque(itertools.repeat(None), maxlen=0)


def spin_in_a_thread() -> None:
    """Holding the interpreter's lock, so that no other thread of the process goes on."""
    began("spin")
    collections.deque(itertools.repeat(None), maxlen=0)


def loud_child() -> None:
    """Eight megabytes that Python does not write."""
    began("loud_child")
    subprocess.run(["/bin/sh", "-c", "head -c 8000000 /dev/zero"], check=True)


def daemonise() -> None:
    began("daemonise")
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 64)
            time.sleep(600)
        os._exit(0)
    os.wait()


def leave_grandchild() -> str:
    """It holds what this attempt writes to."""
    began("leave_grandchild")
    subprocess.Popen(["/bin/sh", "-c", "echo from below; sleep 600 & wait"])
    time.sleep(0.1)
    return "left"


def give_much() -> str:
    began("give_much")
    return "x" * 200_000


def leave_thread() -> None:
    began("leave_thread")
    threading.Thread(target=time.sleep, args=(600,)).start()


def hang_at_exit() -> None:
    """And then end in the way that lets handlers run: the worker is replaced for the thread that is left."""
    began("hang_at_exit")
    atexit.register(time.sleep, 600)
    leave_thread_unsaid()


def leave_thread_unsaid() -> None:
    threading.Thread(target=time.sleep, args=(600,)).start()


def fork_and_return() -> str:
    """Both of the two return."""
    began("fork_and_return")
    return "parent" if os.fork() else "child"


def fork_and_return_late() -> str:
    """The child does so when its parent is on another attempt."""
    began("fork_and_return_late")
    if os.fork():
        return "parent"
    time.sleep(0.3)
    return "child"


def fork_and_raise() -> None:
    began("fork_and_raise")
    if os.fork() == 0:
        sys.exit("child")
