"""A pool of killable worker processes, warm, each trying one attempt at a time.

The pool is one thread's: it never waits, and does all its work in `events`. What a worker is on is read
from memory shared with it, so neither a kill nor a crash can make the pool lose an outcome or charge an
attempt that had not begun.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from arrcli.worker import kernel
from arrcli.worker.capture import OutputFile, sweep
from arrcli.worker.channel import QUIT, Channel, Key
from arrcli.worker.failure import death
from arrcli.worker.stack import readable
from arrcli.worker.supervised import Supervised
from arrcli.worker.suspects import Witnesses
from arrcli.worker.wire import (
    Attempt,
    Begun,
    Outcome,
    OutcomeKind,
    WorkerView,
    decode_outcome,
    encode_bundle,
    outcome_with,
)

ROUND_US: Final = 250_000
"""How often, while something runs, it is seen to that nobody has stopped the supervisor."""
CONTINUED: Final = "the supervisor of the workers was stopped by a signal; it has been continued"
_FIRST_LOOK_US: Final = 3_000
_LONGEST_LOOK_US: Final = 200_000
_STALLED_US: Final = 20_000_000
_QUIT_US: Final = 500_000
_SHRINK_US: Final = 1_000_000
_SHORT_US: Final = 50_000
_QUEUED_US: Final = 60_000
_WORTH_SHARING_US: Final = 2_000
_MOST_TOGETHER: Final = 16
_TOGETHER_US: Final = 1_000
_YOUNG_US: Final = 1_000_000
_LONGEST_PAUSE_US: Final = 1_000_000
_FUNCTIONS_KNOWN: Final = 10_000
_OVERHEAD_US: Final = 50
_STACK_US: Final = 20_000


class Clock(Protocol):
    """Where the wall clock's time comes from, for outcomes that no worker stamped."""

    def now(self) -> int: ...


class _WallClock:
    def now(self) -> int:
        return time.time_ns() // 1000


wall_clock: Final[Clock] = _WallClock()


def monotonic() -> int:
    """Microseconds on the clock that workers stamp with: the machine's, whatever clock the engine runs on."""
    return time.monotonic_ns() // 1000


@dataclass(slots=True)
class _Kill:
    """Our decision to end an attempt, and when its grace is over."""

    key: Key
    kind: OutcomeKind
    why: str
    at: int
    kill_at: int | None


@dataclass(slots=True)
class _Sent:
    attempt: Attempt
    cost: int
    serial: int


@dataclass(slots=True)
class _Place:
    """One worker's place in the pool: its process of now, and what it has been given."""

    index: int
    generation: int = 0
    channel: Channel | None = None
    output: OutputFile | None = None
    pid: int | None = None
    born_at: int = 0
    sent: dict[Key, _Sent] = field(default_factory=dict)
    cost: int = 0
    serial: int = 1
    begun: Key | None = None
    begun_at: int = 0
    begun_wall: int = 0
    asked: Key | None = None
    deadline: int | None = None
    is_steady: bool = False
    changed_at: int = 0
    look_at: int | None = None
    look_after: int = _FIRST_LOOK_US
    shrink_at: int = 0
    kill: _Kill | None = None
    is_quitting: bool = False
    quit_by: int | None = None
    respawn_at: int | None = None
    pause: int = 0
    done: int = 0

    @property
    def takes_more(self) -> bool:
        return self.channel is not None and self.kill is None and not self.is_quitting

    @property
    def is_idle(self) -> bool:
        return self.takes_more and not self.sent

    @property
    def unread(self) -> int:
        return len(self.sent) - (self.begun is not None)


