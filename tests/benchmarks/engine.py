"""How fast runs go through: of the store alone, and end to end through an App with two worker processes on SQLite.

python tests/benchmarks/engine.py [RUNS]            prints the figures
python tests/benchmarks/engine.py [RUNS] --profile  and where the engine's thread spends its time
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from arrcli.app import App, library_app
from arrcli.engine.asks import Asked
from arrcli.model.instant import SECOND
from arrcli.model.run import State
from arrcli.store.sqlite import SQLiteStore
from arrcli.store.values import Move
from arrcli.testing import NOON, a_run

BATCH = 128
NOOP = "builtins.int"


def micros(what: str, work: Callable[[], object], count: int) -> None:
    began = time.perf_counter()
    work()
    spent = time.perf_counter() - began
    print(f"  {what:<10} {spent / count * 1e6:7.1f} us a run")


def store_alone(folder: Path, count: int) -> None:
    store = SQLiteStore(folder / "alone.db")
    owner = "a"

    def add() -> None:
        for _ in range(count // BATCH):
            store.append([a_run() for _ in range(BATCH)])

    def claim() -> None:
        for _ in range(count // BATCH):
            with store.writing() as w:
                ready = w.ready(BATCH)
                w.move([Move(was=run, now=run.claimed(by=owner)) for run in ready])

    def finish() -> None:
        running = list(store.running())
        for start in range(0, len(running), BATCH):
            with store.writing() as w:
                ended = [r.succeeded(at=NOON, result=None, note=None, duration=1) for r in running[start:][:BATCH]]
                w.move([Move(was=was, now=now) for was, now in zip(running[start:][:BATCH], ended, strict=True)])

    print(f"the store alone, {BATCH} runs a transaction:")
    for what, work in (("add", add), ("claim", claim), ("finish", finish)):
        micros(what, work, count // BATCH * BATCH)
    store.close()


def end_to_end(folder: Path, count: int, *, profile: bool) -> None:
    app = library_app(workers=2, data_source=str(folder / "whole.db"), executor="process")
    app.start(threaded=False)
    warm_up(app)
    asked = [Asked(target=NOOP) for _ in range(count)]
    began = time.perf_counter()
    for start in range(0, count, 1000):
        app.enqueue(asked[start:][:1000])
    queued, used = time.perf_counter(), time.thread_time()
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    turn_until_done(app)
    profiler.disable()
    spent = time.perf_counter() - queued
    print(f"end to end: {count} enqueued at {count / (queued - began):,.0f}/s, executed at {count / spent:,.0f}/s")
    succeeded = app.store.counts()[State.SUCCEEDED]
    own = (time.thread_time() - used) / count * 1e6
    print(f"  {succeeded} succeeded, {spent / count * 1e6:.1f} us a run, {own:.1f} of them the engine's own")
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(28)
    app.stop(grace_us=SECOND, now=True)
    while not (app.runner is None or app.runner.ended):
        app.runner.turn()
    app.close()


def warm_up(app: App) -> None:
    app.enqueue([Asked(target=NOOP) for _ in range(10)])
    turn_until_done(app)


def turn_until_done(app: App) -> None:
    runner = app.runner
    assert runner is not None
    while app.store.pending(limit=1) or runner.running():
        for _ in range(20):
            runner.turn()
            runner.sleep()
            if not runner.running():
                break


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    runs = numbers[0] if numbers else 20_000
    with tempfile.TemporaryDirectory() as name:
        store_alone(Path(name), runs)
        end_to_end(Path(name), runs, profile="--profile" in sys.argv)
