"""Words for time: durations (`90s`, `1h30m`), moments (`tomorrow 9am`), and durations as people read them.

Closed grammars of our own: what they do not list is refused with a hint, never guessed.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from arrcli.errors import ScheduleError
from arrcli.model.instant import DAY, EARLIEST, HOUR, LATEST, MINUTE, SECOND, Instant, parse_iso
from arrcli.model.wall import instant_of, wall_at

MILLISECOND: Final = 1_000
WEEK: Final = 7 * DAY
YEAR: Final = 365 * DAY

LONGEST: Final = 1_000 * YEAR
"""The longest duration that is taken: sums with instants stay within 64 bits."""

_UNITS: Final = {
    unit: size
    for size, units in (
        (1, "us µs microsecond microseconds"),
        (MILLISECOND, "ms millisecond milliseconds"),
        (SECOND, "s sec secs second seconds"),
        (MINUTE, "m min mins minute minutes"),
        (HOUR, "h hr hrs hour hours"),
        (DAY, "d day days"),
        (WEEK, "w week weeks"),
    )
    for unit in units.split()
}
_SHORT: Final = (
    ("w", WEEK),
    ("d", DAY),
    ("h", HOUR),
    ("m", MINUTE),
    ("s", SECOND),
    ("ms", MILLISECOND),
    ("us", 1),
)
_PART: Final = r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[a-zµ]+)\s*"
_DURATIONS: Final = "write 90s, 5m, 1h30m, 2d"


def duration(said: str | int | float, *, minimum: int = 0) -> int:
    """Microseconds of `"90s"`, `"1h30m"`, `"1.5h"`, `"2 days"`; a number is seconds.

    ScheduleError on anything else, on less than `minimum` (microseconds), and on over a thousand years.
    """
    span = _in_words(said) if isinstance(said, str) else _in_seconds(said)
    if span < minimum:
        raise ScheduleError(f"{_quoted(said)} is below the least, {exact(minimum)}", hint=_DURATIONS)
    if span > LONGEST:
        raise ScheduleError(f"{_quoted(said)} is over a thousand years", hint=_DURATIONS)
    return span


def exact(span: int) -> str:
    """A duration in full, as `duration` reads it: `90s`, `5m`, `1h30m`, `500ms`, `0s`."""
    if span < 0:
        return f"-{exact(-span)}"
    for unit, size in _SHORT:
        if size <= DAY and span and span % size == 0 and span // size < 120:
            return f"{span // size}{unit}"
    parts = []
    for unit, size in _SHORT:
        count, span = divmod(span, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def spoken(span: int) -> str:
    """A duration at a glance, cut off, not rounded: `12ms`, `0.4s`, `36s`, `1m37s`, `56m`, `6d18h`, `45d`."""
    if span < 0:
        return f"-{spoken(-span)}"
    if span < SECOND // 10:
        return f"{span // MILLISECOND}ms" if span >= MILLISECOND or span == 0 else f"{span}us"
    if span < 10 * SECOND:
        return f"{span // (SECOND // 10) / 10:g}s"
    for bound, larger, size, smaller, rest in _AT_A_GLANCE:
        if span < bound:
            few = span % size // rest if rest else 0
            return f"{span // size}{larger}" + (f"{few}{smaller}" if few else "")
    return f"{span // YEAR}y"


_AT_A_GLANCE: Final = (
    (MINUTE, "s", SECOND, "", 0),
    (10 * MINUTE, "m", MINUTE, "s", SECOND),
    (HOUR, "m", MINUTE, "", 0),
    (10 * HOUR, "h", HOUR, "m", MINUTE),
    (DAY, "h", HOUR, "", 0),
    (10 * DAY, "d", DAY, "h", HOUR),
    (2 * YEAR, "d", DAY, "", 0),
)


def _in_seconds(said: float) -> int:
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said) or said < 0:
        raise ScheduleError(f"{said!r} is not a duration", hint=_DURATIONS)
    return round(Fraction(said) * SECOND)


def _in_words(said: str) -> int:
    text = said.strip()
    if text == "0":
        return 0
    text = re.sub("[A-Z][a-zA-Z]+", lambda word: word[0].lower(), text)  # "2 Days", but no "5M": a month to some
    part, total, smallest, place = re.compile(_PART), Fraction(0), WEEK + 1, 0
    while (found := part.match(text, place)) and len(text) <= 64:
        size = _UNITS.get(found["unit"])
        if size is None or size >= smallest:
            break
        total += Fraction(found["number"]) * size
        smallest, place = size, found.end()
    if place == 0 or place < len(text):
        raise ScheduleError(f"{_quoted(said)} is not a duration", hint=_DURATIONS)
    return round(total)


def _quoted(said: object) -> str:
    return f'"{said}"' if isinstance(said, str) else f"{said!r}"


_ISO_LOCAL: Final = (
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?))?"
    r"(?:\s*(?P<offset>[Zz]|[+-][0-9]{2}:?[0-9]{2}))?"
)
_UNIX: Final = r"@(?P<seconds>-?[0-9]{1,12}(?:\.[0-9]{1,6})?)"
_CLOCK: Final = r"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?)?\s*(?P<half>[ap]m)?"
_NAMED_TIMES: Final = {"noon": time(12), "midnight": time(0)}
_TIME: Final = r"(?:(?:at )?(?P<time>noon|midnight|[0-9][0-9:]*(?: ?[ap]m)?))"
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY: Final = (
    r"(?P<day>today|tomorrow|yesterday|[0-9]{4}-[0-9]{2}-[0-9]{2}|(?:(?P<next>next )|on )?"
    r"(?P<weekday>mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun"
    rf"|{'|'.join(_WEEKDAYS)}))"
)
_DAY_AND_TIME: Final = (rf"{_DAY}(?:,? {_TIME})?", rf"{_TIME}(?: {_DAY})?")
_MOMENTS: Final = (
    'write 2026-01-31T09:00 (with Z or +02:00, or else local), 10:30, 9am, "tomorrow 9am", "monday 17:00", '
    '"in 10m" or now'
)


def moment(said: str, *, now: Instant, zone: ZoneInfo) -> Instant:
    """The instant that the words of `--at` name; what has no offset is read on the zone's clock.

    A time of day without a day is the next such time, a weekday the next such day; a day without a time is
    its midnight. Daylight saving as for a fixed job: after a gap, in the first pass of an overlap.
    ScheduleError on anything else, and on a local time that a lost day took.
    """
    text = " ".join(said.split()).lower()
    if text == "now":
        return now
    try:
        instant = _absolute(text, zone) or _from_now(text, now) or _by_day(text, now, zone)
    except (ValueError, OverflowError) as error:
        if isinstance(error, ScheduleError):
            raise
        raise ScheduleError(f"{_quoted(said)} is not a time: {error}", hint=_MOMENTS) from None
    if instant is None:
        raise ScheduleError(f"{_quoted(said)} is not a time", hint=_MOMENTS)
    return instant[0]


def moment_and_wall(said: str, *, now: Instant, zone: ZoneInfo) -> tuple[Instant, datetime]:
    """`moment`, and the naive local time that was meant: in a gap no clock of the zone ever shows it."""
    instant = moment(said, now=now, zone=zone)
    shown = wall_at(instant, zone).replace(tzinfo=None)
    utc = ZoneInfo("UTC")
    local_now = _sure(instant_of(wall_at(now, zone).replace(tzinfo=None), utc), said)
    meant = wall_at(moment(said, now=local_now, zone=utc), utc).replace(tzinfo=None)  # read where no clock changes
    in_gap = meant != shown and instant_of(meant, zone) == instant
    return instant, meant if in_gap else shown


def calendar_time(text: str, zone: ZoneInfo) -> Instant | None:
    """The instant of an ISO date, or date and time, on the zone's clock where it has no offset.

    None where a lost day took that local time; ScheduleError if it is no such text.
    """
    found = re.fullmatch(_ISO_LOCAL, text.strip())
    try:
        if found is None:
            raise ValueError("it is not written 2026-01-31T09:00")
        return _iso_instant(found, zone)
    except (ValueError, OverflowError) as error:
        hint = "write 2026-01-31, 2026-01-31T09:00 or 2026-01-31T09:00+02:00"
        raise ScheduleError(f"{_quoted(text)} is not a time: {error}", hint=hint) from None


def _iso_instant(found: re.Match[str], zone: ZoneInfo) -> Instant | None:
    wall = f"{found['date']}T{found['time'] or '00:00'}"
    if found["offset"]:
        return _within(parse_iso(wall + found["offset"].upper()))
    return _within(instant_of(datetime.fromisoformat(wall), zone))


def _within(instant: Instant | None) -> Instant | None:
    if instant is not None and not EARLIEST <= instant <= LATEST:
        raise OverflowError("the year must be 1 to 9999")
    return instant


_Found = tuple[Instant]
"""An instant in a box: 0 is an instant too, and no falsehood."""


def _absolute(text: str, zone: ZoneInfo) -> _Found | None:
    if found := re.fullmatch(_UNIX, text):
        return (_sure(_within(round(Fraction(found["seconds"]) * SECOND)), text),)
    if found := re.fullmatch(_ISO_LOCAL, text):
        return (_sure(_iso_instant(found, zone), text),)
    return None


def _from_now(text: str, now: Instant) -> _Found | None:
    if text.startswith("+"):
        span = text[1:]
    elif text.startswith("in "):
        span = text[3:]
    else:
        return None
    return (_sure(_within(now + duration(span)), text),)


def _by_day(text: str, now: Instant, zone: ZoneInfo) -> _Found | None:
    for form in _DAY_AND_TIME:
        if found := re.fullmatch(form, text):
            clock = _clock(found["time"]) if found["time"] else time(0)
            return (_next_of(found, clock, now, zone),)
    return None


def _next_of(found: re.Match[str], clock: time, now: Instant, zone: ZoneInfo) -> Instant:
    """The instant of that time on the day named; where none is fixed, on the next that makes it future."""
    today = wall_at(now, zone).date()
    if found["weekday"]:
        ahead = (_weekday(found["weekday"]) - today.weekday()) % 7
        first, stride = today + timedelta(ahead or (7 if found["next"] else 0)), 7
    elif found["day"]:
        return _on(_day(found["day"], today), clock, zone)
    else:
        first, stride = today, 1
    instant = _on(first, clock, zone)
    return instant if instant > now else _on(first + timedelta(stride), clock, zone)


def _day(word: str, today: date) -> date:
    days = {"yesterday": -1, "today": 0, "tomorrow": 1}
    return today + timedelta(days[word]) if word in days else date.fromisoformat(word)


def _weekday(word: str) -> int:
    return next(place for place, name in enumerate(_WEEKDAYS) if name.startswith(word[:3]))


def _clock(word: str) -> time:
    if word in _NAMED_TIMES:
        return _NAMED_TIMES[word]
    found = re.fullmatch(_CLOCK, word)
    if found is None or not (found["minute"] or found["half"]):
        raise ValueError(f'"{word}" could be many things; write 9am or 09:00')
    hour = int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"there is no {word}")
        hour = hour % 12 + (12 if found["half"] == "pm" else 0)
    return time(hour, int(found["minute"] or 0), int(found["second"] or 0))


def _on(day: date, clock: time, zone: ZoneInfo) -> Instant:
    wall = datetime.combine(day, clock)
    return _sure(_within(instant_of(wall, zone)), f"{wall:%Y-%m-%d %H:%M}")


def _sure(instant: Instant | None, text: str) -> Instant:
    if instant is None:
        raise ScheduleError(f'"{text}" does not exist on that clock: the day was left out', hint="give an offset, as Z")
    return instant
