"""Small callables to try arr with: they need no network and no server, and print what they do."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path


def heartbeat() -> None:
    """Print that the machine is alive, and how busy it is."""
    one, five, fifteen = os.getloadavg()
    print(f"alive: load {one:.2f} {five:.2f} {fifteen:.2f} on {os.cpu_count()} CPUs, in process {os.getpid()}")


def flaky(fail_every: int = 3) -> str:
    """Fail once in `fail_every` times, by chance, as a busy server does."""
    print("asking a server that is not always there")
    if random.randrange(fail_every) == 0:  # noqa: S311 - no secret depends on it
        raise ConnectionError("the server did not answer")
    return "it answered"


def slow(seconds: float) -> str:
    """Take that long, and say so each second."""
    begun = time.monotonic()
    while (left := begun + seconds - time.monotonic()) > 0:
        print(f"{left:.0f} s to go", flush=True)
        time.sleep(min(left, 1))
    return f"done after {seconds} s"


async def fetch_all(count: int = 3) -> list[str]:
    """Wait for `count` slow answers at once: together they take as long as the slowest."""
    begun = time.monotonic()
    answers = await asyncio.gather(*(_fetch(number) for number in range(1, count + 1)))
    print(f"{count} answers in {time.monotonic() - begun:.1f} s")
    return list(answers)


async def _fetch(number: int) -> str:
    await asyncio.sleep(number / 10)
    return f"answer {number}"


def report(folder: str = ".") -> dict[str, int]:
    """Count the files of a folder, by suffix, but for hidden ones; the result is their number and size."""
    sizes: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for path in _files(Path(folder)):
        counts[path.suffix or "no suffix"] += 1
        sizes[path.suffix or "no suffix"] += path.stat().st_size
    for suffix, count in counts.most_common(5):
        print(f"{suffix:>10} {count:>6} files {sizes[suffix] / 1024:>10.1f} KiB")
    return {"files": counts.total(), "bytes": sizes.total()}


def _files(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(here, name) for name in names if not name.startswith("."))
        yield from (path for path in paths if path.is_file())
