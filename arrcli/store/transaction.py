"""The writes, inside one transaction of one SQLite connection."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from arrcli.errors import StoreError
from arrcli.model.instant import Instant
from arrcli.model.run import ENDED, Run, State, TaskRecord
from arrcli.model.value import dataclass
from arrcli.store.damage import STRAY, stray
from arrcli.store.reading import NOBODY, RUN, SQLReading, ask_on
from arrcli.store.rows import (
    COLUMNS,
    FRESH,
    INSERTED,
    NEW,
    dumps,
    fault_text,
    fresh_run_of,
    packed,
    request_of,
    row_of,
    row_of_new,
    row_of_record,
    run_of,
    stage_of,
)
from arrcli.store.values import RECORDS_VERSION, Move, Owner, Request

_ADD: Final = f"INSERT OR IGNORE INTO runs ({INSERTED}) VALUES ({', '.join('?' * (INSERTED.count(',') + 1))})"
_ADD_NEW: Final = f"INSERT OR IGNORE INTO runs ({NEW}) VALUES ({', '.join('?' * (NEW.count(',') + 1))})"
_SLOT: Final = f"SELECT {COLUMNS} FROM runs WHERE scheduled = 1 AND task = ? AND era = ? AND slot = ?"
_KEY: Final = f"""SELECT {COLUMNS} FROM runs INDEXED BY runs_key WHERE key = ? AND key IS NOT NULL
    AND finished_at IS NULL AND stage <> 2 ORDER BY id LIMIT 1"""
_FENCE: Final = "WHERE id = ? AND state = ? AND attempt = ? AND claimed_by IS ?"
_CLAIM: Final = f"""UPDATE runs SET state = 'running', stage = 2, attempt = ?, claimed_by = ? {_FENCE}"""
_CLAIM_ALL: Final = """UPDATE runs SET state = 'running', stage = 2, attempt = 1, claimed_by = ?1 WHERE id IN
    (SELECT value FROM json_each(?2)) AND state = 'pending' AND attempt = 0 AND claimed_by IS NULL"""
_CLAIM_AGAIN: Final = f"""UPDATE runs SET state = 'running', stage = 2, attempt = ?, claimed_by = ?, held_by = NULL,
    started_at = NULL, reason = NULL, fault = NULL {_FENCE}"""
_SUCCEED: Final = f"""UPDATE runs SET state = 'succeeded', stage = 4, started_at = ?, finished_at = ?, duration = ?,
    claimed_by = NULL, live = NULL, result = ?, result_note = ?, cpu_us = ?, rss_kb = ? {_FENCE}"""
_BEGIN: Final = f"UPDATE runs SET started_at = ?, live = ? {_FENCE}"
_MOVE: Final = f"""UPDATE runs SET state = ?, stage = ?, reason = ?, ready_at = ?, started_at = ?, finished_at = ?,
    duration = ?, attempt = ?, losses = ?, deaths = ?, claimed_by = ?, held_by = ?, live = ?, result = ?,
    result_note = ?, fault = ?, cpu_us = ?, rss_kb = ? {_FENCE}"""
_REWRITE: Final = f"UPDATE runs SET ({INSERTED}) = ({', '.join('?' * (INSERTED.count(',') + 1))}) WHERE id = ?"
"""What other hands wrote gives way as a whole."""
_RECORD: Final = "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OUTPUT: Final = "INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?)"
_PROMOTE: Final = "UPDATE runs SET stage = 1 WHERE stage = 0 AND ready_at <= ?"
_FAILED_AT: Final = "(SELECT finished_at FROM attempts WHERE run_id = id AND attempts.attempt = runs.attempt)"
_WAIT_ANEW: Final = f"""SET ready_at = ?1 + CASE WHEN attempt = 0 THEN 0 ELSE ready_at - {_FAILED_AT} END
    WHERE ready_at > ?1 AND CASE WHEN attempt = 0 THEN ready_at <= enqueued_at
    ELSE {_FAILED_AT} > ?1 AND {_FAILED_AT} <= ready_at END"""
_LOOKED_AT: Final = """SELECT (SELECT max(id) FROM (SELECT id FROM runs WHERE id > ?1 ORDER BY id LIMIT ?2)),
    (SELECT coalesce(max(id), 0) FROM runs)"""
_STRAYS: Final = f"SELECT {COLUMNS}, stage FROM runs WHERE id > ?1 AND id <= ?2 AND {STRAY} ORDER BY id"
_READY: Final = f"""SELECT {FRESH} FROM runs INDEXED BY runs_ready WHERE stage = 1 AND executor = ?
    ORDER BY priority DESC, ready_at, id LIMIT ?"""
_OF_TASK: Final = "runs INDEXED BY runs_live WHERE task = ? AND task IS NOT NULL AND finished_at IS NULL"
_OF_TASKS: Final = """SELECT task, count(*) FROM runs INDEXED BY runs_live
    WHERE task IN (SELECT value FROM json_each(?)) AND task IS NOT NULL AND finished_at IS NULL"""
_ACTIVE: Final = f"{_OF_TASKS} AND (stage = 2 OR attempt > 0) GROUP BY task"
_ACTIVE_RUNS: Final = f"SELECT {COLUMNS} FROM {_OF_TASK} AND (stage = 2 OR attempt > 0) ORDER BY id"
_PENDING_OF: Final = f"SELECT {COLUMNS} FROM {_OF_TASK} AND stage <> 2 ORDER BY id"
_QUEUED: Final = f"{_OF_TASKS} AND stage <> 2 AND scheduled = 1 AND attempt = 0 GROUP BY task"
_RETARGET: Final = """UPDATE runs INDEXED BY runs_live SET
    pool = coalesce(json_extract(options, '$.pool'), ?), priority = coalesce(json_extract(options, '$.priority'), ?),
    executor = coalesce(json_extract(options, '$.executor'), ?)
    WHERE task = ? AND task IS NOT NULL AND finished_at IS NULL AND stage <> 2"""
_CLAIMED_BY: Final = (
    f"SELECT {COLUMNS} FROM runs INDEXED BY runs_running WHERE stage = 2"
    f" AND coalesce(claimed_by, '{NOBODY}') = ? ORDER BY id"
)
_EXPIRY: Final = "expires_at IS NOT NULL AND finished_at IS NULL AND stage <> 2"
_EXPIRED: Final = f"""SELECT {COLUMNS} FROM runs INDEXED BY runs_expiry WHERE {_EXPIRY} AND expires_at <= ?
    AND attempt = 0 ORDER BY id"""
_NEXT_EXPIRY: Final = f"SELECT min(expires_at) FROM runs INDEXED BY runs_expiry WHERE {_EXPIRY} AND attempt = 0"
_POOL: Final = "SELECT count(*) FROM runs WHERE stage = 2 AND pool = ?"
_HOLD: Final = f"UPDATE runs SET stage = 3, held_by = ? {_FENCE}"
_UNHOLD: Final = """UPDATE runs SET stage = CASE WHEN ready_at <= ?1 THEN 1 ELSE 0 END, held_by = NULL WHERE id IN
    (SELECT id FROM runs INDEXED BY runs_held WHERE held_by = ?2 AND held_by IS NOT NULL
    ORDER BY priority DESC, ready_at, id LIMIT ?3)"""
_HELD: Final = """WITH RECURSIVE each(name) AS (
    SELECT min(held_by) FROM runs INDEXED BY runs_held WHERE held_by IS NOT NULL UNION ALL
    SELECT (SELECT min(held_by) FROM runs INDEXED BY runs_held WHERE held_by IS NOT NULL AND held_by > name) FROM each
    WHERE name IS NOT NULL) SELECT name FROM each WHERE name IS NOT NULL"""
_LAST_SCHEDULED: Final = f"""SELECT {COLUMNS} FROM runs WHERE scheduled = 1 AND task = ?
    ORDER BY era DESC, slot DESC LIMIT 1"""
_PUT_TASK: Final = "INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CUTOFF: Final = """SELECT id FROM runs WHERE task IS ? AND finished_at IS NOT NULL AND state IN ('succeeded', 'failed')
    ORDER BY id DESC LIMIT 1 OFFSET ?"""
_PRUNED: Final = """SELECT id, state FROM runs WHERE task IS ? AND finished_at IS NOT NULL
    AND (finished_at < ? OR id < ?) ORDER BY id LIMIT ?"""

_WORTH_SHARING: Final = 4
"""Moves from which a statement for all of them costs less than one for each."""


class SQLTransaction(SQLReading):
    """Implements `contract.Writing`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._ask = ask_on(connection)
        self._tally: Counter[str] = Counter()

    def flush(self) -> None:
        """Write what is only counted so far; called once, before the commit."""
        for state, more in self._tally.items():
            self._db.execute(
                "INSERT INTO ended VALUES (?1, ?2) ON CONFLICT (state) DO UPDATE SET n = n + ?2",
                (state, more),
            )

    def data_version(self) -> int:
        return int(self._ask("PRAGMA data_version")[0][0])

    # -- runs ---------------------------------------------------------------------------------------------------------

    def add(self, runs: Sequence[Run]) -> Sequence[Run]:
        """Neighbours that wait for nothing but their time share a statement, where none of them is there already."""
        added: list[Run] = []
        for is_new, alike in groupby(runs, _is_plainly_new):
            batch = list(alike)
            added += (is_new and self._add_together(batch)) or [self._add(run) for run in batch]
        return added

    def _add_together(self, batch: Sequence[Run]) -> Sequence[Run]:
        """All of them, or none, and nothing written."""
        if not self._each_took(_ADD_NEW, [row_of_new(run) for run in batch]):
            return ()
        first = int(self._ask("SELECT last_insert_rowid()")[0][0]) - len(batch) + 1
        return [run.but(id=first + index) for index, run in enumerate(batch)]

    def _add(self, run: Run) -> Run:
        if run.key is not None and run.state is State.PENDING and (rows := self._ask(_KEY, (run.key,))):
            return run_of(rows[0])
        is_new = _is_plainly_new(run)
        cursor = self._db.execute(*((_ADD_NEW, row_of_new(run)) if is_new else (_ADD, row_of(run))))
        if not cursor.rowcount:
            return self._there_already(run)
        if run.state in ENDED:
            self._tally[run.state.value] += 1
        return run.but(id=int(cursor.lastrowid or 0))

    def _there_already(self, run: Run) -> Run:
        rows = self._ask(_SLOT, (run.task, run.era, run.slot)) if run.scheduled else ()
        if not rows:
            raise StoreError(f"a run of {run.name} lacks what every run has; nothing was written")
        return run_of(rows[0])

    def lengthen(self, run_id: int, *, last_slot: Instant, count: int, at: Instant) -> None:
        self._db.execute(
            "UPDATE runs SET last_slot = ?, count = count + ?, finished_at = ? WHERE id = ? AND state = 'skipped'",
            (last_slot, count, at, run_id),
        )

    def last_scheduled(self, task: str) -> Run | None:
        return self._one(_LAST_SCHEDULED, (task,))

    def move(self, moves: Sequence[Move]) -> Sequence[bool]:
        """Neighbours of a kind share a statement; where one of them does not fit, each is tried alone."""
        fits: list[bool] = []
        for statement, alike in groupby(moves, _statement_of):
            batch = list(alike)
            fits += self._moved(statement, batch)
        return fits

    def _moved(self, statement: _Statement, batch: Sequence[Move]) -> Sequence[bool]:
        took = self._together(statement, batch) or [self._alone(statement, move) for move in batch]
        for move, fits in zip(batch, took, strict=True):
            if not fits:
                continue
            if move.now.state in ENDED:
                self._tally[move.now.state.value] += 1
            if move.record is not None or move.output:
                self._keep_history(move)
        return took

    def _together(self, statement: _Statement, batch: Sequence[Move]) -> Sequence[bool]:
        """All of them, or none, and nothing written."""
        if statement is _FIRST_CLAIM:
            whole = self._claimed_together(batch)
        else:
            whole = self._each_took(
                statement.sql, [(*statement.values(move.now), *statement.fence(move.was)) for move in batch]
            )
        return [True] * len(batch) if whole else ()

    def _claimed_together(self, batch: Sequence[Move]) -> bool:
        """As `_each_took`, of first claims: what they set is the same for all."""
        owners = {move.now.claimed_by for move in batch}
        if len(batch) < _WORTH_SHARING or len(owners) > 1:
            return False
        ids = str([move.was.id for move in batch])
        return self._whole(len(batch), lambda: self._db.execute(_CLAIM_ALL, (*owners, ids)).rowcount)

    def _alone(self, statement: _Statement, move: Move) -> bool:
        values = (*statement.values(move.now), *statement.fence(move.was))
        return self._db.execute(statement.sql, values).rowcount == 1

    def _keep_history(self, move: Move) -> None:
        record = move.record
        if record is not None:
            values = (record.started_at, record.finished_at, record.duration, fault_text(record.fault))
            cost = (record.cost.cpu_us, record.cost.rss_kb)
            self._db.execute(_RECORD, (record.run_id, record.attempt, record.outcome, *values, *cost))
        if move.output:
            self._db.execute(_OUTPUT, (move.was.id, move.was.attempt, *packed(move.output)))

    # -- the queue ----------------------------------------------------------------------------------------------------

    def promote(self, now: Instant) -> int:
        return self._db.execute(_PROMOTE, (now,)).rowcount

    def set_back(self, by: int, *, now: Instant) -> None:
        self._db.execute("UPDATE runs SET ready_at = ready_at - ? WHERE stage = 0 AND attempt > 0", (by,))
        self._db.execute(
            "UPDATE runs INDEXED BY runs_held SET ready_at = ready_at - ?1 WHERE held_by IS NOT NULL AND stage = 3"
            " AND (attempt > 0 OR ready_at <= ?1 + ?2)",
            (by, now),
        )

    def wait_anew(self, now: Instant) -> int:
        waiting = self._db.execute(f"UPDATE runs INDEXED BY runs_waiting {_WAIT_ANEW} AND stage = 0", (now,))
        held = f"UPDATE runs INDEXED BY runs_held {_WAIT_ANEW} AND held_by IS NOT NULL AND stage = 3"
        return waiting.rowcount + self._db.execute(held, (now,)).rowcount

    def strays(self, after: int, limit: int) -> tuple[Sequence[Run], int]:
        ((through, last),) = self._ask(_LOOKED_AT, (after, limit))
        found = self._ask(_STRAYS, (after, through)) if through is not None else ()
        return [stray(row[:-1], row[-1]) for row in found], last if through is None else through

    def next_ready_at(self) -> Instant | None:
        return self._value("SELECT min(ready_at) FROM runs WHERE stage = 0")

    def ready(self, limit: int, *, executor: str = "process") -> Sequence[Run]:
        rows = self._ask(_READY, (executor, limit))
        return [fresh_run_of(row) or run_of(self._ask(RUN, (row[0],))[0], State.PENDING) for row in rows]

    def active(self, tasks: Collection[str]) -> Mapping[str, int]:
        return self._counted(_ACTIVE, tasks)

    def active_runs(self, task: str) -> Sequence[Run]:
        return [run_of(row) for row in self._ask(_ACTIVE_RUNS, (task,))]

    def pending_of(self, task: str) -> Sequence[Run]:
        return [run_of(row, State.PENDING) for row in self._ask(_PENDING_OF, (task,))]

    def pool_active(self, pools: Collection[str]) -> Mapping[str, int]:
        found = {name: int(self._ask(_POOL, (name,))[0][0]) for name in pools}
        return {name: count for name, count in found.items() if count}

    def hold(self, runs: Sequence[Run]) -> None:
        for run in runs:
            self._db.execute(_HOLD, (run.held_by, run.id, run.state.value, run.attempt, run.claimed_by))

    def unhold(self, held_by: str, limit: int, *, now: Instant) -> int:
        return self._db.execute(_UNHOLD, (now, held_by, limit or -1)).rowcount

    def release(self, run_id: int) -> None:
        """Let one held run wait for nothing but its time."""
        self._db.execute("UPDATE runs SET stage = 0, held_by = NULL WHERE id = ? AND stage = 3", (run_id,))

    def held(self) -> Collection[str]:
        return {row[0] for row in self._ask(_HELD)}

    def queued_slots(self, tasks: Collection[str]) -> Mapping[str, int]:
        return self._counted(_QUEUED, tasks)

    def retarget(self, task: str, *, pool: str, priority: int, executor: str) -> None:
        self._db.execute(_RETARGET, (pool, priority, executor, task))

    def claimed_by(self, owner: str) -> Sequence[Run]:
        return [run_of(row, State.RUNNING) for row in self._ask(_CLAIMED_BY, (owner,))]

    def due_to_expire(self, now: Instant) -> Sequence[Run]:
        return [run_of(row, State.PENDING) for row in self._ask(_EXPIRED, (now,))]

    def next_expiry(self) -> Instant | None:
        return self._value(_NEXT_EXPIRY)

    # -- what else is kept --------------------------------------------------------------------------------------------

    def put_task_records(self, records: Sequence[TaskRecord]) -> None:
        self._db.executemany(_PUT_TASK, [row_of_record(record) for record in records])
        self._records_changed()

    def put_marks(self, marks: Sequence[tuple[str, Instant, int]]) -> None:
        rows = [(mark, era, name) for name, mark, era in marks]
        moved = self._db.executemany("UPDATE tasks SET mark = ?1 WHERE name = ?3 AND era = ?2", rows)
        if moved.rowcount < len(rows):
            self._db.executemany("UPDATE tasks SET mark = ?, era = ? WHERE name = ?", rows)
            self._records_changed()

    def put_broken(self, task: str, why: str) -> None:
        said = why.encode("utf-8", "replace").decode()  # a task's own words may be anything
        cursor = self._db.execute("UPDATE tasks SET broken = ?1 WHERE name = ?2 AND broken <> ?1", (said, task))
        if cursor.rowcount:
            self._records_changed()

    def _records_changed(self) -> None:
        self.put_meta(RECORDS_VERSION, os.urandom(8).hex())

    def put_owner(self, owner: Owner) -> None:
        values = (owner.id, owner.pid, owner.started_at, owner.host, owner.what)
        self._db.execute("INSERT OR REPLACE INTO owners VALUES (?, ?, ?, ?, ?)", values)

    def drop_owner(self, owner_id: str) -> None:
        self._db.execute("DELETE FROM owners WHERE id = ?", (owner_id,))
        self._db.execute("DELETE FROM requests WHERE addressee = ? AND addressee <> ''", (owner_id,))

    def put_meta(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def add_request(self, request: Request) -> int:
        cursor = self._db.execute(
            "INSERT INTO requests (kind, addressee, arguments, at) VALUES (?, ?, ?, ?)",
            (request.kind, request.to, dumps(dict(request.arguments)), request.at),
        )
        return int(cursor.lastrowid or 0)

    def take_requests(self, to: Collection[str]) -> Sequence[Request]:
        found = []
        for addressee in to:
            sql = "SELECT id, kind, addressee, arguments, at FROM requests WHERE addressee = ?"
            found += self._ask(sql, (addressee,))
        self._db.executemany("DELETE FROM requests WHERE id = ?", [(row[0],) for row in found])
        return [request for row in sorted(found) if (request := request_of(row)) is not None]

    def prune(self, *, task: str, keep: int, before: Instant, limit: int) -> int:
        name = task or None
        cutoff = self._ask(_CUTOFF, (name, max(keep - 1, 0)))
        oldest_kept = cutoff[0][0] + (keep == 0) if cutoff else 0
        rows = self._ask(_PRUNED, (name, before, oldest_kept, limit))
        ids = [(row[0],) for row in rows]
        for table, column in (("runs", "id"), ("attempts", "run_id"), ("outputs", "run_id")):
            self._db.executemany(f"DELETE FROM {table} WHERE {column} = ?", ids)
        self._tally.subtract(row[1] for row in rows)
        return len(rows)

    # -- small change -------------------------------------------------------------------------------------------------

    def _each_took(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> bool:
        """Whether the statement changed a row for each of these; where it did not, or they are too few to be worth it,
        nothing is written."""
        if len(rows) < _WORTH_SHARING:
            return False
        return self._whole(len(rows), lambda: self._db.executemany(sql, rows).rowcount)

    def _whole(self, count: int, change: Callable[[], int]) -> bool:
        """Whether so many rows were changed; else none is."""
        self._db.execute("SAVEPOINT each")
        whole = change() == count
        if not whole:
            self._db.execute("ROLLBACK TO each")
        self._db.execute("RELEASE each")
        return whole

    def _one(self, sql: str, values: Sequence[Any]) -> Run | None:
        rows = self._ask(sql, values)
        return run_of(rows[0]) if rows else None

    def _value(self, sql: str) -> int | None:
        found = self._ask(sql)[0][0]
        return found if type(found) is int else None

    def _counted(self, sql: str, names: Collection[str]) -> Mapping[str, int]:
        return dict(self._ask(sql, (dumps(list(names)),))) if names else {}


def _fence(was: Run) -> tuple[Any, ...]:
    return (was.id, was.state.value, was.attempt, was.claimed_by)


@dataclass(frozen=True, slots=True)
class _Statement:
    """The SQL of one kind of move, and what it sets of the run that is moved."""

    sql: str
    values: Callable[[Run], tuple[Any, ...]]
    fence: Callable[[Run], tuple[Any, ...]] = _fence


def _is_plainly_new(run: Run) -> bool:
    """Most of its columns are as they are at first."""
    return run.state is State.PENDING and not run.attempt and run.key is None and run.held_by is None


def _statement_of(move: Move) -> _Statement:
    was, now = move.was, move.now
    if now.state is State.RUNNING:
        if was.state is State.RUNNING:
            return _BEGINNING
        return _FIRST_CLAIM if was.attempt == 0 and was.reason is None and was.held_by is None else _LATER_CLAIM
    if now.state is State.SUCCEEDED and was.reason is None:
        return _SUCCESS
    return _WHOLE if was.damaged else _ANY


def _claimed(run: Run) -> tuple[Any, ...]:
    return (run.attempt, run.claimed_by)


def _succeeded(run: Run) -> tuple[Any, ...]:
    result = None if run.result is None else dumps(run.result)
    cost = run.cost
    return (run.started_at, run.finished_at, run.duration, result, run.result_note, cost.cpu_us, cost.rss_kb)


def _all_of(run: Run) -> tuple[Any, ...]:
    return (
        run.state.value,
        stage_of(run),
        None if run.reason is None else run.reason.value,
        run.ready_at,
        run.started_at,
        run.finished_at,
        run.duration,
        run.attempt,
        run.losses,
        run.deaths,
        run.claimed_by,
        run.held_by,
        run.live,
        None if run.result is None else dumps(run.result),
        run.result_note,
        fault_text(run.fault),
        run.cost.cpu_us,
        run.cost.rss_kb,
    )


_FIRST_CLAIM: Final = _Statement(_CLAIM, _claimed)
_LATER_CLAIM: Final = _Statement(_CLAIM_AGAIN, _claimed)
_BEGINNING: Final = _Statement(_BEGIN, lambda run: (run.started_at, run.live))
_SUCCESS: Final = _Statement(_SUCCEED, _succeeded)
_ANY: Final = _Statement(_MOVE, _all_of)
_WHOLE: Final = _Statement(_REWRITE, row_of, lambda was: (was.id,))
