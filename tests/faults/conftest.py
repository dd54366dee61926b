"""Every test of faults gets a world of its own, and ends with its invariants."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from disk import Disk
from shifted_clock import COMPILER, ShiftedClock, built
from world import JOBS, World, kill


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk of its own (a tmpfs of 32 MB), which only root can make."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m,mode=700", "tmpfs", folder], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


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


@pytest.fixture(scope="session")
def clockshim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if COMPILER is None or sys.platform != "linux":
        pytest.skip("the clock cannot be shifted here: that takes Linux and a C compiler (cc, gcc or clang)")
    return built(tmp_path_factory.mktemp("clockshim"))


@pytest.fixture
def clock(world: World, clockshim: Path, tmp_path: Path) -> ShiftedClock:
    """The wall clock of the world's programs; theirs alone."""
    shifted = ShiftedClock(clockshim, tmp_path / "shift")
    world.surroundings |= shifted.surroundings
    return shifted
