"""How a forked child reaches its parent's durable store: by a process of its own.

SQLite must not be used on both sides of a fork: what it notes of its locks is copied with the memory, while the locks
are not, so that a child waits for ever for one that its parent held, or writes without one. A process that was executed
anew knows nothing of that. It is started when it is first needed, and ends with the child that asks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from arrcli.errors import StoreError
from arrcli.model.run import Run
from arrcli.store.damage import KINDS
from arrcli.store.rows import row_of, run_of

_SERVE: Final = "import sys; sys.path.append(sys.argv[1]); from arrcli.forked import serve; serve(sys.argv[2])"


class ForkedStore:
    """What a forked child can do with the store at `database`: add runs, read one, cancel some."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._pid = 0
        self._process: subprocess.Popen[bytes] | None = None

    def append(self, runs: Sequence[Run]) -> Sequence[Run]:
        """Add runs, durably, in one transaction."""
        return [_run(values) for values in self._asked("append", [_values(run) for run in runs])]

    def run(self, run_id: int) -> Run | None:
        """The run as it is now."""
        found = self._asked("run", run_id)
        return None if found is None else _run(found)

    def cancel(self, run_ids: Sequence[int], now: int, *, force: bool = False) -> Sequence[Run]:
        """As `engine.asks.cancel`."""
        return [_run(values) for values in self._asked("cancel", [list(run_ids), now, force])]

    def close(self) -> None:
        """End the process; idempotent."""
        process, self._process = self._process, None
        if process is not None and self._pid == os.getpid():
            process.communicate()

    def _asked(self, verb: str, what: Any) -> Any:
        with self._lock:
            process = self._running()
            assert process.stdin is not None and process.stdout is not None  # noqa: S101 - both are pipes
            try:
                process.stdin.write(json.dumps([verb, what], default=list).encode() + b"\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except OSError:
                line = b""
        if not line:
            raise StoreError(f"the process that asks {self._database} for a forked child has ended; try again")
        answer, error = json.loads(line)
        if error:
            raise StoreError(error)
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is None or self._pid != os.getpid() or process.poll() is not None:
            self._pid = os.getpid()
            root = str(Path(__file__).parent.parent)
            process = self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own words
                [sys.executable, "-P", "-c", _SERVE, root, str(self._database)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        return process


def serve(database: str) -> None:
    """Answer the questions of a forked child, a line of JSON each, until it asks no more."""
    from arrcli.engine import asks
    from arrcli.host.places import Places
    from arrcli.store.sqlite import SQLiteStore

    store = SQLiteStore(database, create=False, gate=Places.of_database(Path(database)).gate)
    for line in sys.stdin.buffer:
        verb, what = json.loads(line)
        answer: Any = None
        error = ""
        try:
            match verb:
                case "append":
                    answer = [_values(run) for run in store.append([_run(values) for values in what])]
                case "run":
                    found = store.run(what)
                    answer = None if found is None else _values(found)
                case "cancel":
                    run_ids, now, force = what
                    answer = [_values(run) for run in asks.cancel(store, run_ids, now, force=force)]
        except Exception as raised:
            error = str(raised) or type(raised).__name__
        sys.stdout.buffer.write(json.dumps([answer, error], default=list).encode() + b"\n")
        sys.stdout.buffer.flush()
    store.close()


def _values(run: Run) -> list[Any]:
    return [run.id, *row_of(run)][: len(KINDS)]


def _run(values: Sequence[Any]) -> Run:
    return run_of(values)
