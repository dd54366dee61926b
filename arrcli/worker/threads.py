"""`executor = "thread"`: one shared host process for many attempts at once; `LocalThreads` does it in this
program.

The host's death costs each of the attempts that had begun there one attempt, and is laid to one that was alone
there; cancelling is cooperative.
"""

from __future__ import annotations

import os
import selectors
import signal
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from arrcli.worker import kernel
from arrcli.worker.capture import OutputFile, sweep
from arrcli.worker.channel import QUIT, Channel, Key
from arrcli.worker.local import LocalThreads
from arrcli.worker.pool import Clock, how_it_ended, longer_pause, monotonic, umask, wall_clock
from arrcli.worker.stack import readable
from arrcli.worker.supervised import Supervised
from arrcli.worker.suspects import Suspects, Witnesses
from arrcli.worker.wire import Attempt, Begun, Outcome, WorkerView, decode_outcome, encode, encode_attempt

__all__ = ["LocalThreads", "ThreadHost"]

_FORCED: Final = "cancelled, and its host killed"
_MOST: Final = 2_000
_YOUNG_US: Final = 1_000_000
_SILENT_US: Final = 300_000
"""A host that has not said where a run is for so long is asked in a way that no task can keep it from hearing."""


@dataclass(slots=True)
class _Running:
    """An attempt that was sent to a host."""

    attempt: Attempt
    begun_wall: int | None = None
    begun_at: int = 0
    progress: float | None = None
    text: str = ""
    stack: str = ""
    asked_at: int = 0


@dataclass(slots=True, eq=False)
class _Host:
    """A host process: the newest takes attempts, older ones finish theirs. `company`: it is for suspects, so many."""

    generation: int
    channel: Channel
    output: OutputFile
    born_at: int
    company: int | None
    sent: dict[Key, _Running] = field(default_factory=dict)
    killed_for: set[int] = field(default_factory=set)
    pid: int | None = None
    is_quitting: bool = False

    def takes(self, company: int | None) -> bool:
        """It has a place for an attempt that may be in such company."""
        return not self.is_quitting and self.company == company and (company is None or len(self.sent) < company)


