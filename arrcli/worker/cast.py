"""Arguments come as JSON; parameters with type hints get what they ask for: a datetime, a Path, the text as
typed.

A function without hints that ask for anything costs one look into a table. Nothing here evaluates or
unpickles text.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

from arrcli.worker.wire import Attempt


class CastFailed(Exception):
    """An argument that its parameter's type cannot be made of."""


class _Misfit(Exception):
    """A value that one type of a hint cannot be made of."""


Cast = Callable[[Any, str | None], Any]
"""From a JSON value and the text it was typed as to what a parameter takes; raises `_Misfit`."""


@dataclass(slots=True)
class _Plan:
    """Which parameters want a cast: by place, by name, and those that take what is left."""

    by_place: list[tuple[str, Cast] | None] = field(default_factory=list)
    by_name: dict[str, Cast] = field(default_factory=dict)
    rest: tuple[str, Cast] | None = None
    named_rest: Cast | None = None

    def __bool__(self) -> bool:
        return bool(self.by_name or any(self.by_place) or self.rest or self.named_rest)


_plans: WeakKeyDictionary[Any, _Plan] = WeakKeyDictionary()
_NONE: Final = _Plan()


def arguments(function: Callable[..., Any], attempt: Attempt) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The positional and keyword arguments of an attempt, as the callable's hints want them. Raises
    `CastFailed`.
    """
    if not attempt.args and not attempt.kwargs:
        return (), {}
    plan = _plan_of(function)
    if not plan:
        return attempt.args, attempt.kwargs
    return _positional(plan, attempt), _named(plan, attempt)


def _positional(plan: _Plan, attempt: Attempt) -> list[Any]:
    typed = [*attempt.typed_args, *[None] * (len(attempt.args) - len(attempt.typed_args))]
    made = []
    for index, value in enumerate(attempt.args):
        wanted = plan.by_place[index] if index < len(plan.by_place) else plan.rest
        made.append(value if wanted is None else _made(wanted[1], value, typed[index], wanted[0]))
    return made


def _named(plan: _Plan, attempt: Attempt) -> dict[str, Any]:
    made = {}
    for name, value in attempt.kwargs.items():
        cast = plan.by_name.get(name, plan.named_rest)
        made[name] = value if cast is None else _made(cast, value, attempt.typed_kwargs.get(name), name)
    return made


def _made(cast: Cast, value: Any, typed: str | None, parameter: str) -> Any:
    try:
        return cast(value, typed)
    except _Misfit as misfit:
        raise CastFailed(f"argument {parameter}: {misfit}") from None


def _plan_of(function: Callable[..., Any]) -> _Plan:
    try:
        plan = _plans.get(function)
    except TypeError:  # a callable that cannot be hashed or weakly held
        return _planned(function)
    if plan is None:
        plan = _planned(function)
        try:
            _plans[function] = plan
        except TypeError:
            return plan
    return plan


def _planned(function: Callable[..., Any]) -> _Plan:
    if not _has_hints(function):
        return _NONE
    import inspect

    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return _NONE
    hints = _hints(function)
    plan = _Plan()
    for each in parameters:
        cast = _cast_for(hints.get(each.name, each.empty)) if each.name in hints else None
        if each.kind is each.VAR_POSITIONAL:
            plan.rest = (each.name, cast) if cast else None
            continue
        if each.kind is each.VAR_KEYWORD:
            plan.named_rest = cast
            continue
        if each.kind is not each.KEYWORD_ONLY:
            plan.by_place.append((each.name, cast) if cast else None)
        if each.kind is not each.POSITIONAL_ONLY and cast:
            plan.by_name[each.name] = cast
    return plan


def _has_hints(function: Callable[..., Any]) -> bool:
    target = _hinted(function)
    return bool(getattr(target, "__annotations__", None)) or hasattr(target, "__wrapped__")


def _hinted(function: Any) -> Any:
    """What carries the hints: a class's __init__, an instance's __call__, a partial's function."""
    if isinstance(function, type):
        return getattr(function, "__init__", function)
    if hasattr(function, "func") and hasattr(function, "keywords"):
        return function.func
    return function if hasattr(function, "__code__") or hasattr(function, "__func__") else type(function).__call__


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The hints of a callable; those that cannot be resolved (names only for type checkers) are left out."""
    import inspect
    import typing

    target = inspect.unwrap(_hinted(function))
    try:
        return typing.get_type_hints(target)
    except Exception:  # resolving a hint runs whatever stands in it
        return _resolvable(target)


def _resolvable(target: Any) -> dict[str, Any]:
    """Each hint by itself, so that one that fails does not take the others with it."""
    import typing

    hints: dict[str, Any] = {}
    for name, hint in dict(getattr(target, "__annotations__", {})).items():
        one = types.SimpleNamespace(__annotations__={name: hint})
        try:
            hints |= typing.get_type_hints(one, globalns=getattr(target, "__globals__", {}))
        except Exception:  # noqa: S112 - this hint asks for nothing that we can know
            continue
    return hints


def _cast_for(hint: Any) -> Cast | None:
    """How a value becomes what the hint says; None where JSON's own value is right."""
    import typing

    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _cast_for(typing.get_args(hint)[0])
    if origin is typing.Union or origin is types.UnionType:
        return _first_that_fits(typing.get_args(hint))
    if isinstance(hint, type) and origin is None:
        return _cast_to(hint)
    return None


