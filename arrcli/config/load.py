"""The door of this room: a path or a text in, a `TasksFile` out, or one error with every fault."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from arrcli.config.build import Surroundings, build
from arrcli.config.faults import Findings, notes, refusal
from arrcli.config.given import given
from arrcli.config.read import read, tables
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
    real = os.path.realpath(path)
    folder = os.path.dirname(real)  # noqa: PTH120 - text in, text out
    cpus = cpu_count or os.cpu_count() or 1
    built = build(raw, given(raw, found), Surroundings(real, folder, machine_zone, cpus), found)
    if found.faults:
        raise refusal(file, text, found.faults)
    said = notes(file, text, found.notes)
    if not built.tasks:
        said.append(f'{clean(file)}: no tasks — add [tasks.NAME] with func = "module.function"')
    return replace(built, digest=hashlib.sha256(text.encode()).hexdigest(), notes=tuple(said))
