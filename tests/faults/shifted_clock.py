"""The wall clock of a world: it stands where a test puts it, and is set while daemons run. The machine's stays."""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("clockshim.c")
COMPILER: Final = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def built(folder: Path) -> Path:
    """The shim, compiled into the folder."""
    assert COMPILER is not None
    library = folder / "clockshim.so"
    words = [COMPILER, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    return library


class ShiftedClock:
    """What the wall clock shows to all programs with these `surroundings`; all instants are UTC seconds."""

    def __init__(self, library: Path, file: Path) -> None:
        file.write_bytes(bytes(8))
        self.surroundings = {"LD_PRELOAD": str(library), "CLOCKSHIM": str(file)}
        with file.open("r+b") as opened:
            self._shared = mmap.mmap(opened.fileno(), 8)

    @property
    def offset(self) -> float:
        """How far it is ahead of the machine's."""
        return self._nanoseconds / 1e9

    @property
    def _nanoseconds(self) -> int:
        return int(struct.unpack("=q", self._shared)[0])

    def now(self) -> float:
        return time.time() + self.offset

    def step(self, seconds: float) -> None:
        """Somebody sets it forward, or back."""
        self._shared[:] = struct.pack("=q", self._nanoseconds + round(seconds * 1e9))

    def set(self, moment: str | float) -> float:
        """It shows this instant now; by how much it was set."""
        wanted = moment if isinstance(moment, float) else utc(moment)
        by = wanted - self.now()
        self.step(by)
        return by


def utc(moment: str) -> float:
    """`2026-06-10T12:00:00` as seconds since the epoch."""
    return datetime.fromisoformat(f"{moment}+00:00").timestamp()


def iso(seconds: float) -> str:
    """The reverse, to the second."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="seconds")
