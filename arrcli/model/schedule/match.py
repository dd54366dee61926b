"""A cron expression held against one wall time, field by field."""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime
from typing import Final

from arrcli.model.schedule.cron import Cron
from arrcli.model.schedule.days import Days
from arrcli.model.schedule.fields import Terms
from arrcli.model.value import dataclass

_CALLED: Final = {"day": "day of month", "weekday": "day of week"}


@dataclass(frozen=True, slots=True)
class Match:
    """One field and what the clock shows of it; `excused`: it does not hold, and need not."""

    field: str
    value: str
    wanted: str
    holds: bool
    excused: bool = False

    @property
    def text(self) -> str:
        """`minute 30 matches 30`, `day of week Wed is not in MON-FRI`."""
        within = "in " if " " not in self.wanted and any(mark in self.wanted for mark in ",-/*") else ""
        said = f"matches {self.wanted}" if self.holds else f"is not {within}{self.wanted}"
        return f"{self.field} {self.value} {said}" + (" (either day is enough)" if self.excused else "")


def field_by_field(cron: Cron, wall: datetime) -> tuple[Match, ...]:
    """Every field of the expression against a naive wall time; the second too where it keeps one of five from firing.

    Day of month and day of week excuse each other where either is enough.
    """
    days = Days(cron.fields.day, cron.fields.month, cron.fields.weekday)
    length, weekday = monthrange(wall.year, wall.month)[1], wall.isoweekday() % 7
    by_day, by_weekday = days.by_day(wall.day, length), days.by_weekday(wall.day, weekday, length)
    holds = {"day": by_day, "weekday": by_weekday}
    found = [] if cron.fields.second is not None or not wall.second else [Match("second", f"{wall.second}", "0", False)]
    for name, terms in cron.fields.named():
        number, value = _shown(name, terms, wall)
        held = holds.get(name, number in terms.numbers)
        excused = name in holds and not held and not days.both and (by_day or by_weekday)
        found.append(Match(_CALLED.get(name, name), value, terms.text, held, excused))
    return tuple(found)


def names(cron: Cron, wall: datetime) -> bool:
    """Whether the expression names this naive wall time; what the zone's clock makes of it is another question."""
    return all(match.holds or match.excused for match in field_by_field(cron, wall))


def _shown(name: str, terms: Terms, wall: datetime) -> tuple[int, str]:
    """The field's number on the clock, and how it is written: as the expression writes it, by name or by number."""
    if name == "weekday":
        return wall.isoweekday() % 7, _named(f"{wall:%a}", wall.isoweekday() % 7, terms)
    if name == "month":
        return wall.month, _named(f"{wall:%b}", wall.month, terms)
    number: int = getattr(wall, name)
    return number, f"{number}"


def _named(word: str, number: int, terms: Terms) -> str:
    return f"{word} ({number})" if any(sign.isdigit() for sign in terms.text) else word
