"""Is every guarantee held by a test? One at a time is taken out of a copy of arr, and tests that name it must turn red.

python -m tests.faults.mutations            # all of them; exit 1 where one survives
python -m tests.faults.mutations fence lock # these
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
TAKEN: Final = ("arrcli", "tests", "pyproject.toml")
MARK: Final = "MUTATION_OF"
PATIENCE_S: Final = 120


@dataclass(frozen=True)
class Mutation:
    """A guarantee, how it is taken out (a text of a file and what stands there instead), and who ought to notice."""

    name: str
    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    everywhere: bool = False
    """Every place of the file, not one alone."""
    also: tuple[str, ...] = ()
    """Other files, where the same is done."""

    def places(self, root: Path) -> list[int]:
        """How often the text stands in each file."""
        return [(root / file).read_text().count(self.old) for file in (self.file, *self.also)]

    def fits(self, root: Path) -> bool:
        return all(found == 1 or (self.everywhere and found > 1) for found in self.places(root))

    @contextmanager
    def done_to(self, root: Path) -> Iterator[None]:
        """Do it in a copy of the tree, and undo it."""
        before = {root / file: (root / file).read_text() for file in (self.file, *self.also)}
        for path, text in before.items():
            path.write_text(text.replace(self.old, self.new))
        try:
            yield
        finally:
            for path, text in before.items():
                path.write_text(text)


STORE: Final = "tests/test_store_sqlite.py"
CONTRACT: Final = "tests/test_store_contract.py"
PLANNING: Final = "tests/test_engine_planning.py"
DISPATCH: Final = "tests/test_engine_dispatch.py"
MODEL: Final = "tests/test_engine_model.py::test_every_promise_holds_after_whatever_happens"
HOST: Final = "tests/test_host.py"
POOL: Final = "tests/test_worker_pool.py"
KILLS: Final = "tests/faults/test_kills.py"
LINK: Final = (" | os.O_NOFOLLOW", "")

MUTATIONS: Final = (
    Mutation(
        "immediate",
        "a transaction holds the write lock from its first read on",
        "arrcli/store/sqlite.py",
        'self._writer.execute("BEGIN IMMEDIATE")\n            try:\n                transaction',
        'self._writer.execute("BEGIN")\n            try:\n                transaction',
        (f"{STORE}::test_what_a_transaction_has_read_stays_so_until_it_writes",),
    ),
    Mutation(
        "fsync",
        "a commit is on the disk before it is acknowledged",
        "arrcli/store/sqlite.py",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = OFF",
        (f"{STORE}::test_each_commit_is_synchronised_to_the_disk",),
    ),
    Mutation(
        "fence",
        "only the attempt that owns a run ends it",
        "arrcli/store/transaction.py",
        '"WHERE id = ? AND state = ? AND attempt = ? AND claimed_by IS ?"',
        '"WHERE id = ? AND coalesce(?, ?, ?, 1) IS NOT NULL"',
        (f"{CONTRACT}::TestSQLiteStore",),
    ),
    Mutation(
        "late",
        "an attempt that is over is not heard any more",
        "arrcli/engine/dispatcher.py",
        "return run is not None and run.attempt == outcome.number",
        "return run is not None",
        (DISPATCH,),
    ),
    Mutation(
        "slot",
        "a slot has one run at most",
        "arrcli/store/schema.py",
        "CREATE UNIQUE INDEX runs_slot",
        "CREATE INDEX runs_slot",
        (f"{CONTRACT}::TestSQLiteStore",),
    ),
    Mutation(
        "mark",
        "a task's mark says which slots have been considered, also where their rows are pruned",
        "arrcli/engine/planner.py",
        "        w.put_marks(marks)\n        return planned",
        "        return planned",
        (PLANNING, MODEL),
    ),
    Mutation(
        "lock",
        "one planner a store",
        "arrcli/host/lock.py",
        "taken = _try(handle, fcntl.LOCK_EX)",
        "taken = _try(handle, fcntl.LOCK_SH)",
        (
            f"{HOST}::test_a_lock_is_taken_once_and_says_who_holds_it",
            "tests/test_daemon.py::test_a_second_daemon_is_refused_and_names_the_first",
        ),
    ),
    Mutation(
        "recovery",
        "what a dead process ran is taken back",
        "arrcli/engine/runner.py",
        "if owner.id != self._owner.id and self._is_gone(owner.id):",
        "if owner.id != self._owner.id and False:",
        (DISPATCH, MODEL),
    ),
    Mutation(
        "blame",
        "no run dies of what ended its worker from above",
        "arrcli/worker/pool.py",
        "died=usage is not None or",
        "died=True or",
        (f"{POOL}::test_the_death_of_the_supervisor_costs_what_had_begun_and_is_mended",),
    ),
    Mutation(
        "pdeathsig",
        "workers end with their supervisor, also where nobody else is left to end them",
        "arrcli/worker/kernel.py",
        "    _prctl(_PR_SET_PDEATHSIG, 9)\n",
        "",
        (f"{KILLS}::test_workers_end_when_daemon_and_supervisor_are_killed_at_once",),
    ),
    Mutation(
        "groups",
        "an attempt's child processes end with it",
        "arrcli/worker/supervisor.py",
        "(os.kill if alone else os.killpg)(pid, number)",
        "os.kill(pid, number)",
        (
            f"{POOL}::test_descendants_end_with_a_killed_attempt",
            f"{POOL}::test_child_processes_that_ignore_term_are_killed_after_the_grace",
        ),
    ),
    Mutation(
        "subreaper",
        "descendants that hid in other sessions end, too",
        "arrcli/worker/kernel.py",
        "    _prctl(_PR_SET_CHILD_SUBREAPER, 1)\n",
        "    return\n",
        (f"{POOL}::test_descendants_in_other_sessions_end_with_the_attempt",),
    ),
    Mutation(
        "monotonic",
        "a timeout is measured on a clock that nobody sets",
        "arrcli/worker/pool.py",
        "time.monotonic_ns()",
        "time.time_ns()",
        ("tests/faults/test_clock.py::test_a_step_neither_times_a_run_out_nor_lets_it_run_on",),
        everywhere=True,
        also=("arrcli/worker/worker.py",),
    ),
    Mutation(
        "era",
        "a clock that is set back silences nothing",
        "arrcli/engine/slots.py",
        "    ahead = record.mark - now\n",
        "    ahead = 0\n",
        (PLANNING, MODEL),
    ),
    Mutation(
        "rollback",
        "a transaction that was refused changes nothing in memory",
        "arrcli/engine/runner.py",
        "            self._planner.rolled_back()\n",
        "            pass\n",
        ("tests/test_engine_corners.py",),
    ),
    Mutation(
        "inode",
        "a store that was deleted or replaced in use is noticed",
        "arrcli/store/sqlite.py",
        "if there.st_ino != self._inode or there.st_size < _SMALLEST or log != (self._log_inode or log):",
        "if False:",
        (STORE,),
    ),
    Mutation(
        "sanitiser",
        "text of tasks and files reaches no terminal as it is",
        "arrcli/text.py",
        "    if text.isascii() and text.isprintable():\n",
        "    if text is not None:\n",
        ("tests/test_cli.py::test_names_from_outside_cannot_speak_to_the_terminal", "tests/test_dashboard_lines.py"),
    ),
    Mutation(
        "modes",
        "what arr makes is private",
        "arrcli/host/files.py",
        "0o600",
        "0o644",
        (HOST,),
    ),
    Mutation(
        "network",
        "a store on a network file system is refused",
        "arrcli/host/files.py",
        "if kind in _NETWORK:",
        "if False:",
        (HOST,),
    ),
    Mutation(
        "nofollow-files",
        "no link is followed to a file of arr's",
        "arrcli/host/files.py",
        *LINK,
        (HOST,),
        everywhere=True,
    ),
    Mutation(
        "nofollow-lock", "... to a lock that is looked at", "arrcli/host/lock.py", *LINK, (HOST,), everywhere=True
    ),
    Mutation("nofollow-bell", "... to a bell", "arrcli/host/wake.py", *LINK, (HOST,), everywhere=True),
    Mutation("nofollow-store", "... to a store", "arrcli/store/sqlite.py", *LINK, (STORE,), everywhere=True),
    Mutation("nofollow-gate", "... to the gate of a store", "arrcli/store/gate.py", *LINK, (STORE,), everywhere=True),
    Mutation(
        "nofollow-reserve", "... to the reserve beside it", "arrcli/store/reserve.py", *LINK, (STORE,), everywhere=True
    ),
    Mutation(
        "nofollow-output",
        "... to what a run prints",
        "arrcli/worker/capture.py",
        *LINK,
        (f"{POOL}::test_a_link_among_the_outputs_of_an_earlier_pool_is_left_alone",),
        everywhere=True,
    ),
)


def main(names: Sequence[str]) -> int:
    """Try these mutations, or all; 1 where one survives, or where a test is red without any."""
    chosen = [each for each in MUTATIONS if not names or each.name in names]
    unknown = set(names) - {each.name for each in chosen}
    if unknown:
        raise SystemExit(f"there is no mutation {', '.join(sorted(unknown))}")
    if lost := [each.name for each in chosen if not each.fits(ROOT)]:
        raise SystemExit(f"what they take out is not there, or there more than once: {', '.join(lost)}")
    with tempfile.TemporaryDirectory(prefix="arr-mutations-") as folder:
        root = Path(folder)
        for name in TAKEN:
            _copy(ROOT / name, root / name)
        tests = tuple(dict.fromkeys(test for each in chosen for test in each.tests))
        red, said = first_red(root, tests, patience=5 * PATIENCE_S)
        if red:
            print(f"red without a mutation: {red}\n{said}")
            return 1
        survived = [each for each in chosen if not _is_noticed(root, each)]
    print(f"{len(chosen) - len(survived)} of {len(chosen)} noticed")
    return 1 if survived else 0


def _is_noticed(root: Path, mutation: Mutation) -> bool:
    began = time.monotonic()
    with mutation.done_to(root):
        red, _ = first_red(root, mutation.tests, patience=PATIENCE_S)
    print(f"{mutation.name:<17} {mutation.what:<84} {red or 'SURVIVED'}  {time.monotonic() - began:.0f}s", flush=True)
    return bool(red)


def first_red(root: Path, tests: Sequence[str], *, patience: float) -> tuple[str, str]:
    """The first of the tests that fails in this tree, "" where none does; and what pytest said."""
    mark = secrets.token_hex(8)
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-m", "", "--tb=line", "-rfE", *tests]
    environment = {**os.environ, MARK: mark, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=patience, start_new_session=True
        )
    except subprocess.TimeoutExpired:
        return f"no end within {patience:.0f} s", ""
    finally:
        _end_what_is_left(mark)
    if done.returncode == 0:
        return "", done.stdout
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if failed is None:
        raise SystemExit(f"pytest did not run:\n{done.stdout}\n{done.stderr}")
    return failed[1], done.stdout


def _copy(of: Path, to: Path) -> None:
    if of.is_dir():
        shutil.copytree(of, to, ignore=shutil.ignore_patterns("__pycache__", ".arr"))
    else:
        shutil.copy(of, to)


def _end_what_is_left(mark: str) -> None:
    """Processes that came of a run of tests: without its guarantee arr may leave some behind."""
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
