"""A second reading of cron, for comparison only: slow, plain, and sharing no line and no idea with the first.

Fields are expanded by trying every value against every term, days by looking at the whole month, and fires by
watching a zone's clock go by, minute for minute or second for second.
"""

from __future__ import annotations

import calendar
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MONTHS = ["", *(name.upper() for name in calendar.month_abbr[1:])]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
BOUNDS = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "day": (1, 31),
    "month": (1, 12),
    "weekday": (0, 6),
}
ORDER = ["second", "minute", "hour", "day", "month", "weekday"]


class Reference:
    """One expression of plain terms (no macros, no H)."""

    def __init__(self, expression: str) -> None:
        texts = expression.upper().split()
        self.has_seconds = len(texts) == 6
        self.texts = dict(zip(ORDER, texts if self.has_seconds else ["0", *texts], strict=True))
        self.seconds, self.minutes, self.hours = (
            [value for value in range(BOUNDS[name][1] + 1) if self.takes(name, value)]
            for name in ("second", "minute", "hour")
        )
        watched = ("second", "minute", "hour") if self.has_seconds else ("minute", "hour")
        self.wild = any(self.texts[name][0] == "*" for name in watched)
        self.months: dict[tuple[int, int], set[int]] = {}

    def takes(self, name: str, value: int) -> bool:
        return any(self.term_takes(name, term, value) for term in self.texts[name].split(","))

    def term_takes(self, name: str, term: str, value: int) -> bool:
        if "#" in term or (name in ("day", "weekday") and term.endswith("L")):
            return False
        span, _, step = term.partition("/")
        low, high = self.span(name, span, bool(step))
        aliases = [value, 7] if name == "weekday" and value == 0 else [value]
        return any(low <= alias <= high and (alias - low) % int(step or 1) == 0 for alias in aliases)

    def span(self, name: str, text: str, stepped: bool) -> tuple[int, int]:
        bottom, top = BOUNDS[name]
        if text in ("*", "?"):
            return bottom, top
        first, dash, second = text.partition("-")
        low = self.number(name, first)
        if not dash:
            return (low % 7 if name == "weekday" and stepped else low), (top if stepped else low)
        high = self.number(name, second)
        return low, (7 if name == "weekday" and high == 0 and low > 0 else high)

    @staticmethod
    def number(name: str, text: str) -> int:
        if text.isdigit():
            return int(text)
        return MONTHS.index(text) if name == "month" else WEEKDAYS.index(text)

    def days(self, year: int, month: int) -> set[int]:
        """The days of that month that the expression names."""
        if (year, month) not in self.months:
            self.months[year, month] = self.days_anew(year, month)
        return self.months[year, month]

    def days_anew(self, year: int, month: int) -> set[int]:
        if not self.takes("month", month):
            return set()
        weeks = calendar.Calendar(firstweekday=6).monthdayscalendar(year, month)
        whole = [day for week in weeks for day in week if day]
        by_day = {day for day in whole if self.takes("day", day)}
        if "L" in self.texts["day"].split(","):
            by_day.add(whole[-1])
        by_weekday: set[int] = set()
        for column in range(7):
            theirs = [week[column] for week in weeks if week[column]]
            if self.takes("weekday", column):
                by_weekday.update(theirs)
            for term in self.texts["weekday"].split(","):
                by_weekday.update(self.special(term, column, theirs))
        if self.texts["day"][0] in "*?" or self.texts["weekday"][0] in "*?":
            return by_day & by_weekday
        return by_day | by_weekday

    def special(self, term: str, column: int, theirs: list[int]) -> list[int]:
        if term.endswith("L") and self.number("weekday", term[:-1]) % 7 == column:
            return theirs[-1:]
        which, sign, nth = term.partition("#")
        if sign and self.number("weekday", which) % 7 == column:
            return theirs[int(nth) - 1 : int(nth)]
        return []

    def names(self, wall: datetime) -> bool:
        return (
            wall.second in self.seconds
            and wall.minute in self.minutes
            and wall.hour in self.hours
            and wall.day in self.days(wall.year, wall.month)
        )

    def next_without_zone(self, after: datetime, years: int = 45) -> datetime | None:
        """The first time named after a naive one, day by day."""
        day = after.replace(hour=0, minute=0, second=0, microsecond=0)
        for _ in range(years * 366):
            if day.day in self.days(day.year, day.month):
                for hour in self.hours:
                    for minute in self.minutes:
                        for second in self.seconds:
                            found = day.replace(hour=hour, minute=minute, second=second)
                            if found > after:
                                return found
            day += timedelta(days=1)
        return None

    def fires(self, zone: ZoneInfo, start: datetime, until: datetime, *, tick: timedelta) -> Iterator[datetime]:
        """The instants of `start` < fire <= `until` (UTC), by watching the clock from 30 hours before on.

        A wall time that was shown before is a second pass; one that is never shown is made up for, if the gap
        is no longer than three hours, when the clock goes on.
        """
        instant = start - timedelta(hours=30)
        latest = None
        while instant <= until:
            wall = instant.astimezone(zone).replace(tzinfo=None)
            if self.wild:
                fires = self.names(wall)
            elif latest is None:
                fires, latest = False, wall
            else:
                fires = self.turn(wall, latest, tick)
                latest = max(wall, latest)
            if fires and instant > start:
                yield instant
            instant += tick

    def turn(self, wall: datetime, latest: datetime, tick: timedelta) -> bool:
        """Whether a fixed time has its turn as the clock goes on from its latest to `wall`."""
        if wall <= latest:
            return False
        missing, skipped = latest + tick, []
        while missing < wall:
            skipped.append(missing)
            missing += tick
        made_up = len(skipped) * tick <= timedelta(hours=3) and any(map(self.names, skipped))
        return made_up or self.names(wall)


