"""From shapes to what a daemon runs: zones, schedules, names, and what keys mean together.

Nothing here raises: what is wrong is collected, each fault at its path, so that all of it is shown in one go.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final
from zoneinfo import ZoneInfo

from arrcli.config.faults import Findings, quoted
from arrcli.config.given import Given
from arrcli.config.task_table import Whole, absolute, task_of, zone_of
from arrcli.model.task import Pool, TasksFile
from arrcli.model.value import dataclass

LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a file does not say itself. `zone` None: ask the machine, and only if the file names none."""

    path: str
    folder: str
    zone: str | None
    cpus: int


def build(raw: Mapping[str, Any], given: Given, where: Surroundings, found: Findings) -> TasksFile:
    """The file with all defaults resolved; good for nothing where `found` has faults."""
    arr = given.arr
    zone = zone_of(arr.get("timezone", where.zone), ("arr", "timezone"), found) or ZoneInfo("UTC")
    whole = Whole(given.defaults, zone, where.folder, _table(raw, "tasks"), _table(raw, "pools"))
    tasks = {name: task_of(name, task, whole, found) for name, task in given.tasks.items()}
    _check_names(whole, found)
    _check_chains({name: task.after for name, task in tasks.items() if task.after}, whole.tasks, found)
    return TasksFile(
        path=where.path,
        folder=where.folder,
        tasks=tasks,
        pools={name: _pool(name, pool, whole, found) for name, pool in given.pools.items()},
        timezone=zone.key,
        python_path=tuple(absolute(folder, where.folder) for folder in arr.get("python_path", ["."])),
        workers=arr.get("workers", where.cpus),
        allow=tuple(arr["allow"]) if "allow" in arr else None,
        **{key: arr[key] for key in ("shutdown_grace", "reload") if key in arr},
    )


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = raw.get(name)
    return table if isinstance(table, dict) else {}


def _check_names(whole: Whole, found: Findings) -> None:
    for table, names in (("tasks", whole.tasks), ("pools", whole.pools)):
        for name in names:
            if problem := problem_of_name(name):
                found.fault((table, name), problem)


def problem_of_name(name: str) -> str | None:
    if not name.strip():
        return "a name cannot be empty — write [tasks.name]"
    if len(name) > LONGEST_NAME:
        return f"a name of {len(name)} characters — {LONGEST_NAME} is the most"
    if not name.isprintable():
        return "a name with characters that cannot be printed — use letters, digits, - and _"
    if name.isdigit():
        return "a name of digits alone is read as a run's id — put a letter to it"
    if name.startswith("-"):
        return "a name that begins with - is read as an option — begin with a letter"
    return None


def _pool(name: str, given: Mapping[str, Any], whole: Whole, found: Findings) -> Pool:
    if not whole.pools[name]:
        found.fault(("pools", name), "a pool without a size caps nothing — write size = 1")
    if "rate" in given:
        found.note(("pools", name, "rate"), "is checked but not carried out yet: only size caps the pool")
    return Pool(name=name, **given)


def _check_chains(after: Mapping[str, tuple[str, ...]], tasks: Mapping[str, Any], found: Findings) -> None:
    """No task may wait for itself by way of others; each circle is shown once."""
    waits = {name: [one for one in before if one != name and one in tasks] for name, before in after.items()}
    while circle := _circle(waits):
        last = circle[-1]
        names = circle if len(circle) <= 8 else [*circle[:4], "…", *circle[-3:]]
        chain = " -> ".join(name if name == "…" else quoted(name) for name in [*names, circle[0]])
        found.fault(("tasks", last, "after"), f"tasks that wait for each other: {chain} — break the circle")
        for name in circle:
            waits.pop(name, None)


def _circle(waits: Mapping[str, list[str]]) -> list[str]:
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        names: list[str] = error.args[1][:-1]
        first = names.index(min(names))
        return names[first:] + names[:first]
    return []
