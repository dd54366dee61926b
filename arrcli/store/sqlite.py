"""The store that outlives its process: one SQLite database in WAL mode, every commit synchronised to the disk."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from arrcli.errors import NotFoundError, StoreError, StoreFullError, StoreLostError
from arrcli.model.instant import Instant
from arrcli.model.run import Run
from arrcli.store.gate import Gate
from arrcli.store.numbers import NumbersError, freed
from arrcli.store.opening import to_read, to_write
from arrcli.store.reading import SQLReading, rows_of
from arrcli.store.refusals import full, refuse_log_alone, says_full, translated
from arrcli.store.reserve import AHEAD, LEAST, Reserve, is_full
from arrcli.store.schema import VERSION, migrate, older, version
from arrcli.store.transaction import SQLTransaction

PATIENCE_S: Final = 10.0
CHECKPOINT_OVER: Final = 8 << 20
"""Bytes of write-ahead log from which the planner checkpoints."""
LEFT_ALONE: Final = 8 * CHECKPOINT_OVER
"""Bytes of it from which others do, for then no planner is there."""
_BETWEEN_LOOKS: Final = 64
"""Commits of what was added between two looks at the log."""
_SMALLEST: Final = 512
"""Bytes of a database that has a page."""
_IMPATIENT_MS: Final = 20
_CARRIED: Final[list[sqlite3.Connection]] = []
"""Connections that came over a fork: neither used nor closed, for a close here would disturb the parent's files."""


