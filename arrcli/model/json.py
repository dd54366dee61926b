"""Runs as JSON: one shape, wherever a script or a callable is given one (SPEC 5, `arr runs --json`)."""

from __future__ import annotations

from typing import Any

from arrcli.model.instant import SECOND, Instant, iso
from arrcli.model.run import AttemptRecord, Fault, Run


def run_json(run: Run) -> dict[str, Any]:
    """The run as a JSON object; times as `2026-01-01T00:00:00.000000Z`, spans in seconds."""
    return {
        "id": run.id,
        "task": run.task,
        "func": run.func,
        "args": list(run.args),
        "kwargs": dict(run.kwargs),
        "origin": run.origin.value,
        "state": run.shown_state.value,
        "reason": None if run.reason is None else run.reason.value,
        "slot": time_json(run.slot),
        "last_slot": time_json(run.last_slot),
        "count": run.count,
        "due_at": time_json(run.due_at),
        "enqueued_at": time_json(run.enqueued_at),
        "started_at": time_json(run.started_at),
        "finished_at": time_json(run.finished_at),
        "attempt": run.attempt,
        "lateness_s": _seconds(run.lateness),
        "duration_s": _seconds(run.duration),
        "pool": run.pool,
        "priority": run.priority,
        "key": run.key,
        "retry_of": run.retry_of,
        "held_by": run.held_by,
        "result": run.result,
        "result_note": run.result_note,
        "error": fault_json(run.fault),
    }


def attempt_json(record: AttemptRecord) -> dict[str, Any]:
    """One attempt as a JSON object."""
    return {
        "attempt": record.attempt,
        "outcome": record.outcome,
        "started_at": time_json(record.started_at),
        "finished_at": time_json(record.finished_at),
        "duration_s": _seconds(record.duration),
        "cpu_s": _seconds(record.cost.cpu_us),
        "max_rss_kb": record.cost.rss_kb,
        "error": fault_json(record.fault),
    }


def fault_json(fault: Fault | None) -> dict[str, Any] | None:
    """`{"type", "message", "traceback"}`, or null."""
    if fault is None:
        return None
    return {"type": fault.type, "message": fault.message, "traceback": fault.traceback}


def time_json(instant: Instant | None) -> str | None:
    """The instant as text, or null."""
    return None if instant is None else iso(instant)


def _seconds(span: int | None) -> float | None:
    return None if span is None else span / SECOND
