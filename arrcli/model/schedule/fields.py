"""The text of a cron expression, read into numbers and terms: our own dialect, no clock and no calendar.

Five fields, or six with seconds first. What cannot be read is a ScheduleError that names the field and value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import lru_cache
from typing import Final

from arrcli.errors import ScheduleError
from arrcli.model.value import dataclass

LONGEST: Final = 256
LAST: Final = -1
"""In a weekday term, the place of "the last one of the month"."""

MACROS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_MONTHS: Final = {
    **{"JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6},
    **{"JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12},
}
_WEEKDAYS: Final = {"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6}


@dataclass(frozen=True, slots=True)
class Kind:
    """What may stand in one field: `low` to `high`, of which a star is `low` to `top`."""

    name: str
    low: int
    top: int
    high: int
    hashed_to: int
    unit: str
    """The unit of a step as a duration, for hints."""
    names: Mapping[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many values a star has."""
        return self.top - self.low + 1


SECOND: Final = Kind("second", 0, 59, 59, 59, "s")
MINUTE: Final = Kind("minute", 0, 59, 59, 59, "m")
HOUR: Final = Kind("hour", 0, 23, 23, 23, "h")
DAY: Final = Kind("day", 1, 31, 31, 28, "d")  # hashed to 28, so that every month has it
MONTH: Final = Kind("month", 1, 12, 12, 12, "", _MONTHS)
WEEKDAY: Final = Kind("weekday", 0, 6, 7, 6, "", _WEEKDAYS)  # 7 is Sunday again, and closes a range

_FIVE: Final = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)
_SIX: Final = (SECOND, *_FIVE)

_RANGE: Final = r"(?P<low>[^-/#]+)(?:-(?P<high>[^-/#]+))?(?:/(?P<step>[^/]*))?"
_HASHED: Final = r"H(?:\((?P<low>[^()-]+)-(?P<high>[^()-]+)\))?(?:/(?P<step>[^/]*))?"
_NTH: Final = r"(?P<day>[^#]+)#(?P<nth>[^#]*)"
_LAST: Final = r"(?P<day>[0-9]+|[A-Z]{3})L"


@dataclass(frozen=True, slots=True)
class Terms:
    """One field, read: its plain numbers, and what only the calendar can resolve."""

    text: str
    numbers: frozenset[int]
    last_day: bool = False
    nths: frozenset[tuple[int, int]] = frozenset()
    """(weekday, which one of the month: 1 to 5, or LAST)"""

    def __hash__(self) -> int:
        """By the text, which decides the others."""
        return hash(self.text)

    @property
    def starred(self) -> bool:
        """Begins with a star (or `?`): of day and weekday both must match then."""
        return self.text.startswith(("*", "?"))

    @property
    def has_late_star(self) -> bool:
        """A star later in a list: its whole range, and no star in that sense."""
        return not self.starred and any(term.startswith(("*", "?")) for term in self.text.split(","))


@dataclass(frozen=True, slots=True)
class Fields:
    """A whole expression, read; `second` is None where it has five fields."""

    second: Terms | None
    minute: Terms
    hour: Terms
    day: Terms
    month: Terms
    weekday: Terms

    @property
    def wild(self) -> bool:
        """Matches the wall clock as it passes, rather than once a day named."""
        clock = (self.second, self.minute, self.hour)
        return any(terms is not None and terms.text.startswith("*") for terms in clock)

    @property
    def text(self) -> str:
        """The expression with macros and `H` written out, upper case."""
        return " ".join(terms.text for _, terms in self.named())

    def named(self) -> list[tuple[str, Terms]]:
        """(name, terms) of each field there is, in order."""
        every = (self.second, self.minute, self.hour, self.day, self.month, self.weekday)
        return [(kind.name, terms) for kind, terms in zip(_SIX, every, strict=True) if terms is not None]


def read(expression: str, *, seed: str) -> Fields:
    """The fields of an expression, `H` resolved by the seed (the task's name); or ScheduleError."""
    texts = _split(expression)
    terms = [_terms(place, len(texts), text, seed if "H" in text else "") for place, text in enumerate(texts)]
    second = terms.pop(0) if len(terms) == len(_SIX) else None
    return Fields(second, *terms)


