"""A worker: takes attempts from its inbox one at a time, tries them, and tells of each in its log. It never
returns to its caller with anything but its end.

Told order, which the pool relies on: the page says that an attempt has begun, the log has its outcome, the
page says that nothing has begun. The bell rings when the inbox is empty or 2 ms have passed, for a ring a
run halves the rate.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from arrcli import context
from arrcli.context import CurrentRun, enter_process
from arrcli.worker import kernel
from arrcli.worker.capture import Streams
from arrcli.worker.channel import LogWriter, Page, receive, ring
from arrcli.worker.perform import Done, perform
from arrcli.worker.resolve import resolve
from arrcli.worker.surroundings import Surroundings
from arrcli.worker.watch import CodeWatch
from arrcli.worker.wire import Attempt, decode_attempt, encode, encode_outcome, encode_success

_BETWEEN_RINGS_NS: Final = 2_000_000
_WORTH_ASKING_US: Final = 1_000

Mark = tuple[int, int, int]
"""Of an attempt in a worker's hands: its run, its number and its serial."""


def serve(order: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Be the worker that the supervisor's order describes."""
    inbox, page, log, stack, output = map(kernel.out_of_reach, descriptors)
    prepare(order, stack)
    Worker(socket.socket(fileno=inbox), Page(page), LogWriter(log), Streams(output), order).run()


def prepare(order: Mapping[str, Any], stack: int) -> None:
    """The name, folder and path of a worker's process, and its answer to who asks for its stack."""
    faulthandler.register(kernel.STACK_SIGNAL, file=stack, all_threads=True)
    kernel.set_name(f"arr-{order['kind']}-{order['index']}")
    sys.argv = [f"arr-{order['kind']}-{order['index']}"]
    os.umask(order["umask"])
    if order["cwd"] is not None:
        with contextlib.suppress(OSError):  # a folder that is gone fails what needs it, not the worker
            os.chdir(order["cwd"])
    sys.path[:0] = order["python_path"]
    context.in_worker = True


class Worker:
    """One process's loop over its inbox."""

    def __init__(
        self, inbox: socket.socket, page: Page, log: LogWriter, streams: Streams, order: Mapping[str, Any]
    ) -> None:
        self._inbox = inbox
        self._page = page
        self._log = log
        self._streams = streams
        self._surroundings = Surroundings()
        self._code = CodeWatch([*order["python_path"], *([order["cwd"]] if order["cwd"] else [])])
        self._found: dict[str, Callable[..., Any]] = {}
        self._pid = os.getpid()
        self._rang = 0
        self._cpu = 0
        self._children_cpu, self._peak_kb = _account(0)
        page.introduce(self._pid)

    def run(self) -> None:
        """Until it is told to quit, or cannot be trusted with another attempt."""
        while (bundle := self._next()) is not None and self._try_each(bundle["first"], bundle["attempts"]):
            pass
        with contextlib.suppress(BaseException):  # handlers of the task's, run as at an interpreter's end
            atexit._run_exitfuncs()
        self._streams.settle()

    def _try_each(self, first: int, bundle: Sequence[dict[str, Any]]) -> bool:
        """Whether this process can be trusted with more."""
        for serial, said in enumerate(bundle, first):
            if not self._page.may_begin(serial):
                self._log.append(encode({"do": "back", "again": _marks(bundle, first, serial)[:1]}) + b"\n")
                return True
            if self._code.has_changed():
                self._say_goodbye("the code has changed", _marks(bundle, first, serial))
                return False
            left = self._what_is_left(self._try(decode_attempt(said)))
            if left is not None:
                self._say_goodbye(left, _marks(bundle, first, serial + 1))
                return False
        return True

    def _next(self) -> dict[str, Any] | None:
        message = receive(self._inbox, socket.MSG_DONTWAIT)
        if message is None:
            self._ring(time.monotonic_ns())
            message = receive(self._inbox)
        if message is None or message.get("do") == "quit":
            return None
        return message

    def _ring(self, now: int) -> None:
        self._rang = now
        ring(self._inbox)

    def _try(self, attempt: Attempt) -> int:
        """How long it took, in microseconds."""
        wall, begun = time.time_ns(), time.monotonic_ns()
        offset = self._streams.position()
        key = (attempt.run_id, attempt.number)
        self._page.begin(key, wall=wall // 1000, mono=begun // 1000, offset=offset, cpu=self._cpu)
        done = self._perform(attempt)
        if os.getpid() != self._pid:
            os._exit(0)  # a child that the task forked and let return: it is no worker
        self._surroundings.lift_limits()
        end = self._streams.settle()
        ended = time.monotonic_ns()
        self._log.append(self._line(attempt, done, wall, begun, ended, (offset, end)))
        self._page.end()
        if ended - self._rang >= _BETWEEN_RINGS_NS:
            self._ring(ended)
        self._surroundings.restore()
        enter_process(None)
        self._code.note(wall)
        return (ended - begun) // 1000

    def _perform(self, attempt: Attempt) -> Done:
        enter_process(
            CurrentRun(
                id=attempt.run_id,
                task=attempt.task,
                attempt=attempt.number,
                slot=attempt.slot,
                report=self._page.report,
                is_cancelled=self._page.is_asked_to_stop,
            )
        )
        try:
            self._surroundings.enter(attempt)
        except (OSError, ValueError) as error:  # no such folder; a NUL in a variable
            said = f"cannot enter its cwd and env: {error}"
            return Done(kind="failed", error_type=type(error).__name__, error_message=said)
        return perform(attempt, find=self._find)

    def _find(self, path: str) -> Callable[..., Any]:
        found = self._found.get(path)
        if found is None:
            with self._surroundings.importing():
                found = self._found[path] = resolve(path)
        return found

    def _line(self, attempt: Attempt, done: Done, wall: int, begun: int, ended: int, written: tuple[int, int]) -> bytes:
        duration = (ended - begun) // 1000
        cost = self._used(duration)
        began = wall // 1000
        if done.is_plain:
            key = (attempt.run_id, attempt.number)
            return encode_success(key, (began, duration, ended // 1000), cost, written, done.result)
        told = {
            "run_id": attempt.run_id,
            "number": attempt.number,
            "started_at": began,
            "finished_at": began + duration,
            "duration": duration,
            "ended": ended // 1000,
            "cpu_us": cost[0],
            "rss_kb": cost[1],
            "written": written,
        }
        return encode_outcome(told | done.told(), done.result)

    def _used(self, duration: int) -> tuple[int, int]:
        """CPU microseconds since the last attempt, and its peak memory in KiB.

        The full account takes a tenth of a no-op's time, and what has just passed by can neither have had children nor
        have filled the memory.
        """
        peak = self._peak_kb
        if duration >= _WORTH_ASKING_US:
            self._children_cpu, peak = _account(self._children_cpu)
            kernel.forget_peak()
            self._peak_kb = _peak_kb(resource.RUSAGE_SELF)
        cpu = time.process_time_ns() // 1000 + self._children_cpu
        spent, self._cpu = cpu - self._cpu, cpu
        return max(0, spent), peak

    def _what_is_left(self, duration: int) -> str | None:
        """Why this process cannot be trusted with another attempt: what the last one left running."""
        if threading.active_count() > 1 and any(
            each is not threading.main_thread() and not each.daemon for each in threading.enumerate()
        ):
            return "a thread was left"
        if has_children():
            return "a child process was left"
        return self._surroundings.what_is_left(duration)

    def _say_goodbye(self, why: str, again: Sequence[Mark]) -> None:
        self._log.append(encode({"do": "bye", "why": why, "again": again}) + b"\n")
        ring(self._inbox)


def _marks(bundle: Sequence[Mapping[str, Any]], first: int, begin: int) -> Sequence[Mark]:
    """Of what is in the bundle from the serial `begin` on."""
    marks = [(said["run_id"], said["number"], serial) for serial, said in enumerate(bundle, first)]
    return marks[begin - first :]


def has_children() -> bool:
    """Whether child processes (adopted ones too) are still alive; those that have ended are reaped."""
    try:
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return True
    except ChildProcessError:
        return False


def _account(children_before: int) -> tuple[int, int]:
    """CPU microseconds of this process's reaped children, and its own peak memory in KiB, or where it had children
    since those microseconds that of the largest ever."""
    theirs = resource.getrusage(resource.RUSAGE_CHILDREN)
    children = round((theirs.ru_utime + theirs.ru_stime) * 1_000_000)
    mine = _peak_kb(resource.RUSAGE_SELF)
    return children, max(mine, _peak_kb(resource.RUSAGE_CHILDREN)) if children > children_before else mine


def _peak_kb(whose: int) -> int:
    peak = resource.getrusage(whose).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
