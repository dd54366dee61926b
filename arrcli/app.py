"""Wires everything: the only module that names concrete classes. An `App` is an engine on a store, in this program."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from arrcli.clock import SYSTEM, Clock
from arrcli.engine import asks
from arrcli.engine.asks import Asked, run_asked
from arrcli.engine.endings import Endings
from arrcli.errors import ArrError, StoreHeldError, UsageError
from arrcli.host.limits import allow_open_files
from arrcli.host.lock import Lock, holder
from arrcli.host.notify import notify
from arrcli.host.places import Places
from arrcli.host.process import boot_id, new_owner_id
from arrcli.host.wake import Bell, Waiter, ring
from arrcli.model.instant import SECOND, Instant
from arrcli.model.run import Run, State
from arrcli.model.task import TasksFile
from arrcli.store.memory import MemoryStore
from arrcli.store.queue import QueueStore
from arrcli.store.sqlite import SQLiteStore
from arrcli.store.values import Move, Owner

if TYPE_CHECKING:  # the engine and the workers are imported when one is started: most verbs start none
    from arrcli.engine.picture import Picture
    from arrcli.engine.runner import Runner, Sink, Source
    from arrcli.forked import ForkedStore
    from arrcli.host.usage import Meter
    from arrcli.model.event import Event, Kind
    from arrcli.model.snapshot import DaemonStatus, Opened, Snapshot, WorkerStatus
    from arrcli.registry import Callables
    from arrcli.store.contract import Store
    from arrcli.worker.wire import Executor, WorkerView

STALLED: Final = 10 * SECOND
BEAT: Final = SECOND
TURN_S: Final = 1.0
"""So long a daemon waits for a lock that another process keeps, before it looks after its workers again."""
FILES_A_WORKER: Final = 7
FILES_BESIDES: Final = 80
"""Open files of a daemon: of the store, the locks, the host of threads, and of arguments in transit."""
_OUTPUT_SEEN: Final = 1 << 16
_MOST_TOLD: Final = 64
"""Places of workers that a daemon tells of to others: what holds its lock is a small file."""
_OTHER: Final = {"thread": "process", "process": "thread"}
"""A library's one kind of workers takes the runs that were queued for the other kind too: nothing waits for ever."""
NO_TASKS: Final = TasksFile(path="", folder="", tasks={})
_STARTS: Final[tuple[Kind, ...]] = ("run_started",)
_started: Final[weakref.WeakSet[App]] = weakref.WeakSet()


