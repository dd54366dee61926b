"""The nights on which a clock changes, and other things about an expression that surprise people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from arrcli.model.instant import DAY, Instant
from arrcli.model.schedule.cron import Cron
from arrcli.model.schedule.protocol import Schedule
from arrcli.model.schedule.union import Union
from arrcli.model.wall import LONGEST_GAP, Transition, transitions

_ONE_SECOND: Final = timedelta(seconds=1)


def dst_notes(schedule: Schedule, start: Instant, until: Instant) -> list[tuple[Instant, str]]:
    """What is special about the schedule's fires where its zone's clock changes after `start`, up to `until`.

    Each is (the instant to show it at, a sentence without a full stop): for a fixed time the fire itself, for
    a wild one the change.
    """
    crons = schedule.schedules if isinstance(schedule, Union) else (schedule,)
    notes = {
        note
        for cron in crons
        if isinstance(cron, Cron)
        for change in transitions(cron.timezone, start, until)
        for note in _notes(cron, change)
    }
    return sorted(notes)


def warnings(schedule: Schedule, *, now: Instant | None = None) -> list[str]:
    """What `check` says of a schedule: days that unite, late stars, with `now` also special nights."""
    crons = schedule.schedules if isinstance(schedule, Union) else (schedule,)
    said = [line for cron in crons if isinstance(cron, Cron) for line in _of_the_text(cron)]
    if now is not None:
        said += [
            note
            for cron in crons
            if isinstance(cron, Cron) and not cron.wild
            for _, note in dst_notes(cron, now, now + 366 * DAY)
        ]
    return list(dict.fromkeys(said))


def _of_the_text(cron: Cron) -> Iterator[str]:
    fields = cron.fields
    late = [name for name, terms in fields.named() if terms.has_late_star]
    for name in late:
        yield (
            f'"{cron.text}": the star in its {name} does not come first, so it is every {name}, '
            "and does not count as a star"
        )
    if not (late or fields.day.starred or fields.weekday.starred):
        yield (
            f'"{cron.text}": day {fields.day.text} or weekday {fields.weekday.text}: '
            "either is enough, they need not both match"
        )


def _notes(cron: Cron, change: Transition) -> Iterator[tuple[Instant, str]]:
    touched = _touched(cron, change)
    if touched is None:
        return
    first, several = touched
    day = f"{change.start:%a %Y-%m-%d}"
    if cron.wild:
        yield change.at, _wild_note(change, day)
    elif change.is_gap:
        yield change.at, f"{_some(first, several)} does not exist on {day}: {_after_gap(change)}"
    else:
        fire = cron.after(change.at - _span(change) - 1)
        yield fire or change.at, f"{_some(first, several)} comes twice on {day}: fires in the first pass only"


def _touched(cron: Cron, change: Transition) -> tuple[datetime, bool] | None:
    """The first of the schedule's wall times that the change leaves out or repeats, and whether more are."""
    first = cron.pattern.after(change.start - _ONE_SECOND)
    if first is None or first >= change.end:
        return None
    second = cron.pattern.after(first)
    return first, second is not None and second < change.end


def _wild_note(change: Transition, day: str) -> str:
    span = f"{_clock(change.start)} to {_clock(change.end)}"
    if change.is_gap:
        return f"{span} does not exist on {day}: does not fire then"
    return f"{span} comes twice on {day}: fires in both passes"


def _after_gap(change: Transition) -> str:
    if change.after - change.before > LONGEST_GAP:
        return "does not fire"
    return f"fires once at {_clock(change.end)}"


def _some(first: datetime, several: bool) -> str:
    return f"{_clock(first)} (and later times)" if several else _clock(first)


def _clock(wall: datetime) -> str:
    return f"{wall:%H:%M:%S}" if wall.second else f"{wall:%H:%M}"


def _span(change: Transition) -> int:
    return abs(change.after - change.before) // timedelta(microseconds=1)
