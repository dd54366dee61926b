"""Is a store whole? Its pages, and what holds between its rows whatever has happened to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from arrcli.errors import NotFoundError
from arrcli.model.value import dataclass
from arrcli.store.damage import STRAY
from arrcli.store.gate import Gate
from arrcli.store.opening import to_read, to_write
from arrcli.store.refusals import refuse_log_alone, translated
from arrcli.store.schema import version

RESTORE: Final = "restore a backup (arr db backup makes them); what can be saved without one: sqlite3 FILE .recover"
MEND: Final = "mend it: arr db check --mend"
TAKEN_BACK: Final = "arr run takes it back when it starts, or the program that knows its task"
_REPORT: Final = "keep a copy (arr db backup) and report it: this is a defect of arr, or of the disk"
_SHOWN: Final = 5
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""What SQLite says of pages that make no sense, of what is no database, and of tables that are not there."""
_PATIENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong, how to mend it, and how many rows it is about; of runs the first ids too."""

    what: str
    mend: str
    count: int = 1
    runs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A store that was looked at: how many runs it keeps, how many of them run, and what is wrong with it."""

    runs: int = 0
    running: int = 0
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Question:
    """A statement that gives a row, beginning with a run's id, for each thing that is not as it must be."""

    what: str
    sql: str
    mend: str = _REPORT


_QUESTIONS: Final = (
    _Question(
        "a slot has more than one run",
        "SELECT max(id) FROM runs WHERE scheduled = 1 GROUP BY task, era, slot HAVING count(*) > 1",
    ),
    _Question(
        "a run that no claim would ever find, since other hands changed its row",
        f"SELECT id FROM runs WHERE {STRAY}",
        "arr run ends it, with what is wrong as its reason",
    ),
    _Question(
        "a run stands in a queue that is not its state's",
        f"""SELECT id FROM runs WHERE NOT ({STRAY}) AND ((stage = 4) <> (finished_at IS NOT NULL) OR CASE state
        WHEN 'pending' THEN stage NOT IN (0, 1, 3) OR (stage = 3) <> (held_by IS NOT NULL)
        WHEN 'running' THEN stage <> 2 OR claimed_by IS NULL ELSE stage <> 4 END)""",
    ),
    _Question(
        "a run holds what is no JSON",
        """SELECT id FROM runs WHERE NOT (json_valid(coalesce(args, '0')) AND json_valid(coalesce(kwargs, '0'))
        AND json_valid(coalesce(options, '0')) AND json_valid(coalesce(result, '0'))
        AND json_valid(coalesce(fault, '0')))""",
    ),
    _Question(
        "an earlier attempt of a run is not recorded",
        """SELECT id FROM runs WHERE attempt > 1
        AND (SELECT count(*) FROM attempts WHERE run_id = id AND attempts.attempt < runs.attempt) < attempt - 1""",
    ),
    _Question(
        "an attempt is recorded that its run has not made",
        "SELECT id FROM runs JOIN attempts ON run_id = id WHERE attempts.attempt > runs.attempt",
    ),
    _Question(
        "an attempt is kept whose run is gone",
        "SELECT run_id FROM attempts WHERE run_id NOT IN (SELECT id FROM runs)",
        MEND,
    ),
    _Question(
        "an output is kept whose run is gone",
        "SELECT run_id FROM outputs WHERE run_id NOT IN (SELECT id FROM runs)",
        MEND,
    ),
)
_KEPT: Final = "SELECT state, count(*) FROM runs WHERE finished_at IS NOT NULL GROUP BY state"
_COUNTED: Final = "SELECT state, n FROM ended WHERE n <> 0"
_MENDED: Final = (
    "DELETE FROM attempts WHERE run_id NOT IN (SELECT id FROM runs)",
    "DELETE FROM outputs WHERE run_id NOT IN (SELECT id FROM runs)",
    "DELETE FROM ended",
    f"INSERT INTO ended {_KEPT}",
)
_CLAIMS: Final = "SELECT id, claimed_by FROM runs WHERE stage = 2 ORDER BY id"

