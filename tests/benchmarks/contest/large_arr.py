"""arr with many tasks, with many runs in its store, with slots that come due together, and with nothing to do."""

from __future__ import annotations

import sqlite3
import statistics
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from arr_daemon import cpu_s, kin, memory_mb, queue, started, warm, write
from contest import PATIENCE_S, drained, far_crons, lines, main, percentiles, until

from arrcli import connect, execute_task, execute_task_at

KEPT = '[tasks.kept]\nfunc = "bench_jobs.noop"\nkeep_runs = 5_000_000\nkeep_for = "3650d"\n'
_COPY = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
    INSERT INTO runs ({columns}) SELECT {values} FROM runs, n WHERE runs.id = ?2"""


# -- slots -----------------------------------------------------------------------------------------------------------


def lateness(folder: Path, seconds: float) -> dict[str, float]:
    """How long after its slot a run of `every = "100ms"` starts."""
    log = folder / "log"
    write(folder, f'[tasks.often]\nfunc = "arr_jobs.late"\nargs = ["{log}"]\nevery = "100ms"\n')
    with started(folder):
        until(lambda: len(lines(log)) >= seconds * 10, what="the last slot")
    return percentiles([late / 1e6 for (late,) in lines(log)[5:]])


def at_once(folder: Path, tasks: int) -> dict[str, float]:
    """How long after the instant that so many tasks name the last of them starts."""
    wait_s = 10 + tasks // 1000
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=wait_s)
    told = f'func = "bench_jobs.stamp"\nargs = ["{folder / "stamps"}"]\nat = {due.isoformat()}\n'
    write(folder, "".join(f"[tasks.t{number}]\n{told}" for number in range(tasks)))
    with started(folder):
        if datetime.now(UTC) > due:
            raise SystemExit(f"{tasks} tasks were not loaded within {wait_s} s")
        until(lambda: len(lines(folder / "stamps")) >= tasks, what="the last slot")
    last = max(at for (at,) in lines(folder / "stamps"))
    return {"last": last / 1e9 - due.timestamp()}


# -- tasks -----------------------------------------------------------------------------------------------------------


def load(folder: Path, tasks: int, seconds: float = 10) -> dict[str, float]:
    """From the start of `arr run` until it is ready, and what it needs while none of its tasks is due."""
    told = [
        f'[tasks.t{number}]\nfunc = "bench_jobs.noop"\ncron = "{cron}"\n'
        for number, cron in enumerate(far_crons(tasks))
    ]
    write(folder, "".join(told))
    with started(folder) as (pid, ready_s):
        spent = cpu_s(pid)
        time.sleep(2)
        return {"load": ready_s, "load_cpu": spent, **idling(pid, seconds)}


def idling(pid: int, seconds: float) -> dict[str, float]:
    """CPU of a daemon and all that came of it, in percent of a core; its memory, and that of one of its workers."""
    everybody = [pid, *kin(pid)]
    before, began = sum(map(cpu_s, everybody)), time.monotonic()
    time.sleep(seconds)
    used = (sum(map(cpu_s, everybody)) - before) / (time.monotonic() - began)
    supervisor, *workers = everybody[1:]
    worker = statistics.mean(memory_mb(each, "Pss") for each in workers or [supervisor])
    return {"cpu": 100 * used, "rss": memory_mb(pid, "Rss"), "worker": worker}


# -- runs in the store -----------------------------------------------------------------------------------------------


def stored(folder: Path, ended: int, future: int, count: int) -> dict[str, float]:
    """What a store that holds much gives, beside an empty one."""
    (folder / "empty").mkdir()
    (folder / "full").mkdir()
    empty, full = used(folder / "empty", 0, 0, count), used(folder / "full", ended, future, count)
    relative = {"rate": full["rate"] / empty["rate"], "latency": full["latency"] / empty["latency"]}
    return {**relative, "list": full["list"], "runs": full["runs"], "full_rate": full["rate"]}


def used(folder: Path, ended: int, future: int, count: int) -> dict[str, float]:
    """Throughput (runs/s), latency (ms), and two verbs (s) with so many runs in the store."""
    write(folder, KEPT)
    with connect(folder / "tasks.toml") as app:
        if ended or future:
            fill(folder, ended, future)
        queue(app, folder, "bench_jobs.noop", count)
        with started(folder):
            taken = drained(folder, count)
            warm(app)
            asked = [asked_and_started(app, folder, number) for number in range(60)]
    verbs = {verb: statistics.median(wall_s(folder, verb) for _ in range(3)) for verb in ("list", "runs")}
    return {**taken, "latency": statistics.median(asked), **verbs}


def asked_and_started(app: object, folder: Path, number: int) -> float:
    execute_task(app, "bench_jobs.started", [str(folder / "log"), time.time_ns()])  # type: ignore[arg-type]
    until(lambda: len(lines(folder / "log")) > number, what="the run")
    time.sleep(0.02)
    asked, begun, _ = lines(folder / "log")[number]
    return (begun - asked) / 1e6


def fill(folder: Path, ended: int, future: int) -> None:
    """Copies, made by SQL, of a run that ended and of one that is to come; a second apart in time."""
    with connect(folder / "tasks.toml") as app:
        done = execute_task(app, "kept").id
        later = execute_task_at(app, timedelta(days=300), "kept").id
        with started(folder):
            until(lambda: app.run(done).ended, what="the run to copy")  # type: ignore[union-attr]
    with closing(sqlite3.connect(folder / ".arr/tasks.toml/arr.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        _copy(connection, done, ended, "-", ("due_at", "ready_at", "enqueued_at", "started_at", "finished_at"))
        _copy(connection, later, future, "+", ("due_at", "ready_at"))
        connection.execute("UPDATE ended SET n = n + ? WHERE state = 'succeeded'", (ended,))
        connection.execute("COMMIT")


def _copy(connection: sqlite3.Connection, run: int, count: int, sign: str, times: tuple[str, ...]) -> None:
    columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)") if row[1] != "id"]
    values = [f"{name} {sign} i * 1000000" if name in times else name for name in columns]
    connection.execute(_COPY.format(columns=", ".join(columns), values=", ".join(values)), (count, run))


def wall_s(folder: Path, verb: str) -> float:
    began = time.monotonic()
    words = [sys.executable, "-m", "arrcli", verb, "-n", "20"]
    subprocess.run(words, cwd=folder, capture_output=True, check=True, timeout=PATIENCE_S)
    return time.monotonic() - began


if __name__ == "__main__":
    main(lateness, at_once, load, stored, used)
