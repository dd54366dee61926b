"""The shared process of `executor = "thread"`: plain functions on threads, coroutine functions on one event
loop.

Its main thread only reads the inbox, so that no task can keep another from beginning. Each attempt has
three lines in the log: that it has begun, its progress if it tells any, and its outcome.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NoReturn

from arrcli.context import CurrentRun, enter_run
from arrcli.worker import kernel, routed
from arrcli.worker.capture import Streams
from arrcli.worker.channel import LogWriter, Page, receive, ring
from arrcli.worker.perform import Done, Pending, judged, start, succeeded
from arrcli.worker.stack import of_coroutine, of_thread
from arrcli.worker.watch import CodeWatch
from arrcli.worker.wire import Attempt, decode_attempt, encode, encode_outcome
from arrcli.worker.worker import prepare

if TYPE_CHECKING:
    import asyncio

_BETWEEN_RINGS_S: Final = 0.001
_BETWEEN_PROGRESS_S: Final = 0.1


def serve(order: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Be the host that the supervisor's order describes."""
    inbox, page, log, stack, output = map(kernel.out_of_reach, descriptors)
    prepare(order, stack)
    Streams(output)
    routed.install()
    Page(page).introduce(os.getpid())
    Host(socket.socket(fileno=inbox), LogWriter(log), order).run()