def expression(draw: random.Random, *, often: bool = False, seconds: bool | None = None) -> str:
    """A random expression; `often` keeps to days that come soon."""
    if seconds is None:
        seconds = draw.random() < 0.2
    fields = [field(draw, "minute"), field(draw, "hour")]
    if seconds:
        fields.insert(0, field(draw, "second"))
    if often:
        fields += [
            draw.choice(["*", "*", "?", "1-31", "*/2"]),
            "*",
            draw.choice(["*", "*", "?", "1-5", "*/2"]),
        ]
    else:
        fields += [field(draw, "day"), field(draw, "month"), field(draw, "weekday")]
    text = " ".join(fields)
    return text.lower() if draw.random() < 0.3 else text


def field(draw: random.Random, name: str) -> str:
    if draw.random() < (0.55 if name in ("day", "month", "weekday") else 0.25):
        return draw.choice("*?") if name in ("day", "weekday") else "*"
    return ",".join(term(draw, name) for _ in range(draw.choice([1, 1, 1, 2, 3])))


def term(draw: random.Random, name: str) -> str:
    low, top = BOUNDS[name]
    high = 7 if name == "weekday" else top
    first, second = sorted((draw.randint(low, high), draw.randint(low, high)))
    step = draw.randint(1, top - low + 1) if draw.random() < 0.5 else draw.randint(1, 5)
    forms = [
        f"{first}",
        f"{first}",
        f"{first}-{second}",
        f"{first}-{second}/{step}",
        f"{first}/{step}",
        f"*/{step}",
    ]
    if name == "month":
        forms += [MONTHS[first], f"{MONTHS[first]}-{MONTHS[second]}", f"{MONTHS[first]}/{step}"]
    if name == "weekday":
        short = WEEKDAYS[first % 7]
        forms += [
            short,
            f"{short}L",
            f"{first}L",
            f"{first}#{draw.randint(1, 5)}",
            f"{short}#{draw.randint(1, 5)}",
        ]
        forms += [f"{WEEKDAYS[max(first, 1) % 7 or 1]}-SUN", f"{short}/{step}"]
    if name == "day":
        forms += ["L", "L", "?", "*"]
    return draw.choice(forms)


def changes(zone: ZoneInfo, first_year: int, last_year: int) -> list[datetime]:
    """The UTC hours within which the zone's offset changes (in the hour before each), by asking hour for hour
    on the days at whose two ends the offsets differ."""
    found = []
    day = datetime(first_year, 1, 1, tzinfo=UTC)
    while day.year <= last_year:
        following = day + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            hour = day
            while hour.astimezone(zone).utcoffset() == day.astimezone(zone).utcoffset():
                hour += timedelta(hours=1)
            found.append(hour)
        day = following
    return found
