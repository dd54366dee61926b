"""From a dotted path to the callable that it names: "pkg.mod.func", "pkg.mod:Class.method"."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


class NoSuchCallable(Exception):
    """A path that leads to nothing that can be called; the message says where it ended and what was near."""


def resolve(path: str) -> Callable[..., Any]:
    """The callable at a dotted path. Raises `NoSuchCallable`, or whatever importing its module raised."""
    module, rest = _module(path)
    found: Any = module
    for index, name in enumerate(rest):
        try:
            found = getattr(found, name)
        except AttributeError:
            own = path.replace(":", ".").rsplit(".", len(rest))[0]  # what stands for a module may have no name
            where = ".".join([getattr(module, "__name__", own), *rest[:index]])
            raise NoSuchCallable(f'{where} has no "{name}"{_near(name, found)}') from None
    if not callable(found):
        raise NoSuchCallable(f'"{path}" is not callable: it is a {type(found).__name__}')
    return found  # type: ignore[no-any-return]  # callable() has just proved it


def _module(path: str) -> tuple[ModuleType, list[str]]:
    """The module of a path, imported, and the names to follow from it."""
    name, colon, attributes = path.partition(":")
    if colon:
        return _imported(name, path), attributes.split(".")
    first, *rest = path.split(".")
    if not first or not rest or not all(rest):
        raise NoSuchCallable(f'"{path}" is not a dotted path, as package.module.function is')
    module = _imported(first, path)
    while len(rest) > 1 and (below := _below(module, rest[0])) is not None:
        module, rest = below, rest[1:]
    return module, rest


def _below(module: ModuleType, name: str) -> ModuleType | None:
    """The module of that name inside a module, imported if need be; None where the name is something else,
    or nothing.
    """
    if hasattr(module, name):
        found = getattr(module, name)
        return found if isinstance(found, ModuleType) else None
    return _submodule(f"{module.__name__}.{name}") if hasattr(module, "__path__") else None


def _submodule(name: str) -> ModuleType | None:
    """A module inside a package; None where there is none of that name. Raises what its import raises."""
    try:
        return _import(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return None
        raise


def _imported(name: str, path: str) -> ModuleType:
    try:
        return _import(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise
        raise NoSuchCallable(f'no module "{error.name}" for "{path}"{_near_module(error.name)}') from None
    except ValueError:
        if name:  # the module's own code raised it
            raise
        raise NoSuchCallable(f'"{path}" is not a dotted path, as package.module.function is') from None


def _import(name: str) -> ModuleType:
    """A file that was made after its folder had been read is found on the second try."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        importlib.invalidate_caches()
        return importlib.import_module(name)


def _near(name: str, holder: object) -> str:
    names = [each for each, value in vars(holder).items() if callable(value)] if hasattr(holder, "__dict__") else []
    own = [each for each in names if not each.startswith("_")]
    import difflib

    if close := difflib.get_close_matches(name, own, n=1):
        return f'; did you mean "{close[0]}"?'
    return f"; it has: {', '.join(sorted(own)[:8])}" if own else ""


def _near_module(name: str) -> str:
    import difflib
    import pkgutil

    parent, _, last = name.rpartition(".")
    places = getattr(sys.modules.get(parent), "__path__", []) if parent else sys.path
    names = [each.name for each in pkgutil.iter_modules([str(place) for place in places if place])]
    close = difflib.get_close_matches(last, names, n=1)
    return f'; did you mean "{close[0]}"?' if close else _looked_in([str(place) for place in places])


def _looked_in(places: list[str]) -> str:
    """The user's own folders among those of the search path."""
    own = [each for each in places if not each.startswith((sys.prefix, sys.base_prefix))]
    return f"; looked in {', '.join(own[:2])}" if own else ""
