"""What a tasks file means that may surprise its author. Nothing here refuses: it is for `arr check`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Final

from arrcli.config.faults import Fault, label, notes
from arrcli.config.place import Path
from arrcli.config.read import read
from arrcli.errors import ArrError
from arrcli.model.instant import DAY, Instant, iso
from arrcli.model.schedule import At, Cron, Reboot, Schedule, Union, dst_notes
from arrcli.model.schedule import warnings as of_the_text
from arrcli.model.schedule.fields import is_hashed
from arrcli.model.task import Task, TasksFile

HERD: Final = 10
"""So many tasks at one time of day are worth a word."""


def warnings(file: TasksFile, now: Instant, *, text: str | None = None, shown: str | None = None) -> list[str]:
    """What to know before it runs, each `FILE:LINE:COL: what`, in the order of the file.

    `text` is the file's content where the caller has it; `shown` names the file (else: its last part).
    """
    found = [Fault(path, f"{label(path)}: {said}") for path, said in _all(file, now)]
    content = _text(file) if text is None else text
    return notes(shown or FilePath(file.path).name, content, found)


def _text(file: TasksFile) -> str:
    try:
        return read(FilePath(file.path), file=file.path).replace("\r\n", "\n")
    except ArrError:  # gone since it was loaded: the words hold, without their lines
        return ""


def _all(file: TasksFile, now: Instant) -> Iterator[tuple[Path, str]]:
    said_of: dict[str, list[str]] = {}  # ten thousand tasks know a handful of expressions
    for task in file.tasks.values():
        if task.schedule is None:
            yield from _of_idle(task)
        elif isinstance(task.schedule, At):
            yield from _of_past(task, task.schedule, now)
        else:
            key = f"{task.timezone} {task.schedule.text}"
            if key not in said_of or _is_hashed(task.schedule):
                said_of[key] = _of_crons(task.schedule, now)
            yield from ((("tasks", task.name, "cron"), said) for said in said_of[key])
        yield from _of_end(task, now)
    yield from _of_herds(file)
    yield from _of_pools(file)


def _of_idle(task: Task) -> Iterator[tuple[Path, str]]:
    for key in ("start", "until"):
        if getattr(task, key) is not None:
            yield ("tasks", task.name, key), "does nothing, since the task has no schedule"


def _of_past(task: Task, schedule: At, now: Instant) -> Iterator[tuple[Path, str]]:
    past = [time for time in schedule.times if time <= now]
    if past:
        others = f" and {len(past) - 1} more" if len(past) > 1 else ""
        said = "is past" if not others else "are past"
        yield ("tasks", task.name, "at"), f"{iso(past[0])}{others} {said}: recorded as missed, and not run"


def _of_crons(schedule: Schedule, now: Instant) -> list[str]:
    """What its text does not say plainly, and the next night on which the clock changes what it means."""
    nights = dst_notes(schedule, now, now + 366 * DAY) if not _is_wild(schedule) else []
    return [*of_the_text(schedule), *(f'"{schedule.text}": {said}' for _, said in nights[:1])]


def _of_end(task: Task, now: Instant) -> Iterator[tuple[Path, str]]:
    """A schedule that has nothing left before its `until`."""
    if task.schedule is None or task.until is None or isinstance(task.schedule, Reboot):
        return
    following = task.schedule.after(max(now, (task.start or now) - 1))
    if following is None or following > task.until:
        yield ("tasks", task.name, "until"), "leaves the task no slot from now on"


def _of_herds(file: TasksFile) -> Iterator[tuple[Path, str]]:
    herds: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for task in file.tasks.values():
        for time in sorted({time for cron in _crons(task.schedule) if (time := _time_of_day(cron))}):
            herds[time, task.timezone].append(task.name)
    for (time, zone), names in herds.items():
        if len(names) >= HERD:
            said = f"{len(names)} tasks at {time} ({zone}) — H in place of the minute spreads them"
            yield ("tasks", names[0], "cron"), said


def _of_pools(file: TasksFile) -> Iterator[tuple[Path, str]]:
    used = {task.pool for task in file.tasks.values()} | {"default"}
    for name in file.pools:
        if name not in used:
            yield ("pools", name), "no task uses this pool"


def _crons(schedule: Schedule | None) -> list[Cron]:
    members = schedule.schedules if isinstance(schedule, Union) else (schedule,)
    return [member for member in members if isinstance(member, Cron)]


def _is_wild(schedule: Schedule) -> bool:
    return all(cron.wild for cron in _crons(schedule))


def _is_hashed(schedule: Schedule) -> bool:
    return any(is_hashed(cron.expression) for cron in _crons(schedule))


def _time_of_day(cron: Cron) -> str | None:
    """The one time of day that the expression names, unless `H` chose it."""
    hours, minutes = cron.fields.hour.numbers, cron.fields.minute.numbers
    if len(hours) != 1 or len(minutes) != 1 or is_hashed(cron.expression):
        return None
    return f"{min(hours):02}:{min(minutes):02}"
