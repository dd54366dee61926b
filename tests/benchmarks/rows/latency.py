"""How long a run waits for its start."""

from __future__ import annotations

from programs import arr, peer
from row import Figure, Row
from servers import Servers

_MEDIAN = Figure("median", "median", "ms", "less")
_SLOWEST = Figure("p99", "p99", "ms", "less")
_COUNT = {"count": lambda ask: ask.size(200, quick=40)}
_FEW = {"count": lambda ask: ask.size(50, quick=20)}
_SECONDS = {"seconds": lambda ask: ask.size(12, quick=4)}

IDLE = Row(
    "latency",
    "asked for in another process, to its start; all workers idle",
    [_MEDIAN, _SLOWEST, Figure("committed", "median from the commit on", "ms", "less")],
    [
        arr("latency", **_COUNT),
        peer("huey", "latency", **_FEW),
        peer("pgqueuer", "latency", server=Servers.postgres, needs=("asyncpg",), **_FEW),
        peer("dbos", "latency", **_FEW),
        peer("celery", "latency", server=Servers.redis, needs=("redis",), **_FEW),
        peer("dramatiq", "latency", server=Servers.redis, needs=("redis",), **_FEW),
        peer("rq", "latency", server=Servers.redis, needs=("redis",), **_FEW),
        peer("apscheduler", "latency", **_FEW),
    ],
    quick=True,
)
SHORT = Row(
    "short",
    "bursts of 20 runs of 1 ms beside runs of 1 s each 1.4 s, 2 workers",
    [_MEDIAN, Figure("p99", "p99", "ms", "less", target=100)],
    [arr("short", **_SECONDS), peer("huey", "short", **_SECONDS)],
    quick=True,
    rounds=3,
)
LATENESS = Row(
    "lateness",
    "a slot every 100 ms, to its start",
    [_MEDIAN, _SLOWEST],
    [arr("lateness", by="large_arr", **_SECONDS), peer("apscheduler", "lateness", **_SECONDS)],
    rounds=3,
)
AT_ONCE = Row(
    "at-once",
    "10,000 slots due in one second, 2 workers",
    [Figure("last", "until the last has started", "s", "less")],
    [arr("at_once", by="large_arr", tasks=10_000), peer("apscheduler", "at_once", tasks=10_000)],
    rounds=3,
)