@cache
def arr_version() -> str:
    """The version of the installed distribution, as it was when it was first asked for."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("arrcli")
    except PackageNotFoundError:
        return "0+unknown"


class App:
    """A store with the engine that works on it: `start` begins, `stop` ends; both may be called from any thread.

    `executors` empty: nothing is run here, runs are only asked for (what `connect` gives). `sink` is told of every
    event but those that are `unheard`, some of which may come all the same.
    """

    def __init__(
        self,
        store: Store,
        *,
        places: Places | None = None,
        file: TasksFile = NO_TASKS,
        executors: Mapping[str, Executor] | None = None,
        clock: Clock = SYSTEM,
        sink: Sink | None = None,
        unheard: Collection[Kind] = (),
        source: Source | None = None,
        planner_lock: Lock | None = None,
        plans: bool = True,
        registered: frozenset[str] = frozenset(),
        callables: Callables | None = None,
        what: str = "app",
    ) -> None:
        self.store, self.places, self.file, self.clock = store, places, file, clock
        self._bell_path = "" if places is None else str(places.bell)
        self.executors: Mapping[str, Executor] = executors or {}
        self._picture: Picture | None = None
        self._meter: Meter | None = None
        self.default_executor = next(iter(self.executors), "process")
        self.pid = os.getpid()
        self.endings = Endings()
        self._callables = callables
        self._closing = False
        self._forked: ForkedStore | None = None
        self._sink: Sink = sink or (lambda events: None)
        self._unheard = unheard if sink is not None else _STARTS
        self._source, self._lock, self._registered = source, planner_lock, registered
        self._owner = Owner(id=new_owner_id(), pid=os.getpid(), started_at=clock.now(), host=boot_id(), what=what)
        self._plans = plans
        self._claim_lock: Lock | None = None
        self._bell: Bell | None = None
        self._waiter: Waiter | None = None
        self._thread: threading.Thread | None = None
        self._last_beat = 0
        self.runner: Runner | None = None
        self.crash: BaseException | None = None
        self.own_folder = ""
        """A folder that was made for this App alone, and goes with it."""

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self, *, threaded: bool = True) -> None:
        """Recover, plan, and (where `threaded`) turn the crank in a thread of its own."""
        if self.places is not None:
            self._claim_lock = Lock.take(self.places.claim(self._owner.id), {"pid": os.getpid()})
            if self._lock is None and self.executors:  # who holds it hears the bell, and plans where there are tasks
                self._lock = Lock.take(self.places.planner, self._facts())
            if self._lock is not None:
                self._bell = Bell(self.places.bell)
                self.places.sweep()
        self._waiter = Waiter(self._bell)
        _started.add(self)
        self.runner = self._made_runner(self._waiter)
        self.runner.start(self.file)
        if self._source is not None and isinstance(self.store, SQLiteStore):
            self.store.wait_at_most(TURN_S)
        self._beat()
        if threaded:
            self._thread = threading.Thread(target=self._run, name="arr-engine", daemon=True)
            self._thread.start()

    def _made_runner(self, waiter: Waiter) -> Runner:
        from arrcli.engine.dispatcher import Dispatcher
        from arrcli.engine.planner import Planner
        from arrcli.engine.runner import Runner

        dispatcher = Dispatcher(owner=self._owner.id, clock=self.clock, executors=self.executors, unheard=self._unheard)
        dispatcher.registered = self._registered
        plans = (
            self._plans and bool(self.file.tasks or self._source) and (self.places is None or self._lock is not None)
        )
        return Runner(
            store=self.store,
            clock=self.clock,
            waiter=waiter,
            owner=self._owner,
            dispatcher=dispatcher,
            planner=Planner() if plans else None,
            is_gone=self._is_gone,
            source=self._source,
            sink=self._told,
            each_turn=self._beat,
            tidies=self.places is None or self._lock is not None,
        )

    def _told(self, events: Sequence[Event]) -> None:
        self._note_ended([event.run for event in events if event.run is not None and event.run.ended])
        self._sink(events)

    def _note_ended(self, runs: Sequence[Run]) -> None:
        if self._callables is not None:
            self._callables.let_go(run.func for run in runs)
        self.endings.tell(run.id for run in runs)

    def _run(self) -> None:
        assert self.runner is not None  # noqa: S101 - start made it
        try:
            self.runner.run()
        except ArrError as error:
            self.crash = error
            self.endings.tell_all()
        except BaseException as error:
            self.crash = error
            self.endings.tell_all()
            raise

    def stop(self, *, grace_us: int, finish_due: bool = False, now: bool = False) -> bool:
        """End within the grace; True when all that had begun ended by itself."""
        runner = self.runner
        if runner is None:
            return True
        if now:
            runner.stop_now()
        else:
            runner.stop(grace_us=grace_us, finish_due=finish_due)
        if self._thread is not None:
            self._thread.join(grace_us / SECOND + 15)
        return runner.killed == 0 and self.crash is None and not self.alive

    def finish(self, grace_us: int) -> bool:
        """Refuse new work, finish what has begun and what is due; the rest stays, or is cancelled where nothing
        keeps it.

        The store can still be read afterwards.
        """
        if os.getpid() != self.pid:
            return True  # a forked copy: nothing has begun here
        self._closing = True
        if self.runner is None:
            return True
        if isinstance(self.store, QueueStore):
            self.store.finish()
        ended = self.stop(grace_us=grace_us, finish_due=True)
        try:
            self._settle_the_rest()
        finally:
            self._release()
            self.endings.tell_all()
        return ended

    def _settle_the_rest(self) -> None:
        """What has not begun: left where a store keeps it, given back to the queue that it came from, or cancelled."""
        if isinstance(self.store, QueueStore):
            self.store.give_back(self.clock.now())
        elif not self.store.durable:
            with self.store.writing() as w:
                w.move([Move(was=run, now=run.cancelled(at=self.clock.now())) for run in w.pending()])

    def __enter__(self) -> App:
        return self

    def __exit__(self, *_: object) -> None:
        if self.runner is not None:
            self.finish(8 * SECOND)
        else:
            self.close()

    def close(self) -> None:
        """Release processes, locks and descriptors, then the store; idempotent."""
        if os.getpid() != self.pid:
            if self._forked is not None:
                self._forked.close()
            return
        self._release()
        self.store.close()

    def _release(self) -> None:
        for executor in {id(one): one for one in self.executors.values()}.values():
            executor.close()
        if self._source is not None:
            self._end_strangers()
        if self.runner is not None:
            with contextlib.suppress(ArrError), self.store.writing() as w:
                if not w.claimed_by(self._owner.id):
                    w.drop_owner(self._owner.id)
        for held in (self._bell, self._waiter):
            if held is not None:
                held.close()
        if self._claim_lock is not None:
            self._claim_lock.release(remove=True)
        if self._lock is not None:
            self._lock.release()
        self.runner = self._bell = self._waiter = self._claim_lock = self._lock = None
        if self.own_folder:
            _remove(self.own_folder)

    def after_fork(self) -> None:
        """In a forked child: let go of what is the parent's, so that its locks and its bell end with the parent."""
        for lock in (self._lock, self._claim_lock):
            if lock is not None:
                lock.release()
        if self._bell is not None:
            self._bell.let_go()
        if self._waiter is not None:
            self._waiter.close()
        self.runner = self._thread = self._bell = self._waiter = self._lock = self._claim_lock = None
        self.endings = Endings()

    @property
    def stopped(self) -> bool:
        """It takes no new tasks any more."""
        return self._closing

    @property
    def hopeless(self) -> ArrError | None:
        """Why a run that has not ended yet never will, as far as it is up to this App; None where it may."""
        if self.crash is not None:
            return ArrError(f"the application's engine has ended: {type(self.crash).__name__}: {self.crash}")
        if self._closing and self.runner is None and not self.store.durable:
            return UsageError("the application is stopped, and its store was in memory: nothing runs any more")
        return None

    @property
    def alive(self) -> bool:
        """The engine turns."""
        return self._thread is not None and self._thread.is_alive()

    def _is_gone(self, owner: str) -> bool:
        return self.places is not None and holder(self.places.claim(owner)) is None

    # -- what it says of itself ---------------------------------------------------------------------------------------

    def _facts(self) -> dict[str, Any]:
        runner = self.runner
        return {
            "pid": os.getpid(),
            "owner": self._owner.id,
            "started_at": self._owner.started_at,
            "version": arr_version(),
            "file": self.file.path if runner is None else runner.file.path,
            "digest": self.file.digest if runner is None else runner.file.digest,
            "timezone": self.file.timezone if runner is None else runner.file.timezone,
            "workers": self.file.workers,
            "beat": self.clock.monotonic(),
            "boot": boot_id(),
            "stopping": runner is not None and runner.stopping,
            "lag": 0 if runner is None else runner.lag,
            "trouble": "" if runner is None else runner.trouble or runner.executors_trouble,
            "faults": [] if runner is None else list(runner.faults),
            "at_work": [asdict(view) for view in self._views()[:_MOST_TOLD]],
            "what": self._owner.what,
        }

    def _beat(self) -> None:
        mono = self.clock.monotonic()
        if mono - self._last_beat < BEAT:
            return
        self._last_beat = mono
        if self._lock is None:
            self._take_over()
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self._lock.write(self._facts())
            if self._source is not None:  # a daemon: its service manager may want a sign of life
                notify("WATCHDOG=1", patience_s=0)
        if self._source is not None:
            self._end_strangers()

    def _end_strangers(self) -> None:
        """What a dead supervisor could not end comes to the daemon, and ends here. The first process of a container is
        handed all that has lost its parent there, which it only buries."""
        from arrcli.worker import kernel, supervised

        strangers = set(kernel.children()) - supervised.pids()
        if self.pid != 1:
            kernel.kill(strangers)
        kernel.reap(strangers)

    def _take_over(self) -> None:
        """One App of a store hears its bell and keeps it tidy: another one, when the first has ended."""
        if self.places is None or not self.executors or self.runner is None or self._waiter is None or self._closing:
            return
        with contextlib.suppress(ArrError, OSError):
            self._lock = Lock.take(self.places.planner, self._facts())
            if self._lock is not None:
                self._bell = Bell(self.places.bell)
                self._waiter.listen(self._bell)
                self.runner.tidies = True

    def daemon_status(self) -> DaemonStatus:
        """The daemon of this store: ourselves, another process, or none."""
        return self._status(self.daemon_facts() or {})

    def _status(self, facts: Mapping[str, Any]) -> DaemonStatus:
        from arrcli.model.snapshot import DaemonStatus

        return _status(facts, self.clock) if facts else DaemonStatus()

    def daemon_facts(self) -> Mapping[str, Any] | None:
        """What the daemon of this store says of itself: ourselves, another process; None where there is none."""
        if self._lock is not None:
            return self._facts()
        return None if self.places is None else self.places.daemon()

    def snapshot(self, *, pending_limit: int = 200) -> Snapshot:
        """What is so now."""
        from arrcli.engine.picture import Picture

        if self._picture is None:
            self._picture = Picture(self.store)
        runner = self.runner
        file = self.file if runner is None else runner.file
        facts = self.daemon_facts() or {}
        return self._picture.taken(
            file,
            self.clock.now(),
            daemon=self._status(facts),
            store="" if self.places is None else str(self.places.database),
            workers=partial(self._workers, facts.get("at_work", ())),
            faults=facts.get("faults", ()),
            pending_limit=pending_limit,
        )

    def beginning(self, count: int = 0) -> Snapshot:
        """What comes next, and how each task went last: the first `count` lines at least (0: all)."""
        from arrcli.engine.picture import beginning

        database = "" if self.places is None else str(self.places.database)
        now, daemon = self.clock.now(), self.daemon_status()
        return beginning(self.store, self.file, now, daemon=daemon, database=database, count=count)

    def _views(self) -> Sequence[WorkerView]:
        """The places of our workers; a host of threads has no places to be idle in."""
        views = {} if self.runner is None else self.runner.views
        return [view for name, found in views.items() for view in found if name == "process" or view.run_id is not None]

    def _workers(self, told: Sequence[Mapping[str, Any]], begun: Sequence[Run]) -> Sequence[WorkerStatus]:
        """Our own places as they are now, or those of the daemon as it told them last."""
        views = [asdict(view) for view in self._views()] if self.runner is not None else told
        if not views:
            return []
        from arrcli.host.usage import Meter
        from arrcli.model.snapshot import WorkerStatus

        if self._meter is None:
            self._meter = Meter(self.clock.monotonic)
        used = self._meter.of({view["pid"] for view in views if view["pid"] and view["run_id"] is not None})
        runs = {run.id: run for run in begun}
        found = []
        for view in views:
            usage = used.get(view["pid"] or 0)
            found.append(
                WorkerStatus(
                    index=view["index"],
                    pid=view["pid"],
                    state=view["state"],
                    kind=view["kind"],
                    run=self._worked_on(view["run_id"], runs),
                    since=view["since"],
                    done=view["done"],
                    progress=view["progress"],
                    progress_text=view["progress_text"],
                    cpu=None if usage is None else usage.cpu,
                    rss_kb=None if usage is None else usage.rss_kb,
                )
            )
        return found

    def _worked_on(self, run_id: int | None, begun: Mapping[int, Run]) -> Run | None:
        """What a worker has in hand; that it has begun may not have been recorded yet."""
        run = None if run_id is None else begun.get(run_id) or self.store.run(run_id)
        return run if run is not None and run.state is State.RUNNING else None

    def live_output(self, run: Run, *, since: int = 0, last: int = 0) -> bytes:
        """What a running attempt wrote from there on, of that the `last` bytes at most (0: all), as it stands in its
        file: what was freed of a long output reads as NULs. Nothing where it cannot be read."""
        if run.live is None or self.places is None:
            return b""
        name, _, offset = run.live.rpartition(":")
        try:
            with (self.places.outputs / Path(name).name).open("rb") as live:
                start = int(offset) + since
                if last:
                    start = max(start, live.seek(0, os.SEEK_END) - last)
                live.seek(start)
                return live.read()
        except (OSError, ValueError):
            return b""

    def opened(self, run_id: int) -> Opened | None:
        """The run with its attempts, and the end of what it wrote; None where it is gone."""
        from arrcli.model.snapshot import Opened

        run = self.store.run(run_id)
        if run is None:
            return None
        if run.begun:
            output = self.live_output(run, last=_OUTPUT_SEEN).replace(b"\0", b"")
        else:
            output = self.store.output(run.id)[-_OUTPUT_SEEN:]
        return Opened(run=run, attempts=self.store.attempts(run.id), output=output.decode("utf-8", "replace"))

    # -- what is asked ------------------------------------------------------------------------------------------------

    def enqueue(self, asked: Sequence[Asked]) -> Sequence[Run]:
        """Queue runs durably, in one transaction, and wake whoever executes them."""
        if self._closing:
            raise UsageError("the application is stopped: it takes no new tasks")
        now = self.clock.now()
        runs = [run_asked(one, self.file.tasks, now, executor=self.default_executor) for one in asked]
        added = (self._over_fork() or self.store).append(runs)
        if self._callables is not None:  # of a run that was there already, by its key, the callable is not needed
            self._callables.let_go(run.func for run, kept in zip(runs, added, strict=True) if run.func != kept.func)
        self.wake()
        return added

    def cancel(self, run_ids: Sequence[int], *, force: bool = False) -> Sequence[Run]:
        """Cancel what is pending now, ask the owners of what runs; each run as it is after that."""
        now = self.clock.now()
        forked = self._over_fork()
        if forked is None:
            after = asks.cancel(self.store, run_ids, now, force=force)
        else:
            after = forked.cancel(run_ids, now, force=force)
        self._note_ended([run for run in after if run.state is State.CANCELLED and run.finished_at == now])
        self.wake()
        return after

    def run(self, run_id: int) -> Run | None:
        """The run as it is now; None where the store does not have it."""
        return (self._over_fork() or self.store).run(run_id)

    def _over_fork(self) -> ForkedStore | None:
        """In a forked child what can be asked of the store there, where nothing is executed; None in the parent."""
        if os.getpid() == self.pid:
            return None
        if not self.store.durable or self.places is None:
            raise UsageError("an App on a memory store does not reach into a forked child; start one there")
        if self._forked is None:
            from arrcli.forked import ForkedStore

            self._forked = ForkedStore(self.places.database)
        return self._forked

    def target_name(self, target: str | Callable[..., Any]) -> str:
        """The name under which a target is queued: a text as it is, a callable by how it can be found again."""
        if isinstance(target, str):
            return target
        if self._callables is None:
            from arrcli.registry import Callables

            self._callables = Callables(shared=True)
        return self._callables.name_of(target)

    def wake(self) -> bool:
        """Let the engine look: ours, and the daemon's of this store; False when nobody listens."""
        if self._waiter is not None:
            self._waiter.wake()
            if self._bell is not None or self.places is None:
                return True
        return self.places is not None and ring(self._bell_path)

    @property
    def daemon_pid(self) -> int | None:
        """The pid of the daemon of this store, or None."""
        if self._lock is not None:
            return os.getpid()
        found = None if self.places is None else self.places.daemon()
        return None if found is None else found.get("pid")


