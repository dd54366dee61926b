"""Where running attempts are: asked of the executors, answered into the store for whoever asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final

from arrcli.model.value import dataclass
from arrcli.store.contract import Writing
from arrcli.store.values import STACKS, Request
from arrcli.worker.wire import Executor

_LOOK_US: Final = 10_000
_PATIENCE_US: Final = 1_000_000
_KEPT: Final = 4
"""Answers that the store keeps: who asked reads his within moments."""


@dataclass(slots=True)
class _Asked:
    request: Request
    executor: Executor | None
    until: int
    look_at: int
    text: str = ""
    is_whole: bool = False


class Stacks:
    """The questions that are open. Times are monotonic microseconds."""

    def __init__(self, executors: Callable[[], Sequence[Executor]]) -> None:
        self._executors = executors
        self._open: list[_Asked] = []

    def ask(self, request: Request, mono: int) -> None:
        """Ask the executor that has begun the run; where none has, the answer is that there is no stack."""
        run_id = int(request.arguments["run"])
        executor = next((each for each in self._executors() if each.ask_stack(run_id)), None)
        self._open.append(_Asked(request, executor, until=mono + _PATIENCE_US, look_at=mono + _LOOK_US))

    def wait(self, mono: int) -> int | None:
        """Microseconds until answers are to be looked for; None: nothing was asked."""
        return min((max(0, asked.look_at - mono) for asked in self._open), default=None)

    def answer(self, w: Writing, mono: int) -> None:
        """Write down what has come: a text counts as whole once it has stood still for a look."""
        for asked in self._open:
            if mono >= asked.look_at:
                self._look(asked, mono)
        whole = [asked for asked in self._open if asked.is_whole]
        if not whole:
            return
        self._open = [asked for asked in self._open if not asked.is_whole]
        kept = json.loads(w.meta(STACKS) or "{}")
        kept |= {str(asked.request.id): asked.text for asked in whole}
        newest = sorted(kept, key=int)[-_KEPT:]
        w.put_meta(STACKS, json.dumps({number: kept[number] for number in newest}))

    def _look(self, asked: _Asked, mono: int) -> None:
        run_id = int(asked.request.arguments["run"])
        text = "" if asked.executor is None else asked.executor.stack(run_id)
        stands = bool(text) and text == asked.text
        asked.text, asked.look_at = text, mono + _LOOK_US
        asked.is_whole = stands or asked.executor is None or mono >= asked.until
