"""Attempts on threads of this very program: any callable, nothing to kill, nothing lost on the way."""

from __future__ import annotations

import contextvars
import json
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from arrcli.context import CurrentRun, enter_run
from arrcli.worker import routed
from arrcli.worker.channel import Key
from arrcli.worker.perform import Done, Find, perform
from arrcli.worker.resolve import resolve as resolve_path
from arrcli.worker.stack import of_thread
from arrcli.worker.wire import Attempt, Begun, Outcome, WorkerView

_SHORT_US: Final = 5_000
_QUEUED_US: Final = 20_000
_DEPTH: Final = 64


@dataclass(slots=True, eq=False)
class _Taken:
    """An attempt, and what is asked of it."""

    attempt: Attempt
    is_withdrawn: bool = False
    is_cancelled: bool = False
    thread: int | None = None
    started: int = 0
    progress: float | None = None
    text: str = ""

    @property
    def key(self) -> Key:
        return (self.attempt.run_id, self.attempt.number)


class LocalThreads:
    """`Executor` over `number` threads of this program.

    `resolve` finds the callable of an attempt's `func` and raises LookupError for one that it does not
    know, which is then imported by its dotted path. Output stays the program's, unless `capture`. A thread
    cannot be killed: `cancel` asks, and after `stop(now=True)` what has begun is given up as `lost` while
    its thread goes on.
    """

    def __init__(
        self,
        number: int,
        *,
        resolve: Callable[[str], Callable[..., Any]] | None = None,
        capture: bool = False,
    ) -> None:
        if number < 1:
            raise ValueError("there must be at least one thread")
        self.trouble = ""
        self._number = number
        self._find: Find = resolve_path if resolve is None else _first_of(resolve)
        self._captures = capture
        if capture:
            routed.install()
        self._queue: queue.SimpleQueue[_Taken | None] = queue.SimpleQueue()
        self._taken: dict[Key, _Taken] = {}
        self._news: deque[Begun | Outcome] = deque()
        self._lock = threading.Lock()
        self._ear, self._mouth = os.pipe()
        os.set_blocking(self._ear, False)
        os.set_blocking(self._mouth, False)
        self._is_awake = False
        self._average: int | None = None
        self._done = [0] * number
        self._is_stopping = self._is_closed = False
        self._threads: list[threading.Thread] = []

    # --- Executor

    def room(self) -> int:
        return 0 if self._is_stopping else max(0, self._number * self._depth() - len(self._taken))

    def submit(self, attempts: Sequence[Attempt]) -> None:
        self._start_threads()
        for attempt in attempts:
            taken = _Taken(attempt)
            with self._lock:
                self._taken[taken.key] = taken
            self._queue.put(taken)

    def events(self) -> Sequence[Begun | Outcome]:
        with self._lock:
            news = list(self._news)
            self._news.clear()
            if self._is_awake and not self._is_closed:
                self._is_awake = False
                os.read(self._ear, 64)
        for each in news:
            if isinstance(each, Outcome) and each.duration is not None:
                self._learn(each.duration)
        return news

    def filenos(self) -> Sequence[int]:
        return [] if self._is_closed else [self._ear]

    def wait_us(self) -> int | None:
        return 0 if self._news else None

    def cancel(self, run_id: int, *, force: bool = False) -> bool:
        """Ask the attempt to stop (`current_run().cancelled`); `force` can do no more than that here."""
        with self._lock:
            found = [each for each in self._taken.values() if each.attempt.run_id == run_id]
            for each in found:
                if each.thread is None:
                    self._withdraw(each)
                else:
                    each.is_cancelled = True
        return bool(found)

    def recall(self) -> None:
        with self._lock:
            for each in [each for each in self._taken.values() if each.thread is None]:
                self._withdraw(each)

    def recycle(self) -> None:
        """The code of a running program is its own affair."""

    def views(self) -> Sequence[WorkerView]:
        with self._lock:
            busy = {each.thread: each for each in self._taken.values() if each.thread is not None}
            return [self._view(index, busy.get(index)) for index in range(self._number)]

    def ask_stack(self, run_id: int) -> bool:
        return self._thread_of(run_id) is not None

    def stack(self, run_id: int) -> str:
        thread = self._thread_of(run_id)
        return "" if thread is None else of_thread(sys._current_frames().get(thread.ident or 0))

    def _thread_of(self, run_id: int) -> threading.Thread | None:
        with self._lock:
            busy = (each for each in self._taken.values() if each.thread is not None)
            index = next((each.thread for each in busy if each.attempt.run_id == run_id), None)
        return None if index is None else self._threads[index]

    def stop(self, *, now: bool = False) -> None:
        self._is_stopping = True
        if not now:
            return
        self.recall()
        with self._lock:
            for each in list(self._taken.values()):
                each.is_cancelled = each.is_withdrawn = True
                del self._taken[each.key]
                self._tell(_given_up(each))

    def running(self) -> int:
        with self._lock:
            return len(self._taken) + sum(isinstance(each, Outcome) for each in self._news)

    def close(self) -> None:
        if self._is_closed:
            return
        self.stop(now=True)
        with self._lock:
            self._is_closed = True
            os.close(self._ear)
            os.close(self._mouth)
        for _ in self._threads:
            self._queue.put(None)

    # --- threads

    def _start_threads(self) -> None:
        while len(self._threads) < self._number:
            index = len(self._threads)
            thread = threading.Thread(target=self._serve, args=(index,), daemon=True, name=f"arr-{index}")
            self._threads.append(thread)
            thread.start()

    def _serve(self, index: int) -> None:
        while (taken := self._queue.get()) is not None:
            if self._has_begun(taken, index):
                contextvars.copy_context().run(self._try, taken, index)

    def _has_begun(self, taken: _Taken, index: int) -> bool:
        """Mark it as begun, unless it was withdrawn meanwhile."""
        with self._lock:
            if taken.is_withdrawn:
                return False
            taken.thread = index
            taken.started = time.time_ns() // 1000
            run_id, number = taken.key
            self._tell(Begun(run_id=run_id, number=number, at=taken.started, worker=index, pid=os.getpid()))
        return True

    def _try(self, taken: _Taken, index: int) -> None:
        begun = time.monotonic_ns()
        output = routed.Buffer(taken.attempt.max_output) if self._captures else None
        routed.write_to(output)
        run = _run_of(taken)
        enter_run(run)
        done = _refused(taken.attempt) or perform(taken.attempt, find=self._find)
        if taken.is_cancelled and run.saw_cancel:
            done = Done(kind="cancelled", error_type="Cancelled", error_message="cancelled")
        duration = (time.monotonic_ns() - begun) // 1000
        outcome = _outcome(taken, done, duration, b"" if output is None else output.value())
        with self._lock:
            self._done[index] += 1
            if self._taken.pop(taken.key, None) is taken:
                self._tell(outcome)

    # --- with the lock held

    def _withdraw(self, taken: _Taken) -> None:
        taken.is_withdrawn = True
        del self._taken[taken.key]
        run_id, number = taken.key
        self._tell(Outcome(run_id=run_id, number=number, kind="released", begun=False))

    def _tell(self, news: Begun | Outcome) -> None:
        self._news.append(news)
        if not self._is_awake and not self._is_closed:
            self._is_awake = True
            os.write(self._mouth, b"!")

    def _view(self, index: int, taken: _Taken | None) -> WorkerView:
        return WorkerView(
            index=index,
            pid=os.getpid(),
            state="stopping" if self._is_stopping else "idle" if taken is None else "busy",
            run_id=None if taken is None else taken.attempt.run_id,
            since=None if taken is None else taken.started,
            done=self._done[index],
            progress=None if taken is None else taken.progress,
            progress_text="" if taken is None else taken.text,
        )

    def _depth(self) -> int:
        if self._average is None or self._average >= _SHORT_US:
            return 1
        return min(_DEPTH, _QUEUED_US // max(1, self._average))

    def _learn(self, duration: int) -> None:
        cost = duration + 50
        self._average = cost if self._average is None else self._average + (cost - self._average) // 5


def _first_of(resolve: Callable[[str], Callable[..., Any]]) -> Find:
    def find(path: str) -> Callable[..., Any]:
        try:
            return resolve(path)
        except LookupError:
            return resolve_path(path)

    return find


def _run_of(taken: _Taken) -> CurrentRun:
    def report(fraction: float, text: str) -> None:
        taken.progress, taken.text = fraction, text

    attempt = taken.attempt
    return CurrentRun(
        id=attempt.run_id,
        task=attempt.task,
        attempt=attempt.number,
        slot=attempt.slot,
        report=report,
        is_cancelled=lambda _: taken.is_cancelled,
    )


def _refused(attempt: Attempt) -> Done | None:
    """What only a process can do is not silently left out: the attempt fails, and says why."""
    asked = {"timeout": attempt.timeout is not None, "env": bool(attempt.env), "cwd": attempt.cwd is not None}
    wanted = [name for name, is_set in asked.items() if is_set]
    if not wanted:
        return None
    said = f"{', '.join(wanted)}: threads of a program cannot do that; it needs workers that are processes"
    return Done(kind="failed", error_type="arrcli.UsageError", error_message=said, retryable=False)


def _outcome(taken: _Taken, done: Done, duration: int, output: bytes) -> Outcome:
    told: dict[str, Any] = done.told()
    return Outcome(
        run_id=taken.attempt.run_id,
        number=taken.attempt.number,
        started_at=taken.started,
        finished_at=taken.started + duration,
        duration=duration,
        result=json.loads(done.result) if done.result else None,
        output=output,
        worker=taken.thread,
        **told,
    )


def _given_up(taken: _Taken) -> Outcome:
    now = time.time_ns() // 1000
    return Outcome(
        run_id=taken.attempt.run_id,
        number=taken.attempt.number,
        kind="lost",
        started_at=taken.started,
        finished_at=max(now, taken.started),
        duration=max(0, now - taken.started),
        error_type="WorkerDied",
        error_message="given up at the end of the shutdown's grace; its thread cannot be killed",
        worker=taken.thread,
    )
