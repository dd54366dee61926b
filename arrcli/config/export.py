"""A tasks file written out as it was understood: defaults merged into each task, paths absolute, times in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from arrcli.config import write
from arrcli.config.load import parse
from arrcli.config.read import read, tables
from arrcli.config.shape import KeyDoc, reference
from arrcli.config.task_table import PROCESS_ONLY, SCHEDULES
from arrcli.model.instant import to_datetime
from arrcli.model.schedule import At, Cron, Every, Reboot, Schedule, Union
from arrcli.model.task import Pool, Task, TasksFile
from arrcli.model.value import dataclass
from arrcli.model.when import exact

_SPANS: Final = {
    "jitter", "misfire_grace", "catch_up_window", "expires", "timeout", "stop_grace", "retry_delay", "retry_max_delay",
    "keep_for",
}  # fmt: skip
_SIZES: Final = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Resolved:
    """The tables of a file, by name; None stands for a key that has no value, and says so."""

    path: str
    arr: Mapping[str, Any]
    pools: Mapping[str, Mapping[str, Any]]
    tasks: Mapping[str, Mapping[str, Any]]


def resolved(path: Path | str, *, everything: bool) -> Resolved:
    """The tables of the file at `path`: what is set, or with `everything` every key. Errors as those of `load`."""
    text = read(Path(path), file=str(path))
    file, raw = parse(text, path), tables(text.replace("\r\n", "\n"), file=str(path))
    defaults = raw.get("defaults", {})
    arr = {key: value for key, value in _arr(file).items() if everything or key in raw.get("arr", {})}
    tasks = {
        name: _keys(task, None if everything else {*defaults, *raw["tasks"][name]}, file)
        for name, task in file.tasks.items()
    }
    return Resolved(file.path, arr, {name: _pool(pool) for name, pool in file.pools.items()}, tasks)


def as_toml(found: Resolved) -> str:
    """Its text; it loads, to tasks equal to those of the file."""
    blocks = [f"{write.comment(f'{found.path}, written out by: arr export')}\n"]
    meanings = {(one.table, one.name): one for one in reference()}
    if found.arr:
        blocks.append(_block(["arr"], found.arr, meanings))
    blocks += [_block(["pools", name], keys, meanings) for name, keys in found.pools.items()]
    blocks += [_block(["tasks", name], keys, meanings) for name, keys in found.tasks.items()]
    return "\n".join(blocks)


def as_json(found: Resolved) -> dict[str, Any]:
    """The same for programs: times as ISO text."""
    return {
        "file": found.path,
        "arr": _plain(found.arr),
        "pools": {name: _plain(keys) for name, keys in found.pools.items()},
        "tasks": {name: _plain(keys) for name, keys in found.tasks.items()},
    }


def _block(path: list[str], keys: Mapping[str, Any], meanings: Mapping[tuple[str, str], KeyDoc]) -> str:
    lines = [write.header(path)]
    for key, value in keys.items():
        if value is None:
            lines.append(f"# {key}: {meanings[path[0], key].default}")
        else:
            lines.append(write.pair(key, value))
    return "".join(f"{line}\n" for line in lines)


def _arr(file: TasksFile) -> dict[str, Any]:
    return {
        "timezone": file.timezone,
        "workers": file.workers,
        "python_path": list(file.python_path),
        "shutdown_grace": exact(file.shutdown_grace),
        "allow": None if file.allow is None else list(file.allow),
        "reload": file.reload,
    }


def _pool(pool: Pool) -> dict[str, Any]:
    return {key: value for key, value in (("size", pool.size), ("rate", pool.rate)) if value is not None}


def _keys(task: Task, wanted: set[str] | None, file: TasksFile) -> dict[str, Any]:
    """The keys of a task in the order of the reference; `wanted` None: all that it may have."""
    found = {}
    for key in (one.name for one in reference() if one.table == "tasks"):
        if wanted is None or key in wanted or key in SCHEDULES:
            value = _value(task, key)
            if value is not _ABSENT and (wanted is None or value is not None):
                found[key] = value
    if wanted is not None and task.timezone == file.timezone:
        found.pop("timezone", None)
    return found


def _value(task: Task, key: str) -> Any:
    """As the file would have it; `_ABSENT` where this task cannot have the key, None where it has no value."""
    if key in SCHEDULES:
        return _schedule(task.schedule, key)
    value = getattr(task, key)
    if (task.executor == "thread" and key in PROCESS_ONLY) or (key == "after" and not value):
        return _ABSENT
    if value is None or isinstance(value, bool):
        return value
    if key in ("start", "until"):
        return to_datetime(value)
    if key in _SPANS:
        return exact(value)
    if key in ("retry_on", "no_retry_on"):
        return [path.removeprefix("builtins.") for path in value]
    return _size(value) if key == "max_output" else _plain_lists(value)


def _schedule(schedule: Schedule | None, key: str) -> Any:
    match schedule:
        case Cron() | Reboot() if key == "cron":
            return schedule.text
        case Union(schedules=members) if key == "cron":
            return [f"@{member.text}" if isinstance(member, Every) else member.text for member in members]
        case Every(period=period) if key == "every":
            return exact(period)
        case At(times=times) if key == "at":
            return to_datetime(times[0]) if len(times) == 1 else [to_datetime(time) for time in times]
    return _ABSENT


def _plain_lists(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


def _size(count: int) -> str | int:
    return next((f"{count // size}{unit}" for unit, size in _SIZES if count % size == 0), count)


def _plain(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain_value(value) for key, value in keys.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return [_plain_value(element) for element in value] if isinstance(value, list) else value
