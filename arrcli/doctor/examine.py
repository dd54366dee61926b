"""Every examination in turn. One that stumbles is told of, and stops none of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from arrcli.clock import SYSTEM
from arrcli.config.load import load
from arrcli.doctor import files, machine, program, state, worker
from arrcli.doctor.finding import Finding, Subject
from arrcli.errors import ArrError
from arrcli.host.places import Places
from arrcli.model.task import TasksFile

Examination = Callable[[Subject], Iterable[Finding]]

ALL: Final[tuple[tuple[str, Examination], ...]] = (
    ("python", program.python),
    ("arr", program.arr),
    ("packages", program.packages),
    ("sqlite", program.sqlite),
    ("zone", machine.zone),
    ("limits", machine.limits),
    ("file", files.tasks_file),
    ("imports", files.python_path),
    ("state", state.folder),
    ("disk", state.disk),
    ("daemon", state.daemon),
    ("store", state.store),
    ("leftovers", state.leftovers),
    ("worker", worker.starts),
    ("clock", machine.clock),
)


def examined(path: Path | None, places: Places | None) -> Iterator[Finding]:
    """What each examination finds, as soon as it does; None: there is no tasks file and no state."""
    wall, monotonic = SYSTEM.now(), SYSTEM.monotonic()
    file, fault = _read(path)
    subject = Subject(path=path, places=places, file=file, fault=fault, wall=wall, monotonic=monotonic)
    for area, examination in ALL:
        try:
            yield from examination(subject)
        except Exception as error:
            said = f"this could not be examined: {type(error).__name__}: {error}"
            yield Finding(
                area, "warn", said, "see the traceback with --debug" if not isinstance(error, OSError) else ""
            )


def _read(path: Path | None) -> tuple[TasksFile | None, str]:
    try:
        return (None, "") if path is None else (load(path), "")
    except ArrError as error:
        return None, str(error)
