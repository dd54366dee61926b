"""What an outcome makes of a run: pure policy, so that it can be tested in a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final, assert_never

from arrcli.model.instant import Instant
from arrcli.model.run import AttemptRecord, Cost, Fault, Origin, Reason, Run, State
from arrcli.model.task import Task
from arrcli.worker.wire import Attempt, Outcome, attempt_with

MOST_DEATHS: Final = 3
"""A run that took its worker down this often fails for good."""

_POLICIES: Final = frozenset(f.name for f in fields(Task)) - {"name", "func", "args", "kwargs", "schedule"}

_BARE: Final = Task(name="", func="")
"""The policies of a run without a task, or of a task that is gone: the defaults."""


def policy_of(run: Run, task: Task | None) -> Task:
    """The policies that hold for this run: its task's (a bare path: the defaults), with its own options laid over.

    Its name, callable and arguments are the run's own affair.
    """
    base = task if task is not None else _BARE
    if not run.options:
        return base
    own: Mapping[str, Any] = {key: value for key, value in run.options.items() if key in _POLICIES}
    return replace(base, **own) if own else base


def attempt_of(run: Run, policy: Task) -> Attempt:
    """What a worker is told of a claimed run."""
    said: dict[str, Any] = {
        "run_id": run.id,
        "number": run.attempt,
        "func": run.func,
        "task": run.task,
        "args": run.args,
        "slot": run.slot,
        "due_at": run.due_at,
    }
    if run.kwargs:
        said["kwargs"] = run.kwargs
    if run.executor != "process":
        said["executor"] = run.executor
    if run.options:
        said |= _optional(run)
    if policy is not _BARE:
        said |= {name: getattr(policy, name) for name in _CARRIED}
    return attempt_with(said)


_PIPE: Final = "arrcli.shell.pipe"
_CARRIED: Final = ("env", "cwd", "timeout", "stop_grace", "max_output", "retry_on", "no_retry_on")


def _optional(run: Run) -> Mapping[str, Any]:
    typed: Mapping[str, Any] = run.options.get("typed", {})
    return {
        "task": run.options.get("name") if run.task is None else run.task,
        "typed_args": typed.get("args", ()),
        "typed_kwargs": typed.get("kwargs", {}),
        "give_time": bool(run.options.get("give_time")),
    }


def verdict(run: Run, policy: Task, outcome: Outcome, *, now: Instant, draining: bool, luck: float) -> Run:
    """The move that `outcome` means for the claimed `run`. `luck` in -1 to 1 spreads the retries of a herd.

    `draining`: the daemon is stopping, so a lost worker was killed by us and its death is not the run's doing.
    """
    started = outcome.started_at or run.started_at
    cost = Cost(cpu_us=outcome.cpu_us, rss_kb=outcome.rss_kb)
    at = outcome.finished_at or now
    if outcome.kind == "succeeded":
        return run.succeeded(
            at=at,
            started_at=started,
            result=outcome.result,
            note=outcome.result_note,
            duration=outcome.duration,
            cost=cost,
        )
    run = run.but(started_at=started)
    match outcome.kind:
        case "released":
            return run.released()
        case "cancelled":
            return run.cancelled(at=at, duration=outcome.duration).but(cost=cost)
        case "failed" | "timed_out":
            reason = Reason.TIMED_OUT if outcome.kind == "timed_out" else Reason.ERROR
            fault = _fault(outcome)
            if outcome.retryable and run.attempt - run.losses <= policy.retries:
                wait = outcome.retry_after
                if wait is None:
                    wait = retry_wait(policy, run.attempt - run.losses, luck)
                return run.awaiting_retry(ready_at=now + wait, reason=reason, fault=fault)
            return run.failed(at=at, reason=reason, fault=fault, duration=outcome.duration, cost=cost)
        case "lost":
            if not outcome.begun:
                return run.released()
            wait = 0 if draining else policy.retry_delay
            died = outcome.died and not draining
            after = lost(run, policy, _fault(outcome), now=now, died=died, wait=wait)
            return after.but(duration=outcome.duration, cost=cost) if after.ended else after
        case _:
            assert_never(outcome.kind)


def lost(run: Run, policy: Task, fault: Fault, *, now: Instant, died: bool, wait: int = 0) -> Run:
    """An attempt whose process is gone: tried again after `wait` microseconds, unless the task or its record forbid it.

    `died`: it took its worker down itself; else somebody else ended the worker, or the daemon.
    """
    if policy.on_lost == "fail" or run.deaths + died >= MOST_DEATHS:
        ended = run.failed(at=now, reason=Reason.LOST, fault=fault)
        return ended.but(losses=run.losses + 1, deaths=run.deaths + died)
    return run.awaiting_retry(ready_at=now + wait, reason=Reason.LOST, fault=fault, lost=True, died=died)


def retry_wait(policy: Task, failures: int, luck: float) -> int:
    """Microseconds before the next attempt after so many failed ones, within 10 % either way."""
    match policy.retry_backoff:
        case "constant":
            wait = policy.retry_delay
        case "linear":
            wait = policy.retry_delay * failures
        case "exponential":
            wait = policy.retry_delay * 2 ** min(failures - 1, 40)
        case _:
            assert_never(policy.retry_backoff)
    return int(min(wait, policy.retry_max_delay) * (1 + 0.1 * luck))


def record_of(was: Run, now: Run, outcome: Outcome) -> AttemptRecord | None:
    """The history of an attempt that did not end its run; None where it ended it (the run's own row tells) or
    never began."""
    if now.state is not State.PENDING or now.attempt != was.attempt:
        return None
    return AttemptRecord(
        run_id=was.id,
        attempt=was.attempt,
        outcome=outcome.kind,
        started_at=outcome.started_at or was.started_at,
        finished_at=outcome.finished_at,
        duration=outcome.duration,
        fault=now.fault,
        cost=Cost(cpu_us=outcome.cpu_us, rss_kb=outcome.rss_kb),
    )


def on_failure_run(run: Run, policy: Task, run_json: Mapping[str, Any], now: Instant) -> Run | None:
    """The run that tells of a run which failed for good; None where its task wants none. It has no such follower
    itself."""
    target = policy.on_failure
    if target is None or run.options.get("follows"):
        return None
    base = Run(
        task=None,
        func="",
        origin=Origin.AFTER,
        due_at=now,
        ready_at=now,
        enqueued_at=now,
        options={"follows": run.id, "env": dict(policy.env), "cwd": policy.cwd},
    )
    if isinstance(target, str):
        return base.but(func=target, args=(dict(run_json),))
    return base.but(func=_PIPE, args=(list(target), dict(run_json)))


def is_on_failure_of(run: Run, failed: Run, task: Task | None) -> bool:
    """Whether it is what this task itself, by its file, wants to be told of such a run."""
    target = None if task is None or failed.state is not State.FAILED else task.on_failure
    if target is None or isinstance(target, str):
        return run.func == target
    return run.func == _PIPE and list(run.args[:1]) == [list(target)]


def _fault(outcome: Outcome) -> Fault:
    return Fault(outcome.error_type, outcome.error_message, outcome.error_traceback)