class Host:
    """One process's inbox, threads and event loop."""

    def __init__(self, inbox: socket.socket, log: LogWriter, order: Mapping[str, Any]) -> None:
        self._inbox = inbox
        self._log = log
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._owed = threading.Event()
        self._idle = threading.Condition()
        self._running: dict[int, _Running] = {}
        self._threads = ThreadPoolExecutor(order["threads"], thread_name_prefix="arr")
        self._loop: asyncio.AbstractEventLoop | None = None
        self.turns_on = 0
        """The thread of the event loop."""
        self._code = CodeWatch([*order["python_path"], *([order["cwd"]] if order["cwd"] else [])])
        self._environ(order)
        os.register_at_fork(after_in_child=self._leave_loop)

    def _leave_loop(self) -> None:
        """A child that a coroutine forked shares the loop, and what the loop watches, with us: it ends as soon as its
        coroutine gives way, and runs no other."""
        with contextlib.suppress(AttributeError):  # not asyncio's own loop, but one that a task's module chose
            self._loop._ready = _Ended()  # type: ignore[union-attr]  # no event of asyncio's tells of a fork
            self._loop._run_once = _Ended.popleft  # type: ignore[union-attr]

    def _environ(self, order: Mapping[str, Any]) -> None:
        for name in ("ARR_TASK", "ARR_RUN_ID", "ARR_ATTEMPT", "ARR_SLOT"):
            os.environ.pop(name, None)
        os.environ["ARR_HOST"] = str(order["index"])

    def run(self) -> None:
        """Until it is told to quit or the code has changed; then what has begun is finished."""
        threading.Thread(target=self._ring_when_owed, daemon=True, name="arr-bell").start()
        while (message := receive(self._inbox)) is not None:
            if message.get("do") == "quit":
                break
            if self._is_heeded(message):
                continue
            attempt = decode_attempt(message)
            if self._code.has_changed():
                again = (attempt.run_id, attempt.number)
                self._tell(encode({"do": "bye", "why": "the code has changed", "again": again}) + b"\n")
                break
            self._begin(attempt)
        self._finish()

    def _begin(self, attempt: Attempt) -> None:
        with self._idle:
            self._running[attempt.run_id] = running = _Running(self, attempt)
        self._threads.submit(contextvars.copy_context().run, running.start)

    def _finish(self) -> None:
        """Cancels are still heard while what has begun comes to its end."""
        while True:
            with self._idle:
                if not self._running:
                    break
                self._idle.wait(0.05)
            message = receive(self._inbox, socket.MSG_DONTWAIT)
            if message is not None:
                self._is_heeded(message)
        ring(self._inbox)

    def _is_heeded(self, message: Mapping[str, Any]) -> bool:
        """Do what is asked about a run that has begun here; False where something else is."""
        asked = message.get("do")
        if asked not in ("cancel", "stack"):
            return False
        running = self._running.get(message["run_id"])
        if running is not None and asked == "cancel":
            running.cancel()
        elif running is not None:
            self.tell({"do": "stack", "run_id": message["run_id"], "text": running.where()})
        return True

    def tell_outcome(self, told: Mapping[str, Any], result: str) -> None:
        self._tell(encode_outcome(told, result))

    def tell(self, told: Mapping[str, Any]) -> None:
        self._tell(encode(told) + b"\n")

    def _tell(self, line: bytes) -> None:
        if os.getpid() != self._pid:
            return  # a child that a task forked: the log is its parent's
        with self._lock:
            self._log.append(line)
        self._owed.set()

    def forget(self, run_id: int, since_ns: int) -> None:
        with self._idle:
            self._running.pop(run_id, None)
            self._code.note(since_ns)
            self._idle.notify_all()

    def _ring_when_owed(self) -> None:
        """One ring for all that is told within a millisecond."""
        while self._owed.wait():
            self._owed.clear()
            ring(self._inbox)
            time.sleep(_BETWEEN_RINGS_S)

    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop, on a thread of its own, started when a coroutine first asks for it."""
        with self._lock:
            if self._loop is None:
                import asyncio

                self._loop = asyncio.new_event_loop()
                turning = threading.Thread(target=_turn, args=(self._loop,), daemon=True, name="arr-loop")
                turning.start()
                self.turns_on = turning.ident or 0
            return self._loop


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    """For ever: these two come out of a loop from any task of it, also one that a coroutine made for itself."""
    while True:
        with contextlib.suppress(SystemExit, KeyboardInterrupt):
            loop.run_forever()


class _Ended(deque[Any]):
    """What is ready to run in a process that is to run nothing more: asking for it is the end."""

    def popleft(self) -> NoReturn:
        os._exit(0)


class _Running:
    """One attempt on its way through a thread and, for a coroutine, the event loop."""

    def __init__(self, host: Host, attempt: Attempt) -> None:
        self._host = host
        self._attempt = attempt
        self._output = routed.Buffer(attempt.max_output)
        self._is_cancelled = False
        self._task: asyncio.Task[None] | None = None
        self._told_progress = 0.0
        self._wall = self._begun = self._thread = 0
        self._pid = os.getpid()
        self._run = CurrentRun(
            id=attempt.run_id,
            task=attempt.task,
            attempt=attempt.number,
            slot=attempt.slot,
            report=self._report,
            is_cancelled=lambda _: self._is_cancelled,
        )

    def start(self) -> None:
        """On a thread, in a context of its own."""
        self._thread = threading.get_ident()
        self._wall, self._begun = time.time_ns(), time.monotonic_ns()
        enter_run(self._run)
        routed.write_to(self._output)
        told = {"run_id": self._attempt.run_id, "number": self._attempt.number}
        self._host.tell({"do": "begun", **told, "at": self._wall // 1000, "mono": self._begun // 1000})
        done = start(self._attempt)
        if isinstance(done, Pending):
            self._go_on_in_the_loop(done.awaitable)
        else:
            self._end(done)

    def _go_on_in_the_loop(self, awaitable: Awaitable[Any]) -> None:
        loop = self._host.loop()
        here = contextvars.copy_context()
        self._host.tell({"do": "awaits", "func": self._attempt.func})

        def go_on() -> None:
            self._task = loop.create_task(self._wait(awaitable), context=here)
            if self._is_cancelled:
                self._task.cancel()

        loop.call_soon_threadsafe(go_on)

    async def _wait(self, awaitable: Awaitable[Any]) -> None:
        try:
            done = succeeded(await awaitable)
        except BaseException as error:  # a task's SystemExit must not end the loop of all the others
            done = judged(error, self._attempt)
        self._end(done)

    def where(self) -> str:
        """Its stack just now: of its thread, or of its coroutine, of the loop's thread while that is in it."""
        waits = None if self._task is None else self._task.get_coro()
        if waits is not None and not getattr(waits, "cr_running", False):
            return of_coroutine(waits)
        return of_thread(sys._current_frames().get(self._thread if waits is None else self._host.turns_on))

    def cancel(self) -> None:
        self._is_cancelled = True
        if self._task is not None:
            self._host.loop().call_soon_threadsafe(self._task.cancel)

    def _end(self, done: Done) -> None:
        if os.getpid() != self._pid:
            os._exit(0)  # a child that the task forked and let return: it is no host
        ended = time.monotonic_ns()
        if self._is_cancelled and (self._run.saw_cancel or _is_a_cancel(done)):
            done = Done(kind="cancelled", error_type="Cancelled", error_message="cancelled")
        duration = (ended - self._begun) // 1000
        told = {
            "run_id": self._attempt.run_id,
            "number": self._attempt.number,
            "started_at": self._wall // 1000,
            "finished_at": self._wall // 1000 + duration,
            "duration": duration,
            "output": self._output.value().decode("utf-8", "replace"),
        }
        self._host.tell_outcome(told | done.told(), done.result)
        self._host.forget(self._attempt.run_id, self._wall)

    def _report(self, fraction: float, text: str) -> None:
        now = time.monotonic()
        if now - self._told_progress >= _BETWEEN_PROGRESS_S or fraction >= 1:
            self._told_progress = now
            told = {
                "do": "progress",
                "run_id": self._attempt.run_id,
                "fraction": fraction,
                "text": text[:200],
            }
            self._host.tell({"do": "progress", **told})


def _is_a_cancel(done: Done) -> bool:
    return done.error_type in ("asyncio.exceptions.CancelledError", "concurrent.futures._base.CancelledError")
