"""Log lines for people and for programs."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dashboard_pictures import NOW, failed, ok, run

from arrcli.dashboard.lines import json_line, line
from arrcli.model.event import Event
from arrcli.model.instant import HOUR, SECOND
from arrcli.model.run import Fault, Reason, State

ZONE = ZoneInfo("Europe/Paris")


def told(kind: Any, about: Any = None, **details: Any) -> str | None:
    return line(Event(at=NOW, kind=kind, run=about, details=details), ZONE)


GOING = run(4823, "import-orders", state=State.RUNNING, attempt=1, started_at=NOW)
FAILED = failed(4824, "backup-db", ago=0, took=36)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (told("run_started", GOING), "14:03:22 start  import-orders  run 4823"),
        (told("run_started", replace(GOING, attempt=2)), "14:03:22 start  import-orders  run 4823  attempt 2"),
        (
            told("run_succeeded", ok(4823, "import-orders", ago=0, took=12.1)),
            "14:03:22 ok     import-orders  run 4823  12.1s  83 MB",
        ),
        (
            told("run_failed", FAILED),
            "14:03:22 failed backup-db      run 4824  36.0s  OperationalError: disk full  (arr logs 4824)",
        ),
        (
            told("run_failed", replace(FAILED, reason=Reason.TIMED_OUT, fault=None)),
            "14:03:22 failed backup-db      run 4824  36.0s  timed out  (arr logs 4824)",
        ),
        (
            told("run_retrying", replace(FAILED, state=State.PENDING), ready_at=NOW + 5 * SECOND),
            "14:03:22 retry  backup-db      run 4824  in 5s, after attempt 1"
            "  OperationalError: disk full  (arr logs 4824)",
        ),
        (
            told("run_cancelled", replace(FAILED, state=State.CANCELLED, reason=Reason.USER, fault=None)),
            "14:03:22 cancel backup-db      run 4824  36.0s  by the user",
        ),
        (
            told("run_skipped", run(5, "report", state=State.SKIPPED, reason=Reason.MISSED, count=40), count=3),
            "14:03:22 skip   report         run 5  missed: nothing was there to run it; 3 slots",
        ),
        (
            told("run_recovered", run(5, "report", reason=Reason.LOST)),
            "14:03:22 lost   report         run 5  the process that ran it is gone; taken back",
        ),
        (
            told(
                "daemon_started",
                version="0.1.0",
                pid=4711,
                file="tasks.toml",
                tasks=24,
                workers=4,
                store=".arr/tasks.toml/arr.db",
                timezone="Europe/Paris",
                next="import-orders in 1m37s",
            ),
            "14:03:22 arr 0.1.0 pid 4711: tasks.toml, 24 tasks, 4 workers, .arr/tasks.toml/arr.db, Europe/Paris; "
            "next: import-orders in 1m37s",
        ),
        (
            told("daemon_stopping", running=1, grace_us=8 * SECOND),
            "14:03:22 stopping: 1 run still going, waiting up to 8s; Ctrl-C again kills it",
        ),
        (told("daemon_stopping", running=2, now=True), "14:03:22 stopping now: 2 runs killed"),
        (told("daemon_stopping", running=0), "14:03:22 stopping"),
        (told("daemon_stopped", killed=0, left=0), "14:03:22 stopped"),
        (
            told("daemon_stopped", killed=1, left=3),
            "14:03:22 stopped: 1 run killed, 3 runs left for the next start",
        ),
        (told("reloaded", added=["a"], changed=[], removed=["b", "c"]), "14:03:22 reloaded: added a; removed b, c"),
        (told("reloaded"), "14:03:22 reloaded: no task changed"),
        (
            told("reload_refused", faults=["tasks.toml:9:1: unknown key", "tasks.toml:12:1: two schedules"]),
            "14:03:22 reload refused, the tasks stay as they were: "
            "tasks.toml:9:1: unknown key; tasks.toml:12:1: two schedules",
        ),
        (told("clock_stepped", by_us=-HOUR), "14:03:22 the clock was set back by 1h"),
        (told("worker_died", worker=2, message="killed by SIGKILL"), "14:03:22 worker 2 died: killed by SIGKILL"),
        (
            told("worker_died", GOING, worker=2, message="killed by SIGKILL"),
            "14:03:22 lost   import-orders  run 4823  worker 2 died: killed by SIGKILL",
        ),
        (told("note", text="all is well"), "14:03:22 all is well"),
        (told("note", text=""), None),
    ],
)
def test_an_event_is_told_in_one_line(said: str | None, expected: str | None) -> None:
    assert said == expected


def test_a_line_is_one_line_and_safe_whatever_a_task_says() -> None:
    ugly = "first\x1b[2J\x1b]52;c;aGk=\x07\u202e\nsecond line"
    about = replace(FAILED, task=ugly, fault=Fault("a.B", ugly))
    assert told("run_failed", about) == ("14:03:22 failed first          run 4824  36.0s  B: first  (arr logs 4824)")
    assert told("note", text=ugly) == "14:03:22 first"
    assert told("reload_refused", faults=[ugly]) == "14:03:22 reload refused, the tasks stay as they were: first"


def test_the_hint_at_the_logs_is_there_behind_the_longest_name_and_error() -> None:
    about = replace(FAILED, task="n" * 10_000, fault=Fault("E", "m" * 10_000_000))
    said = told("run_failed", about)
    assert said is not None and len(said) < 1000 and said.endswith("(arr logs 4824)")


def test_a_json_line_is_one_object_with_times_in_utc() -> None:
    said = json_line(Event(at=NOW, kind="run_retrying", run=FAILED, details={"ready_at": NOW + 5 * SECOND}))
    assert "\n" not in said
    shape = json.loads(said)
    assert shape["schema_version"] == 1
    assert shape["event"] == "run_retrying"
    assert shape["at"] == "2026-11-24T13:03:22.000000Z"
    assert shape["details"] == {"ready_at": "2026-11-24T13:03:27.000000Z"}
    assert shape["run"] == {
        "id": 4824,
        "task": "backup-db",
        "func": "jobs.run",
        "origin": "cron",
        "state": "failed",
        "reason": "error",
        "slot": None,
        "due_at": "2026-11-24T13:03:22.000000Z",
        "started_at": None,
        "finished_at": "2026-11-24T13:03:22.000000Z",
        "attempt": 1,
        "count": 1,
        "duration_s": 36.0,
        "error": {"type": "sqlite3.OperationalError", "message": "disk full"},
    }


def test_a_json_line_carries_no_control_byte_and_no_run_where_there_is_none() -> None:
    said = json_line(Event(at=NOW, kind="note", details={"text": "\x1b[2J\x9b\x7f\u202e\ud800", "what": {1}}))
    assert said.isascii() and said.isprintable()
    assert json.loads(said)["run"] is None


def test_plain_lines_load_no_rich() -> None:
    code = (
        "import sys, arrcli.dashboard.lines, arrcli.dashboard.terminal;"
        "sys.exit(any(name.split('.')[0] in ('rich', 'typer') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
