"""`arr enqueue`: one run of a task, or of any callable by its dotted path."""

from __future__ import annotations

import json
import keyword
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from arrcli.cli.complete import task_names
from arrcli.cli.options import Debug, File, Json, StateDir
from arrcli.model.value import dataclass

if TYPE_CHECKING:
    from arrcli.app import App
    from arrcli.model.run import Run

_WAIT_S: Final = 0.05


def enqueue(
    target: Annotated[str, typer.Argument(metavar="FUNC_OR_TASK", autocompletion=task_names)],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[ARGS]", help="value, k=v, or k:=JSON.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="WHEN", help='2027-01-01T09:00, "9am"')] = None,
    in_: Annotated[str | None, typer.Option("--in", metavar="10m", help="So long from now.")] = None,
    expires: Annotated[str | None, typer.Option("--expires", metavar="1h", help="Skip it if pending so long.")] = None,
    priority: Annotated[int | None, typer.Option("--priority", help="Higher runs first.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="At most one pending run with this key.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; exit as it ended.")] = False,
    timeout: Annotated[str | None, typer.Option("--timeout", help="With --wait: at most so long; exit 124.")] = None,
    no_past: Annotated[bool, typer.Option("--no-past", help="Refuse a time that is past.")] = False,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Queue one run. Its id alone goes to stdout.

    Positional values replace a task's args, k=v is laid over its kwargs. Values are JSON where they are JSON, else
    text; k:=JSON must be JSON. The worker casts them to the callable's type hints.
    """
    from arrcli.cli.opened import opened
    from arrcli.engine.asks import Asked
    from arrcli.errors import NoDaemonError
    from arrcli.model.when import duration

    given = read_arguments(arguments or [])
    patience_s = None if timeout is None else duration(timeout) / 1e6
    with opened(file, state_dir, writes=True, creates=True, needs_tasks=True) as app:
        if wait and app.daemon_pid is None:
            raise NoDaemonError("no daemon is running to wait for; start it with: arr run (nothing was queued)")
        now = app.clock.now()
        when = _when(at, in_, now, app, target)
        _refuse(app, target, when, now, no_past=no_past)
        asked = Asked(
            target=target,
            args=given.args if given.args else None,
            kwargs=given.kwargs,
            at=when,
            expires=None if expires is None else duration(expires, minimum=1),
            priority=priority,
            key=key,
            options={"typed": given.typed()},
        )
        (run,) = app.enqueue([asked])
        _told(app, run, now, as_json=as_json, waits=wait, new=run.enqueued_at >= now)
        if not wait:
            return 0
        return _waited(app, run, patience_s, as_json=as_json)


@dataclass(slots=True)
class Given:
    """Arguments as they were typed, and as they are understood."""

    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    typed_args: list[str | None] = field(default_factory=list)
    typed_kwargs: dict[str, str] = field(default_factory=dict)

    def typed(self) -> Mapping[str, Any]:
        return {"args": self.typed_args, "kwargs": self.typed_kwargs}


def read_arguments(words: Sequence[str]) -> Given:
    """`5` a number, `to=x` a keyword, `n:=5` JSON; UsageError where `:=` is not followed by JSON, and for what looks
    like an option and is none: a slip of the keys is no argument by mistake."""
    given = Given()
    for word in words:
        if word.startswith("-") and _value(word) == word:
            raise no_option(word)
        name, equals, value = word.partition("=")
        if equals and name.endswith(":") and _is_name(name[:-1]):
            given.kwargs[name[:-1]] = _strict(name[:-1], value)
        elif equals and _is_name(name):
            given.kwargs[name], given.typed_kwargs[name] = _value(value), value
        else:
            given.args.append(_value(word))
            given.typed_args.append(word)
    return given


def no_option(word: str) -> Exception:
    """What is said of a word that looks like an option and is none."""
    from arrcli.errors import UsageError

    return UsageError(f"there is no option {word[:80]}; as a text, write '\"{word[:80]}\"', with both quotes")


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def _value(text: str) -> Any:
    try:
        return _loads(text)
    except (ValueError, RecursionError):
        return text


def _strict(name: str, text: str) -> Any:
    from arrcli.errors import UsageError

    try:
        return _loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}:= must be followed by JSON, and {text[:80]!r} is not ({error})") from None


def _loads(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    def finite(digits: str) -> float:
        number = float(digits)
        return number if math.isfinite(number) else refuse(f"a number as large as {digits[:20]}")

    return json.loads(text, parse_constant=refuse, parse_float=finite)


def _when(at: str | None, in_: str | None, now: int, app: App, target: str) -> int | None:
    from arrcli.cli.times import zone_for
    from arrcli.errors import UsageError
    from arrcli.model.wall import zone_named
    from arrcli.model.when import duration, moment

    if at is not None and in_ is not None:
        raise UsageError("give --at or --in, not both")
    if in_ is not None:
        return now + duration(in_)
    if at is None:
        return None
    zone = zone_named(zone_for(app.file.tasks.get(target), app.file.timezone))
    return moment(at, now=now, zone=zone)


def _refuse(app: App, target: str, when: int | None, now: int, *, no_past: bool) -> None:

    from arrcli.errors import DeniedError, NotFoundError, UsageError
    from arrcli.model.path import is_dotted_path
    from arrcli.text import brief

    if no_past and when is not None and when < now:
        raise UsageError("that time is past (--no-past)")
    if target in app.file.tasks:
        return
    if "." not in target and ":" not in target:
        import difflib

        near = difflib.get_close_matches(target, app.file.tasks, 1)
        hint = f"; did you mean {near[0]}?" if near else "; a function is named by its dotted path, as jobs.mail"
        raise NotFoundError(f"no task {brief(target)} in {app.file.path}{hint}")
    if not is_dotted_path(target):
        raise NotFoundError(f"no task {brief(target)} in {app.file.path}, and no dotted path either, as jobs.mail is")
    if not app.file.allows(target):
        listed = ", ".join(app.file.allow or ())
        raise DeniedError(f"{target} is not allowed: [arr] allow in {app.file.path} lists {listed}")
    _refuse_unknown(app, target)


def _refuse_unknown(app: App, target: str) -> None:
    """A dotted path that surely leads nowhere is refused now rather than at 02:00; nothing is imported for that."""
    from arrcli.cli.source import missing

    said = missing(target, app.file.python_path)
    if said:
        from arrcli.errors import NotFoundError

        raise NotFoundError(said)


def _told(app: App, run: Run, now: int, *, as_json: bool, waits: bool, new: bool) -> None:
    from arrcli.cli.columns import print_json, say
    from arrcli.cli.times import shown, until, zone_for
    from arrcli.model.json import run_json
    from arrcli.text import brief

    if not waits or not as_json:
        print_json({"run": run_json(run)}) if as_json else print(run.id, flush=True)
    if as_json:
        return
    at = shown(run.due_at, zone_for(app.file.tasks.get(run.task or ""), app.file.timezone))
    if not new:
        say(f"run {run.id} with the key {brief(run.key or '')} is pending already; nothing was added")
    elif run.due_at > run.enqueued_at:
        say(f"queued run {run.id}  {_called(run)}  at {at} (in {until(run.due_at, now)})")
    elif run.due_at < run.enqueued_at:
        say(f"queued run {run.id}  {_called(run)}  at once: {at} is past (refuse with --no-past)")
    else:
        say(f"queued run {run.id}  {_called(run)}  now")
    if app.daemon_pid is None:
        say(f"note: no daemon is running on {app.file.path}; it will wait (start: arr run)")
    elif trouble := app.daemon_status().message:
        say(f"note: the daemon is in trouble: {trouble}")


def _called(run: Run) -> str:
    from arrcli.text import one_line, shortened

    words = [json.dumps(one) for one in run.args] + [f"{key}={json.dumps(one)}" for key, one in run.kwargs.items()]
    text = ", ".join(words)
    return f"{shortened(one_line(run.name), 100)}({shortened(text, 200)})"


def _waited(app: App, run: Run, timeout_s: float | None, *, as_json: bool) -> int:
    from arrcli.cli.columns import print_json, say
    from arrcli.dashboard.words import outcome, why
    from arrcli.errors import NoDaemonError, TimedOutError
    from arrcli.model.json import run_json
    from arrcli.model.run import Reason, State

    end = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        found = app.store.run(run.id)
        if found is not None and found.ended:
            break
        if end is not None and time.monotonic() >= end:
            raise TimedOutError(f"run {run.id} did not end in time; it goes on (arr show {run.id})")
        if app.daemon_pid is None:
            raise NoDaemonError(f"the daemon stopped before run {run.id} ended; it will run when arr run starts")
        time.sleep(_WAIT_S)
    if as_json:
        print_json({"run": run_json(found)})
    else:
        say(f"run {found.id} {outcome(found)}  {why(found)}".rstrip())
    if found.state is State.SUCCEEDED:
        return 0
    return 124 if found.reason is Reason.TIMED_OUT else 1
