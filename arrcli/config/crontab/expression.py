"""The time of an entry in arr's dialect, where cron's says the same in other words."""

from __future__ import annotations

import re
from typing import Final

from arrcli.errors import ScheduleError
from arrcli.model.value import dataclass

_NICKNAMES: Final = {"@every_minute": "* * * * *", "@every_second": "* * * * * *"}
"""FreeBSD's."""
_SIZES: Final = (60, 24, 31, 12, 7)
_STEPPED: Final = re.compile(r"(?P<span>[^/]+)/(?P<step>[0-9]+)")
_RANDOM: Final = re.compile(r"(?P<low>[0-9]*)~(?P<high>[0-9]*)(?P<step>/[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Expression:
    """A `cron` value of arr, and what was not taken word for word."""

    text: str
    remarks: tuple[str, ...] = ()


def expression(when: str, name: str) -> Expression:
    """The time as arr writes it; ScheduleError where crons differ about it, or nobody could keep it.

    What is wrong with its fields is left to arr's own reading.
    """
    if when.startswith("@"):
        if re.fullmatch("@[0-9]+", when):
            raise ScheduleError(
                f"{when} counts from the end of the last run", hint=f'write a task with every = "{when[1:]}s"'
            )
        return Expression(_NICKNAMES.get(when.lower(), " ".join(when.split())))
    remarks: list[str] = []
    fields = [
        ",".join(_term(term, size, remarks) for term in field.split(","))
        for field, size in zip(when.split(), _SIZES, strict=True)
    ]
    return Expression(" ".join(fields), tuple(dict.fromkeys(remarks)))


def _term(term: str, size: int, remarks: list[str]) -> str:
    if found := _RANDOM.fullmatch(term):
        return _hashed(found, size, remarks)
    found = _STEPPED.fullmatch(term)
    if found is None:
        return term
    if found["span"].isdigit():
        raise ScheduleError(f'"{term}": crons refuse a step without a range, or ignore it', hint=_ranged(term, found))
    if int(found["step"]) > size:
        remarks.append(f'"{term}" has one value: written with a step of {size}, which is all that arr takes')
        return f"{found['span']}/{size}"
    return term


def _ranged(term: str, found: re.Match[str]) -> str:
    return f"write {found['span']}, or a range, as {found['span']}-59/{found['step']}"


def _hashed(found: re.Match[str], size: int, remarks: list[str]) -> str:
    """`~` and `0~30`: a number that cron draws when it reads the crontab."""
    remarks.append(f'"{found[0]}" is drawn once, from the name of the task, and stays')
    first, last = (1, size) if size in (31, 12) else (0, size - 1)
    span = f"({found['low'] or first}-{found['high'] or last})" if found["low"] or found["high"] else ""
    return f"H{span}{found['step'] or ''}"
