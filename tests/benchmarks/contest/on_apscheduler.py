"""APScheduler in memory, its background scheduler with a pool of two processes."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import bench_jobs
from apscheduler.executors.pool import ProcessPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from contest import drained, lines, main, percentiles, until


def noop(folder: Path, count: int) -> dict[str, float]:
    scheduler = _scheduler()
    scheduler.add_job(bench_jobs.stamp, args=[str(folder / "stamps")])
    for _ in range(count):
        scheduler.add_job(bench_jobs.noop)
    scheduler.add_job(bench_jobs.stamp, args=[str(folder / "stamps")])
    scheduler.start()
    taken = drained(folder, count)
    scheduler.shutdown()
    return taken


def latency(folder: Path, count: int) -> dict[str, float]:
    """Asked for in the scheduler's own program: nobody else can."""
    scheduler = _scheduler()
    scheduler.start()
    for number in range(count):
        scheduler.add_job(bench_jobs.started, args=[str(folder / "log"), time.time_ns()])
        until(lambda number=number: len(lines(folder / "log")) > number, what="the run")  # type: ignore[misc]
        time.sleep(0.02)
    scheduler.shutdown()
    return percentiles([(begun - asked) / 1e6 for asked, begun, _ in lines(folder / "log")])


def _scheduler() -> BackgroundScheduler:
    logging.disable(logging.CRITICAL)
    usual = {"misfire_grace_time": None}
    return BackgroundScheduler(executors={"default": ProcessPoolExecutor(2)}, job_defaults=usual, timezone="UTC")


if __name__ == "__main__":
    main(noop, latency)
