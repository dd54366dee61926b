"""What an examination found, and what is examined."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from arrcli.host.places import Places
from arrcli.model.instant import Instant
from arrcli.model.task import TasksFile
from arrcli.model.value import dataclass

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `mend` is the next step where it is not ok."""

    area: str
    level: Level
    said: str
    mend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An installation: the machine, and the tasks file and state that were named, where there are any.

    `file` is None where it cannot be read, and `fault` says why. `wall` and `monotonic` are the clock's two hands when
    the examination began.
    """

    path: Path | None
    places: Places | None
    file: TasksFile | None
    fault: str
    wall: Instant
    monotonic: Instant

    @property
    def python_path(self) -> tuple[str, ...]:
        return self.file.python_path if self.file is not None else ()

    @property
    def workers(self) -> int:
        return self.file.workers if self.file is not None else 1
