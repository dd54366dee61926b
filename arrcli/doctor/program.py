"""Python, arr itself, and what it stands on."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from arrcli.app import arr_version
from arrcli.doctor.finding import Finding, Subject
from arrcli.store.health import SQLITE

OLDEST_PYTHON: Final = (3, 11)
OLDEST_SQLITE: Final = (3, 35)
_NEEDED: Final = ("typer", "rich", "croniter", "tomli-w", "pydantic", "tzlocal", "cron-descriptor", "tzdata")
_REQUIREMENT: Final = re.compile(r"(?P<name>[\w.-]+)\s*(?P<bounds>[^;]*)")
_BOUND: Final = re.compile(r"(>=|<)\s*([0-9.]+)")
_HOME: Final = Path(__file__).parent.parent


def python(subject: Subject) -> Iterator[Finding]:
    said = f"Python {platform.python_version()}, {sys.executable}, {platform.system()} {platform.release()}"
    if sys.version_info < OLDEST_PYTHON:
        yield Finding("python", "fail", said, "arr needs Python 3.11 or newer")
    else:
        yield Finding("python", "ok", said)


def arr(subject: Subject) -> Iterator[Finding]:
    found = arr_version()
    if found == "0+unknown":
        yield Finding("arr", "warn", f"not installed, run from {_HOME}", "install it: pip install .")
    else:
        yield Finding("arr", "ok", f"arr {found}, {_HOME}")


def sqlite(subject: Subject) -> Iterator[Finding]:
    if _numbers(SQLITE) < OLDEST_SQLITE:
        yield Finding("sqlite", "fail", f"SQLite {SQLITE}", "arr needs 3.35 or newer: use a newer Python")
    else:
        yield Finding("sqlite", "ok", f"SQLite {SQLITE}")


def packages(subject: Subject) -> Iterator[Finding]:
    """Of each package that arr needs: is it there, and of a version that arr was made for?"""
    wanted = _wanted()
    found = []
    for name in _NEEDED:
        try:
            there = version(name)
        except PackageNotFoundError:
            yield Finding("packages", "fail", f"{name} is missing", f"install it: pip install '{name}{wanted[name]}'")
            continue
        found.append(f"{name} {there}")
        if not _fits(there, wanted[name]):
            said = f"{name} {there} is outside of what arr was made for ({wanted[name]})"
            yield Finding("packages", "warn", said, f"pip install '{name}{wanted[name]}'")
    yield Finding("packages", "ok", ", ".join(found))


def _wanted() -> dict[str, str]:
    """The bounds of each package as the installed distribution has them; "" where it is not installed."""
    try:
        lines = requires("arrcli") or []
    except PackageNotFoundError:
        lines = []
    bounds = dict.fromkeys(_NEEDED, "")
    for found in filter(None, map(_REQUIREMENT.match, lines)):
        if found["name"] in bounds and "extra ==" not in found.string:
            bounds[found["name"]] = found["bounds"].strip()
    return bounds


def _fits(there: str, bounds: str) -> bool:
    found = _numbers(there)
    return all(
        (found >= _numbers(to)) if sign == ">=" else (found < _numbers(to)) for sign, to in _BOUND.findall(bounds)
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("+")[0])[:3])
