"""pgqueuer on PostgreSQL, two of its processes, each taking runs by the hundred."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import bench_jobs
from contest import drained, lines, main, percentiles, running, until
from pgqueuer import PgQueuer, Queries
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job

WORKER = [sys.executable, __file__, "work"]


async def work() -> None:
    queuer = PgQueuer(AsyncpgDriver(await asyncpg.connect(os.environ["BENCH_URL"])))

    @queuer.entrypoint("noop")
    async def noop(job: Job) -> None:
        bench_jobs.noop()

    @queuer.entrypoint("stamp")
    async def stamp(job: Job) -> None:
        bench_jobs.stamp(*json.loads(job.payload or b""))

    @queuer.entrypoint("started")
    async def started(job: Job) -> None:
        bench_jobs.started(*json.loads(job.payload or b""))

    await queuer.run(batch_size=100)


def noop(folder: Path, count: int, server: str) -> dict[str, float]:
    async def fill(queries: Queries) -> None:
        await queries.enqueue("stamp", json.dumps([str(folder / "stamps")]).encode())
        await queries.enqueue(["noop"] * count, [None] * count, [0] * count)
        await queries.enqueue("stamp", json.dumps([str(folder / "stamps")]).encode())

    _asked(server, fill)
    with _workers(folder, server):
        return drained(folder, count)


def latency(folder: Path, count: int, server: str) -> dict[str, float]:
    async def ask(queries: Queries) -> None:
        await queries.enqueue("stamp", json.dumps([str(folder / "stamps")]).encode())
        until(lambda: lines(folder / "stamps"), what="the first run")
        for number in range(count):
            await queries.enqueue("started", json.dumps([str(folder / "log"), time.time_ns()]).encode())
            until(lambda number=number: len(lines(folder / "log")) > number, what="the run")  # type: ignore[misc]
            time.sleep(0.02)

    _asked(server, None)
    with _workers(folder, server):
        _asked(server, ask, install=False)
    return percentiles([(begun - asked) / 1e6 for asked, begun, _ in lines(folder / "log")])


def enqueue(folder: Path, seconds: float, server: str) -> dict[str, float]:
    """A row a call, and many in one call; it is asked from one event loop."""
    rates: dict[str, float] = {}

    async def ask(queries: Queries) -> None:
        for key, count in (("one", 1), ("many", 5000)):
            calls, began = 0, time.monotonic()
            while time.monotonic() - began < seconds:
                await queries.enqueue(["noop"] * count, [None] * count, [0] * count)
                calls += count
            rates[key] = calls / (time.monotonic() - began)

    _asked(server, ask)
    return rates


def _asked(server: str, ask: Callable[[Queries], Awaitable[Any]] | None, *, install: bool = True) -> None:
    if install:
        for verb in ("uninstall", "install"):
            words = [sys.executable, "-m", "pgqueuer", verb]
            subprocess.run(words, env={**os.environ, "PGDSN": server}, capture_output=True, check=verb == "install")

    async def asked() -> None:
        connection = await asyncpg.connect(server)
        if ask is not None:
            await ask(Queries(AsyncpgDriver(connection)))
        await connection.close()

    asyncio.run(asked())


def _workers(folder: Path, server: str) -> ExitStack:
    both = ExitStack()
    for _ in range(2):
        both.enter_context(running(WORKER, folder, BENCH_URL=server))
    return both


if __name__ == "__main__":
    if sys.argv[1:] == ["work"]:
        asyncio.run(work())
    else:
        main(noop, latency, enqueue)
