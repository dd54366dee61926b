"""The kinds of value that a tasks file holds: each read from TOML, or refused in our words.

What an annotated kind promises is what its key has once it was read: microseconds, bytes, tuples of text.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    StrictBool,
    StrictStr,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from arrcli.config.faults import meant, quoted, reason, shown
from arrcli.errors import ScheduleError, UsageError
from arrcli.model.instant import SECOND
from arrcli.model.path import is_dotted_path
from arrcli.model.schedule.every import SHORTEST
from arrcli.model.size import size
from arrcli.model.when import duration

REFUSED: Final = "arr"
"""The type of every error that is worded here; its context has `what`."""

LONGEST: Final = 36_525 * 86_400 * SECOND
"""A hundred years: no policy means more, and sums with it stay below the year 10000."""

MOST: Final = 2**31 - 1
"""The largest whole number of a policy."""

_EXAMPLES: Final = ["90s", "5m", "1h30m", "2d"]
_DURATIONS: Final = "write 90s, 5m, 1h30m, 2d"
_SIZES: Final = "write 64KiB, 1MiB, 2MB, or a number of bytes"


def refused(what: str) -> PydanticCustomError:
    return PydanticCustomError(REFUSED, "{what}", {"what": what})


def _span(least: int, complaint: str) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise refused(f"{shown(value)} is not a duration — {_DURATIONS}")
        if not isinstance(value, str) and value < 0:
            raise refused(f"{shown(value)} is below 0 — {complaint}")
        span = _in_microseconds(value)
        if span < least:
            raise refused(f"{shown(value)} is too short — {complaint}")
        return span

    return read


def _in_microseconds(value: str | int | float) -> int:
    if isinstance(value, int) and value > LONGEST // SECOND:
        raise refused(f"{shown(value)} seconds is over a hundred years — {_DURATIONS}")
    try:
        span = _of_text(value) if isinstance(value, str) else duration(value)
    except ScheduleError as error:
        raise refused(reason(error)) from None
    if span > LONGEST:
        raise refused(f"{shown(value)} is over a hundred years — {_DURATIONS}")
    return span


@lru_cache(maxsize=1024)
def _of_text(text: str) -> int:
    """Ten thousand tasks know a handful of durations."""
    return duration(text)


def _bytes(value: Any) -> int:
    try:
        count = size(value)
    except UsageError:
        raise refused(f"{shown(value)} is not a size — {_SIZES}") from None
    if count < 1:
        raise refused(f"{shown(value)} is too small — the least is 1 byte")
    return count


def _timespan_schema(least: int) -> WithJsonSchema:
    number = {"type": "number", "exclusiveMinimum": 0} if least else {"type": "number", "minimum": 0}
    return WithJsonSchema({"anyOf": [{"type": "string", "examples": _EXAMPLES}, number]})


Duration = Annotated[int, PlainValidator(_span(0, "write 0, or 90s, 5m, 1h30m, 2d")), _timespan_schema(0)]
"""Microseconds of `"90s"`, or of a number of seconds; 0 or more."""

Span = Annotated[int, PlainValidator(_span(1, "it must be above 0")), _timespan_schema(1)]
"""The same, above 0."""

Period = Annotated[int, PlainValidator(_span(SHORTEST, "the least is 1ms")), _timespan_schema(1)]
"""The same, and long enough to be no busy loop."""

Size = Annotated[
    int,
    PlainValidator(_bytes),
    WithJsonSchema({"anyOf": [{"type": "string", "examples": ["64KiB", "1MiB"]}, {"type": "integer", "minimum": 1}]}),
]

Count = Annotated[int, Field(strict=True, ge=0, le=MOST)]
Positive = Annotated[int, Field(strict=True, ge=1, le=MOST)]
Whole = Annotated[int, Field(strict=True, ge=-MOST, le=MOST)]
Truth = StrictBool


def _printable(value: str) -> str:
    if "\0" in value:
        raise refused("a NUL character cannot stand here — remove it")
    return value


def _said(value: str) -> str:
    if not value.strip():
        raise refused('"" says nothing — write something, or leave the key out')
    return _printable(value)


Text = Annotated[StrictStr, AfterValidator(_printable)]
Word = Annotated[StrictStr, AfterValidator(_said)]
"""Text that is not empty."""


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, str | list):
        raise refused(f'{shown(value)} is neither text nor a list of texts — write "text" or ["text"]')
    return [value] if isinstance(value, str) else value


def _some_of(kind: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}], "title": kind}
    )


Words = Annotated[list[Word], BeforeValidator(_listed), _some_of("one text, or a list")]
"""A text, or a list of texts; always a list once read."""


def _dotted(value: Any) -> str:
    if not isinstance(value, str):
        raise refused(f'{shown(value)} is not text — write a dotted path, as "package.module.function"')
    if problem := _problem_of_path(value):
        raise refused(f"{quoted(value)} is not a dotted path — {problem}")
    return value


def _problem_of_path(text: str) -> str | None:
    """What keeps `text` from being `pkg.mod.func` or `pkg.mod:Class.method`, as advice."""
    if text.strip() != text:
        return "blanks around it do not belong there"
    if text.endswith("()") or "(" in text:
        return "name the function only; what it is called with goes into args and kwargs"
    if " " in text:
        return 'for a shell command write func = "arrcli.shell.run", args = ["the command"]'
    if "/" in text or text.endswith(".py"):
        return "write the module and the function, as package.module.function, not a file"
    if text.isidentifier() and not keyword.iskeyword(text):
        return f'name its module too, as "module.{text}"'
    return None if is_dotted_path(text) else 'write "package.module.function" or "package.module:Class.method"'


DottedPath = Annotated[str, PlainValidator(_dotted), WithJsonSchema({"type": "string", "pattern": "[.:]"})]
"""The dotted path of a callable."""


_EXCEPTIONS: Final = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)


def _exception(value: Any) -> str:
    """A dotted path; a bare built-in name, as `OSError`, gets its module."""
    if isinstance(value, str) and value in _EXCEPTIONS:
        return f"builtins.{value}"
    if isinstance(value, str) and value.isidentifier():
        near = meant(value, _EXCEPTIONS) or f' — name its module too, as "module.{value}"'
        raise refused(f"{quoted(value)} is no built-in exception{near}")
    return _dotted(value)


ExceptionPath = Annotated[str, PlainValidator(_exception), WithJsonSchema({"type": "string"})]
Exceptions = Annotated[list[ExceptionPath], BeforeValidator(_listed), _some_of("one exception, or a list")]


def _moment(value: Any) -> datetime | date | str:
    """A TOML datetime or date, or text that is read with the task's zone later on."""
    if isinstance(value, str | date):
        return value
    raise refused(f"{shown(value)} is not a time — write 2026-01-31T09:00:00, with Z or +02:00 or else local")


