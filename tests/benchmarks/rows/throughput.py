"""How many runs go through."""

from __future__ import annotations

from programs import arr, peer
from row import Figure, Row
from servers import Servers

_COUNT = {"count": lambda ask: ask.size(20_000, quick=3_000)}
_FEW = {"count": lambda ask: ask.size(2_000, quick=500)}
_VERY_FEW = {"count": lambda ask: ask.size(100, quick=50)}

NOOP = Row(
    "noop",
    "no-op runs that are queued beforehand, 2 workers",
    [
        Figure("rate", "runs a second", "/s", "more", target=40_000, over={"huey": 10}, absurd=40),
        Figure("engine", "CPU of the engine a run", "us", "less"),
        Figure("workers", "CPU of workers and supervisor a run", "us", "less"),
    ],
    [
        arr("noop", **_COUNT),
        peer("huey", "noop", **_FEW),
        peer("pgqueuer", "noop", server=Servers.postgres, needs=("asyncpg",), **_FEW),
        peer("dbos", "noop", count=500),
        peer("celery", "noop", server=Servers.redis, needs=("redis",), **_FEW),
        peer("dramatiq", "noop", server=Servers.redis, needs=("redis",), **_FEW),
        peer("rq", "noop", server=Servers.redis, needs=("redis",), **_VERY_FEW),
        peer("apscheduler", "noop", **_FEW),
    ],
    quick=True,
)
FORMS = Row(
    "forms",
    "the same runs in other forms of arr, beside the library that empties a queue",
    [Figure("rate", "runs a second", "/s", "more")],
    [
        arr("noop", **_COUNT),
        arr("whole", name="asked for meanwhile", **_COUNT),
        arr("daemon", name="arr run --plain", **_COUNT),
    ],
)
FAILING = Row(
    "failing",
    "every run fails, with a traceback kept",
    [
        Figure("relative", "rate beside succeeding ones", "x", "more", target=0.6),
        Figure("rate", "runs a second", "/s", "more"),
    ],
    [arr("failing", count=lambda ask: ask.size(10_000, quick=1_500))],
    quick=True,
)
BUSY = Row(
    "busy",
    "runs of 20 ms, 2 workers",
    [Figure("busy", "of the workers' time spent in work", "%", "more", target=98)],
    [
        arr("busy", count=lambda ask: ask.size(500, quick=100), spend_s=0.02),
        peer("huey", "busy", count=lambda ask: ask.size(500, quick=100), spend_s=0.02),
    ],
    quick=True,
)
SCREEN = Row(
    "screen",
    "the dashboard (120x40, read by a thread) while no-op runs go through",
    [
        Figure("cost", "drawing, of the CPU of the daemon", "%", "less", target=5),
        Figure("rate", "runs a second", "/s", "more"),
    ],
    [arr("screen", **_COUNT)],
)
