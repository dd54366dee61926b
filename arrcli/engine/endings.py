"""Who waits for the end of a run is called as soon as its engine has recorded it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator


class Endings:
    """Calls that wait, by the id of the run that they wait for; of any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, list[Callable[[], None]]] = {}

    @contextlib.contextmanager
    def watched(self, run_id: int, call: Callable[[], None]) -> Iterator[None]:
        """`call` is made when the run has ended, or nothing will end any more, while the block lasts.

        It is made by the engine's thread: it must not wait, nor raise.
        """
        with self._lock:
            self._waiting.setdefault(run_id, []).append(call)
        try:
            yield
        finally:
            with self._lock:
                self._waiting[run_id].remove(call)
                if not self._waiting[run_id]:
                    del self._waiting[run_id]

    def tell(self, run_ids: Iterable[int]) -> None:
        """These have ended."""
        if not self._waiting:
            return
        with self._lock:
            calls = [call for run_id in run_ids for call in self._waiting.get(run_id, ())]
        for call in calls:
            call()

    def tell_all(self) -> None:
        """No more will end here: whoever waits should look."""
        self.tell(list(self._waiting))