class SQLiteStore(SQLReading):
    """Implements `contract.Store` on a file.

    `create=False`: NotFoundError where there is none. `read_only`: never creates or changes anything. `privileged`:
    the daemon's, which passes the `gate` (default: `PATH.gate`) first; a file of reserve lies beside the gate.
    `upgrade=False`: a store of an older version is refused, for a daemon of that version may still work on it. One
    connection writes, under a lock; each thread reads on one of its own; none is used in a forked child.
    """

    durable = True
    polled = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        create: bool = True,
        read_only: bool = False,
        privileged: bool = False,
        patience: float = PATIENCE_S,
        gate: Path | None = None,
        upgrade: bool = True,
    ) -> None:
        self.path = Path(path)
        self._name, self._folder = str(self.path), str(self.path.parent)
        self.read_only = read_only
        self._patience = patience
        self._lock = threading.RLock()
        self._local = threading.local()
        self._waiting: list[_Batch] = []
        self._waiting_lock = threading.Lock()
        self._open: list[tuple[threading.Thread, sqlite3.Connection]] = []
        set_aside = Path(f"{self.path}.reserve") if gate is None else gate.with_name("reserve")
        self._reserve = Reserve(self.path, set_aside)
        self._gate: Gate | None = None
        self._closed = False
        self._commits = 0
        self._pid = os.getpid()
        self._check_file(create=create and not read_only)
        self._inode, self._log_inode, self._written_at = self.path.stat().st_ino, 0, 0
        try:
            if self.read_only:
                self._look()
            else:
                where = str(gate if gate is not None else f"{self.path}.gate")
                self._gate = Gate(where, privileged=privileged, patience=self._patience)
                self._begin(self._gate, privileged=privileged, upgrade=upgrade)
        except BaseException:
            self.close()
            raise

    def _look(self) -> None:
        where = str(self.path)
        with translated(where):
            found = version(self._read_on(), where)
        if found == 0:
            raise NotFoundError(f"there is no store at {where} yet: the file is empty; arr run makes one")
        if found != VERSION:
            raise older(where)

    def _begin(self, gate: Gate, *, privileged: bool, upgrade: bool) -> None:
        try:
            self._set_up(gate, upgrade=upgrade)
        except StoreFullError:
            set_aside = self._reserve.given_up() if privileged else 0
            if not set_aside:
                raise
            self._set_up(gate, upgrade=upgrade)
            with self._impatient(), self._log_to_itself():
                self._reserve.lengthen_log(set_aside - LEAST)

    def _set_up(self, gate: Gate, *, upgrade: bool) -> None:
        where = str(self.path)
        with translated(where), gate.passed():
            self._writer = self._connect()
            self._open.append((threading.main_thread(), self._writer))
            found = version(self._writer, where)  # refuses another program's before anything in it changes
            if 0 < found < VERSION and not upgrade:
                raise older(where)
            self._writer.execute("PRAGMA journal_mode = WAL")
            migrate(self._writer, where)
            with contextlib.suppress(FileNotFoundError):
                self._log_inode = os.lstat(f"{self.path}-wal").st_ino

    # -- opening ------------------------------------------------------------------------------------------------------

    def _check_file(self, *, create: bool) -> None:
        refuse_log_alone(self.path)
        try:
            mode = os.lstat(self.path).st_mode
        except FileNotFoundError:
            if not create:
                raise NotFoundError(f"there is no store at {self.path}; arr run makes one") from None
            self._make()
            return
        except OSError as error:
            raise StoreError(f"{self.path} cannot be opened: {error.strerror}") from error
        if stat.S_ISLNK(mode):
            raise StoreError(f"{self.path} is a link; arr does not follow links to its store: remove it")
        if not stat.S_ISREG(mode):
            raise StoreError(f"{self.path} is in the place of the store and is no file; move it away")
        for beside in (Path(f"{self.path}-wal"), Path(f"{self.path}-shm")):
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISREG(os.lstat(beside).st_mode):
                    raise StoreError(
                        f"{beside} is in the place of the store's own and is no regular file; move it away"
                    )

    def _make(self) -> None:
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            handle = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be made: {error.strerror}") from error
        os.fchmod(handle, 0o600)
        os.close(handle)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            to_read(self.path) if self.read_only else to_write(self.path),
            uri=True,
            timeout=self._patience,
            isolation_level=None,
            cached_statements=256,
            check_same_thread=False,
        )
        if not self.read_only:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
        return connection

    def _read_on(self) -> sqlite3.Connection:
        """This thread's connection for reading."""
        self._same_process()
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            self._close_of_ended_threads()
            found = self._local.connection = self._connect()
            self._open.append((threading.current_thread(), found))
        return found

    def _close_of_ended_threads(self) -> None:
        with self._waiting_lock:
            ended = [entry for entry in self._open if not entry[0].is_alive()]
            self._open = [entry for entry in self._open if entry not in ended]
        for _, connection in ended:
            connection.close()

    def _same_process(self) -> None:
        if self._closed:
            raise StoreError(f"the store {self.path} was closed; open it anew")
        if os.getpid() != self._pid:
            raise StoreError("a store was carried into a forked child; open it anew there")

    def _ask(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with translated(self._name):
            return rows_of(self._read_on(), sql, values)

    def wait_at_most(self, seconds: float) -> None:
        """From now on wait no longer for another process's write lock: who turns a crank has timeouts to mind."""
        self._patience = seconds
        if self._gate is not None:
            self._gate.patience = seconds
            self._writer.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    # -- writing ------------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[SQLTransaction]:
        """One transaction; StoreBusyError when another process keeps the write lock too long."""
        self._same_process()
        if self.read_only or self._gate is None:
            raise StoreError(f"{self.path} was opened for reading only")
        with self._lock, self._gate.passed(), translated(self._name):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                transaction = SQLTransaction(self._writer)
                yield transaction
                transaction.flush()
                self._writer.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):
                    self._writer.execute("ROLLBACK")
                if says_full(error) and freed(self._writer):  # SQLite's word for numbers too
                    raise NumbersError(f"{self.path}: runs had no numbers left, and have now; try again") from error
                raise

    def append(self, runs: Sequence[Run]) -> Sequence[Run]:
        """Add runs, durably; callers in several threads share one commit. StoreFullError where the disk is full,
        though there may be room for what ends."""
        if is_full(self._folder):
            raise full(self._name)
        batch = _Batch(runs)
        with self._waiting_lock:
            self._waiting.append(batch)
        with self._lock:
            if not batch.done:
                self._commit_waiting()
        if batch.error is not None:
            raise batch.error
        return batch.added

    def _commit_waiting(self) -> None:
        with self._waiting_lock:
            batches, self._waiting = self._waiting, []
        try:
            try:
                self._add(batches)
            except NumbersError:
                self._add(batches)
        except Exception as error:
            self._one_by_one(batches, error)
        except BaseException:
            for batch in batches:
                batch.error, batch.done = StoreError(f"{self.path}: the write was interrupted; try again"), True
            raise
        for batch in batches:
            batch.done = True
        self._commits += 1
        if self._commits % _BETWEEN_LOOKS == 0:
            self._look_at_log()

    def _look_at_log(self) -> None:
        """Where a daemon is, it keeps room ahead in the log, and the log short. Where none is, who adds many runs one
        by one does: to write over what is there takes a disk a fraction of the time that a file takes to grow.
        """
        self.checkpoint(over=LEFT_ALONE)
        if self._reserve.wants():
            with self._impatient(), self._log_to_itself():
                self._reserve.lengthen_log(2 * AHEAD)

    def _add(self, batches: Sequence[_Batch]) -> None:
        with self.writing() as w:
            for batch in batches:
                batch.added = w.add(batch.runs)

    def _one_by_one(self, batches: Sequence[_Batch], error: Exception) -> None:
        """A commit that several shared was not made: what one caller did wrong is not to be the others' loss."""
        for batch in batches:
            batch.added, batch.error = (), error
            if len(batches) > 1 and not isinstance(error, StoreError):
                try:
                    with self.writing() as w:
                        batch.added, batch.error = w.add(batch.runs), None
                except Exception as own:
                    batch.error = own

    def data_version(self) -> int:
        """Asked of the writing connection, so that our own commits do not count."""
        self._same_process()
        with self._lock, translated(self._name):
            connection = self._read_on() if self.read_only else self._writer
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def commits(self) -> int:
        """Asked of this thread's reading connection, which nobody writes on."""
        return int(self._ask("PRAGMA data_version")[0][0])

    # -- keeping ------------------------------------------------------------------------------------------------------

    def checkpoint(self, *, over: int = CHECKPOINT_OVER) -> None:
        """Move the write-ahead log into the database where much is in it; only the planner does. Waits for nobody.

        Beside a writer SQLite would move what it can without the write lock, which before 3.51.3 can damage the log: so
        it is done while nobody is inside the gate, or not now.
        """
        used = self._reserve.used()
        if self._gate is None or used <= over:
            return
        mode = "TRUNCATE" if used > LEFT_ALONE else "RESTART"  # then the file stays, to be written over
        with self._lock, self._gate.alone(_IMPATIENT_MS / 1000) as alone, self._impatient():
            if alone:
                was_held_up, *_ = self._writer.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
                if not was_held_up:
                    self._reserve.moved()
                with contextlib.suppress(OSError):
                    self._written_at = self.path.stat().st_mtime_ns

    def has_room(self) -> bool:
        """Whether the disk has room for new work; room for what ends is set aside where it can be."""
        if is_full(self._folder):
            return False
        if not self._reserve.wants():
            return self._reserve.kept()
        with self._impatient(), self._log_to_itself():
            return self._reserve.kept()
        return True  # somebody writes: the next look will tell

    def spend_reserve(self) -> None:
        """The disk is full, and what was set aside in the log is used: give up the rest."""
        with self._impatient(), self._log_to_itself():
            self._reserve.lengthen_log(self._reserve.given_up())

    @contextmanager
    def _impatient(self) -> Iterator[None]:
        """Where another process has the write lock, what is done here is left for the next time; what else there is to
        say of the store the next transaction says."""
        with self._lock, contextlib.suppress(sqlite3.DatabaseError):
            self._writer.execute(f"PRAGMA busy_timeout = {_IMPATIENT_MS}")
            try:
                yield
            finally:
                self._writer.execute(f"PRAGMA busy_timeout = {int(self._patience * 1000)}")

    @contextmanager
    def _log_to_itself(self) -> Iterator[None]:
        """Nobody writes to the write-ahead log while its file is changed."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            self._writer.execute("ROLLBACK")

    def pull(self, now: Instant, limit: int) -> int:
        """There is no queue behind it."""
        return 0

    def verify(self) -> None:
        """StoreLostError when the database, or its log, is no longer the one at its path, or emptied: what is written
        would be lost silently. Pages that others wrote over are not served from memory any longer."""
        try:
            there, log = os.lstat(self.path), os.lstat(f"{self.path}-wal").st_ino
        except OSError:
            raise self._lost() from None
        if there.st_ino != self._inode or there.st_size < _SMALLEST or log != (self._log_inode or log):
            raise self._lost()
        if there.st_mtime_ns != self._written_at:  # not by a checkpoint of ours
            self._written_at = there.st_mtime_ns
            with self._lock:
                self._writer.execute("PRAGMA shrink_memory")

    def _lost(self) -> StoreLostError:
        return StoreLostError(
            f"the store {self.path} was deleted or replaced while in use: put it back, or start arr again"
        )

    def close(self) -> None:
        """Close every connection; idempotent."""
        if os.getpid() == self._pid:
            for _, connection in self._open:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
        else:
            _CARRIED.extend(connection for _, connection in self._open)
        self._open.clear()
        self._closed = True
        if self._gate is not None:
            self._gate.close()


class _Batch:
    __slots__ = ("added", "done", "error", "runs")

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        self.added: Sequence[Run] = ()
        self.error: Exception | None = None
        self.done = False
