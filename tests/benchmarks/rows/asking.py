"""How fast runs are queued."""

from __future__ import annotations

from fdatasync import fdatasyncs
from programs import arr, peer
from row import Contender, Figure, Row
from servers import Servers

_SECONDS = {"seconds": lambda ask: 0.4 if ask.quick else 1.0}


def _disk(name: str) -> Contender:
    def measure(ask):  # type: ignore[no-untyped-def]
        rate = fdatasyncs(ask.folder, 0.4 if ask.quick else 1.0)
        return {"one": rate, "threads": rate, "many": rate}

    return Contender(name, measure)


ENQUEUE = Row(
    "enqueue",
    "rows queued durably, from one process",
    [
        Figure("one", "a row a call", "/s", "more"),
        Figure("threads", "the same from 16 threads", "/s", "more"),
        Figure("many", "5,000 rows a call", "/s", "more"),
    ],
    [
        arr("enqueue", **_SECONDS),
        _disk("fdatasync of 4 KiB"),
        peer("huey", "enqueue", **_SECONDS),
        peer("pgqueuer", "enqueue", server=Servers.postgres, needs=("asyncpg",), **_SECONDS),
        peer("dbos", "enqueue", **_SECONDS),
    ],
    quick=True,
)
