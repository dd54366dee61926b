"""Every test of faults gets a world of its own, and ends with its invariants."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from world import JOBS, World, kill


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A folder with `jobs.py` and an empty tasks file; at the end all daemons are ended and the invariants checked."""
    folder = tmp_path / "w"
    folder.mkdir()
    shutil.copy(JOBS, folder / "jobs.py")
    made = World(folder)
    made.write()
    try:
        yield made
        for daemon in made.daemons:
            kill(daemon)
        made.holds()
    finally:
        for daemon in made.daemons:
            kill(daemon)
        for pid in made.processes():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
