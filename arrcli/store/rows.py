"""Rows to values and back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any, Final

from arrcli.model.run import (
    DAMAGED,
    NO_COST,
    SCHEDULED,
    AttemptRecord,
    Cost,
    Fault,
    Origin,
    Reason,
    Run,
    State,
    TaskRecord,
    run_with,
)
from arrcli.store.damage import fault_of, listed, mapped, of_sound_types, sound_options, stand_in
from arrcli.store.schema import ENDED, HELD, READY, RUNNING, WAITING
from arrcli.store.values import Request

COLUMNS: Final = (
    "id, task, func, args, kwargs, origin, state, reason, slot, last_slot, count, era, due_at, ready_at, enqueued_at,"
    " started_at, finished_at, duration, attempt, losses, deaths, executor, pool, priority, key, retry_of, expires_at,"
    " options, claimed_by, held_by, live, result, result_note, fault, cpu_us, rss_kb"
)
INSERTED: Final = f"{COLUMNS.removeprefix('id, ')}, scheduled, stage"
NEW: Final = (
    "task, func, args, kwargs, origin, state, slot, count, era, due_at, ready_at, enqueued_at, attempt, losses, deaths,"
    " executor, pool, priority, retry_of, expires_at, options, scheduled, stage"
)
_FRESH_NAMES: Final = (
    *("id", "task", "func", "args", "kwargs", "origin", "slot", "era", "due_at", "ready_at", "enqueued_at"),
    *("executor", "pool", "priority", "key", "retry_of", "expires_at", "options"),
)
FRESH: Final = f"""{", ".join(_FRESH_NAMES)}, state = 'pending' AND attempt = 0 AND losses = 0 AND deaths = 0
    AND count = 1 AND coalesce(reason, last_slot, started_at, finished_at, duration, claimed_by, held_by, live, result,
    result_note, fault, cpu_us, rss_kb) IS NULL"""
"""Of a run that no attempt has touched: half the columns, and whether the others are as they were at first."""

_STATES: Final = {state.value: state for state in State}
_ORIGINS: Final = {origin.value: origin for origin in Origin}
_REASONS: Final = {reason.value: reason for reason in Reason}
_RECORD: Final = (str, int, int, int, str, int, int, int, str, str, int, str)
_RECORDS: Final = {_RECORD, (*_RECORD[:7], type(None), *_RECORD[8:])}
"""What a row of the tasks is made of; its pause may have no end."""
_NO_TIMES: Final = "[]"
_PACK_OVER: Final = 4096
_encode: Final = json.JSONEncoder(separators=(",", ":"), default=list).encode


def run_of(row: Sequence[Any], state: State | None = None) -> Run:
    """A row of `COLUMNS` as a run, in `state` where its place says so; one that other hands changed is `damaged`."""
    if of_sound_types(row):
        try:
            run = _read(row)
        except Exception:
            return stand_in(row, state)
        if (state is None or run.state is state) and (not run.options or sound_options(run.options)):
            return run
    return stand_in(row, state)


def fresh_run_of(row: Sequence[Any]) -> Run | None:
    """A row of `FRESH` as a pending run; None of one that is not fresh, or not sound: it is to be read whole."""
    if not row[-1] or not of_sound_types(row[:-1], _FRESH_NAMES):
        return None
    values: dict[str, Any] = dict(zip(_FRESH_NAMES, row, strict=False))
    try:
        values["origin"] = _ORIGINS[row[5]]
        values["args"] = () if row[3] is None else tuple(listed(row[3]))
        values["kwargs"] = {} if row[4] is None else mapped(row[4])
        values["options"] = options = {} if row[17] is None else mapped(row[17])
    except Exception:
        return None
    return run_with(values) if not options or sound_options(options) else None


def _read(row: Sequence[Any]) -> Run:
    values = dict(
        id=row[0],
        task=row[1],
        func=row[2],
        args=() if row[3] is None else tuple(listed(row[3])),
        kwargs={} if row[4] is None else mapped(row[4]),
        origin=_ORIGINS[row[5]],
        state=_STATES[row[6]],
        reason=None if row[7] is None else _REASONS[row[7]],
        slot=row[8],
        last_slot=row[9],
        count=row[10],
        era=row[11],
        due_at=row[12],
        ready_at=row[13],
        enqueued_at=row[14],
        started_at=row[15],
        finished_at=row[16],
        duration=row[17],
        attempt=row[18],
        losses=row[19],
        deaths=row[20],
        executor=row[21],
        pool=row[22],
        priority=row[23],
        key=row[24],
        retry_of=row[25],
        expires_at=row[26],
        options={} if row[27] is None else mapped(row[27]),
        claimed_by=row[28],
        held_by=row[29],
        live=row[30],
        result=None if row[31] is None else json.loads(row[31]),
        result_note=row[32],
        fault=None if row[33] is None else fault_of(row[33]),
        cost=NO_COST if row[34] is None and row[35] is None else Cost(cpu_us=row[34], rss_kb=row[35]),
    )
    return run_with(values)


def row_of(run: Run) -> tuple[Any, ...]:
    """A new run's values, in the order of `INSERTED`."""
    return (
        run.task,
        run.func,
        text(run.args),
        text(run.kwargs),
        run.origin.value,
        run.state.value,
        None if run.reason is None else run.reason.value,
        run.slot,
        run.last_slot,
        run.count,
        run.era,
        run.due_at,
        run.ready_at,
        run.enqueued_at,
        run.started_at,
        run.finished_at,
        run.duration,
        run.attempt,
        run.losses,
        run.deaths,
        run.executor,
        run.pool,
        run.priority,
        run.key,
        run.retry_of,
        run.expires_at,
        text(run.options),
        run.claimed_by,
        run.held_by,
        run.live,
        None if run.result is None else dumps(run.result),
        run.result_note,
        fault_text(run.fault),
        run.cost.cpu_us,
        run.cost.rss_kb,
        int(run.scheduled),
        stage_of(run, born=True),
    )


