"""`arr add`: one task more in a tasks file, from the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arrcli.cli.opened import Chosen, to_set_up
from arrcli.cli.options import Debug, File, Json, StateDir

if TYPE_CHECKING:
    from arrcli.config.add import Added


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")],
    func: Annotated[str, typer.Argument(metavar="FUNC", help='"pkg.mod.func"; arrcli.shell.run for a command line.')],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[ARGS]", help="value, k=v, or k:=JSON.")] = None,
    cron: Annotated[list[str] | None, typer.Option("--cron", metavar="EXPR", help='"30 2 * * *".')] = None,
    every: Annotated[str | None, typer.Option("--every", metavar="90s", help="A period.")] = None,
    at: Annotated[list[str] | None, typer.Option("--at", metavar="WHEN", help='2027-01-01T09:00, "9am".')] = None,
    timezone: Annotated[str | None, typer.Option("--timezone", metavar="ZONE", help="Its zone.")] = None,
    description: Annotated[str | None, typer.Option("--description", metavar="TEXT", help="What it is for.")] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="enabled = false: it acts as paused.")] = False,
    timeout: Annotated[str | None, typer.Option("--timeout", metavar="1h", help="The most an attempt takes.")] = None,
    retries: Annotated[int | None, typer.Option("--retries", metavar="N", help="Further attempts.")] = None,
    retry_delay: Annotated[str | None, typer.Option("--retry-delay", metavar="5s", help="Before the first.")] = None,
    on_overlap: Annotated[
        str | None, typer.Option("--on-overlap", metavar="WHAT", help="skip, queue, replace or allow.")
    ] = None,
    catch_up: Annotated[
        str | None, typer.Option("--catch-up", metavar="WHAT", help="Of missed slots: latest, all or skip.")
    ] = None,
    jitter: Annotated[str | None, typer.Option("--jitter", metavar="10m", help="Spread its slots up to that.")] = None,
    expires: Annotated[str | None, typer.Option("--expires", metavar="1h", help="Skip what waited so long.")] = None,
    pool: Annotated[str | None, typer.Option("--pool", metavar="NAME", help="The pool whose cap holds.")] = None,
    priority: Annotated[int | None, typer.Option("--priority", metavar="N", help="Higher runs first.")] = None,
    executor: Annotated[str | None, typer.Option("--executor", metavar="KIND", help="process or thread.")] = None,
    env: Annotated[list[str] | None, typer.Option("--env", metavar="NAME=TEXT", help="A variable.")] = None,
    cwd: Annotated[str | None, typer.Option("--cwd", metavar="DIR", help="Where attempts start.")] = None,
    on_failure: Annotated[
        str | None, typer.Option("--on-failure", metavar="HOOK", help="A dotted path, or a command of several words.")
    ] = None,
    others: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other key, its value as in TOML.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be appended; write nothing.")] = False,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Append a task to the tasks file.

    What is there stays as it is, byte for byte; the file with the task in it is checked before anything is written.
    Arguments as in arr enqueue. A running daemon takes the task by itself.
    """
    spans = {"timeout": timeout, "retry_delay": retry_delay, "jitter": jitter, "expires": expires}
    texts = {"timezone": timezone, "description": description, "on_overlap": on_overlap, "catch_up": catch_up}
    more = {"pool": pool, "priority": priority, "executor": executor, "cwd": cwd, "retries": retries}
    keys = {
        "func": func,
        **_given(arguments or []),
        "cron": _one_or_all(cron or []),
        "every": _span(every),
        **texts,
        **{key: _span(said) for key, said in spans.items()},
        **more,
        "env": dict(_variables(env or [])),
        "on_failure": _hook(on_failure),
        "enabled": False if disabled else None,
        **dict(_settings(others or [])),
    }
    table = {key: value for key, value in keys.items() if value not in (None, [], {})}
    _append(name, table, at or [], to_set_up(file, state_dir), dry_run=dry_run, as_json=as_json)


