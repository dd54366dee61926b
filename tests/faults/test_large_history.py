"""A million runs of history: what people and the daemon do every day stays quick."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from world import World

FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
INSERT INTO runs (task, func, origin, scheduled, state, stage, slot, count, era, due_at, ready_at, enqueued_at,
    started_at, finished_at, duration, attempt, losses, deaths, executor, pool, priority, result)
SELECT 't' || (i % 10), 'jobs.note', 'every', 1, CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'succeeded' END, 4,
    ?1 + i * 1000000, 1, 0, ?1 + i * 1000000, ?1 + i * 1000000, ?1 + i * 1000000, ?1 + i * 1000000,
    ?1 + i * 1000000 + 500, 500, 1, 0, 0, 'process', 'default', 0, '1' FROM n
"""
COUNT = "INSERT OR REPLACE INTO ended SELECT state, count(*) FROM runs WHERE finished_at IS NOT NULL GROUP BY state"
TASKS = "".join(
    f'[tasks.t{number}]\nfunc = "jobs.note"\nevery = "1h"\nkeep_runs = 1000000\nkeep_for = "90d"\n'
    for number in range(10)
)


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    print(f"{what}: {took:.2f} s")
    assert took < seconds, f"{what} took {took:.1f} s"


@pytest.mark.long
def test_with_a_million_runs_of_history_verbs_and_the_daemon_stay_quick(world: World) -> None:
    world.write(TASKS)
    world.start().stop()
    now = time.time_ns() // 1000
    with closing(sqlite3.connect(world.database)) as db:
        db.execute(FILL, (now - 1_001_000 * 1_000_000,))
        db.execute(COUNT)
        db.commit()
    for words in (["list"], ["runs"], ["runs", "t3"], ["status"], ["show", "t3"], ["show", "500000"], ["logs", "7"]):
        with within(4, " ".join(words)):
            assert world.arr(*words).code in (0, 3)
    with within(5, "start"):
        daemon = world.start()
    for _ in range(2):
        with within(5, "enqueue --wait"):
            said = world.arr("enqueue", "jobs.note", "--wait")
            assert said.code == 0
        world.asked.append(int(said.out))
    with within(4, "list beside a daemon"):
        assert world.arr("list").code == 0
    with within(60, "db check"):
        assert world.arr("db", "check", timeout=120).code == 0
    with within(60, "db backup"):
        assert world.arr("db", "backup", "copy.db", timeout=120).code == 0
    with within(5, "stop"):
        assert daemon.stop() == 0
    world.write(TASKS.replace("1000000", "100"))
    with within(120, "db prune"):
        assert world.arr("db", "prune", timeout=150).code == 0
    assert world.rows("SELECT count(*) FROM runs")[0][0] < 1100
