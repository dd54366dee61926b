"""A small disk that can be filled to its last byte, and freed again."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Disk:
    """Something else on the disk takes its room: the file `filler`."""

    folder: Path

    @property
    def filler(self) -> Path:
        return self.folder / "filler"

    def free(self) -> int:
        """How many bytes are left."""
        disk = os.statvfs(self.folder)
        return disk.f_bavail * disk.f_frsize

    def fill(self, *, leave: int = 0) -> None:
        """Take all room but `leave` bytes."""
        with self.filler.open("ab", buffering=0) as out, contextlib.suppress(OSError):
            while (left := self.free() - leave) > 0:
                out.write(bytes(min(left, 1 << 20)))

    def clear(self) -> None:
        self.filler.unlink(missing_ok=True)

    @contextmanager
    def eaten(self) -> Iterator[None]:
        """While this lasts, whatever room there is is taken within a moment, as by a program whose log runs away."""
        ended = threading.Event()

        def eat() -> None:
            while not ended.wait(0.002):
                self.fill()

        self.fill()
        eater = threading.Thread(target=eat)
        eater.start()
        try:
            yield
        finally:
            ended.set()
            eater.join()
