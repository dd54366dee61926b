"""dramatiq on redis, its worker with two processes of one thread."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import bench_jobs
import dramatiq
from contest import drained, lines, main, percentiles, running, until
from dramatiq.brokers.redis import RedisBroker

URL = os.environ.get("BENCH_URL") or json.loads(sys.argv[3])["server"]
dramatiq.set_broker(RedisBroker(url=URL))
tasks = {job.__name__: dramatiq.actor(job) for job in (bench_jobs.noop, bench_jobs.stamp, bench_jobs.started)}
WORKER = [sys.executable, "-m", "dramatiq", "on_dramatiq", "--processes", "2", "--threads", "1"]


def noop(folder: Path, count: int, server: str) -> dict[str, float]:
    dramatiq.get_broker().flush_all()
    tasks["stamp"].send(str(folder / "stamps"))
    for _ in range(count):
        tasks["noop"].send()
    tasks["stamp"].send(str(folder / "stamps"))
    with running(WORKER, folder, BENCH_URL=server):
        return drained(folder, count)


def latency(folder: Path, count: int, server: str) -> dict[str, float]:
    dramatiq.get_broker().flush_all()
    with running(WORKER, folder, BENCH_URL=server):
        tasks["stamp"].send(str(folder / "stamps"))
        until(lambda: lines(folder / "stamps"), what="the first run")
        for number in range(count):
            tasks["started"].send(str(folder / "log"), time.time_ns())
            until(lambda number=number: len(lines(folder / "log")) > number, what="the run")  # type: ignore[misc]
            time.sleep(0.02)
    return percentiles([(begun - asked) / 1e6 for asked, begun, _ in lines(folder / "log")])


if __name__ == "__main__":
    main(noop, latency)
