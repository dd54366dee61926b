"""celery on redis, its worker with two forked processes; results are not kept."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import bench_jobs
from celery import Celery
from contest import drained, lines, main, percentiles, running, until

app = Celery("bench", broker=os.environ.get("BENCH_URL", ""))
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True
tasks = {job.__name__: app.task(job) for job in (bench_jobs.noop, bench_jobs.stamp, bench_jobs.started)}
WORKER = [sys.executable, "-m", "celery", "-A", "on_celery", "worker", "-c", "2", "-l", "error"]


def noop(folder: Path, count: int, server: str) -> dict[str, float]:
    app.control.purge()
    tasks["stamp"].delay(str(folder / "stamps"))
    for _ in range(count):
        tasks["noop"].delay()
    tasks["stamp"].delay(str(folder / "stamps"))
    with running(WORKER, folder, BENCH_URL=_url(server)):
        return drained(folder, count)


def latency(folder: Path, count: int, server: str) -> dict[str, float]:
    app.control.purge()
    with running(WORKER, folder, BENCH_URL=_url(server)):
        tasks["stamp"].delay(str(folder / "stamps"))
        until(lambda: lines(folder / "stamps"), what="the first run")
        for number in range(count):
            tasks["started"].delay(str(folder / "log"), time.time_ns())
            until(lambda number=number: len(lines(folder / "log")) > number, what="the run")  # type: ignore[misc]
            time.sleep(0.02)
    return percentiles([(begun - asked) / 1e6 for asked, begun, _ in lines(folder / "log")])


def _url(server: str) -> str:
    return server.replace("unix://", "redis+socket://")


if __name__ == "__main__":
    import json

    app.conf.broker_url = _url(json.loads(sys.argv[3])["server"])
    main(noop, latency)