@lru_cache(maxsize=4096)
def _terms(place: int, fields: int, text: str, seed: str) -> Terms:
    """Of the field at that place, of so many: ten thousand tasks have a few hundred different ones, and share them."""
    kinds = _SIX if fields == len(_SIX) else _FIVE
    return _Reader(kinds[place], " ".join(kind.name for kind in kinds)).terms(text, seed)


def is_hashed(expression: str) -> bool:
    """Whether an `H` in it stands for what is drawn from a name."""
    text = expression.upper()
    return "H" in text and any(part.startswith("H") for part in text.replace(",", " ").split())


def spread(name: str, jitter: int) -> int:
    """A stable offset in 0 to `jitter` (microseconds, included), from the name alone."""
    return _hashed(f"jitter\0{name}") % (jitter + 1) if jitter > 0 else 0


def _hashed(text: str) -> int:
    from hashlib import sha256  # late: it loads OpenSSL, and few expressions have an H

    return int.from_bytes(sha256(text.encode()).digest()[:8])


def _split(expression: str) -> list[str]:
    if len(expression) > LONGEST:
        raise ScheduleError(f"a cron expression of {len(expression)} characters", hint=f"at most {LONGEST}")
    if not expression.isascii():
        raise ScheduleError(f'"{expression}" has characters other than ASCII', hint="write plain digits and names")
    text = expression.strip().upper()
    if text.startswith("@"):
        text = _macro(text)
    texts = text.split()
    if len(texts) not in (len(_FIVE), len(_SIX)):
        raise ScheduleError(f'"{expression}" has {_count(len(texts))}', hint=_count_hint(len(texts)))
    return texts


def _macro(text: str) -> str:
    said = text.lower()
    if said in MACROS:
        return MACROS[said]
    if said.startswith("@every "):
        raise ScheduleError(f'"{said}" is a period, no cron', hint=f'write Every("{said[7:]}")')
    if said == "@reboot":
        raise ScheduleError(f'"{said}" names no times', hint="a task of tasks.toml may have it")
    raise ScheduleError(f'"{said}" is no macro', hint=f"there are {' '.join(MACROS)} @reboot, and @every 90s")


def _count(number: int) -> str:
    return f"{number} field" if number == 1 else f"{number} fields"


