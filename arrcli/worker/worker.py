"""A worker: takes attempts from its inbox one at a time, tries them, and tells of each in its log. It never
returns to its caller with anything but its end.

Told order, which the pool relies on: the page says that an attempt has begun, the log has its outcome, the
page says that nothing has begun. The bell rings when the inbox is empty or 2 ms have passed, for a ring a
run halves the rate.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal's own functions make an enum of every answer: 2 us each
import atexit
import contextlib
import faulthandler
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from arrcli import context
from arrcli.context import CurrentRun, enter_process
from arrcli.worker import kernel
from arrcli.worker.capture import Streams
from arrcli.worker.channel import LogWriter, Page, receive, ring
from arrcli.worker.perform import Done, perform
from arrcli.worker.resolve import resolve
from arrcli.worker.watch import CodeWatch
from arrcli.worker.wire import Attempt, decode_attempt, encode, encode_outcome, encode_success

_BETWEEN_RINGS_NS: Final = 2_000_000
_WORTH_ASKING_US: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LIMITED: Final = tuple(
    getattr(resource, name)
    for name in ("RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_CPU", "RLIMIT_FSIZE")
    if hasattr(resource, name)
)
_HANDLED: Final = tuple(
    int(getattr(signal, name))
    for name in (
        "SIGTERM",
        "SIGINT",
        "SIGHUP",
        "SIGQUIT",
        "SIGALRM",
        "SIGCHLD",
        "SIGUSR1",
        "SIGUSR2",
        "SIGPIPE",
    )
)


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
        self._children_cpu, self._peak_kb = _account()
        page.introduce(self._pid)

    def run(self) -> None:
        """Until it is told to quit, or cannot be trusted with another attempt."""
        while (attempt := self._next()) is not None:
            if self._code.has_changed():
                self._say_goodbye("the code has changed", attempt)
                break
            self._try(attempt)
            if (left := self._what_is_left()) is not None:
                self._say_goodbye(left)
                break
        with contextlib.suppress(BaseException):  # handlers of the task's, run as at an interpreter's end
            atexit._run_exitfuncs()
        self._streams.settle()

    def _next(self) -> Attempt | None:
        message = receive(self._inbox, socket.MSG_DONTWAIT)
        if message is None:
            self._ring(time.monotonic_ns())
            message = receive(self._inbox)
        if message is None or message.get("do") == "quit":
            return None
        return decode_attempt(message)

    def _ring(self, now: int) -> None:
        self._rang = now
        ring(self._inbox)

    def _try(self, attempt: Attempt) -> None:
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
        self._code.note(wall)

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
        """CPU microseconds since the last attempt, and the peak memory so far in KiB.

        The full account takes a tenth of a no-op's time, and what has just passed by can neither have had children nor
        have filled the memory.
        """
        if duration >= _WORTH_ASKING_US:
            self._children_cpu, self._peak_kb = _account()
        cpu = time.process_time_ns() // 1000 + self._children_cpu
        spent, self._cpu = cpu - self._cpu, cpu
        return max(0, spent), self._peak_kb

    def _what_is_left(self) -> str | None:
        """Why this process cannot be trusted with another attempt: what the last one left running."""
        if threading.active_count() > 1 and any(
            each is not threading.main_thread() and not each.daemon for each in threading.enumerate()
        ):
            return "a thread was left"
        if has_children():
            return "a child process was left"
        return self._surroundings.what_is_left()

    def _say_goodbye(self, why: str, unbegun: Attempt | None = None) -> None:
        again = None if unbegun is None else (unbegun.run_id, unbegun.number)
        self._log.append(encode({"do": "bye", "why": why, "again": again}) + b"\n")
        ring(self._inbox)


def has_children() -> bool:
    """Whether child processes (adopted ones too) are still alive; those that have ended are reaped."""
    try:
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return True
    except ChildProcessError:
        return False


def _account() -> tuple[int, int]:
    """CPU microseconds of this process's reaped children, and the peak memory of the largest of all in KiB."""
    mine = resource.getrusage(resource.RUSAGE_SELF)
    theirs = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = max(mine.ru_maxrss, theirs.ru_maxrss)
    seconds = theirs.ru_utime + theirs.ru_stime
    return round(seconds * 1_000_000), peak // 1024 if sys.platform == "darwin" else peak


