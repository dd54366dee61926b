"""APScheduler in memory, its background scheduler with a pool of two processes."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bench_jobs
from apscheduler.executors.pool import ProcessPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from contest import drained, far_crons, lines, main, percentiles, until


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


def lateness(folder: Path, seconds: float) -> dict[str, float]:
    scheduler = _scheduler()
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    trigger = IntervalTrigger(seconds=0.1, start_date=start, timezone="UTC")
    scheduler.add_job(bench_jobs.stamp, trigger, args=[str(folder / "stamps")])
    scheduler.start()
    until(lambda: len(lines(folder / "stamps")) >= seconds * 10, what="the last slot")
    scheduler.shutdown()
    return percentiles([at % 100_000_000 / 1e6 for (at,) in lines(folder / "stamps")[5:]])


def at_once(folder: Path, tasks: int) -> dict[str, float]:
    scheduler = _scheduler()
    scheduler.start()
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=10)
    for _ in range(tasks):
        scheduler.add_job(bench_jobs.stamp, DateTrigger(due), args=[str(folder / "stamps")])
    until(lambda: len(lines(folder / "stamps")) >= tasks, what="the last slot")
    scheduler.shutdown()
    return {"last": max(at for (at,) in lines(folder / "stamps")) / 1e9 - due.timestamp()}


def load(folder: Path, tasks: int, seconds: float = 10) -> dict[str, float]:
    """From the first line of a program to a scheduler that runs, and what it needs while nothing is due."""
    crons = far_crons(tasks)
    spent, began = time.process_time(), time.monotonic()
    scheduler = _scheduler()
    for cron in crons:
        scheduler.add_job(bench_jobs.noop, CronTrigger.from_crontab(cron, timezone="UTC"))
    scheduler.start()
    ready, spent = time.monotonic() - began, time.process_time() - spent
    time.sleep(2)
    before, began = time.process_time(), time.monotonic()
    time.sleep(seconds)
    used = (time.process_time() - before) / (time.monotonic() - began)
    scheduler.shutdown()
    said = Path("/proc/self/statm").read_text().split()
    return {"load": ready, "load_cpu": spent, "cpu": 100 * used, "rss": int(said[1]) * 4096 / 2**20}


def _scheduler() -> BackgroundScheduler:
    logging.disable(logging.CRITICAL)
    usual = {"misfire_grace_time": None}
    return BackgroundScheduler(executors={"default": ProcessPoolExecutor(2)}, job_defaults=usual, timezone="UTC")


if __name__ == "__main__":
    main(noop, latency, lateness, at_once, load)
