"""DBOS on SQLite, a queue looked at 20 times a second in its own process, without a limit of how many run at once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import bench_jobs
from contest import asking, lines, main, percentiles, until
from dbos import DBOS, DBOSConfig

QUEUE = "bench"
tasks: dict[str, Any] = {job.__name__: DBOS.workflow()(job) for job in (bench_jobs.noop, bench_jobs.started)}


def noop(folder: Path, count: int) -> dict[str, float]:
    """They are taken in no order, so that each leaves a stamp of its own."""
    _launched(folder)
    for _ in range(count):
        DBOS.enqueue_workflow(QUEUE, tasks["started"], str(folder / "log"), 0)
    DBOS.register_queue(QUEUE, polling_interval_sec=0.05)
    until(lambda: len(lines(folder / "log")) >= count, what="the last run")
    log = lines(folder / "log")
    return _stopped({"rate": count / ((max(line[2] for line in log) - min(line[1] for line in log)) / 1e9)})


def latency(folder: Path, count: int) -> dict[str, float]:
    """Asked for in its own program, which any other would have to do by the same database."""
    _launched(folder)
    DBOS.register_queue(QUEUE, polling_interval_sec=0.05)
    for number in range(count):
        DBOS.enqueue_workflow(QUEUE, tasks["started"], str(folder / "log"), time.time_ns())
        until(lambda number=number: len(lines(folder / "log")) > number, what="the run")  # type: ignore[misc]
        time.sleep(0.02)
    return _stopped(percentiles([(begun - asked) / 1e6 for asked, begun, _ in lines(folder / "log")]))


def enqueue(folder: Path, seconds: float, threads: int = 16) -> dict[str, float]:
    _launched(folder)
    return _stopped(asking(seconds, threads, lambda: DBOS.enqueue_workflow(QUEUE, tasks["noop"])))


def _launched(folder: Path) -> None:
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": f"sqlite:///{folder / 'dbos.sqlite'}",
        "run_admin_server": False,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()


def _stopped(taken: Any) -> Any:
    DBOS.destroy(workflow_completion_timeout_sec=0)
    return taken


if __name__ == "__main__":
    main(noop, latency, enqueue)
