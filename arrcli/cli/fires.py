"""`arr next`: when a cron expression fires."""

from __future__ import annotations

from typing import Annotated

import typer

from arrcli.cli.options import Debug, File, Json, Utc

_MOST = 100_000


def fires(
    expression: Annotated[str, typer.Argument(metavar="EXPR", help='"30 2 * * *", "@daily", "@every 90s".')],
    tz: Annotated[str | None, typer.Option("--tz", envvar="ARR_TZ", metavar="ZONE", help="Its zone.")] = None,
    after: Annotated[str | None, typer.Option("--after", metavar="T", help="From then on; now.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="T", help="Up to then.")] = None,
    count: Annotated[int, typer.Option("-n", min=0, metavar="N", help="So many; 0 for all up to --until.")] = 5,
    name: Annotated[str | None, typer.Option("--name", metavar="SEED", help="The task's name, for H.")] = None,
    utc: Utc = False,
    file: File = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The next times of a cron expression, in English, with the nights on which the clocks change marked."""
    from arrcli.cli.columns import print_json, print_rows, say
    from arrcli.clock import SYSTEM
    from arrcli.errors import UsageError
    from arrcli.model.instant import iso
    from arrcli.model.schedule import english, parse_cron
    from arrcli.model.wall import zone_named
    from arrcli.model.when import moment

    zone = zone_named(tz or _zone_of_file(file))
    schedule = parse_cron(expression, zone, name)
    now = SYSTEM.now()
    start = now if after is None else moment(after, now=now, zone=zone)
    end = None if until is None else moment(until, now=now, zone=zone)
    if count == 0 and end is None:
        raise UsageError("-n 0 needs --until")
    found: list[int] = []
    at = schedule.after(start)
    while at is not None and (end is None or at <= end) and len(found) < (count or _MOST):
        found.append(at)
        at = schedule.after(at)
    if as_json:
        print_json({"expression": expression, "timezone": zone.key, "fires": [iso(at) for at in found]})
        return
    say(f"{english(schedule)} ({zone.key})")
    if not found:
        say("when arr starts" if schedule.kind == "reboot" else "never in that time")
    print_rows(("WHEN", "IN", "NOTE"), _rows(schedule, found, start, now, "UTC" if utc else zone.key))


def _zone_of_file(file: object) -> str | None:
    """The zone of the tasks file where there is one that can be read; else the machine's (None)."""
    from pathlib import Path

    from arrcli.config.load import load
    from arrcli.errors import ArrError

    path = file if isinstance(file, Path) else Path("tasks.toml")
    if not isinstance(file, Path) and not path.exists():
        return None
    try:
        return load(path).timezone
    except ArrError:
        if isinstance(file, Path):
            raise
        return None


def _rows(schedule: object, found: list[int], start: int, now: int, zone: str) -> list[tuple[str, ...]]:
    from typing import cast

    from arrcli.cli.times import fine, shown, until
    from arrcli.model.schedule import Schedule, dst_notes

    if not found:
        return []
    notes = dst_notes(cast(Schedule, schedule), start, found[-1])
    rows: list[tuple[int, tuple[str, ...]]] = []
    marked = {at: text for at, text in notes}
    seconds = fine(found)
    for at in found:
        rows.append((at, (shown(at, zone, seconds=seconds), until(at, now) if at > now else "", marked.pop(at, ""))))
    rows += [(at, ("", "", text)) for at, text in marked.items()]
    return [row for _, row in sorted(rows)]
