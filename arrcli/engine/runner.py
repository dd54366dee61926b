"""The runner turns the crank: wait, collect, one transaction (settle, plan, claim), tell.

The one thread of a daemon, or of a library's App, that writes to the store and talks to the executors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from arrcli.clock import Clock
from arrcli.engine.dispatcher import Dispatcher, Work
from arrcli.engine.janitor import Janitor
from arrcli.engine.lost import Loss
from arrcli.engine.planner import Planned, Planner
from arrcli.engine.room import FULL, Room
from arrcli.engine.stacks import Stacks
from arrcli.errors import ConfigError, StoreError, StoreFullError, StoreLostError
from arrcli.model.event import Event
from arrcli.model.instant import MINUTE, SECOND, Instant
from arrcli.model.run import Reason
from arrcli.model.task import TasksFile
from arrcli.store.contract import Store, Writing
from arrcli.store.values import IN_SOURCE, Owner
from arrcli.worker.wire import WorkerView

LONGEST_SLEEP: Final = 30 * SECOND
POLL: Final = SECOND // 10
"""How often the store is asked whether another process committed: a net under the bell."""
STEP: Final = SECOND // 2
"""A difference of wall and monotonic clock that counts as a step."""
RECOVERY: Final = 2 * SECOND
CHECKPOINT: Final = 2 * SECOND
STALL: Final = SECOND
LAG_TOLD: Final = 10 * SECOND
LAST_MOMENT: Final = 10 * SECOND
"""How long after the kill the end is waited for, where a store in trouble cannot record it."""

_AT_START: Final = ("workers", "python_path")
"""What a reload cannot change: the worker processes are there already."""

Sink = Callable[[Sequence[Event]], None]


class Waiting(Protocol):
    """Where the runner sleeps: `host.wake.Waiter`, or a test's own."""

    def wait(self, filenos: Iterable[int], timeout_us: int) -> bool: ...

    def wake(self) -> None: ...


class Source(Protocol):
    """Where the tasks file comes from: asked each turn, it says when there is a new one."""

    def poll(self, now: Instant, *, asked: bool) -> TasksFile | ConfigError | None:
        """A changed file that was read and found whole, what is wrong with it, or None. `asked`: read it anyway."""
        ...


def _functions(file: TasksFile) -> Sequence[str]:
    return [task.func for task in file.tasks.values()]


