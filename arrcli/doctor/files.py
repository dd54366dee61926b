"""The tasks file, and the folders that workers import from: are they there, and whose are they?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from arrcli.doctor.finding import Finding, Subject
from arrcli.host.files import UntrustedError, distrust


def tasks_file(subject: Subject) -> Iterator[Finding]:
    if subject.path is None:
        yield Finding("file", "warn", "there is no tasks file here", "make one with: arr init")
        return
    if subject.file is None:
        yield Finding("file", "fail", subject.fault.partition("\n")[0], f"see all of it: arr check {subject.path}")
        return
    yield from trusted("file", [Path(subject.file.path), Path(subject.file.folder)])
    count = len(subject.file.tasks)
    yield Finding("file", "ok", f"{subject.file.path}, {count} task{'' if count == 1 else 's'}")


def python_path(subject: Subject) -> Iterator[Finding]:
    """Folders that are missing, that others may write to, or whose modules hide Python's own."""
    folders = [Path(folder) for folder in subject.python_path]
    for folder in folders:
        if not folder.is_dir():
            yield Finding("imports", "warn", f"{folder} of python_path is no folder", "make it, or take it out")
            continue
        for name in sorted(_hiding(folder)):
            said = f"{folder}/{name} hides Python's own module of that name"
            yield Finding("imports", "warn", said, "rename it: workers, and much that they import, would get yours")
    yield from trusted("imports", folders)
    if folders:
        yield Finding("imports", "ok", f"workers import from {', '.join(map(str, folders))} first")


def _hiding(folder: Path) -> Iterator[str]:
    for path in folder.glob("*.py"):
        if path.stem in sys.stdlib_module_names:
            yield path.name
    for path in folder.glob("*/__init__.py"):
        if path.parent.name in sys.stdlib_module_names:
            yield path.parent.name


def trusted(area: str, paths: list[Path]) -> Iterator[Finding]:
    """What others could change; root refuses it, and so do the other verbs then."""
    for path in paths:
        try:
            for said in distrust([path]):
                yield Finding(area, "warn", said, f"chmod go-w {path}")
        except UntrustedError as error:
            said, _, mend = str(error).partition("; ")
            yield Finding(area, "fail", said, mend)
