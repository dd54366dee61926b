"""What the tests of the engine share: an executor that does as it is told, a waiter that does not wait, and both with
a runner, a clock and a store on a bench."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from arrcli.config.load import parse
from arrcli.engine.dispatcher import Dispatcher
from arrcli.engine.planner import Planner
from arrcli.engine.runner import Runner
from arrcli.errors import StoreBusyError
from arrcli.model.event import Event
from arrcli.model.run import Run, State
from arrcli.model.task import TasksFile
from arrcli.store.contract import Store, Writing
from arrcli.store.memory import MemoryStore
from arrcli.store.values import Owner, RunQuery
from arrcli.testing import NOON, ManualClock, a_run
from arrcli.worker.wire import Attempt, Begun, Outcome, WorkerView


class FakeExecutor:
    """Takes attempts, and reports of them what the test says."""

    def __init__(self, clock: ManualClock, places: int = 4) -> None:
        self.clock, self.places = clock, places
        self.attempts: dict[int, Attempt] = {}
        self.begun: set[int] = set()
        self.said: list[Begun | Outcome] = []
        self.cancelled: list[tuple[int, bool]] = []
        self.stopped: list[bool] = []
        self.recycled = 0
        self.trouble = ""
        self.submitted: list[int] = []
        self.stacks: dict[int, str] = {}

    def room(self) -> int:
        return 0 if self.stopped else self.places - len(self.attempts)

    def submit(self, attempts: Sequence[Attempt]) -> None:
        assert len(attempts) <= self.room()
        for attempt in attempts:
            assert attempt.run_id not in self.attempts, "one run twice at the same time"
            self.attempts[attempt.run_id] = attempt
            self.submitted.append(attempt.run_id)

    def events(self) -> Sequence[Begun | Outcome]:
        said, self.said = self.said, []
        return said

    def filenos(self) -> Sequence[int]:
        return ()

    def wait_us(self) -> int | None:
        return None

    def cancel(self, run_id: int, *, force: bool = False) -> bool:
        self.cancelled.append((run_id, force))
        return run_id in self.attempts

    def recall(self) -> None:
        for run_id in [each for each in self.attempts if each not in self.begun]:
            self.ends(run_id, "released", begun=False)

    def recycle(self) -> None:
        self.recycled += 1

    def views(self) -> Sequence[WorkerView]:
        return ()

    def ask_stack(self, run_id: int) -> bool:
        return run_id in self.begun

    def stack(self, run_id: int) -> str:
        return self.stacks.get(run_id, "")

    def stop(self, *, now: bool = False) -> None:
        self.stopped.append(now)
        if now:
            for run_id in list(self.attempts):
                self.ends(run_id, "lost", begun=run_id in self.begun)

    def running(self) -> int:
        return len(self.attempts)

    def close(self) -> None:
        self.attempts.clear()

    # -- what a test says ---------------------------------------------------------------------------------------------

    def begins(self, run_id: int) -> None:
        """Its function has been called, just now."""
        self.begun.add(run_id)
        number = self.attempts[run_id].number
        self.said.append(Begun(run_id=run_id, number=number, at=self.clock.now(), worker=0, pid=1, live="f:0"))

    def ends(self, run_id: int, kind: Any = "succeeded", **facts: Any) -> None:
        """Its attempt ends like this."""
        attempt = self.attempts.pop(run_id)
        self.begun.discard(run_id)
        now = self.clock.now()
        known = {"started_at": now, "finished_at": now, "duration": 1} if facts.get("begun", True) else {}
        self.said.append(Outcome(run_id=run_id, number=attempt.number, kind=kind, **(known | facts)))


class FakeWaiter:
    """Never waits; notes how long it would have."""

    def __init__(self) -> None:
        self.patience: list[int] = []

    def wait(self, filenos: Iterable[int], timeout_us: int) -> bool:
        self.patience.append(timeout_us)
        return False

    def wake(self) -> None:
        """Nobody sleeps."""


def tasks_file(text: str) -> TasksFile:
    """The tasks file of this text, in UTC."""
    return parse(text, "/srv/tasks.toml", machine_zone="UTC", cpu_count=2)


class Bench:
    """An engine on the bench: `turn` it by hand. `restart` is a daemon's death by kill -9 and the next start."""

    def __init__(
        self,
        text: str = "",
        *,
        now: int = NOON,
        store: Store | None = None,
        places: int = 4,
        plans: bool = True,
        name: str = "owner",
        wrap: Callable[[Store], Store] = lambda store: store,
    ) -> None:
        self.clock, self.name = ManualClock(now), name
        self.kept: Store = store if store is not None else MemoryStore()
        self.store = wrap(self.kept)
        self.file = tasks_file(text)
        self.places, self.plans, self.starts = places, plans, 0
        self.gone: set[str] = set()
        self.events: list[Event] = []
        self.start()

    def start(self) -> None:
        """A new engine on the same store."""
        self.starts += 1
        self.owner = Owner(id=f"{self.name}{self.starts}", pid=self.starts, started_at=self.clock.now())
        self.executor, self.waiter = FakeExecutor(self.clock, self.places), FakeWaiter()
        self.source: list[TasksFile] = []
        self.dispatcher = Dispatcher(
            owner=self.owner.id, clock=self.clock, executors={"process": self.executor}, seed=1
        )
        self.runner = Runner(
            store=self.store,
            clock=self.clock,
            waiter=self.waiter,
            owner=self.owner,
            dispatcher=self.dispatcher,
            planner=Planner() if self.plans else None,
            is_gone=lambda owner: owner in self.gone,
            source=self,
            sink=self.events.extend,
        )
        self.runner.start(self.file)
        self.turn()

    def poll(self, now: int, *, asked: bool) -> TasksFile | None:
        """The runner asks whether there is a new tasks file."""
        return self.source.pop() if self.source else None

    def restart(self, text: str | None = None) -> None:
        """The daemon is killed; another starts on the same store, later with another file."""
        self.gone.add(self.owner.id)
        self.file = self.file if text is None else tasks_file(text)
        self.start()

    def edit(self, text: str) -> None:
        """The tasks file is changed under the running daemon."""
        self.file = tasks_file(text)
        self.source.append(self.file)
        self.turn()

    def turn(self, turns: int = 1) -> None:
        for _ in range(turns):
            self.runner.turn()

    def pass_time(self, microseconds: int, step: int | None = None) -> None:
        """Time passes in steps, with a turn after each."""
        left = microseconds
        while left > 0:
            self.clock.advance(min(left, step or left))
            left -= step or left
            self.turn()

    def add(self, **changes: Any) -> Run:
        """A run is asked for now; the engine hears the bell."""
        now = self.clock.now()
        (run,) = self.kept.append([a_run(**({"due_at": now, "ready_at": now, "enqueued_at": now} | changes))])
        self.ring()
        return self.run(run.id)

    def ring(self) -> None:
        """Somebody rings, and the engine looks."""
        self.runner._called()
        self.turn()

    def ends(self, run_id: int, kind: str = "succeeded", **facts: Any) -> Run:
        """An attempt ends, and the engine hears of it."""
        self.executor.ends(run_id, kind, **facts)
        self.turn()
        return self.run(run_id)

    def fails(self, run_id: int, **facts: Any) -> Run:
        """It raised a ValueError."""
        return self.ends(run_id, "failed", error_type="builtins.ValueError", error_message="bad", **facts)

    def begins(self, run_id: int) -> None:
        """A run's function is called, and has gone on for a while."""
        self.executor.begins(run_id)
        self.turn()
        self.pass_time(30_000)

    def run(self, run_id: int) -> Run:
        found = self.kept.run(run_id)
        assert found is not None
        return found

    def runs(self, task: str | None = None) -> Sequence[Run]:
        """All runs (of a task), the oldest first."""
        return self.kept.runs(RunQuery(task=task, limit=0, oldest_first=True))

    def working(self) -> list[int]:
        """The ids of the runs that the executor has."""
        return list(self.executor.attempts)

    def rows(self, task: str = "t") -> list[tuple[str, str | None, int]]:
        """Of each run of the task: (state, reason, count)."""
        return [(r.shown_state.value, r.reason.value if r.reason else None, r.count) for r in self.runs(task)]

    def slots(self, task: str = "t") -> list[int]:
        """The slots of the task's runs that were not skipped, in seconds after NOON."""
        return [((r.slot or 0) - NOON) // 1_000_000 for r in self.runs(task) if r.state is not State.SKIPPED]

    def told(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]


class Stumbling:
    """A store that refuses so many transactions: at their beginning, or at their commit."""

    def __init__(self, store: Store) -> None:
        self._store, self.at_begin, self.at_commit = store, 0, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        if self.at_begin:
            self.at_begin -= 1
            raise StoreBusyError("the store is kept locked by another process; nothing was written")
        with self._store.writing() as w:
            yield w
            if self.at_commit:
                self.at_commit -= 1
                raise StoreBusyError("the store is kept locked by another process; nothing was written")


def stumbling(bench: Bench, where: str, times: int = 1) -> None:
    """The next transactions of the engine are refused there."""
    assert isinstance(bench.store, Stumbling)
    setattr(bench.store, where, times)


def task(schedule: str, more: str = "", *, name: str = "t") -> str:
    """The TOML of a task."""
    return f'[tasks.{name}]\nfunc = "jobs.{name}"\n{schedule}\n{more}\n'


def policies(of: TasksFile, name: str = "t", **changes: Any) -> TasksFile:
    """The file with other policies of one task."""
    tasks: Mapping[str, Any] = {**of.tasks, name: replace(of.tasks[name], **changes)}
    return replace(of, tasks=tasks)
