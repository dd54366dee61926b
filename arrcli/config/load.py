"""The door of this room: a path or a text in, a `TasksFile` out, or one error with every fault."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from arrcli.config import locate
from arrcli.config.build import Surroundings, build
from arrcli.config.faults import Findings, notes, refusal
from arrcli.config.read import read, tables
from arrcli.config.shape import FileShape
from arrcli.config.words import faults_of
from arrcli.model.task import TasksFile
from arrcli.text import clean


def load(
    path: Path | str,
    *,
    text: str | None = None,
    machine_zone: str | None = None,
    cpu_count: int | None = None,
) -> TasksFile:
    """The tasks file at `path`, read once; `text` stands for its content where the caller has read it.

    `machine_zone` and `cpu_count` stand for what the machine would say of itself. NotFoundError where there
    is no file; ConfigError with all faults in the order of the file, or why it cannot be read.
    """
    if text is None:
        text = read(Path(path), file=str(path))
    return parse(text, path, machine_zone=machine_zone, cpu_count=cpu_count)


def parse(text: str, path: Path | str, *, machine_zone: str | None = None, cpu_count: int | None = None) -> TasksFile:
    """The same of a text that stands at `path` (resolved: folders are relative to the real file)."""
    text, file = text.removeprefix("\ufeff").replace("\r\n", "\n"), str(path)
    raw = tables(text, file=file)
    found = Findings()
    shape = _shaped(raw, found)
    real = os.path.realpath(path)
    folder = os.path.dirname(real)  # noqa: PTH120 - text in, text out
    cpus = cpu_count or os.cpu_count() or 1
    built = build(raw, shape, Surroundings(real, folder, machine_zone, cpus), found)
    if found.faults:
        raise refusal(file, text, found.faults)
    said = notes(file, text, found.notes)
    if not built.tasks:
        said.append(f'{clean(file)}: no tasks — add [tasks.NAME] with func = "module.function"')
    return replace(built, digest=hashlib.sha256(text.encode()).hexdigest(), notes=tuple(said))


def _shaped(raw: Mapping[str, Any], found: Findings) -> FileShape:
    """The file as shapes. What is faulty is taken out, so that the rest is still looked at."""
    try:
        return FileShape.model_validate(raw)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    found.faults += faults_of(errors)
    return FileShape.model_validate(_without(raw, (error["loc"] for error in errors)))


def _without(raw: Mapping[str, Any], paths: Iterable[locate.Path]) -> dict[str, Any]:
    """The tables without the keys that the paths lead to, or through."""
    pruned = {section: _copied(table, depth=2) for section, table in raw.items()}
    for path in paths:
        kept = path[: 3 if path[0] in ("tasks", "pools") else 2]
        table: Any = pruned
        for part in kept[:-1]:
            table = table.get(part, {})
        table.pop(kept[-1], None)
    return pruned


def _copied(table: Any, *, depth: int) -> Any:
    if depth == 0 or not isinstance(table, dict):
        return table
    return {key: _copied(value, depth=depth - 1) for key, value in table.items()}