def _in_forked_child() -> None:
    for app in list(_started):
        app.after_fork()
    _started.clear()


os.register_at_fork(after_in_child=_in_forked_child)


def _status(facts: Mapping[str, Any], clock: Clock) -> DaemonStatus:
    from arrcli.model.snapshot import DaemonStatus

    same_boot = facts.get("boot") == boot_id()
    silent = clock.monotonic() - int(facts.get("beat", 0)) if same_boot else 0
    return DaemonStatus(
        pid=facts.get("pid"),
        started_at=facts.get("started_at"),
        version=str(facts.get("version", "")),
        file=str(facts.get("file", "")),
        workers=int(facts.get("workers", 0)),
        stopping=bool(facts.get("stopping")),
        stalled=silent > STALLED,
        lag=int(facts.get("lag", 0)),
        message=str(facts.get("trouble", "")),
        timezone=str(facts.get("timezone", "UTC")),
        faults=tuple(map(str, facts.get("faults", ()))),
    )


def daemon_app(
    file: TasksFile,
    places: Places,
    *,
    sink: Sink,
    source: Source | None,
    clock: Clock = SYSTEM,
    unheard: Collection[Kind] = (),
) -> App:
    """The engine of `arr run`: StoreHeldError while another daemon holds the store. Nothing has been started yet."""
    _refuse_workers(file.workers)
    places.make()
    lock = Lock.take(places.planner, {"pid": os.getpid(), "started_at": clock.now()})
    if lock is None:
        raise StoreHeldError(_held_by(places))
    try:
        store = SQLiteStore(places.database, privileged=True, gate=places.gate)
    except BaseException:
        lock.release()
        raise
    from arrcli.worker import kernel
    from arrcli.worker.pool import ProcessPool
    from arrcli.worker.threads import ThreadHost

    kernel.adopt_orphans()
    path, folder = file.python_path, file.folder
    outputs = str(places.outputs)
    executors: dict[str, Executor] = {
        "process": ProcessPool(workers=file.workers, outputs=outputs, python_path=path, cwd=folder)
    }
    executors["thread"] = ThreadHost(outputs=outputs, python_path=path, cwd=folder)
    return App(
        store,
        places=places,
        file=file,
        executors=executors,
        clock=clock,
        sink=sink,
        unheard=unheard,
        source=source,
        planner_lock=lock,
        what="arr run",
    )


