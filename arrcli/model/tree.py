"""Which tasks come after which, as a tree for people: roots are the tasks that others come after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arrcli.model.task import Task
from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Branch:
    """A task and those that come after it. `again`: it was drawn above, with all that follows it."""

    task: Task
    children: tuple[Branch, ...] = ()
    again: bool = False


def chains(tasks: Mapping[str, Task]) -> Sequence[Branch]:
    """The trees, in the order of the file. What comes after several tasks stands whole below the first of them."""
    after: dict[str, list[Task]] = {}
    for task in tasks.values():
        for name in task.after:
            after.setdefault(name, []).append(task)
    seen: set[str] = set()

    def branch(task: Task) -> Branch:
        if task.name in seen:
            return Branch(task, again=True)
        seen.add(task.name)
        return Branch(task, tuple(branch(child) for child in after.get(task.name, ())))

    return [branch(tasks[name]) for name in tasks if name in after and not tasks[name].after]
