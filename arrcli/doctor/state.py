"""The state directory: its folder and disk, the daemon, the store, and what dead processes left."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from arrcli.app import App, arr_version
from arrcli.clock import SYSTEM
from arrcli.doctor.files import trusted
from arrcli.doctor.finding import Finding, Subject
from arrcli.errors import StoreError
from arrcli.host.files import file_system, refuse_network
from arrcli.host.lock import holder
from arrcli.host.machine import free_bytes
from arrcli.host.places import Places
from arrcli.model.instant import MINUTE, SECOND, Instant, to_datetime
from arrcli.model.snapshot import DaemonStatus
from arrcli.store.health import examined
from arrcli.store.memory import MemoryStore
from arrcli.store.sqlite import SQLiteStore
from arrcli.store.values import RunQuery

ENOUGH: Final = 5 * SECOND
"""So long the store is checked."""
LITTLE: Final = 1 << 30
TOO_LITTLE: Final = 64 << 20
_PACKAGE: Final = Path(__file__).parent.parent


def folder(subject: Subject) -> Iterator[Finding]:
    """Whose is it, and who else can look into it?"""
    if subject.places is None:
        return
    found = subject.places.folder
    if not found.is_dir():
        yield Finding("state", "ok", f"none yet: arr run makes {found}")
        return
    yield from trusted("state", [found])
    private = [found, subject.places.database]
    for path in (path for path in private if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077):
        mode = f"{stat.S_IMODE(path.stat().st_mode):04o}"
        yield Finding("state", "warn", f"other users can reach {path} (mode {mode})", f"chmod go= {path}")
    yield Finding("state", "ok", str(found))


def disk(subject: Subject) -> Iterator[Finding]:
    """Is it local, and is there room?"""
    if subject.places is None:
        return
    found = subject.places.folder
    try:
        refuse_network(found if found.exists() else _nearest(found))
    except StoreError as error:
        said, _, mend = str(error).partition("; ")
        yield Finding("disk", "fail", said, mend)
        return
    free, kind = free_bytes(found), file_system(_nearest(found)) or "a file system"
    said = f"{free / (1 << 30):.1f} GB free on {kind}"
    if free < TOO_LITTLE:
        yield Finding("disk", "fail", f"{said}: runs will not be recorded", "make room, or name another --state-dir")
    elif free < LITTLE:
        yield Finding("disk", "warn", said, "make room, or keep less: keep_runs, keep_for, max_output; arr db prune")
    else:
        yield Finding("disk", "ok", said)


def _nearest(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def daemon(subject: Subject) -> Iterator[Finding]:
    """Is one up, does it turn, and is its code what is installed?"""
    if subject.places is None:
        return
    status = _status(subject.places)
    if status.pid is None:
        yield Finding("daemon", "ok", "none is running (start it: arr run)")
        return
    if not status.version:
        yield Finding("daemon", "ok", f"pid {status.pid} is about to start")
        return
    who = f"pid {status.pid}, arr {status.version}"
    if status.stalled:
        yield Finding("daemon", "fail", f"{who}: it does not turn any more", "see its log; stop it, and start it again")
    if status.message:
        yield Finding("daemon", "warn", f"{who} is in trouble: {status.message}", "see its log, and arr status")
    if status.version != arr_version():
        said = f"{who}: installed is {arr_version()}"
        yield Finding("daemon", "warn", said, "start it again: systemctl restart arr, or stop it and arr run")
    elif _is_older_than_code(status.started_at):
        said = f"{who}: arr's files were changed since it started"
        yield Finding("daemon", "warn", said, "start it again: systemctl restart arr, or stop it and arr run")
    if not status.stalled:
        workers = f"{status.workers} worker{'' if status.workers == 1 else 's'}"
        yield Finding("daemon", "ok", f"{who}, {workers}{', stopping' if status.stopping else ''}")


def _status(places: Places) -> DaemonStatus:
    return App(MemoryStore(), places=places, plans=False, what="doctor").daemon_status()


def _is_older_than_code(started: Instant | None) -> bool:
    newest = max(path.stat().st_mtime_ns for path in _PACKAGE.rglob("*.py")) // 1000
    return started is not None and newest > started


def store(subject: Subject) -> Iterator[Finding]:
    """Is it there, of which version, and does SQLite find it whole?"""
    if subject.places is None or not subject.places.database.exists():
        return
    path, until = subject.places.database, SYSTEM.monotonic() + ENOUGH
    try:
        found = examined(path, enough=lambda: SYSTEM.monotonic() > until)
    except StoreError as error:
        said, _, mend = str(error).partition("; ")
        yield Finding("store", "fail", said, mend or "look closer: arr db check; put a backup in its place")
        return
    for problem in found.problems:
        yield Finding("store", "fail", f"{path}: {problem}", "look closer: arr db check; put a backup in its place")
    if found.version < found.known:
        said = f"of version {found.version}, this arr makes {found.known}"
        yield Finding("store", "warn", said, "arr run brings it up to date at its start")
    elif not found.problems:
        yield from _of_the_future(path, subject)
    if not found.problems:
        checked = "found whole" if found.whole else f"large: not looked at whole in {ENOUGH // SECOND}s (arr db check)"
        yield Finding("store", "ok", f"{path}, {path.stat().st_size / (1 << 20):.1f} MB, {checked}")


def _of_the_future(path: Path, subject: Subject) -> Iterator[Finding]:
    """Rows that are later than the clock: it was set back, or was ahead."""
    kept = SQLiteStore(path, read_only=True)
    try:
        newest = next(iter(kept.runs(RunQuery(limit=1))), None)
    finally:
        kept.close()
    if newest is not None and newest.enqueued_at > subject.wall + MINUTE:
        said = f"run {newest.id} is of {to_datetime(newest.enqueued_at):%Y-%m-%d %H:%M} UTC, which is still to come"
        yield Finding("store", "warn", said, "the clock was ahead, or was set back: look whether it is right now")


def leftovers(subject: Subject) -> Iterator[Finding]:
    """Locks and outputs of processes that are gone, and runs that they had begun."""
    places = subject.places
    if places is None or not places.folder.is_dir():
        return
    up = places.daemon() is not None
    dead = [path for path in places.folder.glob("claims/*.lock") if holder(path) is None]
    dead += [path for path in places.outputs.glob("*.out") if holder(path) is None]
    lost = _lost(places) if places.database.exists() else 0
    if lost and not up:
        runs = f"{lost} run{'' if lost == 1 else 's'} of a process that is gone"
        yield Finding("leftovers", "warn", runs, "the next arr run takes them back and tries them again")
    if dead and not up:
        files = f"{len(dead)} lock{'' if len(dead) == 1 else 's'} or output of processes that are gone"
        yield Finding("leftovers", "warn", files, "the next arr run removes them")
    if up or not (dead or lost):
        yield Finding("leftovers", "ok", "nothing that a dead process left")


def _lost(places: Places) -> int:
    """Runs that are claimed by nobody who lives."""
    kept = SQLiteStore(places.database, read_only=True)
    try:
        gone = {owner.id for owner in kept.owners() if holder(places.claim(owner.id)) is None}
        return sum(run.claimed_by in gone for run in kept.running())
    finally:
        kept.close()
