"""`arr explain`: why a task would or would not run, and why it did or did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arrcli.cli.options import Debug, File, Json, StateDir, TaskName

if TYPE_CHECKING:
    from arrcli.app import App
    from arrcli.model.explain import Explanation
    from arrcli.model.snapshot import Snapshot
    from arrcli.model.task import Task


def explain(
    task: TaskName,
    at: Annotated[
        str | None, typer.Option("--at", metavar="T", help="Of this time; else the last slot and the next.")
    ] = None,
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Why a task would run at a time, or would not, field by field; why its last slot ran, or did not."""
    from arrcli.cli.act import known_task
    from arrcli.cli.columns import print_json
    from arrcli.cli.opened import opened

    with opened(file, state_dir, needs_tasks=True) as app:
        meant = known_task(app, task)
        snapshot = app.snapshot(pending_limit=0)
        found = _around_now(app, snapshot, meant) if at is None else [("asked", _of_time(app, snapshot, meant, at))]
    if as_json:
        print_json(_json(meant, found))
        return
    for line in _page(snapshot, meant, found):
        print(line)


def _of_time(app: App, snapshot: Snapshot, task: Task, said: str) -> Explanation:
    from arrcli.engine.past import past_of
    from arrcli.model.explain import explain as explained
    from arrcli.model.instant import SECOND
    from arrcli.model.slot import next_slot
    from arrcli.model.wall import zone_named
    from arrcli.model.when import moment_and_wall

    instant, wall = moment_and_wall(said, now=snapshot.now, zone=zone_named(task.timezone))
    record = snapshot.records.get(task.name)
    slot = next_slot(task if record is None else task.anchored(record.anchor), instant - 1)
    if slot is not None and instant < slot < instant + SECOND:  # of a period the slots are no whole seconds
        return explained(snapshot, task, slot, past=past_of(app.store, task, slot))
    return explained(snapshot, task, instant, wall=wall, past=past_of(app.store, task, instant))


def _around_now(app: App, snapshot: Snapshot, task: Task) -> Sequence[tuple[str, Explanation]]:
    """The last slot (of a task without slots the last run), and the next."""
    from arrcli.engine.past import last_run, last_slot, past_of
    from arrcli.model.explain import Past
    from arrcli.model.explain import explain as explained
    from arrcli.model.slot import next_slot

    record = snapshot.records.get(task.name)
    anchored = task.anchored(snapshot.now if record is None else record.anchor)
    found = []
    before, after = last_slot(app.store, anchored, snapshot.now), next_slot(anchored, snapshot.now)
    if before is not None:
        found.append(("last", explained(snapshot, task, before, past=past_of(app.store, task, before))))
    elif (run := last_run(app.store, task)) is not None:
        found.append(("last", explained(snapshot, task, run.due_at, past=Past(row=run))))
    if after is not None:
        found.append(("next", explained(snapshot, task, after)))
    return found


def _page(snapshot: Snapshot, task: Task, found: Sequence[tuple[str, Explanation]]) -> Iterator[str]:
    from arrcli.model.schedule import english
    from arrcli.text import clean

    words = english(task.schedule) if task.schedule is not None else ""
    told = f": {words}" if words and words.casefold() != task.schedule_words.casefold() else ""
    yield clean(f"{task.name}  {task.schedule_words}{told} ({task.timezone})")
    for which, one in found:
        yield ""
        yield from map(clean, _section(snapshot, task, which, one))
    if not any(which in ("next", "asked") for which, _ in found):
        yield ""
        told_already = [one.run.id for _, one in found if one.run is not None]
        yield from map(clean, _nothing_comes(snapshot, task, told_already))


def _section(snapshot: Snapshot, task: Task, which: str, one: Explanation) -> Iterator[str]:
    from arrcli.cli.times import ago, shown, until

    head = "" if which == "asked" else f"{which}: "
    passed = one.at <= snapshot.now
    when = f"{ago(one.at, snapshot.now)}" if passed else f"in {until(one.at, snapshot.now)}"
    asked = "" if one.wall is None else f"{one.wall:%a %Y-%m-%d %H:%M}, or "
    yield f"{head}{asked}{shown(one.at, task.timezone)} ({when}): {_VERDICTS.get(one.verdict, one.verdict)}"
    if which != "last" or not one.named:
        yield from _checks(one)
    for cause in one.causes:
        yield f"  {cause.text}"
    if which == "asked" and one.following is not None:
        yield f"next: {shown(one.following, task.timezone)} (in {until(one.following, snapshot.now)})"


_VERDICTS = {
    "no slot": "it has no slot then",
    "not considered": "it has not been considered yet",
    "no record": "nothing is kept of it",
}


def _checks(one: Explanation) -> Iterator[str]:
    """Field by field; of several expressions each under its number."""
    for number, matches in enumerate(one.checks, start=1):
        if len(one.checks) > 1:
            whole = all(match.holds or match.excused for match in matches)
            yield f"  expression {number} {'matches' if whole else 'does not match'}"
        for match in matches:
            mark = "✓" if match.holds else "·" if match.excused else "✗"
            yield f"  {mark} {match.text}"


def _nothing_comes(snapshot: Snapshot, task: Task, told: Sequence[int]) -> Iterator[str]:
    from arrcli.engine.coming import why_idle

    why = why_idle(task, snapshot.records.get(task.name), snapshot.now)
    yield f"next: nothing comes by itself ({why or 'its times are past'})"
    for entry in snapshot.upcoming:
        if entry.run is not None and entry.run.task == task.name and entry.run.id not in told:
            yield f"  run {entry.run.id} was asked for, and waits: {entry.held_by or 'for its time, or a worker'}"


def _json(task: Task, found: Sequence[tuple[str, Explanation]]) -> dict[str, Any]:
    from arrcli.model.schedule import english

    return {
        "task": task.name,
        "schedule": task.schedule_text,
        "english": english(task.schedule) if task.schedule is not None else None,
        "timezone": task.timezone,
        **{which: _one_json(one) for which, one in found},
    }


def _one_json(one: Explanation) -> dict[str, Any]:
    from arrcli.model.instant import iso
    from arrcli.model.json import run_json, time_json

    return {
        "at": iso(one.at),
        "verdict": one.verdict,
        "slot": one.named,
        "expressions": [
            [
                {
                    "field": each.field,
                    "value": each.value,
                    "wanted": each.wanted,
                    "holds": each.holds,
                    "excused": each.excused,
                }
                for each in matches
            ]
            for matches in one.checks
        ],
        "causes": [{"kind": each.kind, "text": each.text, "stops": each.stops} for each in one.causes],
        "run": None if one.run is None else run_json(one.run),
        "next": time_json(one.following),
    }