STEPS: Final = len(_QUESTIONS) + 2
"""How many times a check tells of its progress."""


def checked(path: Path, *, step: Callable[[], None] = lambda: None) -> Checked:
    """Look at a store, as it is at one moment, beside whoever works on it; `step` is called `STEPS` times.

    Changes nothing. NotFoundError where there is none, StoreError where it cannot be read, or is not arr's.
    """
    with _opened(to_read(path), path) as db:
        try:
            db.execute("BEGIN")
            if version(db, str(path)) == 0:
                raise NotFoundError(f"there is no store at {path} yet: the file is empty; arr run makes one")
            return _looked_at(db, step)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in _DAMAGED:
                raise
            return Checked(findings=(Finding(what=f"{path} is damaged, or no database: {error}", mend=RESTORE),))


def _looked_at(db: sqlite3.Connection, step: Callable[[], None]) -> Checked:
    damage = [row[0] for row in db.execute("PRAGMA integrity_check(20)")]
    step()
    if damage != ["ok"]:
        found = tuple(Finding(what=f"damaged: {said}", mend=RESTORE) for said in damage)
        return Checked(findings=found)
    findings = []
    for question in _QUESTIONS:
        ids = [row[0] for row in db.execute(question.sql)]
        if ids:
            findings.append(_finding(question.what, question.mend, ids))
        step()
    kept, counted = dict(db.execute(_KEPT)), dict(db.execute(_COUNTED))
    if kept != counted:
        what = f"the counts of ended runs say {_listed(counted)}, and there are {_listed(kept)}"
        findings.append(Finding(what=what, mend=MEND))
    step()
    ((runs, running),) = db.execute("SELECT count(*), count(*) FILTER (WHERE stage = 2) FROM runs")
    return Checked(runs=runs, running=running, findings=tuple(findings))


def unowned(path: Path, *, lives: Callable[[str], bool]) -> Sequence[Finding]:
    """The runs that are claimed by an owner that does not live any more."""
    with _opened(to_read(path), path) as db, translated(str(path)):
        claims = db.execute(_CLAIMS).fetchall()
        gone = {owner for owner in {row[1] for row in claims} if not lives(owner)}
        if gone:  # what they had settled before they ended is seen now
            claims = db.execute(_CLAIMS).fetchall()
    ids = [row[0] for row in claims if row[1] in gone]
    what = "a run is claimed by a process that is gone"
    return [_finding(what, TAKEN_BACK, ids)] if ids else []


def put_right(path: Path, gate: Path) -> None:
    """Put right what can be told from the runs themselves, in one transaction: counts, and what pruned runs left."""
    passing = Gate(str(gate), privileged=False, patience=_PATIENCE_S)
    try:
        with _opened(to_write(path), path) as db, translated(str(path)), passing.passed():
            version(db, str(path))
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA wal_autocheckpoint = 0")
            db.execute("BEGIN IMMEDIATE")
            for statement in _MENDED:
                db.execute(statement)
            db.execute("COMMIT")
    finally:
        passing.close()


@contextmanager
def _opened(uri: str, path: Path) -> Iterator[sqlite3.Connection]:
    refuse_log_alone(path)
    if not path.exists():
        raise NotFoundError(f"there is no store at {path}; arr run makes one")
    with (
        translated(str(path)),
        closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S, isolation_level=None)) as db,
    ):
        yield db


def _finding(what: str, mend: str, ids: Sequence[int]) -> Finding:
    shown = ", ".join(map(str, ids[:_SHOWN])) + (f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else "")
    runs = "run" if len(ids) == 1 else "runs"
    return Finding(what=f"{what} ({runs} {shown})", mend=mend, count=len(ids), runs=tuple(ids[:20]))


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {state}" for state, n in sorted(counts.items())) or "none"