def _refuse_workers(number: int) -> None:
    """More than may have their files open would leave none for the store."""
    needed = number * FILES_A_WORKER + FILES_BESIDES
    if (allowed := allow_open_files(needed)) < needed:
        fitting = max(1, (allowed - FILES_BESIDES) // FILES_A_WORKER)
        raise UsageError(
            f"{number} workers need {needed} open files and {allowed} are allowed; start at most {fitting} workers, "
            f"or raise the limit: ulimit -Hn {needed}, or LimitNOFILE={needed} in a unit of systemd"
        )


def _held_by(places: Places) -> str:
    facts = places.daemon() or {}
    return f"another arr run (pid {facts.get('pid', '?')}) holds {places.folder}; see it with: arr top"


def client_app(file: TasksFile, places: Places, *, create: bool, read_only: bool = False) -> App:
    """An App that executes nothing: what the verbs beside a daemon use.

    Where there is no store yet and none is to be made, it stands on an empty one in memory.
    """
    if create:
        places.make()
    if not create and not places.there():
        return App(MemoryStore(), places=places, file=file, plans=False, what="client")
    store = SQLiteStore(
        places.database, create=create, read_only=read_only, gate=places.gate, upgrade=places.daemon() is None
    )
    return App(store, places=places, file=file, plans=False, what="client")


def store_client(database: Path) -> App:
    """An App on a store, made if need be, that executes nothing."""
    places = Places.of_database(database)
    places.make()
    return App(SQLiteStore(places.database, gate=places.gate), places=places, plans=False, what="client")


def library_app(
    *,
    workers: int,
    data_source: Any = None,
    executor: str = "thread",
    callables: Callables | None = None,
    capture: bool = False,
    sys_path: Sequence[str] = (),
    sink: Sink | None = None,
    clock: Clock = SYSTEM,
) -> App:
    """The engine of `start_application`: on a store of the user's, a path, or memory (None)."""
    store, places = _opened(data_source)
    chosen: Executor
    if executor == "thread":
        from arrcli.worker.threads import LocalThreads

        chosen = LocalThreads(workers, resolve=None if callables is None else callables.find, capture=capture)
    elif executor == "process":
        outputs = str(places.outputs) if places is not None else _new_folder()
        chosen = _process_pool(workers, outputs, sys_path)
    else:
        raise ArrError(f'executor "{executor}" is not known; it is "thread" or "process"')
    app = App(
        store,
        places=places,
        file=replace(NO_TASKS, workers=workers),
        executors={executor: chosen, _OTHER[executor]: chosen},
        sink=sink,
        clock=clock,
        callables=callables,
        what="library",
    )
    if store is not data_source:
        # read as long as the App, or a handle, is there; at the end of the program the App has to be stopped first
        weakref.finalize(app, store.close).atexit = False
    if executor == "process" and places is None:
        app.own_folder = outputs
    if isinstance(store, QueueStore):
        store.bind(app, named=None if callables is None else callables.named)
    return app


def _process_pool(workers: int, outputs: str, sys_path: Sequence[str]) -> Executor:
    from arrcli.worker.pool import ProcessPool

    return ProcessPool(workers=workers, outputs=outputs, python_path=sys_path, cwd=str(Path.cwd()))


def _new_folder() -> str:
    import tempfile

    return tempfile.mkdtemp(prefix="arr-outputs-")


def _remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _opened(data_source: Any) -> tuple[Store, Places | None]:
    if data_source is None:
        return MemoryStore(), None
    if isinstance(data_source, str | os.PathLike):
        places = Places.of_database(Path(os.fspath(data_source)))
        places.make()
        return SQLiteStore(places.database, gate=places.gate), places
    if isinstance(data_source, SQLiteStore):
        places = Places.of_database(data_source.path)
        places.make()
        return data_source, places
    if not hasattr(data_source, "writing"):
        raise UsageError(
            "data_source is a Store, a path, or None; make one of a queue of your own with QueueStore(data_source)"
        )
    return data_source, None


def age(status: DaemonStatus, now: Instant) -> int | None:
    """Microseconds since the daemon began."""
    return None if status.started_at is None else now - status.started_at
