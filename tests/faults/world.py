"""A folder with tasks, a store and daemons in it, seen from outside; and what must hold there whatever was done to it.

Tasks write each start into a log of their own before they do anything, so that what really ran is known without arr.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from command_line import PATIENCE_S, Daemon, Said, environment, eventually, here, plans

MARK: Final = "ARR_TEST_WORLD"
GONE_S: Final = 20.0
"""Within this a daemon's processes end after it, and runs without an owner are taken back."""
JOBS: Final = Path(__file__).with_name("jobs.py")
HEAD: Final = '[arr]\nworkers = {workers}\nshutdown_grace = "{grace}"\n{more}\n'


@dataclass
class World:
    """One tasks file, its store, and every process that came of it."""

    folder: Path
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    asked: list[int] = field(default_factory=list)
    daemons: list[Daemon] = field(default_factory=list)
    edited: bool = False
    """Rows of the store were changed by other hands: what they say need not hold together."""
    lost: bool = False
    """The store was damaged or taken away for good: nothing of it need hold."""
    surroundings: dict[str, str] = field(default_factory=dict)
    """Environment of all its programs."""
    python: str = sys.executable
    """What its daemons and verbs are run by."""

    # -- what a user does

    def write(self, tasks: str = "", *, workers: int = 2, grace: str = "8s", more: str = "") -> None:
        """The tasks file; `jobs` can be imported by its tasks."""
        (self.folder / "tasks.toml").write_text(HEAD.format(workers=workers, grace=grace, more=more) + tasks)

    def environment(self, **more: str) -> dict[str, str]:
        return environment(**{MARK: self.mark, "JOBS_LOG": str(self.log), **self.surroundings, **more})

    def arr(self, *words: str, timeout: float = 60, **more: str) -> Said:
        """`arr WORDS` here; whatever it is asked, it never shows a traceback."""
        done = subprocess.run(
            [self.python, "-m", "arrcli", *words],
            cwd=self.folder,
            env=self.environment(**more),
            capture_output=True,
            timeout=timeout,
        )
        said = Said(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        assert "Traceback (most recent call last)" not in said.err, said.err
        return said

    def here(self, *words: str) -> Said:
        """The same within this process, at a tenth of the cost; where another Python or clock is theirs, it is not."""
        if self.surroundings or self.python != sys.executable:
            return self.arr(*words)
        said = here(self.folder, *words)
        assert "Traceback (most recent call last)" not in said.err, said.err
        return said

    def enqueue(self, *words: str) -> int:
        """The id of a run that was acknowledged: from now on it must not be lost."""
        said = self.here("enqueue", *words)
        assert said.code == 0, said.err
        self.asked.append(int(said.out))
        return self.asked[-1]

    def enqueue_many(self, func: str, count: int, *args: Any) -> list[int]:
        """The same in one transaction, through the library."""
        from arrcli import connect, execute_tasks

        with connect(self.folder / "tasks.toml") as app:
            ids = [run.id for run in execute_tasks(app, [(func, list(args))] * count)]
        self.asked += ids
        return ids

    def ask(self, *asked: tuple[str, list[Any], dict[str, Any]]) -> list[int]:
        """Runs of (callable, arguments, options as in tasks.toml), queued in this order by a program of the user's."""
        from arrcli import connect, execute_task

        with connect(self.folder / "tasks.toml") as app:
            ids = [execute_task(app, func, args, **options).id for func, args, options in asked]
        self.asked += ids
        return ids

    def bring(self, module: str) -> None:
        """A module of tasks that lies beside `jobs` here; it can be imported there by its name."""
        shutil.copy(JOBS.with_name(f"{module}.py"), self.folder)

    def program(self, text: str, *words: str) -> subprocess.Popen[str]:
        """A Python program that runs here, beside everything else."""
        command = [sys.executable, "-c", text, *words]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment(), text=True)

    @contextmanager
    def running(self, *words: str, ready: bool = True, through: Sequence[str] = (), **more: str) -> Iterator[Daemon]:
        """A daemon; at the end it is stopped as a service manager would, and killed where that does not help."""
        daemon = self.start(*words, ready=ready, through=through, **more)
        try:
            yield daemon
            if daemon.process.poll() is None:
                if not (self.lost or self.edited):
                    self.recovered()
                daemon.stop()
        finally:
            kill(daemon)

    def start(
        self, *words: str, ready: bool = True, out: int | None = None, through: Sequence[str] = (), **more: str
    ) -> Daemon:
        """`out` is a descriptor for what it prints, which is else the log of the daemon; `through` a command that is
        given the daemon's as its arguments, and starts it."""
        log = self.folder / f"daemon-{len(self.daemons)}.log"
        with log.open("w") as written:
            process = subprocess.Popen(
                [*through, self.python, "-m", "arrcli", "run", "--plain", *words],
                cwd=self.folder,
                env=self.environment(**more),
                stdin=subprocess.DEVNULL,
                stdout=written if out is None else out,
                stderr=written,
                text=True,
            )
        daemon = Daemon(process, log)
        self.daemons.append(daemon)
        if ready:
            eventually(
                lambda: process.poll() is not None or plans(self.folder, None if through else process.pid),
                lambda: f"it does not start:\n{daemon.text}",
            )
            assert process.poll() is None, f"it ended at once:\n{daemon.text}"
        return daemon

    # -- what is so

    @property
    def state(self) -> Path:
        return self.folder / ".arr" / "tasks.toml"

    @property
    def database(self) -> Path:
        return self.state / "arr.db"

    @property
    def log(self) -> Path:
        return self.folder / "ran.log"

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """From the store's file, not through arr."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(sql, values).fetchall()

    def run(self, run_id: int) -> dict[str, Any]:
        said = self.here("show", str(run_id), "--json")
        assert said.code == 0, said.out + said.err
        shown: dict[str, Any] = said.json["run"]
        return shown

    def runs(self) -> dict[int, dict[str, Any]]:
        """Those of the store by id, each as `arr runs --json` tells it; as a program of the user's sees them."""
        from arrcli import connect
        from arrcli.model.json import run_json

        with connect(self.folder / "tasks.toml") as app:
            found = [app.run(run_id) for (run_id,) in self.rows("SELECT id FROM runs")]
            return {run.id: run_json(run) for run in found if run is not None}

    def output(self, run_id: int) -> bytes:
        """What its last attempt wrote, as it is kept."""
        from arrcli import connect

        with connect(self.folder / "tasks.toml") as app:
            return app.store.output(run_id, None)

    def state_of(self, run_id: int) -> str:
        return str(self.rows("SELECT state FROM runs WHERE id = ?", run_id)[0][0])

    def until_ended(self, *ids: int, within: float = PATIENCE_S) -> None:
        wanted = ids or tuple(self.asked)
        holes = ",".join("?" * len(wanted))
        sql = f"SELECT id, task, func, state, reason FROM runs WHERE id IN ({holes}) AND stage != 4"  # noqa: S608
        end = time.monotonic() + within
        while left := self.rows(sql, *wanted):
            assert time.monotonic() < end, f"not ended: {left}\n{self.daemons[-1].text[-4000:] if self.daemons else ''}"
            time.sleep(0.03)

    def starts(self) -> list[dict[str, Any]]:
        """What the tasks themselves wrote at each start: run, attempt, name, at."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def holder(self) -> int | None:
        """The pid that the planner's lock names, while somebody holds it."""
        from arrcli.host.lock import holder

        facts = holder(self.state / "planner.lock")
        return None if facts is None else facts.get("pid")

    def processes(self) -> dict[int, str]:
        """Every process that came of this world, however it has hidden itself."""
        mark = f"{MARK}={self.mark}".encode()
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (
                        (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    )
        return found

    def supervisors(self) -> list[int]:
        return [pid for pid, line in self.processes().items() if _name(pid) == "arr-supervisor"]

    def workers(self) -> list[int]:
        """The worker processes of the pool and the host, by parent."""
        mothers = set(self.supervisors())
        return [pid for pid in self.processes() if _parent(pid) in mothers]

    # -- what must hold

    def holds(self) -> None:
        """After everything: every daemon has ended. Checks all the invariants that need no daemon."""
        for daemon in self.daemons:
            assert daemon.process.poll() is not None, "a daemon still runs"
        self.nobody_left()
        if self.database.exists() and not self.lost:
            self.store_holds()
        for daemon in self.daemons:
            assert "Traceback (most recent call last)" not in _own_words(daemon.text), daemon.text

    def nobody_left(self) -> None:
        eventually(lambda: not self.processes(), lambda: f"outlived its daemon: {self.processes()}", within=GONE_S)

    def store_holds(self) -> None:
        from arrcli.store.check import RESTORE, checked

        found = checked(self.database).findings
        assert [one for one in found if not self.edited or one.mend == RESTORE] == []
        known = {row[0]: row[1:] for row in self.rows("SELECT id, state, attempt FROM runs")}
        lost = [run for run in self.asked if run not in known]
        assert not lost, f"acknowledged and lost: {lost}"
        doubled = self.rows(
            "SELECT task, slot, era, count(*) FROM runs WHERE scheduled = 1 GROUP BY 1, 2, 3 HAVING count(*) > 1"
        )
        assert not doubled, f"two runs of a slot: {doubled}"
        tries = Counter(start["run"] for start in self.starts())
        recorded = {row[0]: row[1] for row in self.rows("SELECT run_id, max(attempt) FROM attempts GROUP BY 1")}
        for run, began in tries.items():
            allowed = max(known[run][1], recorded.get(run, 0))
            assert began <= allowed, f"run {run} began {began} times in {allowed} attempts"
        twice = [pair for pair, n in Counter((s["run"], s["attempt"]) for s in self.starts()).items() if n > 1]
        assert not twice, f"one attempt began twice: {twice}"

    def recovered(self) -> None:
        """A daemon is up: what runs in the store has an owner that lives."""
        from arrcli.host.lock import holder

        def strays() -> list[Any]:
            rows = self.rows("SELECT id, claimed_by FROM runs WHERE state = 'running'")
            return [row for row in rows if holder(self.state / "claims" / f"{row[1]}.lock") is None]

        eventually(lambda: not strays(), lambda: f"running, and nobody runs them: {strays()}", within=GONE_S)


def kill(daemon: Daemon) -> None:
    """-9, and reap."""
    if daemon.process.poll() is None:
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()


def holes(starts: Sequence[float], longest: float = 3.0) -> list[float]:
    """The waits between starts of a task of `every = "1s"` that are longer than they may be, in seconds."""
    ordered = sorted(starts)
    return [b - a for a, b in pairwise(ordered) if b - a > longest]


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def process_state(pid: int) -> str:
    """`R`, `S`, `T` stopped, `Z`; "" once it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _own_words(text: str) -> str:
    """The log lines of a daemon; those that tell of a run may well name a traceback."""
    return "\n".join(line for line in text.splitlines() if " run " not in line)
