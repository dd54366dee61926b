"""huey on SQLite, its fsync as it comes (every commit), its consumer with two worker processes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import bench_jobs
from contest import asking, beside_long_ones, drained, lines, main, percentiles, running, until, worked
from huey import SqliteHuey

queue = SqliteHuey("bench", filename=os.environ.get("BENCH_DB", "huey.db"), immediate=False, results=False)
tasks = {job.__name__: queue.task()(job) for job in (bench_jobs.noop, bench_jobs.stamp, bench_jobs.started)}
sleep = queue.task(name="sleep")(lambda seconds: time.sleep(seconds))
CONSUMER = [sys.executable, "-m", "huey.bin.huey_consumer", "on_huey.queue", "-w", "2", "-k", "process", "-q"]


def noop(folder: Path, count: int) -> dict[str, float]:
    tasks["stamp"](str(folder / "stamps"))
    for _ in range(count):
        tasks["noop"]()
    tasks["stamp"](str(folder / "stamps"))
    with running(CONSUMER, folder):
        return drained(folder, count)


def latency(folder: Path, count: int) -> dict[str, float]:
    with running(CONSUMER, folder):
        for number in range(count):
            tasks["started"](str(folder / "log"), time.time_ns())
            until(lambda number=number: len(lines(folder / "log")) > number, what="the run")  # type: ignore[misc]
            time.sleep(0.02)
    return percentiles([(begun - asked) / 1e6 for asked, begun, _ in lines(folder / "log")])


def short(folder: Path, seconds: float) -> dict[str, float]:
    def burst() -> None:
        for _ in range(20):
            tasks["started"](str(folder / "log"), time.time_ns(), 0.001)

    with running(CONSUMER, folder):
        time.sleep(1)
        asked = beside_long_ones(seconds, long=lambda: sleep(1), burst=burst)
        until(lambda: len(lines(folder / "log")) >= asked, what="the short runs")
    return percentiles([(begun - at) / 1e6 for at, begun, _ in lines(folder / "log")])


def busy(folder: Path, count: int, spend_s: float) -> dict[str, float]:
    for _ in range(count):
        tasks["started"](str(folder / "log"), 0, spend_s)
    with running(CONSUMER, folder):
        until(lambda: len(lines(folder / "log")) >= count, what="the last run")
    return worked(lines(folder / "log"))


def enqueue(folder: Path, seconds: float, threads: int = 16) -> dict[str, float]:
    return asking(seconds, threads, tasks["noop"])


if __name__ == "__main__":
    os.environ["BENCH_DB"] = "huey.db"
    main(noop, latency, short, busy, enqueue)
