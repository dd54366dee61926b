"""Made-up snapshots for the dashboard's tests: 24 November 2026, 14:03:22 in Paris."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from arrcli.model.instant import MINUTE, SECOND, Instant, parse_iso
from arrcli.model.run import AttemptRecord, Cost, Fault, Origin, Reason, Run, State, TaskRecord
from arrcli.model.schedule import Cron
from arrcli.model.snapshot import DaemonStatus, Idle, Opened, Snapshot, Upcoming, WorkerStatus
from arrcli.model.task import Task

NOW: Instant = parse_iso("2026-11-24T14:03:22+01:00")
PARIS = "Europe/Paris"


def task(name: str, cron: str = "*/5 * * * *", **more: Any) -> Task:
    zone = more.pop("timezone", PARIS)
    return Task(name=name, func="jobs.run", schedule=Cron(cron, zone), timezone=zone, **more)


def run(number: int, name: str | None, **more: Any) -> Run:
    more.setdefault("func", "jobs.run")
    more.setdefault("origin", Origin.CRON)
    return Run(id=number, task=name, due_at=NOW, ready_at=NOW, enqueued_at=NOW, **more)


def ok(number: int, name: str, *, ago: int, took: float) -> Run:
    return run(
        number,
        name,
        state=State.SUCCEEDED,
        attempt=1,
        finished_at=NOW - ago * SECOND,
        duration=int(took * SECOND),
        cost=Cost(rss_kb=85_000),
    )


def failed(number: int, name: str, *, ago: int, took: float, message: str = "disk full") -> Run:
    return replace(
        ok(number, name, ago=ago, took=took),
        state=State.FAILED,
        reason=Reason.ERROR,
        fault=Fault("sqlite3.OperationalError", message),
    )


def record(name: str, **more: Any) -> TaskRecord:
    return TaskRecord(name=name, mark=0, anchor=0, first_seen=0, **more)


def picture() -> Snapshot:
    """Six tasks: one runs, one fails, one is broken, one paused, one waits for its pool, one lives in Tokyo."""
    tasks = {
        each.name: each
        for each in (
            task("import-orders", description="Brings in the orders."),
            task("backup-db", "0 2 * * *"),
            task("report", "0 9 1 12 *"),
            task("prune-cache", "0 2 * * *"),
            task("sushi", "30 22 * * *", timezone="Asia/Tokyo"),
            task("mailer", "0 * * * *"),
        )
    }
    going = run(
        4823, "import-orders", state=State.RUNNING, attempt=1, started_at=NOW - 12 * SECOND, slot=NOW - 22 * SECOND
    )
    ends = (ok(4821, "import-orders", ago=180, took=12.1), failed(4820, "backup-db", ago=43_200, took=36.0))
    records = {
        "prune-cache": record("prune-cache", paused=True),
        "mailer": record("mailer", broken="ModuleNotFoundError: No module named 'mail'"),
    }
    return Snapshot(
        now=NOW,
        file="/srv/app/tasks.toml",
        store="/srv/app/.arr/tasks.toml/arr.db",
        timezone=PARIS,
        daemon=DaemonStatus(pid=4711, started_at=NOW - MINUTE, version="0.1.0", workers=2),
        tasks=tasks,
        records=records,
        marked=list(records.values()),
        upcoming=[
            Upcoming(
                at=NOW - 5 * SECOND,
                name="jobs.mail",
                task=None,
                kind="enqueued",
                run=run(4824, None, func="jobs.mail", origin=Origin.ENQUEUED),
                held_by="waits for pool heavy",
            ),
            _slot(tasks, "import-orders", "2026-11-24T14:05:00+01:00"),
            _slot(tasks, "sushi", "2026-11-24T22:30:00+09:00"),
            _slot(tasks, "mailer", "2026-11-24T15:00:00+01:00"),
            _slot(tasks, "backup-db", "2026-11-25T02:00:00+01:00"),
            _slot(tasks, "report", "2026-12-01T09:00:00+01:00"),
        ],
        idle=[Idle(task=tasks["prune-cache"], why="paused for 50m: new disk")],
        running=[going],
        recent=ends,
        last={end.name: [end] for end in ends},
        failing=ends[1:],
        folders=["/srv/app"],
        workers=[
            WorkerStatus(
                index=1,
                pid=812,
                state="busy",
                run=going,
                since=going.started_at,
                done=41,
                progress=0.5,
                cpu=0.98,
                rss_kb=85_000,
            ),
            WorkerStatus(index=2, pid=813, state="idle", done=7),
        ],
    )


def whole_run(number: int) -> Opened:
    """A run that failed at its second attempt, with what it wrote."""
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/srv/app/jobs.py", line 5, in run\n    save(rows)\n'
        "sqlite3.OperationalError: disk full\n"
    )
    fault = Fault("sqlite3.OperationalError", "disk full", trace)
    bad = replace(
        failed(number, "backup-db", ago=43_200, took=36.0), fault=fault, attempt=2, args=("all",), kwargs={"full": True}
    )
    begun = NOW - 43_200 * SECOND
    lost = AttemptRecord(
        run_id=number,
        attempt=1,
        outcome="lost",
        started_at=begun - 120 * SECOND,
        finished_at=begun - 115 * SECOND,
        duration=5 * SECOND,
        fault=Fault("arrcli.WorkerDied", "killed by SIGKILL"),
    )
    last = AttemptRecord(
        run_id=number,
        attempt=2,
        outcome="failed",
        started_at=begun - 36 * SECOND,
        finished_at=begun,
        duration=36 * SECOND,
        fault=fault,
    )
    return Opened(run=bad, attempts=[lost, last], output="  saving\n  saved none\n")


def _slot(tasks: dict[str, Task], name: str, at: str) -> Upcoming:
    return Upcoming(at=parse_iso(at), name=name, task=tasks[name], kind="cron")


def crowd(size: int) -> Snapshot:
    """So many tasks, one slot a second."""
    tasks = {name: task(name) for name in (f"task-{index:05}" for index in range(size))}
    slots = [
        Upcoming(at=NOW + (index + 1) * SECOND, name=name, task=each, kind="cron")
        for index, (name, each) in enumerate(tasks.items())
    ]
    return replace(
        picture(), tasks=tasks, upcoming=slots, idle=[], records={}, marked=[], recent=[], last={}, failing=[]
    )