def _first_that_fits(hints: Sequence[Any]) -> Cast | None:
    """None stays None; then the hints in their order, JSON's own types taking only what they are."""
    if not any(_cast_for(hint) for hint in hints):
        return None

    def cast(value: Any, typed: str | None) -> Any:
        if value is None and types.NoneType in hints:
            return None
        misfits = []
        for hint in hints:
            if hint is types.NoneType:
                continue
            try:
                return _fitted(hint, value, typed)
            except _Misfit as misfit:
                misfits.append(str(misfit))
        raise _Misfit("; ".join(misfits))

    return cast


def _fitted(hint: Any, value: Any, typed: str | None) -> Any:
    if (cast := _cast_for(hint)) is not None:
        return cast(value, typed)
    if isinstance(hint, type) and hint in _JSON_TYPES and type(value) is not hint:
        raise _Misfit(f"{value!r:.80} is no {hint.__name__}")
    return value


_JSON_TYPES: Final = (int, bool, list, dict, str)


def _cast_to(kind: type) -> Cast | None:
    import enum

    if kind is str:
        return _text
    if kind is float:
        return _float
    if issubclass(kind, enum.Enum):
        return _member(kind)
    reader = _readers().get(kind)
    return _from_text(kind, reader) if reader else None


def _text(value: Any, typed: str | None) -> Any:
    return value if typed is None else typed


def _float(value: Any, typed: str | None) -> Any:
    return float(value) if type(value) is int else value


def _member(kind: Any) -> Cast:
    """By value, by the typed text as value, then by name."""

    def cast(value: Any, typed: str | None) -> Any:
        if isinstance(value, kind):
            return value
        for each in (value, typed):
            try:
                return kind(each)
            except (ValueError, KeyError, TypeError):
                continue
        if isinstance(value, str) and value in kind.__members__:
            return kind[value]
        known = ", ".join(str(member.value) for member in list(kind)[:12])
        raise _Misfit(f"{value!r:.80} is no {kind.__name__}; one of: {known}")

    return cast


def _readers() -> dict[type, Callable[[str], Any]]:
    from datetime import date, datetime, time, timedelta
    from decimal import Decimal
    from pathlib import Path, PurePath
    from uuid import UUID

    return {
        datetime: datetime.fromisoformat,
        date: date.fromisoformat,
        time: time.fromisoformat,
        timedelta: _timedelta,
        Path: Path,
        PurePath: PurePath,
        Decimal: Decimal,
        UUID: UUID,
    }


def _from_text(kind: type, read: Callable[[str], Any]) -> Cast:
    def cast(value: Any, typed: str | None) -> Any:
        if isinstance(value, kind) or value is None or isinstance(value, (dict, list)):
            return value
        text = typed if typed is not None else value if isinstance(value, str) else str(value)
        try:
            return read(text)
        except (ValueError, ArithmeticError, OverflowError):
            raise _Misfit(f"{text!r:.80} is no {kind.__name__}") from None

    return cast


_UNITS: Final = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "w": 604_800.0}


def _timedelta(text: str) -> Any:
    """`90s`, `1h30m`, or a number of seconds."""
    import re
    from datetime import timedelta

    if re.fullmatch(r"\d+(\.\d+)?", text):
        return timedelta(seconds=float(text))
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[wdhms])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(text)
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
