"""Callables and their names: which a program registered, and how a store that others read can name one."""

from __future__ import annotations

import inspect
import itertools
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, overload

from arrcli.errors import UsageError
from arrcli.model.value import dataclass
from arrcli.options import policies

F = TypeVar("F", bound=Callable[..., Any])

_LOCAL: Final = "local:"


@dataclass(frozen=True, slots=True)
class Registered:
    """A callable registered by `@task`: its name, its policies, and whether it wants its run's `time`."""

    name: str
    function: Callable[..., Any]
    options: Mapping[str, Any]
    give_time: bool

    @property
    def policies(self) -> Mapping[str, Any]:
        """What a run of it keeps as its options."""
        return {**self.options, **({"give_time": True} if self.give_time else {})}


_registered: dict[str, Registered] = {}


@overload
def task(name: F, /) -> F: ...
@overload
def task(name: str | None = None, /, **options: Any) -> Callable[[F], F]: ...
def task(name: Any = None, /, **options: Any) -> Any:
    """Register a callable with its policies: `@task`, or `@task("name", retries=3, ...)`. It stays the plain function.

    Its name (default: the function's own) can be given to `execute_task`. With a keyword-only parameter `time` it
    receives its run's `due_at`, aware, in UTC. UsageError for a name that another callable has.
    """
    if callable(name):
        return _register(name, None, {})

    def decorate(function: F) -> F:
        return _register(function, name, options)

    return decorate


def _register(function: F, name: str | None, options: Mapping[str, Any]) -> F:
    called = name if name is not None else function.__name__
    other = _registered.get(called)
    if other is not None and _path(other.function) != _path(function):
        raise UsageError(f"a task {called!r} is registered already, as {_path(other.function)}; give this one a name")
    _registered[called] = Registered(called, function, policies(options), _wants_time(function))
    return function


def _wants_time(function: Callable[..., Any]) -> bool:
    try:
        parameter = inspect.signature(function).parameters.get("time")
    except (TypeError, ValueError):
        return False
    return parameter is not None and parameter.kind is inspect.Parameter.KEYWORD_ONLY


def registered(target: str | Callable[..., Any]) -> Registered | None:
    """What was registered under this name, or with this callable."""
    if isinstance(target, str):
        return _registered.get(target)
    return next((one for one in _registered.values() if one.function is target), None)


def registered_names() -> list[str]:
    """Every name that `@task` registered in this program."""
    return list(_registered)


class Callables:
    """Names for the callables of one App. `shared`: another process must be able to find them by their names."""

    def __init__(self, *, shared: bool) -> None:
        self.shared = shared
        self._local: dict[str, Callable[..., Any]] = {}
        self._names: dict[int, str] = {}
        self._numbers = itertools.count(1)
        self._needed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def name_of(self, function: Callable[..., Any]) -> str:
        """A dotted path, or (where nothing else can see it) a name that holds in this program only.

        UsageError where it has to be found by others and cannot be.
        """
        path = importable(function)
        if path is not None:
            return path
        if self.shared:
            raise UsageError(
                f"{_path(function)} cannot be named: another process could not import it — "
                "define it at the top of a module, or use a memory store and threads"
            )
        with self._lock:
            known = self._names.get(id(function))
            if known is None:
                known = f"{_LOCAL}{next(self._numbers)}:{getattr(function, '__qualname__', 'callable')}"
                self._names[id(function)], self._local[known] = known, function
            self._needed[known] += 1
        return known

    def named(self, name: str) -> tuple[str, Mapping[str, Any]]:
        """The path to queue for a name that another program used, and the policies that it was registered with here."""
        known = _registered.get(name)
        return (name, {}) if known is None else (self.name_of(known.function), known.policies)

    def let_go(self, names: Iterable[str]) -> None:
        """Runs under these names have ended: what no other needs is forgotten, with all that a closure holds."""
        if not self._local:
            return
        with self._lock:
            for name in names:
                if name not in self._local:
                    continue
                self._needed[name] -= 1
                if self._needed[name] <= 0:
                    del self._names[id(self._local.pop(name))], self._needed[name]

    def find(self, path: str) -> Callable[..., Any]:
        """The callable of a name; LookupError where the name is to be imported."""
        local = self._local.get(path)
        if local is not None:
            return local
        script = _script()
        if script is not None and path.startswith((f"{script}.", f"{script}:")):
            found = _walk(sys.modules["__main__"], path[len(script) + 1 :])
            if callable(found):
                return found  # type: ignore[no-any-return]  # callable() tells mypy nothing of its result
        raise LookupError(path)


def importable(function: Callable[..., Any]) -> str | None:
    """The dotted path under which an import finds this very callable; one of a script by the script's file name."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not module or not name or _walk(sys.modules.get(module), name) is not function:
        return None
    if module == "__main__":
        module = _script()
    if module is None:
        return None
    return f"{module}.{name}" if "." not in name else f"{module}:{name}"


def script_folder() -> str | None:
    """The folder of the running script, where it is a file: its callables are imported from there elsewhere."""
    file = _script_file()
    return None if file is None else str(file.parent)


def _script() -> str | None:
    """The name under which another process imports what runs here as `__main__`; None where it cannot."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None:
        return str(spec.name)  # python -m package.module
    file = _script_file()
    return file.stem if file is not None and file.stem.isidentifier() else None


def _script_file() -> Path | None:
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if file is None or getattr(main, "__spec__", None) is not None:
        return None
    path = Path(file).absolute()
    return path if path.is_file() and path.suffix == ".py" else None


def _walk(root: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        root = getattr(root, part, None)
    return root


def _path(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', function)}"
