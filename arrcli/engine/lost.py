"""A store that is lost, deleted or damaged: it is given a while to be put back; then the engine ends and says why."""

from __future__ import annotations

from typing import Final

from arrcli.errors import StoreLostError
from arrcli.model.instant import SECOND

PUT_BACK: Final = 10 * SECOND


class Loss:
    """What is wrong with the store, as long as it is."""

    def __init__(self) -> None:
        self.error: StoreLostError | None = None
        self._since = 0

    def met(self, error: StoreLostError, mono: int) -> bool:
        """A transaction met it; True once it has lasted too long."""
        if self.error is None:
            self._since = mono
        self.error = error
        return mono - self._since >= PUT_BACK

    def over(self) -> None:
        """A transaction went well."""
        self.error = None
