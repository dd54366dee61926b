"""What a program asks of an App: run this, run this then, run all of these."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from arrcli.engine.asks import Asked
from arrcli.errors import DeniedError, NotFoundError, ScheduleError, UsageError
from arrcli.handle import RunHandle
from arrcli.model.instant import Instant, from_datetime, microseconds
from arrcli.model.wall import machine_zone
from arrcli.model.when import calendar_time
from arrcli.options import policies
from arrcli.registry import registered, registered_names
from arrcli.text import brief

if TYPE_CHECKING:
    from arrcli.app import App

_to_json: Final = json.JSONEncoder(allow_nan=False).encode
Target: TypeAlias = str | Callable[..., Any]
When: TypeAlias = datetime | timedelta | str


def execute_task(app: App, target: Target, data: Any = None, **options: Any) -> RunHandle:
    """Queue one run: of a dotted path, a callable, a registered name, or (after `connect`) a task of the file.

    `data`: a mapping gives keyword arguments, a list or tuple positional ones, None none, anything else the one
    argument; it must be JSON. `options`: policies as in tasks.toml (`retries=3`, `timeout="5m"`), `priority`, `key`,
    `expires`.
    """
    return _queue(app, [_asked(app, target, data, options, None)])[0]


def execute_task_at(app: App, time: When, target: Target, data: Any = None, **options: Any) -> RunHandle:
    """The same at a time: an aware datetime, a timedelta from now, or ISO text (without an offset: the machine's zone).

    A past time runs at once. ValueError on a naive datetime.
    """
    return _queue(app, [_asked(app, target, data, options, instant(time, app.clock.now()))])[0]


def execute_tasks(app: App, tasks: Iterable[tuple[Target, Any]], **options: Any) -> list[RunHandle]:
    """Queue many runs, each (target, data), in one transaction and one fsync: all of them or none."""
    first: dict[Target, Asked] = {}
    asked = []
    for target, data in tasks:
        if target not in first:
            first[target] = _asked(app, target, None, options, None)
        args, kwargs = _arguments(data)
        asked.append(first[target]._replace(args=args, kwargs=kwargs))
    return _queue(app, asked)


def connect(path: str | Path) -> App:
    """An App without workers: it enqueues to the daemon of a tasks file, or to a store that others work on.

    A name in `.toml`, or an existing file that is not SQLite's, is a tasks file; any other path is a store, made if
    need be.
    """
    from arrcli.app import client_app, store_client
    from arrcli.config.load import load
    from arrcli.host.places import Places

    named = Path(path)
    if named.suffix == ".toml" or (named.is_file() and not _is_database(named)):
        return client_app(load(named), Places.of_tasks_file(named), create=True)
    return store_client(named)


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(16)
    return not head or head == b"SQLite format 3\0"


def instant(time: When, now: Instant) -> Instant:
    """The instant that is meant; ValueError on a naive datetime, ScheduleError on text that is no time."""
    if isinstance(time, timedelta):
        return now + microseconds(time)
    if isinstance(time, datetime):
        return from_datetime(time)
    if not isinstance(time, str):
        raise TypeError(f"{time!r} is no time — give an aware datetime, a timedelta, or ISO text")
    found = calendar_time(time, machine_zone())
    if found is None:
        raise ScheduleError(f"{time!r} is no time of this calendar", hint="write 2027-01-31T09:00")
    return found


def _queue(app: App, asked: list[Asked]) -> list[RunHandle]:
    return [RunHandle(app, run) for run in app.enqueue(asked)]


def _asked(app: App, target: Target, data: Any, options: Mapping[str, Any], at: Instant | None) -> Asked:
    known = registered(target)
    read = {**(known.policies if known is not None else {}), **policies(options)}
    if known is not None:
        read["name"] = known.name
    _refuse_for_threads(app, read)
    _refuse_pool(app, read.get("pool", "default"))
    args, kwargs = _arguments(data)
    name = app.target_name(target if known is None else known.function)
    _refuse_name(app, name, is_text=known is None and isinstance(target, str))
    return Asked(
        target=name,
        args=args,
        kwargs=kwargs,
        at=at,
        expires=read.pop("expires", None),
        priority=read.pop("priority", None),
        key=read.pop("key", None),
        options=read,
    )


def _refuse_for_threads(app: App, options: Mapping[str, Any]) -> None:
    """What only a process of its own can do is refused, rather than silently left out, where threads execute."""
    refused = [name for name in ("timeout", "env", "cwd") if name in options]
    if refused and app.default_executor == "thread":
        raise UsageError(f'{refused[0]} needs workers that are processes: start_application(executor="process")')


def _refuse_pool(app: App, pool: str) -> None:
    if pool != "default" and pool not in app.file.pools:
        raise UsageError(f"there is no pool {pool!r}: pools are made in a tasks file, by [pools.{pool}]")


def _refuse_name(app: App, name: str, *, is_text: bool) -> None:
    """What surely cannot run is refused where it is asked for: a name that nothing has, a path that is not allowed."""
    if name in app.file.tasks:
        return
    if is_text and "." not in name and ":" not in name:
        near = difflib.get_close_matches(name, [*registered_names(), *app.file.tasks], 1)
        hint = f"did you mean {near[0]!r}?" if near else "a function is named by its dotted path, as jobs.mail"
        raise NotFoundError(f"no task {brief(name)} is registered or in a tasks file; {hint}")
    if not app.file.allows(name):
        raise DeniedError(f"{name} is not allowed: [arr] allow in {app.file.path} does not list it")


def _arguments(data: Any) -> tuple[list[Any] | None, dict[str, Any]]:
    if data is None:
        return None, {}
    plain = dict(data) if isinstance(data, Mapping) else data
    try:
        _to_json(plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the data of a task must be JSON: {error}") from None
    if isinstance(plain, dict):
        odd = next((key for key in plain if not isinstance(key, str)), None)
        if odd is not None:
            raise UsageError(f"the data of a task names keyword arguments, and {odd!r} is no name: its keys are text")
        return None, plain
    return (list(data), {}) if isinstance(data, list | tuple) else ([data], {})
