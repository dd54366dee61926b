"""The tables, and how an older store becomes a newer one. SQL stands here and in the rooms beside, nowhere else.

`stage` keeps what waits for its time out of the index of what is ready: 0 waiting, 1 ready, 2 running, 3 held, 4 ended.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from arrcli.errors import StoreError

WAITING, READY, RUNNING, HELD, ENDED = range(5)

APPLICATION_ID: Final = 0x61727231
VERSION: Final = 2

_FIRST: Final = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task TEXT, func TEXT NOT NULL, args TEXT, kwargs TEXT,
    origin TEXT NOT NULL, scheduled INTEGER NOT NULL, state TEXT NOT NULL, stage INTEGER NOT NULL, reason TEXT,
    slot INTEGER, last_slot INTEGER, count INTEGER NOT NULL, era INTEGER NOT NULL,
    due_at INTEGER NOT NULL, ready_at INTEGER NOT NULL, enqueued_at INTEGER NOT NULL,
    started_at INTEGER, finished_at INTEGER, duration INTEGER,
    attempt INTEGER NOT NULL, losses INTEGER NOT NULL, deaths INTEGER NOT NULL,
    executor TEXT NOT NULL, pool TEXT NOT NULL, priority INTEGER NOT NULL,
    key TEXT, retry_of INTEGER, expires_at INTEGER, options TEXT,
    claimed_by TEXT, held_by TEXT, live TEXT,
    result TEXT, result_note TEXT, fault TEXT, cpu_us INTEGER, rss_kb INTEGER
);
CREATE UNIQUE INDEX runs_slot ON runs (task, era, slot) WHERE scheduled = 1;
CREATE INDEX runs_key ON runs (key) WHERE key IS NOT NULL AND stage IN (0, 1, 3);
CREATE INDEX runs_waiting ON runs (ready_at) WHERE stage = 0;
CREATE INDEX runs_ready ON runs (executor, priority DESC, ready_at, id) WHERE stage = 1;
CREATE INDEX runs_running ON runs (claimed_by) WHERE stage = 2;
CREATE INDEX runs_held ON runs (held_by, priority DESC, ready_at, id) WHERE stage = 3;
CREATE INDEX runs_live ON runs (task) WHERE stage IN (0, 1, 2, 3) AND task IS NOT NULL;
CREATE INDEX runs_expiry ON runs (expires_at) WHERE expires_at IS NOT NULL AND stage IN (0, 1, 3);
CREATE INDEX runs_history ON runs (task, id) WHERE stage = 4;
CREATE INDEX runs_ended ON runs (finished_at) WHERE stage = 4;
CREATE TABLE attempts (
    run_id INTEGER NOT NULL, attempt INTEGER NOT NULL, outcome TEXT NOT NULL,
    started_at INTEGER, finished_at INTEGER, duration INTEGER, fault TEXT, cpu_us INTEGER, rss_kb INTEGER,
    PRIMARY KEY (run_id, attempt)
) WITHOUT ROWID;
CREATE TABLE outputs (
    run_id INTEGER NOT NULL, attempt INTEGER NOT NULL, packed INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (run_id, attempt)
);
CREATE TABLE tasks (
    name TEXT PRIMARY KEY, mark INTEGER NOT NULL, era INTEGER NOT NULL, anchor INTEGER NOT NULL, digest TEXT NOT NULL,
    first_seen INTEGER NOT NULL, paused INTEGER NOT NULL, pause_until INTEGER, pause_note TEXT NOT NULL,
    broken TEXT NOT NULL, removed INTEGER NOT NULL, at_times TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE owners (
    id TEXT PRIMARY KEY, pid INTEGER NOT NULL, started_at INTEGER NOT NULL, host TEXT NOT NULL, what TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, addressee TEXT NOT NULL, arguments TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE ended (state TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
"""

_SECOND: Final = """
DROP INDEX runs_key;
DROP INDEX runs_live;
DROP INDEX runs_expiry;
DROP INDEX runs_held;
DROP INDEX runs_history;
DROP INDEX runs_ended;
CREATE INDEX runs_key ON runs (key) WHERE key IS NOT NULL AND finished_at IS NULL;
CREATE INDEX runs_live ON runs (task) WHERE task IS NOT NULL AND finished_at IS NULL;
CREATE INDEX runs_expiry ON runs (expires_at) WHERE expires_at IS NOT NULL AND finished_at IS NULL;
CREATE INDEX runs_held ON runs (held_by, priority DESC, ready_at, id) WHERE held_by IS NOT NULL;
CREATE INDEX runs_history ON runs (task, id) WHERE finished_at IS NOT NULL;
CREATE INDEX runs_ended ON runs (finished_at) WHERE finished_at IS NOT NULL;
"""
"""An index is written anew at each change of a column that its condition names: a claim changes the stage, and no
longer those that have nothing to do with it."""

MIGRATIONS: Final = (_FIRST, _SECOND)
"""One script a version, in order; each runs whole in a transaction of its own, or not at all."""


def version(connection: sqlite3.Connection, where: str) -> int:
    """The store's version, 0 for an empty database; StoreError where it is newer than this arr, or not arr's at all."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if (found or tables) and connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"{where} is a database of another program; name another place for arr's store")
    if found > VERSION:
        raise StoreError(
            f"{where} was made by a newer arr (store version {found}, this one knows {VERSION}); upgrade arrcli"
        )
    return found


def older(where: str) -> StoreError:
    """What is said of a store that cannot be brought up to this version now."""
    return StoreError(
        f"{where} was made by an older arr; the next arr run brings it up to date (stop a daemon that still runs first)"
    )


def migrate(connection: sqlite3.Connection, where: str) -> None:
    """Bring the store up to this version; StoreError as `version`."""
    if version(connection, where) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = version(connection, where)  # another process may have been first
        for script in MIGRATIONS[found:]:
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")
        raise
