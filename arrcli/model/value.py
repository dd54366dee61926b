"""Values: classes of fields, the same as `dataclasses` makes them, at a third of what it costs to define one.

The standard library writes seven methods a class as text and compiles each: over the classes that `arr enqueue` knows,
a fifth of its time. Here `__init__` alone is written out, so that making a value costs what it should; comparing,
hashing, showing and refusing a change are shared. For a type checker this is `dataclasses.dataclass` itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, init: bool = True, frozen: bool = False, slots: bool = False, kw_only: bool = False) -> Any:
        """`dataclasses.dataclass`; a method that the class has itself is kept."""

        def made(cls: type) -> type:
            cls.__doc__ = cls.__doc__ or cls.__name__  # or its signature would be worked out, at four times the cost
            plain = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
            methods = _methods(dataclasses.fields(plain), frozen=frozen, slots=slots)
            if init:
                methods["__init__"] = _written_init(plain, frozen=frozen)
            for name in methods.keys() - vars(cls).keys():
                setattr(plain, name, methods[name])
            return plain

        return made


_Methods = dict[str, Callable[..., Any] | None]
_UNSET: Final = object()
"""Stands for an argument that was not given, where the field makes its default anew for each value."""


def _methods(fields: tuple[dataclasses.Field[Any], ...], *, frozen: bool, slots: bool) -> _Methods:
    compared = [one.name for one in fields if one.compare]
    key: Callable[[Any], Any] = attrgetter(*compared) if compared else lambda self: ()
    shown = [one.name for one in fields if one.repr]

    def is_equal(self: Any, other: Any) -> Any:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash((self.__class__, key(self)))

    def text(self: Any) -> str:
        return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    methods: _Methods = {"__eq__": is_equal, "__hash__": hashed if frozen else None, "__repr__": text}
    if frozen:
        methods |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
    if frozen and slots:
        methods["__setstate__"] = _restore
    return methods


def _written_init(cls: Any, *, frozen: bool) -> Callable[..., None]:
    known: dict[str, Any] = {"_set": object.__setattr__, "_UNSET": _UNSET}
    by_place, by_name, steps = ["self"], list[str](), ["pass"]
    for one in dataclasses.fields(cls):
        name, value = one.name, one.name
        default = "" if one.default is dataclasses.MISSING else f"=_default_{name}"
        known[f"_default_{name}"] = one.default
        if one.default_factory is not dataclasses.MISSING:
            known[f"_new_{name}"] = one.default_factory
            default, value = "=_UNSET", f"_new_{name}() if {name} is _UNSET else {name}"
        (by_name if one.kw_only else by_place).append(f"{name}{default}")
        steps.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    asked = ", ".join([*by_place, *(["*", *by_name] if by_name else [])])
    exec(f"def __init__({asked}):\n    " + "\n    ".join(steps), known)  # noqa: S102 - of names of fields alone
    written: Callable[..., None] = known["__init__"]
    written.__qualname__ = f"{cls.__qualname__}.__init__"
    return written


def _refuse_to_set(self: Any, name: str, value: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _restore(self: Any, state: tuple[None, dict[str, Any]]) -> None:
    """What `pickle` and `copy` saw of one with slots."""
    for name, value in state[1].items():
        object.__setattr__(self, name, value)
