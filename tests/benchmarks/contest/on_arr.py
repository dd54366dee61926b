"""arr in every discipline: its library, and its daemon beside which another process asks."""

from __future__ import annotations

import time
from pathlib import Path

from arr_daemon import all_ended, cpu_of_kin, cpu_s, on_a_screen, queue, started, warm, write
from contest import asking, beside_long_ones, drained, lines, main, percentiles, repeated, until, worked

from arrcli import background_worker, connect, execute_task, execute_tasks

# -- throughput ------------------------------------------------------------------------------------------------------


def noop(folder: Path, count: int, func: str = "noop", workers: int = 2) -> dict[str, float]:
    """Runs that are queued before workers of the library start: from the start of the first to that of the last."""
    store = folder / "arr.db"
    with connect(store) as app:
        queue(app, folder, f"bench_jobs.{func}", count)
    with background_worker.start_application(number_of_workers=workers, data_source=store, executor="process"):
        until(lambda: lines(folder / "stamps"), what="the first run")
        before = cpu_of_kin()
        taken = drained(folder, count)
        engine, others = (1e6 * (now - then) / count for now, then in zip(cpu_of_kin(), before, strict=True))
    all_ended(store, {"noop": "succeeded", "failing": "failed"}[func], count)
    return {**taken, "engine": engine, "workers": others}


def scaled(folder: Path, workers: int) -> dict[str, float]:
    """No-op runs and runs of 20 ms a second, with so many workers."""
    for name in ("noop", "ms_20"):
        (folder / name).mkdir()
    noops = noop(folder / "noop", 10_000, workers=workers)["rate"]
    log = slept(folder / "ms_20", 100 * workers, 0.02, workers)
    return {"noop": noops, "ms_20": len(log) / ((max(line[2] for line in log) - min(line[1] for line in log)) / 1e9)}


def failing(folder: Path, count: int) -> dict[str, float]:
    """The rate of runs that fail beside that of runs that succeed."""
    rates = {}
    for func in ("noop", "failing"):
        (folder / func).mkdir()
        rates[func] = noop(folder / func, count, func)["rate"]
    return {"relative": rates["failing"] / rates["noop"], "rate": rates["failing"]}


def whole(folder: Path, count: int) -> dict[str, float]:
    """Asked for in one call while workers wait, until the last has ended."""
    store = folder / "arr.db"
    with background_worker.start_application(number_of_workers=2, data_source=store, executor="process") as app:
        warm(app)
        began = time.monotonic()
        handles = execute_tasks(app, [("bench_jobs.noop", None)] * count)
        handles[-1].wait()
        for handle in handles[-500:]:
            handle.wait()
        spent = time.monotonic() - began
    return {"rate": count / spent}


def daemon(folder: Path, count: int) -> dict[str, float]:
    """The same queue, emptied by `arr run --plain`."""
    write(folder)
    with connect(folder / "tasks.toml") as app:
        queue(app, folder, "bench_jobs.noop", count)
    with started(folder, ready=False):
        taken = drained(folder, count)
    all_ended(folder / ".arr/tasks.toml/arr.db", "succeeded", count)
    return taken


def screen(folder: Path, count: int) -> dict[str, float]:
    """What drawing takes of the daemon's time: its first thread draws, another is the engine, one at a time."""
    write(folder)
    with connect(folder / "tasks.toml") as app:
        queue(app, folder, "bench_jobs.noop", count)
    with on_a_screen(folder) as pid:
        until(lambda: lines(folder / "stamps"), what="the first run")
        began = cpu_s(pid), cpu_s(pid, pid)
        taken = drained(folder, count)
        whole, drawing = cpu_s(pid) - began[0], cpu_s(pid, pid) - began[1]
    return {**taken, "cost": 100 * drawing / whole}


def busy(folder: Path, count: int, spend_s: float) -> dict[str, float]:
    """How much of the workers' time is spent in work."""
    return worked(slept(folder, count, spend_s, 2))


def slept(folder: Path, count: int, spend_s: float, workers: int) -> list[list[int]]:
    """What so many runs that take so long tell of themselves."""
    store = folder / "arr.db"
    with connect(store) as app:
        execute_tasks(app, [("bench_jobs.started", [str(folder / "log"), 0, spend_s])] * count)
    with background_worker.start_application(number_of_workers=workers, data_source=store, executor="process"):
        until(lambda: len(lines(folder / "log")) >= count, what="the last run")
    return lines(folder / "log")


# -- latency ---------------------------------------------------------------------------------------------------------


def latency(folder: Path, count: int) -> dict[str, float]:
    """From the call in this process to the start in a worker of an idle daemon."""
    write(folder)
    log = str(folder / "log")
    with started(folder), connect(folder / "tasks.toml") as app:
        warm(app)
        returned = []
        for number in range(count):
            execute_task(app, "bench_jobs.started", [log, time.time_ns()])
            returned.append(time.time_ns())
            until(lambda number=number: len(lines(folder / "log")) > number, what="the run")  # type: ignore[misc]
            time.sleep(0.02)
        log_lines = lines(folder / "log")
    taken = percentiles([(begun - asked) / 1e6 for asked, begun, _ in log_lines])
    committed = percentiles([(begun - at) / 1e6 for at, (_, begun, _) in zip(returned, log_lines, strict=True)])
    return {**taken, "committed": committed["median"]}


def short(folder: Path, seconds: float) -> dict[str, float]:
    """Bursts of 20 runs of 1 ms, twice a second, beside runs of 1 s each 1.4 s."""
    write(folder)
    log = str(folder / "log")
    with started(folder), connect(folder / "tasks.toml") as app:
        warm(app)
        asked = beside_long_ones(
            seconds,
            long=lambda: execute_task(app, "time.sleep", [1]),
            burst=lambda: execute_tasks(app, [("bench_jobs.started", [log, time.time_ns(), 0.001])] * 20),
        )
        until(lambda: len(lines(folder / "log")) >= asked, what="the short runs")
    return percentiles([(begun - at) / 1e6 for at, begun, _ in lines(folder / "log")])


# -- asking ----------------------------------------------------------------------------------------------------------


def enqueue(folder: Path, seconds: float, threads: int = 16) -> dict[str, float]:
    """Durable rows a second: a call each, the same from many threads, and many in one call."""
    with connect(folder / "arr.db") as app:
        return {
            **asking(seconds, threads, lambda: execute_task(app, "bench_jobs.noop")),
            "many": repeated(seconds, lambda: execute_tasks(app, [("bench_jobs.noop", None)] * 5000)) * 5000,
        }


if __name__ == "__main__":
    main(noop, scaled, failing, whole, daemon, screen, busy, latency, short, enqueue)
