"""What a file gives: its tables, each value read to what its key's kind promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from arrcli.config.faults import Fault, Findings, Spot
from arrcli.config.place import Path
from arrcli.config.shape import TABLES
from arrcli.config.words import faults_of, no_table, unknown_key
from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Given:
    """The tables of a file without what is faulty, so that the rest is still looked at."""

    arr: Mapping[str, Any]
    defaults: Mapping[str, Any]
    pools: Mapping[str, Mapping[str, Any]]
    tasks: Mapping[str, Mapping[str, Any]]


def given(raw: Mapping[str, Any], found: Findings) -> Given:
    """All that can be read of the document; each fault is in `found`."""
    found.faults += [Fault((name,), unknown_key((name,)), Spot.KEY) for name in raw if name not in TABLES]
    return Given(
        arr=_read(raw.get("arr", {}), ("arr",), found),
        defaults=_read(raw.get("defaults", {}), ("defaults",), found),
        pools=_each(raw.get("pools", {}), "pools", found),
        tasks=_each(raw.get("tasks", {}), "tasks", found),
    )


def _each(tables: Any, kind: str, found: Findings) -> dict[str, Mapping[str, Any]]:
    """`[pools.NAME]` or `[tasks.NAME]`, by name."""
    if not isinstance(tables, dict):
        found.fault((kind,), no_table(tables, (kind,)))
        return {}
    read = {name: _read(table, (kind, name), found) for name, table in tables.items()}
    return {name: values for name, values in read.items() if isinstance(tables[name], dict)}


def _read(table: Any, path: Path, found: Findings) -> dict[str, Any]:
    if not isinstance(table, dict):
        found.fault(path, no_table(table, path))
        return {}
    keys, read = TABLES[str(path[0])].keys, {}
    for name, value in table.items():
        if name not in keys:
            found.faults.append(Fault((*path, name), unknown_key((*path, name)), Spot.KEY))
            continue
        try:
            read[name] = keys[name].read(value)
        except ValidationError as error:
            found.faults += faults_of(error.errors(include_url=False), (*path, name))
    return read