def row_of_new(run: Run) -> tuple[Any, ...]:
    """A new run's values in the order of `NEW`: a column that is not named costs nothing, a NULL that is costs."""
    return (
        run.task,
        run.func,
        dumps(run.args) if run.args else None,
        dumps(run.kwargs) if run.kwargs else None,
        run.origin.value,
        run.state.value,
        run.slot,
        run.count,
        run.era,
        run.due_at,
        run.ready_at,
        run.enqueued_at,
        0,
        0,
        0,
        run.executor,
        run.pool,
        run.priority,
        run.retry_of,
        run.expires_at,
        dumps(run.options) if run.options else None,
        run.origin in SCHEDULED,
        READY if run.ready_at <= run.enqueued_at else WAITING,
    )


def stage_of(run: Run, *, born: bool = False) -> int:
    """Where a run stands on its way; one that is `born` with its time come is ready at once."""
    if run.state is State.RUNNING:
        return RUNNING
    if run.state is not State.PENDING:
        return ENDED
    if run.held_by is not None:
        return HELD
    return READY if born and run.ready_at <= run.enqueued_at else WAITING


def text(value: Any) -> str | None:
    """JSON, or NULL for what is empty."""
    return dumps(value) if value else None


def dumps(value: Any) -> str:
    return str(value) if type(value) is int else _encode(value)  # the most frequent result, at a tenth of the cost


def fault_text(fault: Fault | None) -> str | None:
    return None if fault is None else dumps([fault.type, fault.message, fault.traceback])


def packed(output: bytes) -> tuple[int, bytes]:
    """Whether it is compressed, and the bytes to keep."""
    if len(output) > _PACK_OVER:
        small = zlib.compress(output, 1)
        if len(small) < len(output):
            return 1, small
    return 0, output


def unpacked(is_packed: int, kept: bytes) -> bytes:
    try:
        return zlib.decompress(kept) if is_packed else bytes(kept)
    except (zlib.error, TypeError, ValueError):  # other hands wrote it
        return b"(this output was changed by other hands, and cannot be read)\n"


def attempt_of(row: Sequence[Any]) -> AttemptRecord:
    """A row of the attempts; what other hands made unreadable in it is left out, and told of."""
    numbers = [value if type(value) is int else None for value in (*row[3:6], *row[7:9])]
    try:
        fault = None if row[6] is None else fault_of(row[6])
    except Exception:
        fault = Fault(DAMAGED, f"its row in the store was changed by other hands: fault {row[6]!r:.60}")
    return AttemptRecord(
        run_id=row[0],
        attempt=row[1],
        outcome=str(row[2]),
        started_at=numbers[0],
        finished_at=numbers[1],
        duration=numbers[2],
        fault=fault,
        cost=Cost(cpu_us=numbers[3], rss_kb=numbers[4]),
    )


def last_attempt(run: Run) -> AttemptRecord | None:
    """The attempt that ended the run: its row itself tells; None where there was none."""
    if not run.ended or run.attempt == 0 or run.state is State.SKIPPED:
        return None
    outcome = run.reason.value if run.reason in (Reason.LOST, Reason.TIMED_OUT) else run.state.value
    return AttemptRecord(
        run_id=run.id,
        attempt=run.attempt,
        outcome=outcome,
        started_at=run.started_at,
        finished_at=run.finished_at,
        duration=run.duration,
        fault=run.fault,
        cost=run.cost,
    )


def record_of(row: Sequence[Any]) -> TaskRecord | None:
    """A row of the tasks; None of one that other hands changed: the task then begins anew."""
    if tuple(map(type, row)) not in _RECORDS:
        return None
    try:
        at_times = () if row[11] == _NO_TIMES else tuple(sorted(listed(row[11])))
    except Exception:
        return None
    return TaskRecord(
        name=row[0],
        mark=row[1],
        era=row[2],
        anchor=row[3],
        digest=row[4],
        first_seen=row[5],
        paused=bool(row[6]),
        pause_until=row[7],
        pause_note=row[8],
        broken=row[9],
        removed=bool(row[10]),
        at_times=at_times,
    )


def request_of(row: Sequence[Any]) -> Request | None:
    """A row of the requests; None of one that asks for nothing that is known."""
    try:
        arguments = mapped(row[3])
        if row[1] == "cancel":
            Reason(arguments.get("reason", Reason.USER))
            if type(arguments["run"]) is not int:
                return None
    except Exception:
        return None
    return Request(id=row[0], kind=row[1], to=row[2], arguments=arguments, at=row[4])


def row_of_record(record: TaskRecord) -> tuple[Any, ...]:
    return (
        record.name,
        record.mark,
        record.era,
        record.anchor,
        record.digest,
        record.first_seen,
        int(record.paused),
        record.pause_until,
        record.pause_note,
        record.broken,
        int(record.removed),
        dumps(record.at_times) if record.at_times else _NO_TIMES,
    )
