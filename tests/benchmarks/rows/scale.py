"""What many tasks, many runs and an idle daemon cost."""

from __future__ import annotations

from programs import arr, peer
from row import Figure, Row

_LOAD = [
    Figure("load", "until it is ready", "s", "less"),
    Figure("load_cpu", "CPU until it is ready", "s", "less"),
    Figure("rss", "memory of the daemon", "MB", "less"),
    Figure("cpu", "idle, of a core", "%", "less"),
]

TASKS = Row(
    "tasks",
    "10,000 cron tasks, none of them due",
    _LOAD,
    [arr("load", by="large_arr", tasks=10_000), peer("apscheduler", "load", tasks=10_000)],
    rounds=3,
)
MANY_TASKS = Row(
    "many-tasks",
    "100,000 cron tasks, none of them due",
    _LOAD,
    [arr("load", by="large_arr", tasks=100_000), peer("apscheduler", "load", tasks=100_000)],
    long=True,
    rounds=1,
)
STORED = Row(
    "stored",
    "1,000,000 ended and 200,000 future runs in the store",
    [
        Figure("rate", "throughput beside an empty store", "x", "more"),
        Figure("latency", "latency beside an empty store", "x", "less"),
        Figure("list", "arr list -n 20", "s", "less"),
        Figure("runs", "arr runs -n 20", "s", "less"),
    ],
    [arr("stored", by="large_arr", ended=1_000_000, future=200_000, count=30_000)],
    long=True,
    rounds=2,
)
IDLE_DAEMON = Row(
    "idle",
    "a daemon with 100 tasks and 2 workers, none of them due",
    [
        Figure("cpu", "CPU of a core, over 20 s, workers included", "%", "less"),
        Figure("rss", "memory of the daemon", "MB", "less"),
        Figure("worker", "memory of a worker (PSS)", "MB", "less"),
    ],
    [arr("load", by="large_arr", tasks=100, seconds=20)],
    rounds=2,
)
