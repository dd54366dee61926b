"""The janitor: history past its bounds goes, a little at a time and only when there is nothing better to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from arrcli.model.instant import DAY, SECOND, Instant
from arrcli.model.task import TasksFile
from arrcli.store.contract import Store

EVERY: Final = 60 * SECOND
BATCH: Final = 500


class Janitor:
    """Goes round the tasks of a file, one task a visit, and starts a new round a minute after the last.

    `removed` tells which tasks an earlier file named; else the store is asked, and reads all of them for that.
    """

    def __init__(self, store: Store, *, removed: Callable[[], Iterable[str]] | None = None) -> None:
        self._store = store
        self._removed = removed or (lambda: _removed(store))
        self._left: list[str] = []
        self._next_round: Instant = 0

    def due(self, now: Instant) -> bool:
        """There is something to visit; a clock that was set back puts it off by no more than a round."""
        return bool(self._left) or not 0 < self._next_round - now <= EVERY

    def visit(self, file: TasksFile, now: Instant) -> int:
        """Prune one task's history by at most a batch; how many rows went."""
        if not self._left:
            self._left = ["", *{*file.tasks, *self._removed()}]  # those of another program's file are left to it
            self._next_round = now + EVERY
        name = self._left[-1]
        keep, age = _bounds(file, name)
        with self._store.writing() as w:
            gone = w.prune(task=name, keep=keep, before=now - age, limit=BATCH)
        if gone < BATCH:
            self._left.pop()
        return gone


def prune_all(
    store: Store,
    file: TasksFile,
    now: Instant,
    *,
    older: int | None = None,
    told: Callable[[int, int], None] = lambda done, tasks: None,
) -> int:
    """Prune everything at once, in batches; how many rows went. `older`: microseconds, instead of each task's
    keep_for. `told` hears how many tasks are done, of how many."""
    total = 0
    names = ["", *store.task_records()]
    for done, name in enumerate(names):
        told(done, len(names))
        keep, age = _bounds(file, name)
        before = now - (age if older is None else older)
        gone = BATCH
        while gone == BATCH:
            with store.writing() as w:
                gone = w.prune(task=name, keep=keep, before=before, limit=BATCH)
            total += gone
    return total


def _removed(store: Store) -> list[str]:
    return [name for name, record in store.task_records().items() if record.removed]


def _bounds(file: TasksFile, name: str) -> tuple[int, int]:
    task = file.tasks.get(name)
    return (task.keep_runs, task.keep_for) if task is not None else (1000, 30 * DAY)