class ThreadHost:
    """`Executor` over one shared host process, started when the first attempt comes.

    `threads` bounds how many plain functions run at once; coroutine functions need none while they wait.
    `timeout`, `env` and `cwd` of an attempt do not apply.
    """

    def __init__(
        self,
        *,
        threads: int = 256,
        outputs: str | Path,
        python_path: Sequence[str] = (),
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        if threads < 1:
            raise ValueError("a thread host has at least one thread")
        self._outputs = Path(outputs)
        self._outputs.mkdir(mode=0o700, parents=True, exist_ok=True)
        sweep(self._outputs)
        self._threads = threads
        self._environ = {**os.environ, **(env or {})}
        self._clock = clock or wall_clock
        self._order = {
            "kind": "host",
            "index": 0,
            "threads": threads,
            "cwd": os.path.abspath(cwd) if cwd is not None else None,  # noqa: PTH100 - resolves no link, on purpose
            "python_path": [os.path.abspath(each) for each in python_path],  # noqa: PTH100
            "umask": umask(),
        }
        self._selector = selectors.DefaultSelector()
        self._supervisor: Supervised | None = None
        self._hosts: list[_Host] = []
        self._generation = 0
        self._waiting: deque[Attempt] = deque()
        self._coroutines: set[str] = set()
        self._suspects, self._witnesses = Suspects(), Witnesses()
        self._news: list[Begun | Outcome] = []
        self._submitted = 0
        self._owner = os.getpid()
        self._done = 0
        self._pause = 0
        self._start_at = 0
        self._is_stopping = self._is_closed = False
        self.trouble = ""

    # --- Executor

    def room(self) -> int:
        if self._is_stopping:
            return 0
        sent = [each.attempt for host in self._hosts for each in host.sent.values()]
        plain = sum(each.func not in self._coroutines for each in (*sent, *self._waiting))
        return max(0, min(self._threads - plain, _MOST - len(sent) - len(self._waiting)))

    def submit(self, attempts: Sequence[Attempt]) -> None:
        self._submitted += len(attempts)
        self._waiting.extend(attempts)
        self._dispatch(monotonic())

    def events(self) -> Sequence[Begun | Outcome]:
        if not self._is_closed:
            now = monotonic()
            self._listen(now)
            self._dispatch(now)
            self._retire_companies()
        news, self._news = self._news, []
        self._submitted -= sum(isinstance(each, Outcome) for each in news)
        return news

    def filenos(self) -> Sequence[int]:
        return [] if self._is_closed else [self._selector.fileno()]

    def wait_us(self) -> int | None:
        if self._news:
            return 0
        waits = bool(self._waiting) and self._host_for(self._waiting[0]) is None
        return max(0, self._start_at - monotonic()) if waits else None

    def cancel(self, run_id: int, *, force: bool = False) -> bool:
        """Ask the attempt to stop; `force` kills the host, and every other attempt on it is lost."""
        if self._cancel_waiting(run_id):
            return True
        for host in self._hosts:
            if any(key[0] == run_id for key in host.sent):
                self._take_back(host)
                if not self._cancel_waiting(run_id):
                    self._cancel_begun(host, run_id, force=force)
                return True
        return False

    def recall(self) -> None:
        for host in self._hosts:
            self._take_back(host)
        while self._waiting:
            self._release(self._waiting.popleft())

    def recycle(self) -> None:
        for host in self._hosts:
            self._retire(host)

    def views(self) -> Sequence[WorkerView]:
        """One for each attempt that has begun; one for the host itself where it is idle."""
        views = [
            self._view(index, host, run_id, each)
            for index, (host, run_id, each) in enumerate(
                (host, key[0], each)
                for host in self._hosts
                for key, each in host.sent.items()
                if each.begun_wall is not None
            )
        ]
        idle = self._current(None)
        if views or idle is None:
            return views
        return [
            WorkerView(index=0, pid=idle.pid, state="idle" if idle.pid else "starting", done=self._done, kind="thread")
        ]

    def ask_stack(self, run_id: int) -> bool:
        """Ask the host that has begun this run where its thread or coroutine is. One that does not answer, for a task
        keeps the interpreter to itself, is signalled: that tells of all threads, whoever's they are."""
        found = self._begun(run_id)
        if found is None:
            return False
        host, running = found
        host.channel.expect_stack()
        running.stack, running.asked_at = "", monotonic()
        host.channel.send(encode({"do": "stack", "run_id": run_id}))
        return True

    def stack(self, run_id: int) -> str:
        found = self._begun(run_id)
        if found is None:
            return ""
        host, running = found
        self._read(host)
        if running.asked_at and monotonic() - running.asked_at > _SILENT_US:
            running.asked_at = 0
            self._signal(host, kernel.STACK_SIGNAL)
        return running.stack or readable(host.channel.stack())

    def _begun(self, run_id: int) -> tuple[_Host, _Running] | None:
        begun = ((host, key[0], each) for host in self._hosts for key, each in host.sent.items())
        of_run = ((host, each) for host, found, each in begun if found == run_id and each.begun_wall is not None)
        return next(of_run, None)

    def stop(self, *, now: bool = False) -> None:
        self._is_stopping = True
        if not now:
            return
        self.recall()
        for host in self._hosts:
            if host.sent:
                self._signal(host, signal.SIGKILL)

    def running(self) -> int:
        return self._submitted

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = self._is_stopping = True
        if os.getpid() != self._owner:
            return  # a forked copy: what it would end and remove is its parent's
        if self._supervisor is not None:
            self._supervisor.close([host.pid for host in self._hosts if host.pid is not None])
        for host in self._hosts:
            host.channel.close()
            host.output.close()
        self._selector.close()

    # --- the host process

    def _host_for(self, attempt: Attempt) -> _Host | None:
        return self._current(self._suspects.company(attempt.run_id))

    def _current(self, company: int | None) -> _Host | None:
        return next((each for each in self._hosts if each.takes(company)), None)

    def _start(self, attempt: Attempt, now: int) -> _Host | None:
        if now < self._start_at:
            return None
        try:
            host = self._started(self._suspects.company(attempt.run_id), now)
        except OSError as error:  # no descriptors, no space: tried again
            self.trouble = f"the host of threads cannot be started: {error}"
            self._start_at = now + _YOUNG_US
            return None
        self.trouble = ""
        return host

    def _started(self, company: int | None, now: int) -> _Host:
        if self._supervisor is None:
            self._supervisor = Supervised(environ=self._environ)
            self._selector.register(self._supervisor.fileno(), selectors.EVENT_READ, None)
        self._generation += 1
        channel = Channel()
        try:
            host = _Host(self._generation, channel, OutputFile(self._outputs, "host"), now, company)
        except OSError:
            channel.close()
            raise
        self._hosts.append(host)
        self._selector.register(host.channel.bell.fileno(), selectors.EVENT_READ, host)
        order = {**self._order, "generation": host.generation}
        self._supervisor.spawn(order, [*host.channel.descriptors(), host.output.fd])
        return host

    def _retire(self, host: _Host) -> None:
        """It finishes what has begun there; what has not goes to the next one."""
        if not host.is_quitting:
            self._take_back(host)
            host.is_quitting = True
            host.channel.send(QUIT)

    def _retire_companies(self) -> None:
        """A host of suspects ends with the last of them."""
        for host in self._hosts:
            if host.company is not None and not host.sent:
                self._retire(host)

    def _signal(self, host: _Host, number: int) -> None:
        if self._supervisor is not None:
            self._supervisor.signal(0, host.generation, number)

    # --- what is heard

    def _listen(self, now: int) -> None:
        for key, _ in self._selector.select(0):
            host = key.data
            if host is None:
                self._hear_supervisor(now)
            elif host in self._hosts:
                host.channel.silence()
                self._read(host)

    def _hear_supervisor(self, now: int) -> None:
        if self._supervisor is None:
            return
        news = self._supervisor.news()
        if news is None:
            self._lose_supervisor(now)
            return
        for each in news:
            _, generation = each.get("born") or each["died"]
            host = next((each for each in self._hosts if each.generation == generation), None)
            if host is None:
                continue
            if "born" in each:
                host.pid = each["pid"]
            else:
                how = how_it_ended(each.get("status"), each.get("why", ""))
                suspects = self._begun_in(host)
                self._suspects.accuse(suspects)
                self._bury(host, now, how, guilty=suspects if len(suspects) == 1 else ())

    def _lose_supervisor(self, now: int) -> None:
        gone, self._supervisor = self._supervisor, None
        if gone is None:
            return
        self._selector.unregister(gone.fileno())
        gone.avenge([host.pid for host in self._hosts if host.pid is not None])
        self.trouble = gone.complaint()
        gone.close()
        self._wait_before_next(now)
        for host in list(self._hosts):
            guilty = [run_id for run_id in self._begun_in(host) if self._witnesses.is_guilty(run_id)]
            self._bury(host, now, "the supervisor of the workers died", guilty=guilty)

    def _wait_before_next(self, now: int) -> None:
        self._start_at = now + self._pause
        self._pause = longer_pause(self._pause)

    def _read(self, host: _Host) -> None:
        for line in host.channel.log.lines():
            told = decode_outcome(line)
            match told.pop("do", None):
                case "begun":
                    self._note_begun(host, told)
                case "awaits":
                    self._coroutines.add(told["func"])
                case "progress":
                    self._note_progress(host, told)
                case "stack":
                    self._note_stack(host, told)
                case "bye":
                    self._note_bye(host, told)
                case _:
                    self._note_outcome(host, told)

    def _note_begun(self, host: _Host, told: Mapping[str, Any]) -> None:
        running = host.sent.get((told["run_id"], told["number"]))
        if running is None:
            return
        running.begun_wall, running.begun_at = told["at"], told["mono"]
        pid = host.channel.page.pid
        self._news.append(
            Begun(run_id=told["run_id"], number=told["number"], at=told["at"], worker=0, pid=pid, live=None)
        )

    def _note_progress(self, host: _Host, told: Mapping[str, Any]) -> None:
        for key, running in host.sent.items():
            if key[0] == told["run_id"]:
                running.progress, running.text = told["fraction"], told["text"]

    def _note_stack(self, host: _Host, told: Mapping[str, Any]) -> None:
        for key, running in host.sent.items():
            if key[0] == told["run_id"]:
                running.stack, running.asked_at = told["text"], 0

    def _note_bye(self, host: _Host, told: Mapping[str, Any]) -> None:
        host.is_quitting = True
        self._take_back(host)
        running = host.sent.pop(tuple(told["again"]), None)
        if running is not None:
            self._waiting.appendleft(running.attempt)

    def _note_outcome(self, host: _Host, told: dict[str, Any]) -> None:
        if host.sent.pop((told["run_id"], told["number"]), None) is None:
            return
        self._done += 1
        self._pause = 0
        self._suspects.acquit(told["run_id"])
        host.output.forget(host.output.size())  # what C and child processes write there is nobody's
        output = told.pop("output").encode()
        self._news.append(Outcome(**told, output=output, worker=0))

    def _begun_in(self, host: _Host) -> Collection[int]:
        """The runs that may have ended their host; none where it was killed for one of them."""
        self._read(host)
        begun = [key[0] for key, running in host.sent.items() if running.begun_wall is not None]
        return () if host.killed_for else begun

    def _bury(self, host: _Host, now: int, how: str, *, guilty: Collection[int]) -> None:
        """What had begun is lost, and these have died of it; the rest goes to the next host."""
        self._read(host)
        self._take_back(host)
        again = []
        for running in host.sent.values():
            if running.begun_wall is None:
                again.append(running.attempt)
                continue
            ended, run_id = self._outcome_of_dead(running, running.begun_wall, now), running.attempt.run_id
            if run_id in host.killed_for:
                self._news.append(replace(ended, kind="cancelled", error_type="Cancelled", error_message=_FORCED))
            else:
                self._news.append(replace(ended, died=run_id in guilty, error_message=how))
        self._waiting.extendleft(reversed(again))
        self._hosts.remove(host)
        self._selector.unregister(host.channel.bell.fileno())
        host.channel.close()
        host.output.close()
        if self._is_stopping:
            self.recall()
        if now - host.born_at < _YOUNG_US and not host.is_quitting and not host.killed_for:
            self._wait_before_next(now)

    def _outcome_of_dead(self, running: _Running, started: int, now: int) -> Outcome:
        return Outcome(
            run_id=running.attempt.run_id,
            number=running.attempt.number,
            kind="lost",
            started_at=started,
            finished_at=max(started, self._clock.now()),
            duration=max(0, now - running.begun_at),
            error_type="WorkerDied",
            worker=0,
        )

    # --- what is asked

    def _dispatch(self, now: int) -> None:
        while self._waiting:
            host = self._host_for(self._waiting[0]) or self._start(self._waiting[0], now)
            if host is None or not host.channel.send(encode_attempt(self._waiting[0])):
                return
            attempt = self._waiting.popleft()
            host.sent[(attempt.run_id, attempt.number)] = _Running(attempt)

    def _take_back(self, host: _Host) -> None:
        taken = []
        for message in host.channel.take_back():
            if "do" in message:
                host.channel.send(encode(message))
                continue
            running = host.sent.pop((message["run_id"], message["number"]), None)
            if running is not None:
                taken.append(running.attempt)
        self._waiting.extendleft(reversed(taken))

    def _cancel_waiting(self, run_id: int) -> bool:
        found = [each for each in self._waiting if each.run_id == run_id]
        for each in found:
            self._waiting.remove(each)
            self._release(each)
        return bool(found)

    def _cancel_begun(self, host: _Host, run_id: int, *, force: bool) -> None:
        if force:
            host.killed_for.add(run_id)
            self._signal(host, signal.SIGKILL)
        else:
            host.channel.send(encode({"do": "cancel", "run_id": run_id}))

    def _release(self, attempt: Attempt) -> None:
        self._news.append(Outcome(run_id=attempt.run_id, number=attempt.number, kind="released", begun=False))

    def _view(self, index: int, host: _Host, run_id: int, running: _Running) -> WorkerView:
        return WorkerView(
            index=index,
            pid=host.pid,
            state="stopping" if host.is_quitting or self._is_stopping else "busy",
            run_id=run_id,
            since=running.begun_wall,
            progress=running.progress,
            progress_text=running.text,
            kind="thread",
        )