class Surroundings:
    """What an attempt may change around itself, and what it is put back to."""

    def __init__(self) -> None:
        self._variables = os.environ
        self._environ = dict(_environ_data())
        self._named: dict[str, str | None] = {}
        self._cwd = os.getcwd()  # noqa: PTH109 - compared as text, after every attempt
        self._path = list(sys.path)
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._handlers = {each: _signal.getsignal(each) for each in _HANDLED}
        self._mask = _signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._limits = _limits()
        self._is_limited = False
        self._rank = _rank()

    def enter(self, attempt: Attempt) -> None:
        """The attempt's variables and folder. Raises OSError or ValueError where they cannot be had."""
        self._name("ARR_RUN_ID", str(attempt.run_id))
        self._name("ARR_ATTEMPT", str(attempt.number))
        self._name("ARR_TASK", attempt.task)
        self._name("ARR_SLOT", None if attempt.slot is None else _as_text(attempt.slot))
        if attempt.env:
            os.environ.update(attempt.env)
        if attempt.cwd is not None:
            os.chdir(attempt.cwd)

    def _name(self, variable: str, value: str | None) -> None:
        """A variable that tells of the attempt: it stands until the next one's, so that nothing has to be put back."""
        if self._named.get(variable) == value:
            return
        self._named[variable] = value
        if value is None:
            os.environ.pop(variable, None)
            self._environ.pop(os.fsencode(variable), None)
        else:
            os.environ[variable] = value
            self._environ[os.fsencode(variable)] = os.fsencode(value)

    def lift_limits(self) -> None:
        """Those that the attempt has set for this process, so that its outcome can be told."""
        if _limits() == self._limits:
            return
        try:
            for each, limit in zip(_LIMITED, self._limits, strict=True):
                resource.setrlimit(each, limit)
        except (ValueError, OSError):
            self._is_limited = True

    def what_is_left(self) -> str | None:
        """What the attempt has changed of this process and only a new one is free of."""
        if self._is_limited:
            return "a limit was left"
        return None if _rank() == self._rank else "its user, group or priority was changed"

    def restore(self) -> None:
        """Put back what the attempt changed; each part costs about a microsecond where nothing was."""
        self._restore_environ()
        os.umask(self._umask)
        if sys.path != self._path:
            sys.path[:] = self._path
        self._restore_cwd()
        self._restore_signals()
        enter_process(None)

    def _restore_environ(self) -> None:
        os.environ = self._variables  # noqa: B003 - a task may have put something else there
        if _environ_data() == self._environ:
            return
        for name in {name for name, _ in _environ_data().items() ^ self._environ.items()}:
            if name in self._environ:
                os.environb[name] = self._environ[name]
            else:
                del os.environb[name]

    def _restore_cwd(self) -> None:
        with contextlib.suppress(OSError):
            if os.getcwd() == self._cwd:  # noqa: PTH109
                return
        with contextlib.suppress(OSError):
            os.chdir(self._cwd)

    def _restore_signals(self) -> None:
        for number, handler in self._handlers.items():
            if _signal.getsignal(number) is not handler:
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if _signal.pthread_sigmask(signal.SIG_BLOCK, ()) != self._mask:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


def _environ_data() -> Mapping[bytes, bytes]:
    """The dict inside os.environ: comparing it costs a fiftieth of comparing the mapping around it."""
    data = getattr(os.environ, "_data", None)
    return data if isinstance(data, dict) else dict(os.environb)


def _limits() -> list[tuple[int, int]]:
    return [resource.getrlimit(each) for each in _LIMITED]


def _rank() -> tuple[int, int, int]:
    """Who this process is to the kernel, and how much it may have of the processor."""
    return os.geteuid(), os.getegid(), os.getpriority(os.PRIO_PROCESS, 0)


def _as_text(instant: int) -> str:
    moment = _EPOCH + timedelta(microseconds=instant)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
