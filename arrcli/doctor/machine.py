"""The clock, the zone, and the limits that the machine sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from arrcli.clock import SYSTEM
from arrcli.doctor.finding import Finding, Subject
from arrcli.errors import ArrError
from arrcli.host.machine import clock_is_kept, open_files, processes, zone_data
from arrcli.model.instant import SECOND, parse_iso, to_datetime
from arrcli.model.wall import machine_zone
from arrcli.model.when import spoken

EARLIEST: Final = parse_iso("2025-01-01T00:00:00Z")
LATEST: Final = parse_iso("2100-01-01T00:00:00Z")
_STEP: Final = SECOND // 2
_FILES: Final = 64
_FILES_A_WORKER: Final = 8
_SPARE_PROCESSES: Final = 16


def clock(subject: Subject) -> Iterator[Finding]:
    """Is it this century, does something keep it in step, did it jump while the others were examined?"""
    now, took = SYSTEM.now(), SYSTEM.monotonic() - subject.monotonic
    jump = now - subject.wall - took
    shown = f"{to_datetime(now):%Y-%m-%d %H:%M:%S} UTC"
    if not EARLIEST <= now <= LATEST:
        yield Finding("clock", "fail", f"it says {shown}", "set it: timedatectl set-ntp true")
    elif abs(jump) > _STEP:
        said = f"it jumped by {spoken(jump)} in {spoken(took)}"
        yield Finding("clock", "warn", said, "something sets it by leaps: let NTP slew it")
    elif (kept := clock_is_kept()) is False:
        said = f"{shown}, and nothing keeps it in step"
        yield Finding("clock", "warn", said, "run chrony or systemd-timesyncd: timedatectl set-ntp true")
    else:
        yield Finding("clock", "ok", f"{shown}, {'kept in step' if kept else 'the machine does not say who keeps it'}")


def zone(subject: Subject) -> Iterator[Finding]:
    data = zone_data()
    if not data:
        yield Finding(
            "zone", "fail", "there is no time zone data", "pip install tzdata, or install the system's tzdata"
        )
        return
    sources = ", ".join(f"{source} ({version or 'no version'})" for source, version in data)
    try:
        here = machine_zone().key
    except ArrError as error:
        yield Finding("zone", "warn", str(error), 'write timezone = "Area/City" in [arr], or set TZ')
        here = "unknown"
    named = f"; the file's: {subject.file.timezone}" if subject.file and subject.file.timezone != here else ""
    yield from _of_age(data[0][1], subject)
    yield Finding("zone", "ok", f"the machine's: {here}{named}; data: {sources}")


def _of_age(version: str, subject: Subject) -> Iterator[Finding]:
    """Two years are many changes of law."""
    year = version[:4]
    if year.isdigit() and int(year) < to_datetime(subject.wall).year - 2:
        said = f"the zone data is of {year}: newer rules for daylight saving are not in it"
        yield Finding("zone", "warn", said, "upgrade the system's tzdata, or the package tzdata")


def limits(subject: Subject) -> Iterator[Finding]:
    soft, hard = open_files()
    needed = _FILES + _FILES_A_WORKER * subject.workers
    said = f"{_count(soft)} open files, {_count(processes())} processes"
    if soft < needed:
        workers = f"{subject.workers} worker{'' if subject.workers == 1 else 's'}"
        mend = f"ulimit -n {needed}" if hard >= needed else "raise it in /etc/security/limits.conf, or LimitNOFILE="
        yield Finding("limits", "fail", f"{_count(soft)} open files are too few for {workers}", mend)
    elif processes() < subject.workers + _SPARE_PROCESSES:
        yield Finding("limits", "warn", f"{said}: too few for the workers", f"ulimit -u {subject.workers + 64}")
    else:
        yield Finding("limits", "ok", said)


def _count(limit: int) -> str:
    return "any number of" if limit > 1 << 40 else f"{limit:,}"
