"""The only module that asks the time; everything else is told it.

A `Clock` has two hands: `now()` in UTC microseconds since the epoch, which can be set and can jump, and
`monotonic()` in microseconds, which only goes forward. The engine plans by the first and measures by the second.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the engine gets its time from; `testing.ManualClock` is the other implementation."""

    def now(self) -> int:
        """The wall clock, in UTC microseconds since the epoch."""
        ...

    def monotonic(self) -> int:
        """Microseconds since some fixed moment; never goes back."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> int:
        return time.monotonic_ns() // 1000

    def spent(self) -> int:
        """Microseconds that the calling thread has kept a processor busy."""
        return time.thread_time_ns() // 1000


SYSTEM = SystemClock()