class Runner:
    """An engine: planner (where this process is the planner), dispatcher and janitor on one store."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        waiter: Waiting,
        owner: Owner,
        dispatcher: Dispatcher,
        planner: Planner | None,
        is_gone: Callable[[str], bool],
        source: Source | None = None,
        sink: Sink = lambda events: None,
        each_turn: Callable[[], None] = lambda: None,
        tidies: bool = True,
    ) -> None:
        self.file = TasksFile(path="", folder="", tasks={})
        self.faults: tuple[str, ...] = ()
        self.views: Mapping[str, Sequence[WorkerView]] = {}
        self.lag = 0
        """Microseconds by which the slots that came due last were planned late."""
        self.stopping = False
        self.finish_due = False
        self.trouble = self.executors_trouble = ""
        self.ended = False
        self.killed = 0
        self._store, self._clock, self._waiter, self._owner = store, clock, waiter, owner
        self._dispatcher, self._planner, self._source = dispatcher, planner, source
        self._is_gone, self._sink, self._each_turn, self.tidies = is_gone, sink, each_turn, tidies
        self._janitor = Janitor(store, removed=None if planner is None else planner.removed)
        self._room, self._loss = Room(store), Loss()
        self._stacks = Stacks(dispatcher.each_executor)
        self._version = -1
        self._woken = True
        self._wall, self._mono = clock.now(), clock.monotonic()
        self._next_recovery = 0
        self._lag_until = 0
        self._retry_at: int | None = None
        self._set_back = 0
        self._unread = False
        self._reload_asked = False
        self._new_file: TasksFile | None = None
        self._deadline: int | None = None
        self._kill_now = False
        self._killing = False
        self._last_moment = 0
        self._ready_at: Instant | None = None
        self._next_checkpoint = 0
        self._next_pull = 0
        self._pull_trouble = ""
        self._source_is_spent = False
        self._expiry: Instant | None = None

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self, file: TasksFile) -> None:
        """Before anything else: take back the claims of those that are gone; then take the tasks."""
        now = self._clock.now()
        work, told = Work(), list[Event]()
        self.file = file
        self._dispatcher.adopt(file)
        with self._store.writing() as w:
            w.put_owner(self._owner)
            self._recover(w, work, now)
            told += _waiting_anew(w, now)
            if self._planner is not None:
                told += self._planner.adopt(w, file, now).events
                told += self._planner.clock_stepped(w, now).events
                told += self._planner.boot(w, now).events
                self._dispatcher.removed = self._planner.removed()
        self._dispatcher.committed(work)
        self._sink([*work.events, *told])
        self._refresh_paused()

    def run(self) -> None:
        """Turn until stopped and nothing runs any more."""
        while not self.ended:
            self.turn()
            if not self.ended:
                self.sleep()

    def stop(self, *, grace_us: int, finish_due: bool = False) -> None:
        """From any thread: plan and claim nothing more (`finish_due`: still what is due), and end within the grace."""
        self.finish_due = finish_due
        self._deadline = self._clock.monotonic() + grace_us
        self.stopping = True
        self._waiter.wake()

    def stop_now(self) -> None:
        """From any thread: kill what runs."""
        self._kill_now = True
        self.stopping = True
        self._waiter.wake()

    def ask_reload(self) -> None:
        """From any thread: read the tasks file again, changed or not."""
        self._reload_asked = True
        self._waiter.wake()

    def running(self) -> int:
        """How many attempts are claimed and have not been settled."""
        return len(self._dispatcher.in_flight)

    # -- a turn -------------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Do all that is to be done now; one transaction at the most, none where nothing is."""
        now = self._clock.now()
        self._each_turn()
        self._measure_clock(now)
        self._look_around(now)
        self._look_for_room(now)
        self._look_at_file(now)
        self._dispatcher.collect()
        self._pull(now)  # into the room that this leaves: a stop ends where nothing was taken
        self.views = {name: ex.views() for name, ex in self._dispatcher.executors.items()}
        self._tell_of_executors(now)
        if self._wanted(now):
            self._transact(now)
        self._drain()
        if self.tidies and self._room.left and not self.stopping and not self._woken and self._janitor.due(now):
            self._tidy(now)

    def _tell_of_executors(self, now: Instant) -> None:
        """What is wrong with the processes of workers, once."""
        said = "; ".join(ex.trouble for ex in self._dispatcher.each_executor() if ex.trouble)
        if said and said != self.executors_trouble:
            self._sink([Event(at=now, kind="note", details={"text": said})])
        self.executors_trouble = said

    def sleep(self) -> None:
        """Until a worker, another process or the clock wants something."""
        filenos = [f for ex in self._dispatcher.each_executor() for f in ex.filenos()]
        if self._waiter.wait(filenos, self._patience()):
            self._called()

    def _called(self) -> None:
        """Somebody rang: of this program or another, and it may have written what concerns us."""
        self._woken = True
        self._dispatcher.external_change()
        if self._planner is not None:
            self._planner.changed()
        else:
            self._unread = True

    def _patience(self) -> int:
        now, mono = self._clock.now(), self._clock.monotonic()
        waits = [POLL if self._store.polled else LONGEST_SLEEP]
        waits += [wait for ex in self._dispatcher.each_executor() if (wait := ex.wait_us()) is not None]
        if self._retry_at is not None:
            return max(0, min([*waits, self._retry_at - mono]))
        if self._woken:
            return 0
        begun = self._dispatcher.begun_wait(now)
        waits += [wait for wait in (begun, self._stacks.wait(mono)) if wait is not None]
        waits += [at - now for at in self._appointments() if at is not None]
        if self.stopping:
            waits.append(POLL if self._deadline is None or self._killing else self._deadline - mono)
        return max(0, min(waits))

    def _appointments(self) -> Sequence[Instant | None]:
        if not self._room.left:
            return ()
        claiming = not self.stopping or self.finish_due
        planner = self._planner.next_wake() if self._planner is not None and not self.stopping else None
        return [planner, self._ready_at if claiming else None, self._expiry if claiming else None]

    def _measure_clock(self, now: Instant) -> None:
        """A wall clock that ran apart from the monotonic one was set, or the machine slept."""
        mono = self._clock.monotonic()
        drift = (now - self._wall) - (mono - self._mono)
        if abs(drift) >= STEP:
            self._set_back += max(0, -drift)
            self._sink([Event(at=now, kind="clock_stepped", details={"by_us": drift})])
        self._wall, self._mono = now, mono

    def _look_around(self, now: Instant) -> None:
        try:
            version = self._store.data_version()
            if version != self._version:
                self._version = version
                self._called()
            if self._unread:
                self._refresh_paused()
                self._unread = False
        except StoreError as error:
            self._rolled_back(error, now)

    def _look_for_room(self, now: Instant) -> None:
        said = self._room.look(self._clock.monotonic())
        if said:
            self._woken = True
            self._tell_of_room(said, now)

    def _tell_of_room(self, said: str, now: Instant) -> None:
        self.trouble = "" if self._room.left else said
        self._sink([Event(at=now, kind="note", details={"text": said})])

    def _pull(self, now: Instant) -> None:
        """A store over somebody's queue is asked for what is new there; it has no bell."""
        mono = self._clock.monotonic()
        self._source_is_spent = self.stopping
        if mono < self._next_pull or (self.stopping and not self.finish_due):
            return
        room = sum(executor.room() for executor in self._dispatcher.each_executor())
        try:
            taken = self._store.pull(self._clock.now(), room) if room else 0
            self._source_is_spent = self._source_is_spent and taken < room
            self._woken = taken > 0 or self._woken
            self._pull_trouble = ""
        except StoreError as error:
            self._next_pull, self._woken = mono + STALL, True
            if str(error) != self._pull_trouble:
                self._pull_trouble = str(error)
                self._sink([Event(at=now, kind="note", details={"text": f"{error}; trying again"})])

    def _look_at_file(self, now: Instant) -> None:
        """Outside any transaction: a changed tasks file is read and judged here, and taken in the next one."""
        if self._source is None or self.stopping or not self._room.left:
            return
        found = self._source.poll(now, asked=self._reload_asked)
        if isinstance(found, ConfigError):
            self._refuse(found, now)
        elif found is not None:
            self._new_file = found
        self._reload_asked = False

    def _wanted(self, now: Instant) -> bool:
        if self._retry_at is not None and self._clock.monotonic() < self._retry_at:
            return False
        return (
            self._woken
            or (self._set_back > 0 and self._room.left)
            or self._new_file is not None
            or self._dispatcher.urgent(now)
            or self._clock.monotonic() >= self._next_recovery
            or self._stacks.wait(self._clock.monotonic()) == 0
            or any(at is not None and at <= now for at in self._appointments())
        )

    def _transact(self, now: Instant) -> None:
        work = Work()
        told: list[Event] = []
        before, self._woken = self.file, False
        try:
            self._store.verify()
            with self._store.writing() as w:
                self._in_transaction(w, work, told, now)
            self._checkpoint()
        except StoreError as error:
            self.file = before
            self._rolled_back(error, now)
            return
        if before is not self.file and _functions(before) != _functions(self.file):
            for executor in self._dispatcher.each_executor():
                executor.recycle()
        self._retry_at, self._new_file = None, None
        self._loss.over()
        self.trouble, self._set_back = ("", 0) if self._room.left else (FULL, self._set_back)
        self._woken = self._woken or work.unfinished
        self._dispatcher.committed(work)
        events = [*told, *work.events]
        if events:
            self._sink(events)

    def _checkpoint(self) -> None:
        """Now and then, also under load: the write-ahead log would grow for ever."""
        mono = self._clock.monotonic()
        if self.tidies and self._room.left and mono >= self._next_checkpoint:
            self._next_checkpoint = mono + CHECKPOINT
            self._store.checkpoint()

    def _in_transaction(self, w: Writing, work: Work, told: list[Event], now: Instant) -> None:
        self._dispatcher.settle(w, work, now)
        if self._clock.monotonic() >= self._next_recovery:
            self._recover(w, work, now)
        if self._new_file is not None:
            told += self._adopt(w, self._new_file, now)
        self._take_requests(w, work, now)
        if self._room.left:
            self._begin_new(w, work, told, now)

    def _begin_new(self, w: Writing, work: Work, told: list[Event], now: Instant) -> None:
        """Slots become runs, and runs are claimed."""
        if self._set_back and self.tidies:
            w.set_back(self._set_back, now=now)
        if self._planner is not None and not self.stopping:
            if self._set_back:
                told += self._planner.clock_stepped(w, now, back=self._set_back).events
            self._measure_lag(self._planner.late(now))
            planned = self._planner.plan(w, now)
            told += planned.events
            self._replace(w, work, planned, now)
            self._dispatcher.paused = self._paused_names()
        if not self.stopping or self.finish_due:
            self._dispatcher.expire(w, work, now)
            w.promote(now)
            self._dispatcher.claim(w, work, now)
        self._ready_at, self._expiry = w.next_ready_at(), w.next_expiry()

    def _measure_lag(self, late: int) -> None:
        """How late slots are planned, told for a while."""
        mono = self._clock.monotonic()
        if late or mono >= self._lag_until:
            self.lag, self._lag_until = late, mono + LAG_TOLD

    def _rolled_back(self, error: StoreError, now: Instant) -> None:
        """Nothing was written: say so once, and try again in a moment; at once where the reserve makes room for it."""
        mono = self._clock.monotonic()
        self._woken = True
        self._retry_at = mono + STALL
        self._dispatcher.external_change()
        if self._planner is not None:
            self._planner.rolled_back()
        if isinstance(error, StoreFullError) and self._room.left:
            self._retry_at = mono
            self._tell_of_room(self._room.run_out(mono), now)
        elif str(error) != self.trouble:
            self.trouble = str(error)
            self._sink([Event(at=now, kind="note", details={"text": f"{error}; trying again"})])
        if isinstance(error, StoreLostError) and self._loss.met(error, mono) and not self.stopping:
            self.stop(grace_us=self.file.shutdown_grace)

    def _recover(self, w: Writing, work: Work, now: Instant) -> None:
        self._next_recovery = self._clock.monotonic() + RECOVERY
        if self.tidies:
            self._dispatcher.end_strays(w, work, now)
        for owner in w.owners():
            if owner.id != self._owner.id and self._is_gone(owner.id):
                self._dispatcher.recover(w, work, owner.id, now)

    def _adopt(self, w: Writing, file: TasksFile, now: Instant) -> Sequence[Event]:
        before = self.file
        self.file, self.faults = file, ()
        self._dispatcher.adopt(file)
        planned = self._planner.adopt(w, file, now) if self._planner is not None else Planned()
        if self._planner is not None:
            planned.events += self._planner.clock_stepped(w, now).events
            self._dispatcher.removed = self._planner.removed()
        details = {
            "added": sorted(set(file.tasks) - set(before.tasks)),
            "removed": sorted(set(before.tasks) - set(file.tasks)),
            "changed": sorted(name for name, task in file.tasks.items() if before.tasks.get(name, task) != task),
        }
        told = [Event(at=now, kind="reloaded", details=details), *planned.events]
        fixed = [name for name in _AT_START if getattr(before, name) != getattr(file, name)]
        if fixed and before.path:
            text = f"[arr] {', '.join(fixed)} changed: this takes effect when arr is started again"
            told.append(Event(at=now, kind="note", details={"text": text}))
        return told

    def _refuse(self, error: ConfigError, now: Instant) -> None:
        self.faults = error.faults or (str(error),)
        self._sink([Event(at=now, kind="reload_refused", details={"faults": list(self.faults)})])

    def _take_requests(self, w: Writing, work: Work, now: Instant) -> None:
        to = [self._owner.id] + ([""] if self._planner is not None else [])
        for request in w.take_requests(to):
            if request.kind == "cancel":
                run_id, force = int(request.arguments["run"]), bool(request.arguments.get("force"))
                reason = Reason(request.arguments.get("reason", Reason.USER))
                self._dispatcher.cancel(w, work, run_id, now, force=force, reason=reason)
            elif request.kind == "reload":
                self._reload_asked = self._woken = True
            elif request.kind == "stack":
                self._stacks.ask(request, self._clock.monotonic())
        self._stacks.answer(w, self._clock.monotonic())

    def _replace(self, w: Writing, work: Work, planned: Planned, now: Instant) -> None:
        for run in planned.replaced:
            self._dispatcher.cancel(w, work, run.id, now, reason=Reason.OVERLAP)

    def _paused_names(self) -> frozenset[str]:
        if self._planner is not None:
            return self._planner.paused
        return frozenset(name for name, record in self._store.task_records().items() if record.paused)

    def _refresh_paused(self) -> None:
        if self._planner is None:
            self._dispatcher.paused = self._paused_names()

    # -- stopping -----------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        if not self.stopping:
            return
        dispatcher = self._dispatcher
        dispatcher.claiming = self.finish_due and self._room.left and not self._kill_now
        if not dispatcher.claiming:
            for executor in dispatcher.each_executor():
                executor.recall()
        late = self._deadline is not None and self._clock.monotonic() >= self._deadline
        if (self._kill_now or late) and not self._killing:
            self._killing, self._last_moment = True, self._clock.monotonic() + LAST_MOMENT
            dispatcher.claiming, self.finish_due, dispatcher.draining = False, False, True
            self.killed = sum(run.begun for run in dispatcher.in_flight.values())
            for executor in dispatcher.each_executor():
                executor.stop(now=True)
        if self._loss.error is not None and (self._killing or not dispatcher.awaited()):
            raise self._loss.error
        if not dispatcher.in_flight and not (dispatcher.claiming and self._still_due()):
            self.ended = True
        if self._killing and self._clock.monotonic() >= self._last_moment:
            self.ended = True  # what could not be recorded is recovered by the next start

    def _still_due(self) -> bool:
        """Something that is due could yet be claimed here, or be got from the queue behind the store."""
        executors = self._dispatcher.executors
        due = self._store.pending(until=self._clock.now())
        held_by = (None,) if self._source_is_spent else (None, IN_SOURCE)
        return any(run.held_by in held_by and run.executor in executors for run in due)

    def idle(self, *, within: int = MINUTE) -> bool:
        """Nothing runs, and nothing but slots of schedules is due within so many microseconds."""
        now = self._clock.now()
        if self._dispatcher.in_flight or self._woken or (self._planner is not None and self._planner.may_be_due(now)):
            return False
        horizon = now + within
        return not any(
            run.held_by is None and (run.attempt > 0 or run.ready_at <= now)
            for run in self._store.pending(until=horizon)
        )

    def _tidy(self, now: Instant) -> None:
        try:
            self._janitor.visit(self.file, now)
        except StoreError as error:
            self._rolled_back(error, now)


def _waiting_anew(w: Writing, now: Instant) -> Sequence[Event]:
    """A clock that was set back while no engine ran puts off nothing that counts from a moment."""
    waiting = w.wait_anew(now)
    text = f"the clock was set back since the last time: what waits for a retry ({waiting}) waits by the clock of now"
    return [Event(at=now, kind="note", details={"text": text})] if waiting else []