def _count_hint(number: int) -> str:
    forms = "write 5: minute hour day month weekday, or 6 with the second first"
    return f"there is no year field: {forms}" if number == len(_SIX) + 1 else forms


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the text of one field, already in upper case."""

    kind: Kind
    order: str

    def terms(self, text: str, seed: str) -> Terms:
        parts = [self._written_out(part, seed) for part in text.split(",")]
        numbers: set[int] = set()
        nths: set[tuple[int, int]] = set()
        last_day = False
        for part in parts:
            if self.kind is DAY and part == "L":
                last_day = True
            elif self.kind is WEEKDAY and (term := self._nth(part)):
                nths.add(term)
            else:
                numbers.update(self._numbers(part))
        return Terms(",".join(parts), frozenset(numbers), last_day, frozenset(nths))

    def _written_out(self, part: str, seed: str) -> str:
        """The part itself, or what an `H` in it stands for."""
        found = re.fullmatch(_HASHED, part) if part.startswith("H") else None
        if found is None:
            return part
        low, high = self.kind.low, self.kind.hashed_to
        if found["low"] is not None:
            low, high = self._bounds(part, found["low"], found["high"])
        draw = _hashed(f"{self.kind.name}\0{seed}")
        if found["step"] is None:
            return str(low + draw % (high - low + 1))
        step = self._step(part, found["step"])
        return f"{low + draw % min(step, high - low + 1)}-{high}/{step}"

    def _nth(self, part: str) -> tuple[int, int] | None:
        """`1#2` or `MON#2`, `5L` or `FRIL`; None for anything else."""
        if part.endswith("L") and (found := re.fullmatch(_LAST, part)):
            return self._value(found["day"], part) % 7, LAST
        found = re.fullmatch(_NTH, part) if "#" in part else None
        if found is None:
            return None
        if found["nth"] not in ("1", "2", "3", "4", "5"):
            raise _refused(f'"{part}": # takes 1 to 5', "write MON#2 for the second Monday, FRIL for the last Friday")
        return self._value(found["day"], part) % 7, int(found["nth"])

    def _numbers(self, part: str) -> Iterator[int]:
        """The numbers of a star, a value or a range, perhaps with a step; among weekdays 7 comes out as 0."""
        is_plain = part.isdigit() or self._is_star(part)  # as most are: no pattern is compiled for them
        low, high, step = (*self._alone(part), 1) if is_plain else self._ranged(part)
        values = range(low, high + 1, step)
        return (value % 7 if self.kind is WEEKDAY else value for value in values)

    def _alone(self, part: str) -> tuple[int, int]:
        if self._is_star(part):
            return self.kind.low, self.kind.top
        value = self._value(part, part)
        return value, value

    def _ranged(self, part: str) -> tuple[int, int, int]:
        found = re.fullmatch(_RANGE, part)
        if found is None or part.endswith(("-", "/")):
            raise self._unreadable(part)
        low, high = self._span(part, found)
        return low, high, 1 if found["step"] is None else self._step(part, found["step"])

    def _span(self, part: str, found: re.Match[str]) -> tuple[int, int]:
        if self._is_star(found["low"]):
            if found["high"] is not None:
                raise self._unreadable(part)
            return self.kind.low, self.kind.top
        if found["high"] is not None:
            return self._bounds(part, found["low"], found["high"])
        value = self._value(found["low"], part)
        if found["step"] is None:
            return value, value
        if self.kind is WEEKDAY:
            value %= 7
        return value, self.kind.top

    def _is_star(self, text: str) -> bool:
        return text == "*" or (text == "?" and self.kind in (DAY, WEEKDAY))

    def _bounds(self, part: str, first: str, second: str) -> tuple[int, int]:
        low, high = self._value(first, part), self._value(second, part)
        if self.kind is WEEKDAY and second == "SUN" and low > 0:
            high = 7
        if low > high:
            raise _refused(f'{self.kind.name} range "{part}" runs backwards', self._unwrapped(low, high))
        return low, high

    def _unwrapped(self, low: int, high: int) -> str:
        top, bottom = self.kind.top, self.kind.low
        if self.kind is WEEKDAY and low == 7:
            return f"write it from 0 on: 0-{high}"
        return f"write it as a list: {_range(low, top)},{_range(bottom, high)}"

    def _value(self, text: str, part: str) -> int:
        if text in self.kind.names:
            return self.kind.names[text]
        if not text.isdigit():
            raise self._unreadable(part)
        value = int(text)
        if value > self.kind.high:
            raise _refused(f"{self.kind.name} {value} is above {self.kind.high}", self._fields_are())
        if value < self.kind.low:
            raise _refused(f"{self.kind.name} {value} is below {self.kind.low}", self._fields_are())
        return value

    def _step(self, part: str, text: str) -> int:
        if not text.isdigit():
            raise _refused(f'{self.kind.name} "{part}": the step must be a number', "write */2")
        step = int(text)
        if step == 0:
            raise _refused(f'{self.kind.name} "{part}": a step of 0', "write 1 or more")
        if step > self.kind.size:
            said = f'{self.kind.name} "{part}": a step of {step} is larger than the field'
            longer = f'; for a longer period write every = "{step}{self.kind.unit}"' if self.kind.unit else ""
            raise _refused(said, f"it has {self.kind.size} values{longer}")
        return step

    def _unreadable(self, part: str) -> ScheduleError:
        said = f'{self.kind.name} "{part}" cannot be read' if part else f"{self.kind.name}: an empty item in a list"
        return ScheduleError(said, hint=_advice(self.kind, part) or self._fields_are())

    def _fields_are(self) -> str:
        return f"fields are: {self.order}"


def _refused(said: str, hint: str) -> ScheduleError:
    return ScheduleError(said, hint=hint)


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def _advice(kind: Kind, part: str) -> str | None:
    """What to write instead of a form that other crons know and we refuse."""
    if part.startswith("R"):
        return "R is random and would differ each time; H is spread by the task's name"
    if kind is WEEKDAY and part == "L":
        return "write which weekday: 5L or FRIL is the last Friday"
    if kind is WEEKDAY and re.fullmatch("L([0-7]|[A-Z]{3})", part):
        return f"write {part[1:]}L"
    if kind is DAY and "W" in part:
        return "nearest weekdays (W) are not there; write days, or weekdays as MON-FRI"
    if kind is DAY and "L" in part:
        return "only L itself is there, the last day of the month"
    if part == "?":
        return "? stands in day and weekday only; write *"
    return None