class ProcessPool:
    """`Executor` over worker processes. `outputs` is the folder of what running attempts write, made 0700
    if need be.

    `python_path` is prepended to the workers' `sys.path`, `cwd` is their folder, `env` is laid over this
    program's environment; `depth` bounds how many short attempts wait in one worker's inbox.
    """

    def __init__(
        self,
        *,
        workers: int,
        outputs: str | Path,
        python_path: Sequence[str] = (),
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        depth: int = 256,
    ) -> None:
        if workers < 1:
            raise ValueError("a pool has at least one worker")
        self._outputs = Path(outputs)
        self._outputs.mkdir(mode=0o700, parents=True, exist_ok=True)
        sweep(self._outputs)
        self._clock: Clock = clock or wall_clock
        self._depth = depth
        self._environ = {**os.environ, **(env or {})}
        folder = os.path.abspath(cwd) if cwd is not None else None  # noqa: PTH100 - resolves no link, on purpose
        self._order = {
            "kind": "worker",
            "cwd": folder,
            "python_path": [os.path.abspath(each) for each in python_path],  # noqa: PTH100
            "umask": umask(),
        }
        self._waiting: deque[Attempt] = deque()
        self._news: list[Begun | Outcome] = []
        self._typical: dict[str, int] = {}
        self._average: int | None = None
        self._submitted = 0
        self._owner = os.getpid()
        self._is_stopping = self._is_killing = self._is_closed = False
        self._supervisor_pause = 0
        self._supervisor_at: int | None = None
        self._round_at = 0
        self.trouble = ""
        self._selector = selectors.DefaultSelector()
        self._places = [_Place(index) for index in range(workers)]
        self._supervisor: Supervised | None = None
        self._witnesses = Witnesses()
        self._start_supervisor()

    # --- Executor: what the engine calls

    def room(self) -> int:
        """How many attempts it would take now: one an idle worker, more where attempts have been short
        lately.
        """
        if self._is_stopping:
            return 0
        depth = self._depth_for(self._average)
        free = sum(max(0, depth - len(each.sent)) for each in self._places if each.takes_more and not each.is_steady)
        return max(0, free - len(self._waiting))

    def submit(self, attempts: Sequence[Attempt]) -> None:
        self._submitted += len(attempts)
        self._waiting.extend(attempts)
        self._dispatch(monotonic())

    def events(self) -> Sequence[Begun | Outcome]:
        if not self._is_closed:
            now = monotonic()
            self._listen(now)
            self._look_after_supervisor(now)
            self._look_where_due(now)
            self._enforce(now)
            self._revive(now)
            self._share(now)
            self._dispatch(now)
        news, self._news = self._news, []
        self._submitted -= sum(isinstance(each, Outcome) for each in news)
        return news

    def filenos(self) -> Sequence[int]:
        """One descriptor for all: that of the selector itself."""
        return [] if self._is_closed else [self._selector.fileno()]

    def wait_us(self) -> int | None:
        if self._news:
            return 0
        moments = [moment for place in self._places for moment in _moments(place)]
        if self._supervisor_at is not None:
            moments.append(self._supervisor_at)
        if self._submitted or self._is_stopping:
            moments.append(self._round_at)
        return max(0, min(moments) - monotonic()) if moments else None

    def cancel(self, run_id: int, *, force: bool = False) -> bool:
        if self._cancel_waiting(run_id):
            return True
        for place in self._places:
            if any(key[0] == run_id for key in place.sent):
                self._cancel_sent(place, run_id, force=force)
                return True
        return False

    def recall(self) -> None:
        for place in self._places:
            self._take_back(place)
        self._release_waiting()

    def recycle(self) -> None:
        for place in self._places:
            self._ask_to_quit(place)

    def views(self) -> Sequence[WorkerView]:
        return [_view(place, is_stopping=self._is_stopping) for place in self._places]

    def stop(self, *, now: bool = False) -> None:
        self._is_stopping = True
        if not now:
            return
        self._is_killing = True
        self.recall()
        moment = monotonic()
        for place in self._places:
            for key in list(place.sent):
                self._end(place, key, "lost", "killed at the end of the shutdown's grace", moment, grace=0)

    def running(self) -> int:
        return self._submitted

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = self._is_stopping = True
        if os.getpid() != self._owner:
            return  # a forked copy: what it would end and remove is its parent's
        pids = [place.pid for place in self._places if place.pid is not None]
        if self._supervisor is not None:
            self._supervisor.close(pids)
        for place in self._places:
            self._release_files(place)
        self._selector.close()

    @property
    def supervisor_pid(self) -> int | None:
        return None if self._supervisor is None else self._supervisor.pid

    def ask_stack(self, run_id: int) -> bool:
        """Ask for the stacks of the worker that has begun this run; False where none has."""
        for place in self._places:
            if place.begun is not None and place.begun[0] == run_id and place.channel is not None:
                place.channel.expect_stack()
                self._signal(place, kernel.STACK_SIGNAL)
                return True
        return False

    def stack(self, run_id: int) -> str:
        """What `ask_stack` asked for, of all threads of its worker; empty until it has come."""
        for place in self._places:
            if place.begun is not None and place.begun[0] == run_id and place.channel is not None:
                return readable(place.channel.stack())
        return ""

    # --- processes come and go

    def _start_supervisor(self) -> None:
        try:
            self._supervisor = Supervised(environ=self._environ)
        except OSError as error:
            self.trouble = f"workers cannot be started: {error}"
            self._supervisor_at = monotonic() + _LONGEST_PAUSE_US
            return
        self._selector.register(self._supervisor.fileno(), selectors.EVENT_READ, None)
        for place in self._places:
            self._spawn(place)

    def _spawn(self, place: _Place) -> None:
        if self._supervisor is None:
            return
        fresh = _Place(place.index, place.generation + 1, pause=place.pause, done=place.done)
        fresh.born_at = monotonic()
        try:
            fresh.output = OutputFile(self._outputs, f"worker-{place.index}")
            fresh.channel = Channel()
        except OSError as error:  # no descriptors, no space: the others go on, and this one is tried again
            self._put_off(place, error)
            if fresh.output is not None:
                fresh.output.close()
            return
        self._places[place.index] = fresh
        self._selector.register(fresh.channel.bell.fileno(), selectors.EVENT_READ, place.index)
        order = {**self._order, "index": fresh.index, "generation": fresh.generation}
        self._supervisor.spawn(order, [*fresh.channel.descriptors(), fresh.output.fd])

    def _put_off(self, place: _Place, error: OSError) -> None:
        self.trouble = f"worker {place.index} cannot be started: {error}"
        place.respawn_at = monotonic() + _LONGEST_PAUSE_US

    def _revive(self, now: int) -> None:
        if self._supervisor is None and self._supervisor_at is not None and now >= self._supervisor_at:
            self._supervisor_at = None
            self._start_supervisor()
        for place in self._places:
            if place.respawn_at is not None and now >= place.respawn_at:
                self._spawn(place)

    def _release_files(self, place: _Place) -> None:
        if place.channel is not None:
            if not self._is_closed:
                self._selector.unregister(place.channel.bell.fileno())
            place.channel.close()
            place.channel = None
        if place.output is not None:
            place.output.close()
            place.output = None

    # --- what the workers and their supervisor say

    def _listen(self, now: int) -> None:
        for key, _ in self._selector.select(0):
            if key.data is None:
                self._hear_supervisor(now)
            elif (channel := self._places[key.data].channel) is not None:
                channel.silence()
                self._look(self._places[key.data], now)

    def _hear_supervisor(self, now: int) -> None:
        if self._supervisor is None:
            return
        news = self._supervisor.news()
        if news is None:
            self._lose_supervisor(now)
            return
        for each in news:
            index, generation = each.get("born") or each["died"]
            place = self._places[index]
            if place.generation != generation:
                continue
            if "born" in each:
                place.pid = each["pid"]
                self._supervisor_pause = 0
                self.trouble = ""
            else:
                self._bury(place, now, how_it_ended(each.get("status"), each.get("why", "")), each)

    def _look_after_supervisor(self, now: int) -> None:
        if self._supervisor is not None and now >= self._round_at:
            self._round_at = now + ROUND_US
            if self._supervisor.keep_going():
                self.trouble = CONTINUED

    def _lose_supervisor(self, now: int) -> None:
        """Nobody reaps or signals the workers any more: end them, tell what they were on, start again."""
        gone, self._supervisor = self._supervisor, None
        if gone is None:
            return
        self._selector.unregister(gone.fileno())
        gone.avenge([place.pid for place in self._places if place.pid is not None])
        self.trouble = gone.complaint()
        gone.close()
        self._supervisor_at = now + self._supervisor_pause
        self._supervisor_pause = longer_pause(self._supervisor_pause)
        for place in self._places:
            if place.channel is not None:
                self._bury(place, now, "the supervisor of the workers died", None)
            place.respawn_at = None

    def _bury(self, place: _Place, now: int, how: str, usage: Mapping[str, Any] | None) -> None:
        """A worker has ended: what it had finished counts, what it had begun is lost, the rest is tried
        elsewhere. `usage` is what its supervisor saw of it; None where it did not end by itself.
        """
        if place.channel is None:
            return
        self._look(place, now)
        self._take_back(place)
        begun = place.channel.page.begun()
        again: list[Attempt] = []
        for key, sent in place.sent.items():
            if key == begun:
                self._news.append(self._outcome_of_dead(place, sent.attempt, how, usage, now))
            elif place.kill is not None and place.kill.key == key:
                self._release(sent.attempt)
            else:
                again.append(sent.attempt)
        self._waiting.extendleft(reversed(again))
        if self._is_killing:
            self._release_waiting()
        self._plan_respawn(place, now)
        self._release_files(place)

    def _plan_respawn(self, place: _Place, now: int) -> None:
        """At once, unless deaths follow each other without anything done between them."""
        is_sudden = now - place.born_at < _YOUNG_US and not (place.is_quitting or place.kill)
        place.pause = longer_pause(place.pause) if is_sudden else 0
        place.respawn_at = now + (place.pause if is_sudden and place.pause > _FIRST_PAUSE_US else 0)
        place.sent.clear()
        place.begun = place.look_at = place.deadline = place.quit_by = place.kill = place.pid = None
        place.cost = 0

    def _outcome_of_dead(
        self, place: _Place, attempt: Attempt, how: str, usage: Mapping[str, Any] | None, now: int
    ) -> Outcome:
        assert place.channel is not None and place.output is not None  # noqa: S101 - for mypy: `_bury` has looked
        wall, mono, offset, cpu_before = place.channel.page.started
        kill = place.kill if place.kill and place.kill.key == (attempt.run_id, attempt.number) else None
        seen = usage or {}
        cpu = seen.get("cpu_us")
        return Outcome(
            run_id=attempt.run_id,
            number=attempt.number,
            kind=kill.kind if kill else "lost",
            started_at=wall,
            finished_at=max(wall, self._clock.now()),
            duration=max(0, now - mono),
            died=usage is not None or self._witnesses.is_guilty(attempt.run_id),
            error_type=_error_type(kill.kind if kill else "lost"),
            error_message=kill.why if kill else how,
            error_traceback=_last_stack(place, kill) if kill else "",
            output=place.output.read(offset, place.output.size(), attempt.max_output),
            cpu_us=None if cpu is None else max(0, cpu - cpu_before),
            rss_kb=seen.get("rss_kb"),
            worker=place.index,
        )

    # --- looking at one worker

    def _look_where_due(self, now: int) -> None:
        for place in self._places:
            if place.look_at is not None and now >= place.look_at:
                self._look(place, now)

    def _look(self, place: _Place, now: int) -> None:
        """Read what has ended, then what has begun; look again soon where something is on the move."""
        channel = place.channel
        if channel is None:
            return
        moved = False
        for line in channel.log.lines():
            moved = True
            self._take_line(place, line, now)
        if moved and _has_grown_too_long(place):
            self._ask_to_quit(place)
        moved |= self._note_begun(place, channel.page.begun())
        if moved:
            place.changed_at, place.look_after, place.is_steady = now, _FIRST_LOOK_US, False
        elif place.begun is not None and now - place.changed_at >= self._patience(place):
            place.is_steady = True
        self._plan_look(place, now)

    def _plan_look(self, place: _Place, now: int) -> None:
        """None where all is done, or where a run goes on whose end will ring."""
        if not place.sent or place.is_steady:
            place.look_at = None
            return
        place.look_at = now + place.look_after
        if place.begun is not None:
            place.look_at = max(place.look_at, place.changed_at + self._patience(place))
        place.look_after = min(2 * place.look_after, _LONGEST_LOOK_US)

    def _patience(self, place: _Place) -> int:
        """How long what it has begun may take before it is no short run: twice as long as usual."""
        sent = None if place.begun is None else place.sent.get(place.begun)
        usual = 0 if sent is None else self._typical.get(sent.attempt.func) or 0
        return max(_FIRST_LOOK_US, 2 * usual) if usual < _SHORT_US else _FIRST_LOOK_US

    def _note_begun(self, place: _Place, key: Key | None) -> bool:
        if key is None or key == place.begun or key not in place.sent or place.channel is None:
            return False
        place.begun_wall, place.begun_at, offset, _ = place.channel.page.started
        place.begun = key
        attempt = place.sent[key].attempt
        place.deadline = None if attempt.timeout is None else place.begun_at + attempt.timeout
        place.shrink_at = place.begun_at + _SHRINK_US
        live = place.output.live(offset) if place.output is not None else None
        pid = place.channel.page.pid
        self._news.append(
            Begun(run_id=key[0], number=key[1], at=place.begun_wall, worker=place.index, pid=pid, live=live)
        )
        return True

    def _take_line(self, place: _Place, line: bytes, now: int) -> None:
        try:
            told = decode_outcome(line)
        except (ValueError, TypeError):  # a task wrote into a descriptor that is not its own
            self.trouble = f"worker {place.index} wrote a log line that cannot be read"
            return
        if (what := told.get("do")) is not None:
            if what == "bye":
                place.is_quitting, place.quit_by = True, now + _QUIT_US
            self._take_again(place, told["again"])
            return
        key = (told["run_id"], told["number"])
        sent = place.sent.pop(key, None)
        if sent is None:
            return
        place.cost -= sent.cost
        place.done += 1
        place.pause = 0
        if place.begun == key:
            place.begun = place.deadline = None
        self._learn(sent.attempt.func, told["duration"])
        self._news.append(self._outcome(place, sent.attempt, told))
        self._after_outcome(place, key, now)

    def _after_outcome(self, place: _Place, key: Key, now: int) -> None:
        if place.kill is not None and place.kill.key == key:
            self._signal(place, signal.SIGKILL)  # it was told to end and lives: it is replaced
        elif place.is_quitting and place.quit_by is None:
            place.quit_by = now + _QUIT_US

    def _take_again(self, place: _Place, again: Sequence[Sequence[int]]) -> None:
        """What a worker gives back without having begun it, unless it was taken back meanwhile."""
        given: list[Attempt] = []
        for run_id, number, serial in again:
            sent = place.sent.get((run_id, number))
            if sent is not None and sent.serial == serial:
                given.append(self._unsent(place, sent))
        self._waiting.extendleft(reversed(given))

    def _unsent(self, place: _Place, sent: _Sent) -> Attempt:
        del place.sent[(sent.attempt.run_id, sent.attempt.number)]
        place.cost -= sent.cost
        return sent.attempt

    def _outcome(self, place: _Place, attempt: Attempt, told: dict[str, Any]) -> Outcome:
        start, end = told.pop("written")
        ended = told.pop("ended")
        told["worker"] = place.index
        if place.output is not None and end > start:
            told["output"] = place.output.read(start, end, attempt.max_output)
            place.output.forget(end)
        kill = place.kill
        if kill is not None and kill.key == (attempt.run_id, attempt.number) and ended > kill.at:
            told |= {"kind": kill.kind, "error_type": _error_type(kill.kind), "error_message": kill.why}
            told |= {
                "result": None,
                "result_note": None,
                "error_traceback": _last_stack(place, kill),
                "broken": False,
                "retryable": True,
            }
        return outcome_with(told)

    def _learn(self, function: str, duration: int) -> None:
        cost = duration + _OVERHEAD_US
        known = self._typical.get(function)
        if known is None and len(self._typical) >= _FUNCTIONS_KNOWN:
            self._typical.clear()
        self._typical[function] = cost if known is None else known + (cost - known) // 5
        self._average = cost if self._average is None else self._average + (cost - self._average) // 5

    # --- time limits, cancels, quits

    def _enforce(self, now: int) -> None:
        for place in self._places:
            if place.kill is not None:
                self._finish_kill(place, place.kill, now)
            elif place.deadline is not None and now >= place.deadline:
                self._time_out(place, now)
            elif place.quit_by is not None and now >= place.quit_by and place.begun is None:
                place.quit_by = None
                self._signal(place, signal.SIGKILL)
            elif place.sent and place.begun is None and now - place.changed_at > _STALLED_US and place.pid:
                place.changed_at = now
                self._signal(place, signal.SIGKILL)
            if place.is_steady and now >= place.shrink_at:
                self._shrink(place, now)

    def _time_out(self, place: _Place, now: int) -> None:
        """Take back what waits, so that nothing else can begin, and look again: a run that just ended is
        not charged. Just before, it is asked where it is: that is kept with the attempt.
        """
        if place.begun is None:
            return
        key = place.begun
        if place.asked != key and self.ask_stack(key[0]):
            place.asked, place.deadline = key, now + _STACK_US
            return
        attempt = place.sent[key].attempt
        said = f"timed out after {(attempt.timeout or 0) / 1e6:g}s"
        self._end(place, key, "timed_out", said, now, grace=attempt.stop_grace)

    def _end(self, place: _Place, key: Key, kind: OutcomeKind, why: str, now: int, *, grace: int) -> None:
        """TERM the process group of a worker that has begun `key`, and KILL it once the grace is over (0:
        at once).
        """
        if place.channel is None:
            return
        self._take_back(place)
        self._look(place, now)
        if key not in place.sent:
            return
        if place.kill is None:
            place.channel.page.ask_to_stop(key[0])
            place.kill = _Kill(key, kind, why, monotonic(), now + grace)
        self._signal(place, signal.SIGTERM if grace else signal.SIGKILL)
        if not grace:
            place.kill.kill_at = None

    def _finish_kill(self, place: _Place, kill: _Kill, now: int) -> None:
        if kill.kill_at is not None and now >= kill.kill_at:
            kill.kill_at = None
            self._signal(place, signal.SIGKILL)

    def _signal(self, place: _Place, number: int) -> None:
        if self._supervisor is not None:
            self._supervisor.signal(place.index, place.generation, number)

    def _shrink(self, place: _Place, now: int) -> None:
        place.shrink_at = now + _SHRINK_US
        if place.begun is None or place.output is None or place.channel is None:
            return
        place.output.shrink(place.channel.page.started[2], place.sent[place.begun].attempt.max_output)

    def _cancel_waiting(self, run_id: int) -> bool:
        found = [each for each in self._waiting if each.run_id == run_id]
        for each in found:
            self._waiting.remove(each)
            self._release(each)
        return bool(found)

    def _cancel_sent(self, place: _Place, run_id: int, *, force: bool) -> None:
        self._take_back(place)
        if self._cancel_waiting(run_id):
            return
        for key in [key for key in place.sent if key[0] == run_id]:
            grace = 0 if force else place.sent[key].attempt.stop_grace
            if place.kill is None or force:
                self._end(place, key, "cancelled", "cancelled", monotonic(), grace=grace)

    def _ask_to_quit(self, place: _Place) -> None:
        if place.channel is None or place.is_quitting:
            return
        self._take_back(place)
        place.is_quitting = True
        if not place.channel.send(QUIT) or not place.sent:
            place.quit_by = monotonic() + _QUIT_US

    def _release_waiting(self) -> None:
        while self._waiting:
            self._release(self._waiting.popleft())

    def _release(self, attempt: Attempt) -> None:
        self._news.append(Outcome(run_id=attempt.run_id, number=attempt.number, kind="released", begun=False))

    # --- who gets what

    def _dispatch(self, now: int) -> None:
        while self._waiting:
            place = self._place_for(self._typical.get(self._waiting[0].func))
            if place is None or place.channel is None:
                return
            bundle = self._bundle()
            if not place.channel.send(encode_bundle(place.serial, [attempt for attempt, _ in bundle])):
                return
            self._note_sent(place, bundle, now)

    def _bundle(self) -> Sequence[tuple[Attempt, int]]:
        """What waits first, with what it is expected to cost; where it is short, more of the kind that waits behind
        it, as long as there is enough for all.
        """
        most = min(_MOST_TOGETHER, len(self._waiting) // len(self._places))
        bundle: list[tuple[Attempt, int]] = []
        total = 0
        for attempt in self._waiting:
            cost = self._typical.get(attempt.func, _SHORT_US)
            total += cost
            if bundle and (total > _TOGETHER_US or len(bundle) >= most):
                break
            bundle.append((attempt, cost))
        return bundle

    def _note_sent(self, place: _Place, bundle: Sequence[tuple[Attempt, int]], now: int) -> None:
        if not place.sent:
            place.changed_at, place.look_after = now, _FIRST_LOOK_US
        for serial, (attempt, cost) in enumerate(bundle, place.serial):
            self._waiting.popleft()
            place.sent[(attempt.run_id, attempt.number)] = _Sent(attempt, cost, serial)
            place.cost += cost
        place.serial += len(bundle)
        if not place.is_steady:
            place.look_at = now + _FIRST_LOOK_US

    def _place_for(self, cost: int | None) -> _Place | None:
        """An idle worker; else, for an attempt that will be short, the one that is through soonest."""
        best: _Place | None = None
        least = _QUEUED_US - (cost or 0)
        depth = 0 if cost is None else self._depth_for(cost)
        for place in self._places:
            if place.channel is None or place.kill is not None or place.is_quitting:
                continue  # `takes_more`, spelled out: this is asked once a run and worker
            if not place.sent:
                return place
            if place.cost < least and len(place.sent) < depth and not place.is_steady:
                best, least = place, place.cost
        return best

    def _depth_for(self, cost: int | None) -> int:
        """How many attempts of this cost one worker may hold."""
        if cost is None or cost >= _SHORT_US:
            return 1
        return min(self._depth, _QUEUED_US // max(1, cost))

    def _share(self, now: int) -> None:
        """What waits behind a long run is taken back; what waits behind short ones, once somebody is idle."""
        for place in self._places:
            if place.is_steady and place.unread and place.kill is None:
                self._take_back(place)
        if self._waiting or not any(place.is_idle for place in self._places):
            return
        donor = max(self._places, key=lambda place: place.cost if place.unread else 0)
        if donor.unread and donor.cost >= _WORTH_SHARING_US:
            self._take_back(donor)

    def _take_back(self, place: _Place) -> None:
        """Everything that the worker has not begun waits in the pool again, first in line."""
        if place.channel is None or not place.unread:
            return
        unread = {
            message["first"] + index
            for message in place.channel.take_back()
            for index in range(len(message.get("attempts", ())))
        }
        last = place.channel.page.take_back(place.serial)
        free = [sent for sent in place.sent.values() if sent.serial > last or sent.serial in unread]
        taken = [self._unsent(place, sent) for sent in free]
        self._waiting.extendleft(reversed(taken))
        if place.is_quitting:
            place.channel.send(QUIT)


_FIRST_PAUSE_US: Final = 20_000


def _has_grown_too_long(place: _Place) -> bool:
    """Where the space of what was read cannot be freed, a new worker's new files are the remedy."""
    output, channel = place.output, place.channel
    return output is not None and channel is not None and (output.is_too_long() or channel.log.is_too_long())


def longer_pause(pause: int) -> int:
    """Before the next start of what died at once: twice the last one, a second at most."""
    return min(_LONGEST_PAUSE_US, 2 * pause if pause else _FIRST_PAUSE_US)


def umask() -> int:
    """This program's umask: reading it means setting it for a moment."""
    now = os.umask(0o077)
    os.umask(now)
    return now


def _moments(place: _Place) -> Iterable[int]:
    """When this place wants to be looked at."""
    kill_at = place.kill.kill_at if place.kill is not None else None
    deadline = None if place.kill is not None else place.deadline
    shrink_at = place.shrink_at if place.is_steady else None
    quit_by = place.quit_by if place.begun is None else None
    for each in (place.look_at, deadline, kill_at, quit_by, place.respawn_at, shrink_at):
        if each is not None:
            yield each


def _view(place: _Place, *, is_stopping: bool) -> WorkerView:
    progress, text = (None, "")
    if place.channel is not None and place.begun is not None:
        progress, text = place.channel.page.progress()
    state: Any = "starting" if place.pid is None else "busy" if place.begun is not None else "idle"
    if is_stopping or place.kill is not None or place.is_quitting:
        state = "stopping"
    return WorkerView(
        index=place.index,
        pid=place.pid,
        state=state,
        run_id=place.begun[0] if place.begun is not None else None,
        since=place.begun_wall if place.begun is not None else None,
        done=place.done,
        progress=progress,
        progress_text=text,
    )


def how_it_ended(status: int | None, why: str) -> str:
    """A wait status in words: "killed by SIGSEGV", "exited with code 3"."""
    if status is None:
        return f"its worker could not be started: {why}"
    code = os.waitstatus_to_exitcode(status)
    return death(code) + (" (by hand, or for want of memory)" if code == -signal.SIGKILL else "")


def _last_stack(place: _Place, kill: _Kill) -> str:
    """Where an attempt was when its time was over."""
    return readable(place.channel.stack()) if kill.kind == "timed_out" and place.channel is not None else ""


def _error_type(kind: OutcomeKind) -> str:
    return {"timed_out": "TimeoutError", "cancelled": "Cancelled", "lost": "WorkerDied"}.get(kind, "")
