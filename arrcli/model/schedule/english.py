"""Schedules in English sentences."""

from __future__ import annotations

from arrcli.model.schedule.cron import Cron
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
    if not _is_plain(cron):
        return cron.text
    try:
        # Late: 60 ms, and only people read this. It ships no types.
        from cron_descriptor import Options, get_description  # type: ignore[import-untyped]

        options = Options()
        options.use_24hour_time_format = True
        options.day_of_week_start_index_zero = True
        said = str(get_description(cron.fields.text, options))
        return (said.replace(", or on ", ", and only on ") if _both_must_match(cron) else said) or cron.text
    except Exception:  # it does not know all of our dialect, and what it raises differs by version
        return cron.text


def _both_must_match(cron: Cron) -> bool:
    """Day of month and weekday are both narrowed, and a star at the beginning of either makes that an AND."""
    return any(terms.text[:1] in ("*", "?") for terms in (cron.fields.day, cron.fields.weekday))


def _is_plain(cron: Cron) -> bool:
    """False for lists that mix terms, which cron_descriptor would garble rather than refuse."""
    day, weekday = cron.fields.day, cron.fields.weekday
    late = any(terms.has_late_star for _, terms in cron.fields.named())
    return not (late or (day.last_day and day.numbers) or (weekday.nths and "," in weekday.text))