def _moments(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


_MOMENT_SCHEMA: Final[dict[str, Any]] = {"type": "string", "examples": ["2026-01-31T09:00:00Z"]}
Moment = Annotated[Any, PlainValidator(_moment), WithJsonSchema(_MOMENT_SCHEMA)]
Moments = Annotated[
    list[Moment],
    BeforeValidator(_moments),
    WithJsonSchema({"anyOf": [_MOMENT_SCHEMA, {"type": "array", "items": _MOMENT_SCHEMA, "minItems": 1}]}),
]


def _variable(value: Any) -> str:
    if not isinstance(value, str):
        raise refused(f'{shown(value)} is not text, as all environment variables are — write "{shown(value)}"')
    return _printable(value)


def _named_variables(value: Any) -> Any:
    if isinstance(value, dict):
        for name in value:
            if not name or "=" in name or "\0" in name:
                raise refused(f'{quoted(name)} cannot be the name of an environment variable — write NAME = "text"')
    return value


Environment = Annotated[
    dict[str, Annotated[str, PlainValidator(_variable), WithJsonSchema({"type": "string"})]],
    BeforeValidator(_named_variables),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
]


def _hook(value: Any) -> str | tuple[str, ...]:
    """A dotted path, or the words of a command."""
    if not isinstance(value, list):
        return _dotted(value)
    if not value or not all(isinstance(word, str) and "\0" not in word for word in value) or not value[0]:
        raise refused('a command is a list of texts — write ["program", "argument"]')
    return tuple(value)


Hook = Annotated[Any, PlainValidator(_hook), _some_of("a dotted path, or a command")]


def _rate(value: Any) -> str:
    found = re.fullmatch(r"([1-9][0-9]{0,8})/(.+)", value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise refused(f'{shown(value)} is not a rate — write "100/1m"')
    if _in_microseconds(found[2]) < 1:
        raise refused(f'{shown(value)} has no time — write "100/1m"')
    return str(value)


Table = Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]
Rate = Annotated[str, PlainValidator(_rate), WithJsonSchema({"type": "string", "examples": ["100/1m"]})]
