"""The dispatcher: outcomes settled and the next runs claimed, in one commit.

What a commit did is told to the executors, and taken into memory, only after it: a rolled-back one changes nothing, and
the outcomes that it would have settled are settled by the next.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from arrcli.clock import Clock
from arrcli.engine.verdict import attempt_of, is_on_failure_of, lost, on_failure_run, policy_of, record_of, verdict
from arrcli.model.event import Event, Kind
from arrcli.model.instant import Instant
from arrcli.model.json import run_json
from arrcli.model.run import AttemptRecord, Fault, Reason, Run, State
from arrcli.model.task import Task, TasksFile
from arrcli.model.value import dataclass
from arrcli.store.contract import Writing
from arrcli.store.values import Move, Request
from arrcli.worker.wire import Attempt, Begun, Executor, Outcome

BEGUN_WORTH_TELLING: Final = 30_000
"""Microseconds that a run must go on before its beginning alone is worth a commit."""

_WINDOW: Final = 64
_ROUNDS: Final = 100
_SWEPT_AT_ONCE: Final = 10_000

_TOLD: Final[Mapping[State, Kind]] = {
    State.SUCCEEDED: "run_succeeded",
    State.FAILED: "run_failed",
    State.CANCELLED: "run_cancelled",
    State.SKIPPED: "run_skipped",
}


@dataclass(slots=True)
class Work:
    """What one transaction did, to be taken into memory once it is committed."""

    events: list[Event] = field(default_factory=list)
    ended: list[Outcome] = field(default_factory=list)
    claimed: list[Run] = field(default_factory=list)
    began: list[Begun] = field(default_factory=list)
    cancels: list[tuple[Run, bool]] = field(default_factory=list)
    holds: set[str] = field(default_factory=set)
    freed: set[str] = field(default_factory=set)
    swept: int | None = None
    unfinished: bool = False
    """There was more to judge than one transaction should: look again at once."""


class Dispatcher:
    """Claims what may start for the executors of one owner, and settles what they report."""

    def __init__(
        self,
        *,
        owner: str,
        clock: Clock,
        executors: Mapping[str, Executor],
        seed: int | None = None,
        unheard: Collection[Kind] = (),
    ) -> None:
        """`unheard`: events of these kinds need not be made where making them costs, for nobody listens to them."""
        self.owner = owner
        self._unheard = unheard
        self.executors = executors
        self.in_flight: dict[int, Run] = {}
        self.draining = False
        self.claiming = True
        self._clock = clock
        self._file = TasksFile(path="", folder="", tasks={})
        self._inbox: list[Outcome] = []
        self._begun: dict[int, Begun] = {}
        self._cancelling: dict[int, Reason] = {}
        self._holds: set[str] | None = None
        self._sound: set[str] = set()
        self._unfinished: set[str] = set()
        self._full: list[Executor] = []
        self._swept = 0
        self._luck = random.Random(seed)  # noqa: S311 - spreads retries, guards nothing
        self.paused: frozenset[str] = frozenset()
        self.removed: frozenset[str] = frozenset()

    def adopt(self, file: TasksFile) -> None:
        """From now on the tasks and pools of this file hold: also for pending runs, not for what runs already."""
        self._file = file
        self._holds = None

    @property
    def tasks(self) -> Mapping[str, Task]:
        return self._file.tasks

    def each_executor(self) -> Sequence[Executor]:
        """Every executor once: one may stand under several names, where it takes the runs of all of them."""
        return list({id(executor): executor for executor in self.executors.values()}.values())

    def external_change(self) -> None:
        """Somebody else committed, or our own transaction was rolled back: what is held may have changed."""
        self._holds = None
        self._sound.clear()

    # -- what the executors report ------------------------------------------------------------------------------------

    def collect(self) -> None:
        """Take in what happened at the executors; nothing of it is lost until a commit has settled it."""
        for executor in self.each_executor():
            for event in executor.events():
                if isinstance(event, Begun):
                    self._begun[event.run_id] = event
                else:
                    self._inbox.append(event)

    def urgent(self, now: Instant) -> bool:
        """Something was reported that wants a commit, or an executor that was full has room again."""
        return (
            bool(self._inbox)
            or any(now - begun.at >= BEGUN_WORTH_TELLING or begun.at > now for begun in self._begun.values())
            or (self.claiming and any(executor.room() > 0 for executor in self._full))
        )

    def awaited(self) -> int:
        """How many attempts have not been reported yet."""
        return len(self.in_flight.keys() - {outcome.run_id for outcome in self._inbox})

    def begun_wait(self, now: Instant) -> int | None:
        """Microseconds until a beginning alone is worth a commit."""
        if not self._begun:
            return None
        return max(0, min(begun.at for begun in self._begun.values()) + BEGUN_WORTH_TELLING - now)

    def settle(self, w: Writing, work: Work, now: Instant) -> None:
        """End, or give another attempt to, every run whose outcome came in; note which others have begun."""
        outcomes = [outcome for outcome in self._inbox if self._known(outcome)]
        work.ended.extend(self._inbox)
        self._note_begun(w, work, {outcome.run_id for outcome in outcomes})
        moves = [self._settled(outcome, now) for outcome in outcomes]
        took = w.move(moves) if moves else ()
        for move, outcome, fits in zip(moves, outcomes, took, strict=True):
            if not fits:
                continue
            self._free(work, move.was)
            if move.was.task is not None:
                self._mark_broken(w, move.was.task, outcome)
            self._tell(work, move, outcome, now)
            if move.now.state is State.FAILED:
                self._follow(w, move.now, now)

    def _known(self, outcome: Outcome) -> bool:
        run = self.in_flight.get(outcome.run_id)
        return run is not None and run.attempt == outcome.number

    def _settled(self, outcome: Outcome, now: Instant) -> Move:
        was = self._with_begun(self.in_flight[outcome.run_id])
        policy = policy_of(was, self._task(was))
        luck = 0.0 if outcome.kind == "succeeded" else self._luck.uniform(-1, 1)
        becomes = verdict(was, policy, outcome, now=now, draining=self.draining, luck=luck)
        reason = self._cancelling.get(was.id)
        if reason is not None and becomes.state is State.PENDING:
            becomes = was.cancelled(at=now, reason=reason).but(started_at=becomes.started_at, attempt=becomes.attempt)
        elif reason is not None and becomes.state is State.CANCELLED:
            becomes = becomes.but(reason=reason)
        return Move(was=was, now=becomes, record=record_of(was, becomes, outcome), output=outcome.output or None)

    def _with_begun(self, run: Run) -> Run:
        begun = self._begun.get(run.id)
        return run if begun is None or run.begun else run.began(at=begun.at, live=begun.live)

    def _note_begun(self, w: Writing, work: Work, ending: set[int]) -> None:
        moves = []
        for begun in self._begun.values():
            run = self.in_flight.get(begun.run_id)
            work.began.append(begun)
            if run is None or run.attempt != begun.number:
                continue
            now = run.began(at=begun.at, live=begun.live)
            work.events.append(Event(at=begun.at, kind="run_started", run=now))
            if begun.run_id not in ending:
                moves.append(Move(was=run, now=now))
        if moves:
            w.move(moves)

    def _free(self, work: Work, run: Run) -> None:
        if run.task is not None:
            work.freed.add(f"task {run.task}")
        work.freed.add(f"pool {run.pool}")

    def _tell(self, work: Work, move: Move, outcome: Outcome, now: Instant) -> None:
        was, becomes = move.was, move.now
        if outcome.begun and outcome.started_at is not None and not was.begun and "run_started" not in self._unheard:
            began = was.began(at=outcome.started_at, live=None)
            work.events.append(Event(at=outcome.started_at, kind="run_started", run=began))
        if outcome.kind == "lost" and outcome.worker is not None and not self.draining:
            details: Mapping[str, Any] = {"worker": outcome.worker, "message": outcome.error_message}
            work.events.append(Event(at=now, kind="worker_died", run=was, details=details))
        if becomes.state is not State.PENDING:
            work.events.append(Event(at=now, kind=_TOLD[becomes.state], run=becomes))
        elif becomes.attempt == was.attempt:  # else it had not begun: nothing is tried again
            details = {"ready_at": becomes.ready_at}
            work.events.append(Event(at=now, kind="run_retrying", run=becomes, details=details))

    def _mark_broken(self, w: Writing, task: str, outcome: Outcome) -> None:
        if not outcome.broken and (outcome.kind != "succeeded" or task in self._sound):
            return
        mark = f"{outcome.error_type}: {outcome.error_message}" if outcome.broken else ""
        w.put_broken(task, mark)
        (self._sound.discard if outcome.broken else self._sound.add)(task)

    def _follow(self, w: Writing, run: Run, now: Instant) -> None:
        follower = on_failure_run(run, policy_of(run, self._task(run)), run_json(run), now)
        if follower is not None:
            w.add([follower])

    # -- what is asked ------------------------------------------------------------------------------------------------

    def cancel(
        self,
        w: Writing,
        work: Work,
        run_id: int,
        now: Instant,
        *,
        force: bool = False,
        reason: Reason = Reason.USER,
    ) -> None:
        """Cancel a run: a pending one now, one of ours that runs by its executor (and what it becomes tells).

        One that another owner runs is passed on to it.
        """
        run = w.run(run_id)
        if run is None or run.ended:
            return
        if run.state is State.PENDING:
            ended = run.cancelled(at=now, reason=reason)
            if w.move([Move(was=run, now=ended)])[0]:
                self._free(work, run)
                work.events.append(Event(at=now, kind="run_cancelled", run=ended))
        elif run_id in self.in_flight:
            self._cancelling[run_id] = reason
            work.cancels.append((self.in_flight[run_id], force))
        elif run.claimed_by not in (None, self.owner):
            arguments = {"run": run_id, "force": force, "reason": reason.value}
            w.add_request(Request(kind="cancel", to=run.claimed_by or "", arguments=arguments, at=now))

    def expire(self, w: Writing, work: Work, now: Instant) -> None:
        """End the runs that waited past their `expires`."""
        for run in w.due_to_expire(now):
            ended = run.skipped(at=now, reason=Reason.EXPIRED)
            if w.move([Move(was=run, now=ended)])[0]:
                self._free(work, run)
                work.events.append(Event(at=now, kind="run_skipped", run=ended))

    def end_strays(self, w: Writing, work: Work, now: Instant) -> None:
        """End the runs that no claim would find, of some rows more at each call: those that were there first, then
        those that came since."""
        strays, work.swept = w.strays(self._swept, _SWEPT_AT_ONCE)
        for run in strays:
            ended = run.skipped(at=now, reason=Reason.ERROR)
            w.move([Move(was=run, now=ended)])
            work.events.append(Event(at=now, kind="run_skipped", run=ended))

    def recover(self, w: Writing, work: Work, owner: str, now: Instant) -> None:
        """Take back the claims of an owner that is gone: an attempt that may have begun counts.

        Those of tasks that only another program's file knows wait for it: `on_lost` may say never to run them twice.
        """
        claims = w.claimed_by(owner)
        ours = [run for run in claims if self._file.path or run.task is None or run.task in self.registered]
        for was in ours:
            policy = policy_of(was, self._task(was))
            fault = Fault("arrcli.Lost", "the daemon that ran it ended without a word")
            becomes = lost(was, policy, fault, now=now, died=False)
            if was.damaged:
                becomes = was.failed(at=now, reason=Reason.ERROR, fault=was.fault)
            record = AttemptRecord(
                run_id=was.id,
                attempt=was.attempt,
                outcome="lost",
                started_at=was.started_at,
                finished_at=now,
                fault=fault,
            )
            move = Move(was=was, now=becomes, record=record if becomes.state is State.PENDING else None)
            if w.move([move])[0]:
                self._free(work, was)
                work.events.append(Event(at=now, kind="run_recovered", run=becomes))
                if becomes.state is State.FAILED:
                    self._follow(w, becomes, now)
        if len(ours) < len(claims):
            return
        for request in w.take_requests([owner]):
            if request.kind == "cancel":
                reason = Reason(request.arguments.get("reason", Reason.USER))
                self.cancel(w, work, int(request.arguments["run"]), now, reason=reason)
        w.drop_owner(owner)

    # -- claiming -----------------------------------------------------------------------------------------------------

    def claim(self, w: Writing, work: Work, now: Instant) -> None:
        """Claim, for every executor, as many ready runs as it has room for and their tasks and pools allow."""
        if not self.claiming:
            return
        if self._holds is None:
            self._holds = set(w.held())
            work.freed |= self._holds
        work.freed |= self._unfinished
        counts = _Counts(w)
        self._unhold(w, work, counts, now)
        rooms = {id(executor): executor.room() for executor in self.each_executor()}
        for name, executor in self.executors.items():
            rooms[id(executor)] -= self._claim_for(name, rooms[id(executor)], w, work, counts, now)
        self._full = [executor for executor in self.each_executor() if rooms[id(executor)] <= 0]

    def _claim_for(self, name: str, room: int, w: Writing, work: Work, counts: _Counts, now: Instant) -> int:
        """How many were claimed for this executor; in rounds, since what is put aside makes way for others."""
        claimed = passed = window = 0
        for _ in range(_ROUNDS):
            wanted = room - claimed
            if wanted <= 0:
                return claimed
            candidates = w.ready(wanted + window + 2 * passed, executor=name)
            took, put_aside, passed_now = self._judged(w, work, candidates, wanted, counts, now)
            claimed += took
            if not put_aside and passed_now <= passed:
                return claimed
            passed, window = passed_now, _WINDOW
            self._unhold(w, work, counts, now)
        work.unfinished = True
        return claimed

    def _judged(
        self, w: Writing, work: Work, candidates: Sequence[Run], room: int, counts: _Counts, now: Instant
    ) -> tuple[int, int, int]:
        """How many of the candidates were claimed, put aside (held, or denied), and passed over (they stay ready)."""
        moves: list[Move] = []
        holds: list[Run] = []
        denied = passed = 0
        counts.learn({run.task for run in candidates if run.task is not None})
        for run in candidates:
            if len(moves) >= room:
                break
            refusal = self._refusal(w, run)
            if refusal is not None:
                ended = run.skipped(at=now, reason=refusal)
                w.move([Move(was=run, now=ended)])
                self._free(work, run)
                work.events.append(Event(at=now, kind="run_skipped", run=ended))
                denied += 1
                continue
            if run.attempt > 0 and self._outnumbered(run, counts):
                passed += 1
                continue
            obstacle = self._obstacle(run, counts)
            if obstacle is not None:
                holds.append(run.held(obstacle))
                continue
            counts.take(run)
            moves.append(Move(was=run, now=self._claimed(run)))
        if holds:
            w.hold(holds)
            work.holds.update(run.held_by for run in holds if run.held_by is not None)
        took = w.move(moves) if moves else ()
        claims = [move.now for move, fits in zip(moves, took, strict=True) if fits]
        work.claimed.extend(claims)
        return len(claims), len(holds) + denied, passed

    def _claimed(self, run: Run) -> Run:
        return run.claimed(by=self.owner)

    def _refusal(self, w: Writing, run: Run) -> Reason | None:
        """Why a run is not even held: its row is not what arr wrote, its schedule is gone, or `allow`, checked here
        again, forbids its bare path."""
        if run.damaged:
            return Reason.ERROR
        if run.scheduled and run.task in self.removed:
            return Reason.REMOVED
        if run.task is not None or self._file.allows(run.func) or self._is_told(w, run):
            return None
        return Reason.DENIED

    def _is_told(self, w: Writing, run: Run) -> bool:
        """It is what the file wants to be told of a run that failed."""
        failed = w.run(run.options["follows"]) if "follows" in run.options else None
        return failed is not None and is_on_failure_of(run, failed, self._task(failed))

    def _obstacle(self, run: Run, counts: _Counts) -> str | None:
        """What the run has to wait for, as its `held_by`; None when it may start."""
        if run.task is not None:
            task = self._file.tasks.get(run.task)
            if task is None and run.task not in self.registered:
                return f"unknown {run.task}"
            if task is not None:
                stopped = run.task in self.paused or not task.enabled
                if stopped and (run.attempt > 0 or run.scheduled):
                    return f"paused {run.task}"
                if task.limit is not None and run.attempt == 0 and counts.of_task(run.task) >= task.limit:
                    return f"task {run.task}"
        pool = self._file.pools.get(run.pool)
        if pool is not None and pool.size is not None and counts.of_pool(run.pool) >= pool.size:
            return f"pool {run.pool}"
        return None

    def _outnumbered(self, run: Run, counts: _Counts) -> bool:
        """A retry has a place already, unless its task's limit was lowered meanwhile: then they go by turns, and stay
        ready until theirs comes."""
        task = self._task(run)
        if task is None or task.limit is None or counts.of_task(task.name) <= task.limit:
            return False
        return counts.running(task.name) >= task.limit

    registered: frozenset[str] = frozenset()
    """Names that are known without a tasks file: callables that a program registered."""

    def _unhold(self, w: Writing, work: Work, counts: _Counts, now: Instant) -> None:
        """Let as many of the held go on as there are places for them again."""
        known = (self._holds or set()) | work.holds
        again = {key for key in work.freed & known if key.startswith("unknown ")}
        for key in sorted(work.freed & known):
            kind, _, name = key.partition(" ")
            room = self._places(kind, name, counts)
            if room == 0:
                continue
            if w.unhold(key, max(room, 0), now=now):
                again.add(key)
            else:
                again.discard(key)
                if self._holds is not None:
                    self._holds.discard(key)
        # Whom a place was let go for may be held by something else (a pause, its pool): it is free still, look again.
        work.freed = again

    def _places(self, kind: str, name: str, counts: _Counts) -> int:
        """How many of those held by this may go on: -1 all, 0 none.

        What another process holds for tasks and pools that only it knows is left to it. And what one that does not know
        our tasks holds goes on only as far as there is room: else both would let go and hold by turns for ever.
        """
        if kind == "pool":
            pool = self._file.pools.get(name)
            if pool is None and not self._file.path:
                return 0
            return -1 if pool is None or pool.size is None else max(0, pool.size - counts.of_pool(name))
        task = self._file.tasks.get(name)
        if kind == "unknown":
            known = task is not None or name in self.registered
            return sum(max(0, executor.room()) for executor in self.each_executor()) if known else 0
        if task is None:
            return 0
        if kind == "paused":
            return -1 if name not in self.paused and task.enabled else 0
        return -1 if task.limit is None else max(0, task.limit - counts.of_task(name))

    def _task(self, run: Run) -> Task | None:
        return None if run.task is None else self._file.tasks.get(run.task)

    # -- after the commit ---------------------------------------------------------------------------------------------

    def committed(self, work: Work) -> None:
        """Take into memory, and to the executors, what the transaction did."""
        for outcome in work.ended:
            run = self.in_flight.get(outcome.run_id)
            if run is not None and run.attempt == outcome.number:
                del self.in_flight[outcome.run_id]
                self._cancelling.pop(outcome.run_id, None)
        del self._inbox[: len(work.ended)]
        for begun in work.began:
            run = self.in_flight.get(begun.run_id)
            if run is not None and run.attempt == begun.number:
                self.in_flight[begun.run_id] = run.began(at=begun.at, live=begun.live)
            self._begun.pop(begun.run_id, None)
        if self._holds is not None:
            self._holds |= work.holds
        if work.swept is not None:
            self._swept = work.swept
        self._unfinished = work.freed
        self._submit(work.claimed)
        for run, force in work.cancels:
            self.executors[run.executor].cancel(run.id, force=force)

    def _submit(self, claimed: Sequence[Run]) -> None:
        attempts: dict[str, list[Attempt]] = {}
        for run in claimed:
            self.in_flight[run.id] = run
            attempt = attempt_of(run, policy_of(run, self._task(run)))
            attempts.setdefault(run.executor, []).append(attempt)
        for name, batch in attempts.items():
            self.executors[name].submit(batch)


class _Counts:
    """How many runs of tasks and in pools are active: read once a transaction, then kept in step."""

    def __init__(self, w: Writing) -> None:
        self._w = w
        self._tasks: dict[str, int] = {}
        self._running: dict[str, int] = {}
        self._pools: dict[str, int] = {}

    def learn(self, tasks: Collection[str]) -> None:
        """Ask of these in one go: they will be needed."""
        new = [name for name in tasks if name not in self._tasks]
        found = self._w.active(new)
        self._tasks.update((name, found.get(name, 0)) for name in new)

    def running(self, name: str) -> int:
        if name not in self._running:
            self._running[name] = sum(run.state is State.RUNNING for run in self._w.active_runs(name))
        return self._running[name]

    def of_task(self, name: str) -> int:
        if name not in self._tasks:
            self._tasks[name] = self._w.active([name]).get(name, 0)
        return self._tasks[name]

    def of_pool(self, name: str) -> int:
        if name not in self._pools:
            self._pools[name] = self._w.pool_active([name]).get(name, 0)
        return self._pools[name]

    def take(self, run: Run) -> None:
        if run.task is not None and run.attempt == 0 and run.task in self._tasks:
            self._tasks[run.task] += 1
        if run.task in self._running:
            self._running[run.task] += 1
        if run.pool in self._pools:
            self._pools[run.pool] += 1
