"""What is executed where a run has to know its slot."""

from __future__ import annotations

import time

import bench_jobs

from arrcli import current_run


def late(path: str) -> None:
    """How many nanoseconds after its slot it started."""
    begun = time.time_ns()
    slot = current_run().slot
    assert slot is not None
    bench_jobs.append(path, f"{begun - round(slot.timestamp() * 1e6) * 1000}\n")
