"""The options of a run that a program asks for, in the words of tasks.toml; checked here, kept as microseconds."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from arrcli.errors import ScheduleError
from arrcli.model.instant import microseconds
from arrcli.model.size import size
from arrcli.model.when import duration


def span(said: Any) -> int:
    """Microseconds of `"5s"`, a number of seconds, or a timedelta."""
    if isinstance(said, timedelta):
        if said < timedelta():
            raise ScheduleError(f"{said!r} is not a duration", hint="it is below 0")
        return microseconds(said)
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        raise ScheduleError(f"{said!r} is not a duration", hint='write "90s", a number of seconds, or a timedelta')
    return duration(said)


def _some_span(said: Any) -> int:
    length = span(said)
    if length == 0:
        raise ScheduleError(f"{said!r} is no time at all", hint='write "90s", or leave it out')
    return length


def _whole(said: Any) -> int:
    if isinstance(said, bool) or not isinstance(said, int):
        raise TypeError(f"{said!r} is not a whole number")
    return said


def _count(said: Any) -> int:
    if _whole(said) < 0:
        raise ValueError(f"{said} is below 0")
    return int(said)


def _word(*known: str) -> Callable[[Any], str]:
    def check(said: Any) -> str:
        if said not in known:
            raise ValueError(f"{said!r} is not one of {', '.join(known)}")
        return str(said)

    return check


def _exceptions(said: Any) -> list[str]:
    many = said if isinstance(said, list | tuple) else [said]
    return [f"{one.__module__}.{one.__qualname__}" if isinstance(one, type) else str(one) for one in many]


def _texts(said: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in dict(said).items()}


def _told(said: Any) -> Any:
    return list(said) if isinstance(said, list | tuple) else str(said)


_POLICIES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "timeout": _some_span,
    "stop_grace": span,
    "retries": _count,
    "retry_delay": span,
    "retry_backoff": _word("constant", "linear", "exponential"),
    "retry_max_delay": span,
    "retry_on": _exceptions,
    "no_retry_on": _exceptions,
    "on_lost": _word("retry", "fail"),
    "env": _texts,
    "cwd": str,
    "on_failure": _told,
    "max_output": size,
    "pool": str,
}
_OF_A_RUN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "priority": _whole,
    "key": str,
    "expires": _some_span,
}


def policies(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options in the form in which a run keeps them; TypeError for one that there is not, or of a wrong kind."""
    known = {**_POLICIES, **_OF_A_RUN}
    read = {}
    for name, said in options.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(known))}"
            raise TypeError(f"no option {name!r}; {hint}")
        try:
            read[name] = known[name](said)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from None
    return read
