"""The questions, asked of one SQLite connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, overload

from arrcli.model.instant import Instant
from arrcli.model.run import AttemptRecord, Run, State, TaskRecord
from arrcli.store.rows import COLUMNS, attempt_of, last_attempt, record_of, run_of, unpacked
from arrcli.store.soonest import soonest
from arrcli.store.values import Owner, RunQuery

RUN: Final = f"SELECT {COLUMNS} FROM runs WHERE id = ?"
_RUNNING: Final = f"SELECT {COLUMNS} FROM runs INDEXED BY runs_running WHERE stage = 2 ORDER BY id"
_BEGUN: Final = f"""SELECT {COLUMNS} FROM runs INDEXED BY runs_running WHERE stage = 2 AND started_at IS NOT NULL
    ORDER BY started_at, id"""
_RECENT: Final = f"""SELECT {COLUMNS} FROM runs INDEXED BY runs_ended WHERE finished_at IS NOT NULL
    ORDER BY finished_at DESC, id DESC LIMIT ?"""
_HOW_MANY: Final = """SELECT (SELECT count(*) FROM (SELECT 1 FROM runs INDEXED BY runs_ready WHERE stage = 1 LIMIT ?1))
    + (SELECT count(*) FROM (SELECT 1 FROM runs INDEXED BY runs_held WHERE held_by IS NOT NULL LIMIT ?1))"""
_LAST: Final = f"""SELECT {COLUMNS} FROM runs INDEXED BY runs_history WHERE task = ?
    AND finished_at IS NOT NULL AND state IN ('succeeded', 'failed') ORDER BY id DESC LIMIT ?"""
_ATTEMPTS: Final = """SELECT run_id, attempt, outcome, started_at, finished_at, duration, fault, cpu_us, rss_kb
    FROM attempts WHERE run_id = ? ORDER BY attempt"""
_OUTPUT: Final = """SELECT packed, bytes FROM outputs WHERE run_id = ?1 AND (?2 IS NULL OR attempt = ?2)
    ORDER BY attempt DESC LIMIT 1"""
_TASKS: Final = """SELECT name, mark, era, anchor, digest, first_seen, paused, pause_until, pause_note, broken, removed,
    at_times FROM tasks"""
_ENDED_SINCE: Final = """SELECT DISTINCT task FROM runs INDEXED BY runs_ended
    WHERE finished_at IS NOT NULL AND finished_at >= ? AND task IS NOT NULL"""
_WAIT_COUNT: Final = """SELECT (SELECT count(*) FROM runs WHERE stage = 0) + (SELECT count(*) FROM runs WHERE stage = 1)
    + (SELECT count(*) FROM runs WHERE held_by IS NOT NULL)
    + (SELECT count(*) FROM runs WHERE stage = 2 AND started_at IS NULL),
    (SELECT count(*) FROM runs WHERE stage = 2 AND started_at IS NOT NULL)"""
_OF_NAME: Final = """id IN (
    SELECT id FROM runs INDEXED BY runs_history WHERE task = ?1 AND finished_at IS NOT NULL UNION ALL
    SELECT id FROM runs INDEXED BY runs_live WHERE task = ?1 AND task IS NOT NULL AND finished_at IS NULL UNION ALL
    SELECT id FROM runs INDEXED BY runs_history WHERE task IS NULL AND finished_at IS NOT NULL AND func = ?1 UNION ALL
    SELECT id FROM runs INDEXED BY runs_waiting WHERE stage = 0 AND task IS NULL AND func = ?1 UNION ALL
    SELECT id FROM runs INDEXED BY runs_ready WHERE stage = 1 AND task IS NULL AND func = ?1 UNION ALL
    SELECT id FROM runs INDEXED BY runs_running WHERE stage = 2 AND task IS NULL AND func = ?1 UNION ALL
    SELECT id FROM runs INDEXED BY runs_held WHERE held_by IS NOT NULL AND task IS NULL AND func = ?1)"""
NOBODY: Final = "nobody"
_OWNERS: Final = f"""SELECT id, pid, started_at, host, what FROM owners UNION ALL
    SELECT DISTINCT coalesce(claimed_by, '{NOBODY}'), 0, 0, '', '' FROM runs INDEXED BY runs_running
    WHERE stage = 2 AND coalesce(claimed_by, '') NOT IN (SELECT id FROM owners) ORDER BY started_at, id"""
"""Those too who hold claims and are not known: other hands wrote them, and no process lives that would end them."""
_FOREVER: Final = 1 << 62


class Read(Sequence[Run]):
    """The runs of these rows, each made when it is first looked at: of a list most are never seen."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows
        self._made: dict[int, Run] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Run]: ...
    def __getitem__(self, index: int | slice) -> Run | Sequence[Run]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        row = self._rows[index]
        found = self._made.get(index)
        if found is None:
            found = self._made[index] = run_of(row)
        return found


