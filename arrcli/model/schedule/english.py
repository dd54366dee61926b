"""Schedules in English sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from arrcli.model.schedule.cron import Cron
from arrcli.model.schedule.fields import Fields, Terms
from arrcli.model.schedule.protocol import Schedule
from arrcli.model.schedule.union import Reboot, Union


def english(schedule: Schedule) -> str:
    """What the schedule means, as `At 02:30, only on Friday`; where no words are found, its text."""
    match schedule:
        case Cron():
            return _cron(schedule)
        case Union():
            return "; ".join(map(english, schedule.schedules))
        case Reboot():
            return "Once, when the daemon starts"
        case _:
            return schedule.text[:1].upper() + schedule.text[1:]


def _cron(cron: Cron) -> str:
    try:
        whole = _described(cron.fields.text) if _is_plain(cron) else _part_by_part(cron.fields)
        return whole or cron.text
    except Exception:  # cron_descriptor does not know all of our dialect, and what it raises differs by version
        return cron.text


def _described(expression: str) -> str:
    # Late: 60 ms, and only people read this. It ships no types.
    from cron_descriptor import Options, get_description  # type: ignore[import-untyped]

    options = Options()
    options.use_24hour_time_format = True
    options.day_of_week_start_index_zero = True
    return str(get_description(expression, options))


def _is_plain(cron: Cron) -> bool:
    """False for what cron_descriptor would garble rather than refuse: both day fields, and lists that mix terms."""
    day, weekday = cron.fields.day, cron.fields.weekday
    late = any(terms.has_late_star for _, terms in cron.fields.named())
    both = day.text not in _ANY and weekday.text not in _ANY
    return not (late or both or (day.last_day and day.numbers) or (weekday.nths and "," in weekday.text))


def _part_by_part(fields: Fields) -> str:
    """The clock, the days term by term, and the months; day and weekday by `and only` or by `or`."""
    clock = " ".join(_whole(terms) for terms in (fields.second, fields.minute, fields.hour) if terms is not None)
    days = _days(fields.day, "* {} * *".format, last="on the last day of the month")
    weekdays = _days(fields.weekday, "* * * {}".format)
    if fields.day.starred or fields.weekday.starred:
        said = f"{days}, and only {weekdays}" if days and weekdays else days or weekdays
    else:
        said = f"{days}, or {weekdays}" if days and weekdays else ""  # every day of one side is enough
    months = _less_the_clock(f"* * {_whole(fields.month)} *")
    return ", ".join(part for part in (_described(f"{clock} * * *"), said, months) if part)


def _days(terms: Terms, expression: Callable[[str], str], last: str = "") -> str:
    """`on day 1 of the month and on the last day of the month`; "" for every day."""
    parts = _whole(terms).split(",")
    if "*" in parts:
        return ""
    alone = [part for part in parts if part == "L" or "#" in part or part.endswith("L")]
    numbers = ",".join(part for part in parts if part not in alone)
    listed = ([numbers] if numbers else []) + alone
    return " and ".join(last if part == "L" else _less_the_clock(expression(part)) for part in listed)


def _less_the_clock(expression: str) -> str:
    """What `M H` stars and this say, without "Every minute, "."""
    return _described(f"* {expression}").partition(", ")[2].removeprefix("only ")


def _whole(terms: Terms) -> str:
    """The field's text; a late star, or a question mark, is the whole of it."""
    return "*" if terms.has_late_star or terms.text == "?" else terms.text


_ANY: Final = frozenset({"*", "?"})