def _append(name: str, keys: dict[str, Any], at: Sequence[str], which: Chosen, *, dry_run: bool, as_json: bool) -> None:
    import contextlib

    from arrcli.clock import SYSTEM
    from arrcli.config.add import added
    from arrcli.errors import ConfigError
    from arrcli.host.rewrite import rewrite

    with contextlib.suppress(ConfigError):  # whom it trusts; its faults are told below
        which.file(quiet=True)
    now = SYSTEM.now()
    made: list[Added] = []

    def change(content: bytes) -> bytes:
        times = {"at": _times(at, content, which, name, keys, now)} if at else {}
        made.append(added(content, which.path, name, times | keys))
        return content if dry_run else made[-1].content

    rewrite(which.path, change)
    _tell(made[-1], which, now, dry_run=dry_run, as_json=as_json)


def _given(words: Sequence[str]) -> dict[str, Any]:
    """Arguments as `arr enqueue` reads them."""
    from arrcli.cli.enqueue import read_arguments

    given = read_arguments(words)
    _refuse_null([*given.args, *given.kwargs.values()])
    return {"args": given.args, "kwargs": given.kwargs}


def _one_or_all(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _span(said: str | None) -> str | None:
    """A number alone is seconds."""
    return f"{said}s" if said is not None and said.isascii() and said.isdigit() else said


def _times(said: Sequence[str], content: bytes, which: Chosen, name: str, keys: dict[str, Any], now: int) -> Any:
    """Times in words are those of the task's zone, which the rest of its table decides."""
    from arrcli.config.add import added, time_said
    from arrcli.model.wall import zone_named

    plain = {key: value for key, value in keys.items() if key not in ("at", "start", "until")}
    zone = zone_named(added(content, which.path, name, plain).task.timezone)
    return _one_or_all([time_said(one, now=now, zone=zone) for one in said])


def _variables(said: Sequence[str]) -> Iterator[tuple[str, str]]:
    from arrcli.errors import UsageError

    for one in said:
        name, equals, text = one.partition("=")
        if not equals:
            raise UsageError(f"--env {one!r} has no value; write --env NAME=TEXT")
        yield name, text


def _hook(said: str | None) -> str | list[str] | None:
    import shlex

    return shlex.split(said) if said is not None and " " in said else said


def _settings(said: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """`keep_for=7d`, `keep_runs=10`, `retry_on=["OSError"]`: TOML where it is TOML, else text."""
    import tomllib

    from arrcli.errors import UsageError

    for one in said:
        key, equals, text = one.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {one!r} has no value; write --set KEY=VALUE")
        try:
            read = tomllib.loads(f"x = {text}")
        except tomllib.TOMLDecodeError:
            read = {"x": text}
        yield key.strip().replace("-", "_"), read["x"] if len(read) == 1 else text


def _refuse_null(value: Any) -> None:
    from arrcli.errors import UsageError

    if value is None:
        raise UsageError("null cannot stand in a tasks file, for TOML has none; leave that argument out")
    if isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            _refuse_null(one)


def _tell(made: Added, which: Chosen, now: int, *, dry_run: bool, as_json: bool) -> None:
    from dataclasses import replace

    from arrcli.cli.columns import print_file, print_json, say
    from arrcli.cli.source import missing
    from arrcli.cli.times import coming, shown
    from arrcli.config.advice import warnings
    from arrcli.model.instant import iso
    from arrcli.text import clean

    task, times = made.task, coming(made.task, now)
    alone = replace(made.file, tasks={task.name: task}, pools={})
    noted = warnings(alone, now, text=made.content.decode("utf-8-sig").replace("\r\n", "\n"), shown=str(which.path))
    if unknown := missing(task.func, made.file.python_path):
        noted.append(unknown)
    if as_json:
        facts = {"file": str(which.path), "task": task.name, "written": not dry_run, "toml": made.table}
        print_json({**facts, "next": [iso(at) for at in times], "warnings": noted})
        return
    if dry_run:
        print_file(made.table)
    for text in noted:
        say(f"warning: {clean(text)}")
    say(clean(f"{'would add' if dry_run else 'added'} {task.name} to {which.path}, line {made.line}"))
    say(f"next: {', '.join(shown(at, task.timezone) for at in times) or task.schedule_words}")
    if not dry_run and (daemon := which.places.daemon()):
        by_hand = made.file.reload == "manual"
        say(f"pid {daemon.get('pid')} {'takes it with: arr reload' if by_hand else 'takes it by itself'}")
