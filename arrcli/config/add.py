"""A task appended to a tasks file: nothing that is there is touched, and the whole is checked before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from arrcli.config import write
from arrcli.config.faults import in_one, quoted
from arrcli.config.load import parse
from arrcli.config.locate import locate
from arrcli.config.read import decoded
from arrcli.config.shape import FIRST
from arrcli.errors import ConfigError, ScheduleError, UsageError
from arrcli.model.instant import Instant
from arrcli.model.task import Task, TasksFile
from arrcli.model.value import dataclass
from arrcli.model.wall import instant_of, wall_at
from arrcli.model.when import calendar_time, moment


@dataclass(frozen=True, slots=True)
class Added:
    """The file with the task in it: its content, what of it is new, the file as read, and the task."""

    content: bytes
    table: str
    line: int
    file: TasksFile
    task: Task


def added(content: bytes, path: Path | str, name: str, keys: Mapping[str, Any]) -> Added:
    """`[tasks.NAME]` behind a content that stands at `path`.

    ConfigError with every fault, of the file as it is or as it would be; UsageError where it has such a task already.
    """
    with _unwritten(path):
        text = decoded(content, str(path))
        before = parse(text, path)
    if name in before.tasks:
        raise UsageError(f"{path}:{_line_of(text, name)}: there is a task {quoted(name)} already; choose another name")
    table = write.table(["tasks", name], dict(sorted(keys.items(), key=_place)))
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    more = (gap + table).replace("\n", end)
    with _unwritten(path):
        file = parse(text + more, path)
    line = (text + more).count("\n") - table.count("\n") + 1
    return Added(content + more.encode(), table, line, file, file.tasks[name])


def _place(pair: tuple[str, Any]) -> int:
    """What is called, and when, comes first; the others stay in their order."""
    return FIRST.index(pair[0]) if pair[0] in FIRST else len(FIRST)


@contextmanager
def _unwritten(path: Path | str) -> Iterator[None]:
    """Faults, told as those of a file that is not written."""
    try:
        yield
    except ConfigError as error:
        raise in_one(str(path), error.faults, ending="nothing was written") if error.faults else error from None


def _line_of(text: str, name: str) -> int:
    place = locate(text.replace("\r\n", "\n")).get(("tasks", name))
    return place.value[0] if place else 1


def time_said(said: str, *, now: Instant, zone: ZoneInfo) -> datetime:
    """The `at` of a file for the words of a command line: as written where it is ISO, else what the words name now."""
    try:
        calendar_time(said, zone)
        return datetime.fromisoformat(said.strip().replace(" ", "T", 1).upper())
    except (ScheduleError, ValueError):
        instant = moment(said, now=now, zone=zone)
    local = wall_at(instant, zone).replace(microsecond=0)
    wall = local.replace(tzinfo=None)
    if instant_of(wall, zone) == instant - instant % 1_000_000:
        return wall
    return local.replace(tzinfo=ZoneInfo("UTC")) - (local.utcoffset() or timedelta())
