"""How the tasks' runs ended: those that are asked about are read, and which of the tasks fail is always known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from arrcli.model.instant import SECOND, Instant
from arrcli.model.run import Run, State
from arrcli.store.contract import Reading

SHOWN: Final = 20
_MOST_KEPT: Final = 500
"""Histories of more tasks than are on any screen; beyond that they are read anew."""


_OUT_OF_ORDER: Final = SECOND // 10
"""Of two runs that ended one right after the other the later may be told first."""


class Histories(Mapping[str, Sequence[Run]]):
    """The newest executed runs of each task, newest first, at most `each`.

    A history is read when it is first asked for, and again once another run of its task has ended. `failing` are the
    newest runs of those tasks that failed last, the latest first.
    """

    def __init__(self, store: Reading, *, each: int = SHOWN) -> None:
        self._store, self._each = store, each
        self._names: Collection[str] = ()
        self._read: dict[str, Sequence[Run]] = {}
        self._failed: dict[str, Run] = {}
        self._until: Instant | None = None
        self.failing: Sequence[Run] = ()

    def of(self, names: Collection[str]) -> Histories:
        """Of these tasks, where it does not matter which of them fail."""
        self._names = names
        return self

    def look(self, names: Collection[str], newest: Instant) -> None:
        """Of the tasks `names`, up to this moment; `newest` is when a run ended last."""
        if self._until is None or names is not self._names or newest < self._until:
            self._names, self._read, self._failed = names, {}, {}
            self._judge(names)
        else:
            since = self._store.ended_since(self._until - _OUT_OF_ORDER)
            self._judge([name for name in since if name in names])
        self._until = newest

    def _judge(self, names: Collection[str]) -> None:
        """A run of each of these ended, or may have."""
        newest = self._store.last_runs(names, 1)
        for name in names:
            self._read.pop(name, None)
            self._failed.pop(name, None)
            run = newest.get(name, (None,))[0]
            if run is not None and run.state is State.FAILED:
                self._failed[name] = run
        if names:
            self.failing = sorted(self._failed.values(), key=lambda run: -(run.finished_at or 0))

    def __getitem__(self, name: str) -> Sequence[Run]:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            if len(self._read) >= _MOST_KEPT:
                self._read.clear()
            self._read[name] = self._store.last_runs([name], self._each).get(name, ())
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