class SQLReading:
    """Implements `contract.Reading`. `_ask` runs one statement and gives all its rows."""

    _ask: Callable[..., list[Any]]

    def run(self, run_id: int) -> Run | None:
        if not -(1 << 63) <= run_id < 1 << 63:
            return None
        rows = self._ask(RUN, (run_id,))
        return run_of(rows[0]) if rows else None

    def runs(self, query: RunQuery) -> Sequence[Run]:
        where, values = _conditions(query)
        order = "ASC" if query.oldest_first else "DESC"
        sql = f"SELECT {COLUMNS} FROM runs WHERE {where} ORDER BY id {order} LIMIT ?"
        return [run_of(row) for row in self._ask(sql, (*values, query.limit or -1))]

    def pending(self, *, until: Instant | None = None, limit: int = 0) -> Sequence[Run]:
        return [run_of(row) for row in soonest(self._ask, _FOREVER if until is None else until, limit)]

    def running(self) -> Sequence[Run]:
        return [run_of(row) for row in self._ask(_RUNNING)]

    def begun(self) -> Sequence[Run]:
        return [run_of(row) for row in self._ask(_BEGUN)]

    def recent(self, limit: int) -> Sequence[Run]:
        return Read(self._ask(_RECENT, (limit,)))

    def waiting(self, most: int) -> int:
        return int(self._ask(_HOW_MANY, (most,))[0][0])

    def last_runs(self, tasks: Collection[str], limit: int = 1) -> Mapping[str, Sequence[Run]]:
        found = {name: [run_of(row) for row in self._ask(_LAST, (name, limit))] for name in tasks}
        return {name: runs for name, runs in found.items() if runs}

    def attempts(self, run_id: int) -> Sequence[AttemptRecord]:
        earlier = [attempt_of(row) for row in self._ask(_ATTEMPTS, (run_id,))]
        run = self.run(run_id)
        last = None if run is None else last_attempt(run)
        return earlier if last is None else [*earlier, last]

    def output(self, run_id: int, attempt: int | None = None) -> bytes:
        rows = self._ask(_OUTPUT, (run_id, attempt))
        return unpacked(*rows[0]) if rows else b""

    def task_records(self, names: Collection[str] | None = None) -> Mapping[str, TaskRecord]:
        if names is None:
            rows = self._ask(f"{_TASKS} ORDER BY name")
        else:
            rows = [row for name in names for row in self._ask(f"{_TASKS} WHERE name = ?", (name,))]
        found = {row[0]: record_of(row) for row in rows}
        return {name: record for name, record in found.items() if record is not None}

    def ended_since(self, at: Instant) -> Collection[str]:
        return {row[0] for row in self._ask(_ENDED_SINCE, (at,))}

    def counts(self) -> Mapping[State, int]:
        ((pending, running),) = self._ask(_WAIT_COUNT)
        ended = dict(self._ask("SELECT state, CAST(n AS INTEGER) FROM ended"))
        counted = {**ended, State.PENDING.value: pending, State.RUNNING.value: running}
        return {state: int(counted.get(state.value, 0)) for state in State}

    def owners(self) -> Sequence[Owner]:
        rows = self._ask(_OWNERS)
        return [Owner(id=row[0], pid=row[1], started_at=row[2], host=row[3], what=row[4]) for row in rows]

    def meta(self, key: str) -> str | None:
        rows = self._ask("SELECT value FROM meta WHERE key = ?", (key,))
        return rows[0][0] if rows else None


def _conditions(query: RunQuery) -> tuple[str, list[Any]]:
    """The WHERE of a query, made of constant texts only, and its values."""
    where = ["1"]
    values: list[Any] = []

    def add(text: str, *given: Any) -> None:
        where.append(text)
        values.extend(given)

    if query.task is not None:
        glob = any(mark in query.task for mark in "*?")
        add("coalesce(task, func) GLOB ?" if glob else _OF_NAME, query.task)  # the first value: ?1 in _OF_NAME
    if query.states:
        states = [state.value for state in query.states]
        shown = "CASE WHEN state = 'running' AND started_at IS NULL THEN 'pending' ELSE state END"
        add(f"{shown} IN ({_marks(states)})", *states)
    for column, chosen in (("reason", query.reasons), ("origin", query.origins)):
        if chosen:
            add(f"{column} IN ({_marks(chosen)})", *(value.value for value in chosen))
    if query.since is not None:
        add("due_at >= ?", query.since)
    if query.until is not None:
        add("due_at < ?", query.until)
    if query.key is not None:
        add("key = ?", query.key)
    return " AND ".join(where), values


def _marks(values: Collection[Any]) -> str:
    return ", ".join("?" * len(values))


def ask_on(connection: sqlite3.Connection) -> Callable[..., list[Any]]:
    """`_ask` of one connection."""

    def ask(sql: str, values: Sequence[Any] = ()) -> list[Any]:
        return rows_of(connection, sql, values)

    return ask


def rows_of(connection: sqlite3.Connection, sql: str, values: Sequence[Any]) -> list[Any]:
    """All rows of a statement; text in them that is no UTF-8 (other hands wrote it) is read all the same."""
    try:
        return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
        connection.text_factory = _leniently
        return connection.execute(sql, values).fetchall()


def _leniently(said: bytes) -> str:
    return said.decode("utf-8", "replace")
