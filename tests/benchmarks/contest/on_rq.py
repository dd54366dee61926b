"""RQ on redis, its pool of two workers, each of which forks for every run."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import bench_jobs
from contest import drained, lines, main, percentiles, running, until
from redis import Redis
from rq import Queue

WORKERS = [sys.executable, "-m", "rq.cli", "worker-pool", "-n", "2", "-q", "--url"]


def noop(folder: Path, count: int, server: str) -> dict[str, float]:
    queue = _emptied(server)
    queue.enqueue(bench_jobs.stamp, str(folder / "stamps"), result_ttl=0)
    for _ in range(count):
        queue.enqueue(bench_jobs.noop, result_ttl=0)
    queue.enqueue(bench_jobs.stamp, str(folder / "stamps"), result_ttl=0)
    with running([*WORKERS, server], folder):
        return drained(folder, count)


def latency(folder: Path, count: int, server: str) -> dict[str, float]:
    queue = _emptied(server)
    with running([*WORKERS, server], folder):
        queue.enqueue(bench_jobs.stamp, str(folder / "stamps"), result_ttl=0)
        until(lambda: lines(folder / "stamps"), what="the first run")
        for number in range(count):
            queue.enqueue(bench_jobs.started, str(folder / "log"), time.time_ns(), result_ttl=0)
            until(lambda number=number: len(lines(folder / "log")) > number, what="the run")  # type: ignore[misc]
            time.sleep(0.02)
    return percentiles([(begun - asked) / 1e6 for asked, begun, _ in lines(folder / "log")])


def _emptied(server: str) -> Queue:
    connection = Redis.from_url(server)
    connection.flushall()
    return Queue(connection=connection)


if __name__ == "__main__":
    main(noop, latency)
