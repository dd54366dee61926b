"""What can be asked for from the screen: values, that whoever runs it carries out."""

from __future__ import annotations

from typing import TypeAlias

from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True)
class RunNow:
    """One run of a task, at once."""

    task: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop a run: the one act that is asked about before."""

    run: int
    name: str

    @property
    def question(self) -> str:
        return f"cancel run {self.run} of {self.name}?"


@dataclass(frozen=True, slots=True)
class Again:
    """An ended run once more, as a new one."""

    run: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold a task's slots."""

    task: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Let a paused task go on."""

    task: str


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the tasks file again."""


Act: TypeAlias = RunNow | Cancel | Again | Pause | Resume | Reload
