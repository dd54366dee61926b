"""`arr list`: what comes next."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from arrcli.cli.complete import task_names
from arrcli.cli.options import Ascii, Debug, File, Json, Plain, StateDir, Utc

if TYPE_CHECKING:
    from pathlib import Path

    from arrcli.model.snapshot import Idle, Snapshot, Upcoming

_HEADINGS: Final = ("NEXT", "IN", "TASK", "SCHEDULE", "LAST", "WHEN", "WAITS FOR")
_FEW_HEADINGS: Final = ("NEXT", "IN", "TASK", "SCHEDULE", "LAST, OR WHY IT WAITS")


def upcoming(
    pattern: Annotated[str | None, typer.Argument(metavar="[PATTERN]", autocompletion=task_names)] = None,
    count: Annotated[int, typer.Option("-n", min=0, metavar="N", help="At most so many lines; 0 for all.")] = 0,
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Every fire up to then.")] = None,
    timeline: Annotated[bool, typer.Option("--timeline", help="Draw the next 24 hours.")] = False,
    graph: Annotated[bool, typer.Option("--graph", help="Draw which tasks come after which.")] = False,
    plain: Plain = False,
    ascii: Ascii = False,
    utc: Utc = False,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """What comes next: a line a task and each pending run, in time order; then the idle tasks, with why."""
    from arrcli.cli.columns import print_json
    from arrcli.errors import UsageError

    if (timeline and (graph or until is not None)) or (graph and until is not None):
        raise UsageError("--timeline, --graph and --until are three different pictures: name one")
    is_few = count and pattern is None and until is None and not timeline and not graph
    with _looked_at(file, state_dir, count=count if is_few else 0) as snapshot:
        shown, idle = _wanted(snapshot, pattern, until, count)
        if timeline or graph:
            from arrcli.cli.pictures import print_graph, print_timeline

            if timeline:
                print_timeline(snapshot, shown, idle, as_json=as_json, ascii=ascii)
            else:
                names = frozenset(one.name for one in shown) | {one.task.name for one in idle}
                print_graph(snapshot, wanted=names, as_json=as_json, ascii=ascii, plain=plain)
        elif as_json:
            print_json(_json(snapshot, shown, idle))
        else:
            _print_board(snapshot, shown, idle, plain=plain, utc=utc)


@contextmanager
def _looked_at(file: Path | None, state_dir: Path | None, *, count: int) -> Iterator[Snapshot]:
    """What is so now; a note where the daemon goes by what the file said before."""
    from arrcli.cli.columns import say
    from arrcli.cli.opened import opened

    with opened(file, state_dir, needs_tasks=True) as app:
        snapshot = app.beginning(count)
        facts = (app.places.daemon() or {}) if app.places is not None else {}
        if facts.get("digest", app.file.digest) != app.file.digest:
            say(f"note: the daemon still goes by what {app.file.path} said before it was edited (take it: arr reload)")
        yield snapshot  # whose histories are read when they are asked for


def _wanted(
    snapshot: Snapshot, pattern: str | None, until: str | None, count: int
) -> tuple[Sequence[Upcoming], Sequence[Idle]]:
    """What comes and what is idle, of these names, `count` lines in all; NotFoundError of a name that nothing has."""
    entries = list(_every_fire(snapshot, until) if until is not None else snapshot.upcoming)
    idle = list(snapshot.idle)
    if pattern is not None:
        entries = [one for one in entries if _matches(one.name, pattern)]
        idle = [one for one in idle if _matches(one.task.name, pattern)]
        if not entries and not idle and not _is_pattern(pattern):
            from arrcli.cli.act import no_task

            raise no_task(pattern, snapshot.tasks, snapshot.file)
    shown = entries[:count] if count else entries
    return shown, idle[: max(0, count - len(shown))] if count else idle


def _print_board(
    snapshot: Snapshot, shown: Sequence[Upcoming], idle: Sequence[Idle], *, plain: bool, utc: bool
) -> None:
    from arrcli.cli.columns import is_narrow, print_rows, say
    from arrcli.cli.times import fine

    seconds = None if is_narrow(plain=plain) else fine(one.at for one in shown)
    rows = [_row(snapshot, one, utc=utc, seconds=seconds) for one in shown] + [_idle_row(snapshot, one) for one in idle]
    if seconds is None:
        print_rows(_FEW_HEADINGS, [_brief(row) for row in rows], shrinks=(2, 3, 4))
    else:
        wide = len(_HEADINGS) if plain or any(row[-1] for row in rows) else len(_HEADINGS) - 1
        print_rows(_HEADINGS[:wide], [row[:wide] for row in rows], plain=plain, shrinks=(2, 3, 6))
    if not plain:
        say(_last_line(snapshot, len(rows)))


def _brief(row: tuple[str, ...]) -> tuple[str, ...]:
    """Why nothing comes, what it waits for, or how it went last, in one column."""
    at, left, name, schedule, last, when, waits = row
    if not left:  # it is idle
        at, waits = "", waits or ("" if at == schedule else at)
    return at, left, name, schedule.partition(" (")[0], waits or f"{last}  {when}".strip()


def _is_pattern(text: str) -> bool:
    return any(mark in text for mark in "*?[")


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern if _is_pattern(pattern) else f"*{pattern}*")


def _every_fire(snapshot: Snapshot, said: str) -> Sequence[Upcoming]:
    from arrcli.model.schedule import spread
    from arrcli.model.slot import slots
    from arrcli.model.snapshot import Upcoming
    from arrcli.model.wall import zone_named
    from arrcli.model.when import moment

    end = moment(said, now=snapshot.now, zone=zone_named(snapshot.timezone))

    def fires() -> Iterator[Upcoming]:
        for one in snapshot.upcoming:
            if one.run is not None or one.task is None:
                if one.at <= end:
                    yield one
                continue
            record = snapshot.records.get(one.name)
            task = one.task.anchored(snapshot.now if record is None else record.anchor)
            offset = spread(task.name, task.jitter)
            for slot in slots(task, one.at - offset - 1, end - offset):
                yield Upcoming(at=slot + offset, name=one.name, task=task, kind=one.kind, held_by=one.held_by)

    return sorted(fires(), key=lambda one: (one.at, one.name))


def _row(snapshot: Snapshot, one: Upcoming, *, utc: bool, seconds: bool | None) -> tuple[str, ...]:
    """`seconds` None: there is no room for dates, and times are as short as they can be."""
    from arrcli.cli.times import countdown_or_late, when, zone_for

    zone = zone_for(one.task, snapshot.timezone, utc=utc)
    last, ago = _last(snapshot, one.name) if one.run is None else ("", "")
    schedule = one.task.schedule_words if one.task is not None and one.run is None else ""
    if one.run is not None:
        schedule = f"run {one.run.id} ({one.run.origin.value})"
    return (
        when(one.at, snapshot.now, zone, seconds=seconds),
        countdown_or_late(one.at, snapshot.now),
        one.name,
        schedule,
        last,
        ago,
        one.held_by,
    )


def _idle_row(snapshot: Snapshot, one: Idle) -> tuple[str, ...]:
    last, when = _last(snapshot, one.task.name)
    return (one.why, "", one.task.name, one.task.schedule_words, last, when, one.broken)


def _last(snapshot: Snapshot, name: str) -> tuple[str, str]:
    from arrcli.cli.times import ago
    from arrcli.dashboard.times import lasted
    from arrcli.dashboard.words import outcome

    runs = snapshot.last.get(name, ())
    if not runs:
        return "", ""
    return f"{outcome(runs[0])} {lasted(runs[0].duration)}".strip(), ago(runs[0].finished_at, snapshot.now)


def _last_line(snapshot: Snapshot, shown: int) -> str:
    tasks = len(snapshot.tasks)
    said = f"{tasks} task{'' if tasks == 1 else 's'}, {shown} line{'' if shown == 1 else 's'} shown"
    if snapshot.daemon.pid is None:
        return f"{said}; no daemon is running (start it: arr run)"
    return f"{said}; {len(snapshot.running)} running (pid {snapshot.daemon.pid})"


def _json(snapshot: Snapshot, shown: Sequence[Upcoming], idle: Sequence[Idle]) -> dict[str, Any]:
    from arrcli.model.instant import iso

    return {
        "now": iso(snapshot.now),
        "timezone": snapshot.timezone,
        "upcoming": [
            {
                "at": iso(one.at),
                "task": one.task.name if one.task is not None else (one.run.task if one.run else None),
                "func": one.run.func if one.run is not None else (one.task.func if one.task else None),
                "kind": one.kind,
                "run_id": None if one.run is None else one.run.id,
                "state": None if one.run is None else one.run.shown_state.value,
                "held_by": one.held_by or None,
            }
            for one in shown
        ],
        "idle": [{"task": one.task.name, "why": "; ".join(filter(None, (one.why, one.broken)))} for one in idle],
    }
