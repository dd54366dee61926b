"""The store that lives as long as its program: the same tables in memory, behind one connection and a lock."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from arrcli.errors import StoreError
from arrcli.model.instant import Instant
from arrcli.model.run import Run
from arrcli.store.reading import SQLReading
from arrcli.store.schema import migrate
from arrcli.store.transaction import SQLTransaction


class MemoryStore(SQLReading):
    """Implements `contract.Store`; what it keeps goes with it."""

    durable = False
    polled = False

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(":memory:", isolation_level=None, cached_statements=256, check_same_thread=False)
        migrate(self._db, "memory")
        self._closed = False
        self._pid = os.getpid()

    def _ask(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        self._usable()
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _usable(self) -> None:
        if os.getpid() != self._pid:
            raise StoreError("a memory store was carried into a forked child, where nothing runs what is added to it")
        if self._closed:
            raise StoreError("the memory store was closed; what it kept is gone")

    @contextmanager
    def writing(self) -> Iterator[SQLTransaction]:
        """One transaction."""
        self._usable()
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                transaction = SQLTransaction(self._db)
                yield transaction
                transaction.flush()
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def append(self, runs: Sequence[Run]) -> Sequence[Run]:
        """Add runs."""
        with self.writing() as w:
            return w.add(runs)

    def data_version(self) -> int:
        """Always the same: no other process can write here."""
        return 0

    def commits(self) -> int:
        """As many as rows were changed."""
        self._usable()
        return self._db.total_changes

    def has_room(self) -> bool:
        """It takes no room on a disk."""
        return True

    def spend_reserve(self) -> None:
        """There is none."""

    def pull(self, now: Instant, limit: int) -> int:
        """There is no queue behind it."""
        return 0

    def verify(self) -> None:
        """Nothing can happen to it from outside."""

    def checkpoint(self) -> None:
        """It has no files."""

    def close(self) -> None:
        """Forget everything; idempotent."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._db.close()
