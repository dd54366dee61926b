"""What every contender's program needs: its verbs on the command line, and the stamps that tasks leave behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE_S = 150.0


def main(*verbs: Callable[..., Any]) -> None:
    """`program VERB FOLDER OPTIONS`: what the verb measured, as JSON on the last line."""
    verb, folder, options = sys.argv[1:4]
    found = {each.__name__: each for each in verbs}[verb]
    print(json.dumps(found(Path(folder), **json.loads(options))), flush=True)


def until(holds: Callable[[], object], *, what: str, within: float = PATIENCE_S) -> None:
    end = time.monotonic() + within
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within {within:.0f} s")
        time.sleep(0.01)


def lines(path: Path) -> list[list[int]]:
    """The whole numbers of each complete line of a file that tasks append to."""
    if not path.exists():
        return []
    return [[int(word) for word in line.split()] for line in path.read_text().splitlines()]


def drained(folder: Path, count: int) -> dict[str, float]:
    """Runs a second between the stamps before and after `count` runs."""
    stamps = folder / "stamps"
    until(lambda: len(lines(stamps)) >= 2, what="the last run")
    (first,), (last,) = lines(stamps)[:2]
    return {"rate": count / ((last - first) / 1e9)}


def far_crons(count: int) -> list[str]:
    """So many expressions, no two alike, whose times lie months away."""
    month = time.gmtime().tm_mon
    far = [(month + ahead) % 12 + 1 for ahead in (4, 5, 6)]
    days = [(hour, day, each) for each in far for day in range(1, 28) for hour in range(24)]
    return [f"{number % 60} {hour} {day} {each} *" for number, (hour, day, each) in _in_turn(days, count)]


def _in_turn(days: Sequence[tuple[int, int, int]], count: int) -> list[tuple[int, tuple[int, int, int]]]:
    return [(number // len(days), days[number % len(days)]) for number in range(count)]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    ranked = sorted(values)
    return {
        "median": ranked[len(ranked) // 2],
        "p99": ranked[min(len(ranked) - 1, len(ranked) * 99 // 100)],
        "worst": ranked[-1],
    }


def worked(log: list[list[int]], workers: int = 2) -> dict[str, float]:
    begun, ended = [line[1] for line in log], [line[2] for line in log]
    return {"busy": 100 * (sum(ended) - sum(begun)) / workers / (max(ended) - min(begun))}


def beside_long_ones(seconds: float, *, long: Callable[[], Any], burst: Callable[[], Any]) -> int:
    """How many short ones were asked for."""
    asked, began = 0, time.monotonic()
    next_long = next_burst = began
    while time.monotonic() - began < seconds:
        if time.monotonic() >= next_long:
            long()
            next_long += 1.4
        if time.monotonic() >= next_burst:
            burst()
            asked += 20
            next_burst += 0.5
        time.sleep(max(0.0, min(next_long, next_burst) - time.monotonic()))
    return asked


def asking(seconds: float, threads: int, ask: Callable[[], Any]) -> dict[str, float]:
    one = repeated(seconds, ask)
    rates: list[float] = []
    callers = [threading.Thread(target=lambda: rates.append(repeated(seconds, ask))) for _ in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return {"one": one, "threads": sum(rates)}


def repeated(seconds: float, work: Callable[[], Any]) -> float:
    """Calls a second."""
    work()
    calls, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        work()
        calls += 1
    return calls / (time.monotonic() - began)


@contextmanager
def running(words: Sequence[str], folder: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process, stopped at the end as its kind asks for it."""
    with (folder / "process.log").open("ab") as log:
        process = subprocess.Popen(
            words, cwd=folder, env={**os.environ, **more}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(8)
        if process.poll() is None:
            process.kill()
        process.wait()
