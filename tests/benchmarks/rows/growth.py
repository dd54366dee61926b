"""How cost grows: one contender a size, named by it."""

from __future__ import annotations

from programs import arr
from row import Figure, Row

WORKERS = Row(
    "grow-workers",
    "by the number of workers",
    [
        Figure("noop", "no-op runs a second", "/s", "more"),
        Figure("ms_20", "runs of 20 ms a second", "/s", "more"),
    ],
    [arr("scaled", name=str(workers), workers=workers) for workers in (1, 2, 4, 8, 16)],
    rounds=3,
)
QUEUED = Row(
    "grow-queue",
    "by the number of runs that wait",
    [Figure("rate", "no-op runs a second", "/s", "more"), Figure("engine", "CPU of the engine a run", "us", "less")],
    [arr("noop", name=str(count), count=count) for count in (1_000, 10_000, 100_000)],
    rounds=3,
)
TASKS = Row(
    "grow-tasks",
    "by the number of cron tasks",
    [
        Figure("load_cpu", "CPU s until it is ready", "s", "less"),
        Figure("rss", "memory of the daemon, MB", "MB", "less"),
        Figure("cpu", "idle, % of a core", "%", "less"),
    ],
    [arr("load", by="large_arr", name=str(tasks), tasks=tasks) for tasks in (10, 100, 1_000, 10_000)],
    rounds=3,
)
STORED = Row(
    "grow-stored",
    "by the number of ended runs in the store",
    [
        Figure("rate", "no-op runs a second", "/s", "more"),
        Figure("latency", "asked for to start, ms", "ms", "less"),
        Figure("runs", "arr runs -n 20, s", "s", "less"),
    ],
    [
        arr("used", by="large_arr", name=str(ended), ended=ended, future=ended // 5, count=20_000)
        for ended in (1_000, 10_000, 100_000, 1_000_000)
    ],
    rounds=3,
)
GROWTH = (WORKERS, QUEUED, TASKS, STORED)
