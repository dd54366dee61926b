"""Why a task would run or would not: the schedule field by field, the nights, what stands in the way, the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrcli.model.explain import Cause, Explanation, Past, explain
from arrcli.model.instant import DAY, HOUR, MINUTE, SECOND, Instant, parse_iso
from arrcli.model.run import Fault, Origin, Reason, Run, State, TaskRecord
from arrcli.model.schedule import At, Cron, Every, Reboot, Union
from arrcli.model.snapshot import DaemonStatus, Snapshot, Upcoming
from arrcli.model.task import Pool, Task
from arrcli.model.wall import zone_named
from arrcli.model.when import moment_and_wall

RIGA = "Europe/Riga"
NOW: Instant = parse_iso("2026-11-25T12:00:00+02:00")


def nightly(cron: str = "30 2 * * MON-FRI", **more: Any) -> Task:
    name = more.pop("name", "nightly")
    return Task(name=name, func="jobs.run", schedule=Cron(cron, RIGA, name), timezone=RIGA, **more)


def record(name: str = "nightly", **more: Any) -> TaskRecord:
    return TaskRecord(name=name, mark=NOW, anchor=NOW - 10 * DAY, first_seen=NOW - 10 * DAY, **more)


def picture(task: Task, *, kept: TaskRecord | None = None, **more: Any) -> Snapshot:
    more.setdefault("daemon", DaemonStatus(pid=4711))
    records = {task.name: record(task.name) if kept is None else kept}
    return Snapshot(
        now=NOW, file="/srv/tasks.toml", store="", timezone=RIGA, tasks={task.name: task}, records=records, **more
    )


def run(number: int = 41, **more: Any) -> Run:
    at = more.pop("at", NOW - HOUR)
    more.setdefault("slot", at)
    return Run(
        id=number, task="nightly", func="jobs.run", origin=Origin.CRON, due_at=at, ready_at=at, enqueued_at=at, **more
    )


def at(said: str, task: Task, **more: Any) -> Explanation:
    instant, wall = moment_and_wall(said, now=NOW, zone=zone_named(task.timezone))
    return explain(picture(task, **more), task, instant, wall=wall)


def texts(found: Explanation) -> list[str]:
    return [cause.text for cause in found.causes]


def fields(found: Explanation) -> list[str]:
    return [match.text for matches in found.checks for match in matches]


def test_a_slot_to_come_is_told_field_by_field() -> None:
    found = at("2026-11-26T02:30", nightly())
    assert (found.verdict, found.named, texts(found)) == ("would run", True, [])
    assert fields(found) == [
        "minute 30 matches 30",
        "hour 2 matches 2",
        "day of month 26 matches *",
        "month Nov matches *",
        "day of week Thu matches MON-FRI",
    ]
    assert found.following == parse_iso("2026-11-27T02:30+02:00")


def test_the_field_that_does_not_match_is_named_and_the_next_slot_told() -> None:
    found = at("2026-11-28T02:31", nightly())
    assert (found.verdict, found.named) == ("no slot", False)
    assert [text for text in fields(found) if "is not" in text] == [
        "minute 31 is not 30",
        "day of week Sat is not in MON-FRI",
    ]
    assert found.following == parse_iso("2026-11-30T02:30+02:00")


def test_of_day_and_weekday_one_is_enough_where_neither_is_a_star() -> None:
    found = at("2026-12-01T04:00", nightly("0 4 1 * SAT,SUN"))
    assert found.named
    assert fields(found)[2:] == [
        "day of month 1 matches 1",
        "month Dec matches *",
        "day of week Tue is not in SAT,SUN (either day is enough)",
    ]
    assert not at("2026-12-01T04:00", nightly("0 4 */31 * SAT,SUN")).named


def test_five_fields_name_whole_minutes_and_numbers_are_told_by_number() -> None:
    found = at("2026-11-26T02:30:12", nightly("30 2 * 1-6 4"))
    assert fields(found)[0] == "second 12 is not 0"
    assert fields(found)[4:] == ["month Nov (11) is not in 1-6", "day of week Thu (4) matches 4"]


@pytest.mark.parametrize(
    ("cron", "said", "verdict", "text"),
    [
        (
            "30 3 * * *",
            "2027-03-28T03:30",
            "would run",
            "03:30 does not exist on Sun 2027-03-28: the clock goes from 03:00 to 04:00; "
            "a fixed time fires once, at 04:00",
        ),
        (
            "*/30 * * * *",
            "2027-03-28T03:30",
            "no slot",
            "03:30 does not exist on Sun 2027-03-28: the clock goes from 03:00 to 04:00, "
            "and a time that begins with a star does not fire then",
        ),
        (
            "0 4 * * *",
            "2027-03-28T03:30",
            "no slot",
            "03:30 does not exist on Sun 2027-03-28: the clock goes from 03:00 to 04:00",
        ),
        (
            "30 3 * * *",
            "2027-03-28T04:00",
            "would run",
            "03:00 to 04:00 does not exist on Sun 2027-03-28: what falls into it fires now, once",
        ),
        (
            "30 3 * * *",
            "2027-10-31T03:30",
            "would run",
            "03:30 comes twice on Sun 2027-10-31: a fixed time fires in the first pass only, and this is the first",
        ),
        (
            "30 3 * * *",
            "2027-10-31T03:30+02:00",
            "no slot",
            "03:30 comes twice on Sun 2027-10-31: a fixed time fires in the first pass only, and this is the second",
        ),
        (
            "*/30 * * * *",
            "2027-10-31T03:30+02:00",
            "would run",
            "03:30 comes twice on Sun 2027-10-31: a time that begins with a star fires in both passes",
        ),
    ],
)
def test_the_nights_on_which_the_clocks_change_are_told(cron: str, said: str, verdict: str, text: str) -> None:
    found = at(said, nightly(cron))
    assert (found.verdict, texts(found)) == (verdict, [text])


def test_a_time_in_a_gap_is_shown_as_it_was_asked_for() -> None:
    found = at("2027-03-28T03:30", nightly("30 3 * * *"))
    assert (found.wall, found.at) == (datetime(2027, 3, 28, 3, 30), parse_iso("2027-03-28T04:00+03:00"))
    assert at("2027-03-28T04:00", nightly()).wall is None
    assert at("in 10m", nightly()).wall is None


def test_a_union_tells_of_each_of_its_expressions() -> None:
    both = replace(nightly(), schedule=Union([Cron("30 2 * * *", RIGA), Cron("0 4 * * *", RIGA)]))
    found = at("2026-11-26T04:00", both)
    assert found.named
    assert [[match.holds for match in matches][:2] for matches in found.checks] == [[False, False], [True, True]]


def test_a_period_tells_how_far_from_a_slot_the_time_is() -> None:
    task = replace(nightly(), schedule=Every("90s"))
    found = at("2026-11-25T12:01:31", task)
    assert not found.named
    assert fields(found) == [
        "time Wed 2026-11-25 12:01:31 EET, 1s after one, is not a slot of every 90s, "
        "counted from Sun 2026-11-15 12:00 EET"
    ]
    assert at("2026-11-25T12:01:30", task).verdict == "would run"


def test_single_times_and_tasks_without_a_schedule_tell_what_they_have() -> None:
    found = at("2026-12-01T00:00", replace(nightly(), schedule=At("2026-12-24T18:00", RIGA)))
    assert fields(found) == ["time Tue 2026-12-01 00:00 EET is not Thu 2026-12-24 18:00 EET"]
    assert texts(at("now", replace(nightly(), schedule=Reboot())))[0].startswith("@reboot runs once when arr starts")
    assert texts(at("now", replace(nightly(), schedule=None)))[0].startswith("it has no schedule")


def test_start_and_until_bound_the_slots() -> None:
    late = at("2026-11-26T02:30", nightly(start=parse_iso("2026-12-01T00:00+02:00")))
    assert (late.verdict, texts(late)) == ("no slot", ["its start is Tue 2026-12-01 00:00 EET"])
    over = at("2026-11-27T02:30", nightly(until=parse_iso("2026-11-26T12:00+02:00")))
    assert (over.verdict, texts(over), over.following) == (
        "no slot",
        ["its until was Thu 2026-11-26 12:00 EET"],
        None,
    )


NEXT = "2026-11-26T02:30"


@pytest.mark.parametrize(
    ("task", "more", "verdict", "text"),
    [
        (nightly(enabled=False), {}, "would not run", "enabled = false: its slots are recorded as paused"),
        (
            nightly(),
            {"kept": record(paused=True, pause_note="new disk")},
            "would not run",
            "it is paused (new disk), until arr resume nightly",
        ),
        (
            nightly(),
            {"kept": record(paused=True, pause_until=NOW + 20 * HOUR)},
            "would not run",
            "it is paused until Thu 2026-11-26 08:00 EET",
        ),
        (
            nightly(),
            {"kept": record(paused=True, pause_until=NOW + HOUR)},
            "would run",
            "it is paused until Wed 2026-11-25 13:00 EET, which is over by then",
        ),
        (
            nightly(),
            {"kept": record(broken="ImportError: no jobs")},
            "would run",
            "its callable could not be imported, and the run fails if so still: ImportError: no jobs",
        ),
        (
            nightly(),
            {"daemon": DaemonStatus()},
            "would run",
            "no daemon is running, and without one nothing runs (start it: arr run)",
        ),
        (
            nightly(),
            {"running": [run(started_at=NOW - 12 * MINUTE, state=State.RUNNING, attempt=1)]},
            "would run",
            'run 41 of nightly has been running for 12m; if so still then, the slot is skipped (on_overlap = "skip")',
        ),
        (
            nightly(on_overlap="queue", max_concurrent=1),
            {"upcoming": [Upcoming(at=NOW, name="nightly", task=None, kind="cron", run=run(attempt=1))]},
            "would run",
            'run 41 of nightly awaits its retry; if so still then, it waits its turn (on_overlap = "queue")',
        ),
        (
            nightly(on_overlap="allow", pool="disk"),
            {
                "running": [run(started_at=NOW - 40 * SECOND, state=State.RUNNING, attempt=1, pool="disk")],
                "pools": {"disk": Pool(name="disk", size=1)},
            },
            "would run",
            "pool disk is full just now (1 of 1): run 41 of nightly has been running for 40s; "
            "if so still then, it waits",
        ),
    ],
)
def test_what_stands_in_the_way_of_a_slot_is_told(task: Task, more: dict[str, Any], verdict: str, text: str) -> None:
    found = at(NEXT, task, **more)
    assert (found.verdict, texts(found)) == (verdict, [text])


def test_jitter_moves_when_a_slot_is_due() -> None:
    found = at(NEXT, nightly(jitter=10 * MINUTE))
    assert found.verdict == "would run"
    assert texts(found) == ["its jitter makes it due 4m58s later, at Thu 2026-11-26 02:34:58 EET"]


def became(row: Run, task: Task | None = None, active: tuple[Run, ...] = ()) -> Explanation:
    task = nightly("0 11 * * *") if task is None else task
    return explain(picture(task), task, row.slot or 0, past=Past(row=row, active=active))


@pytest.mark.parametrize(
    ("row", "verdict", "text"),
    [
        (
            run(state=State.SUCCEEDED, duration=12_100_000, started_at=NOW - HOUR + 3 * SECOND),
            "ran",
            "run 41 went well in 12s, begun 3s late",
        ),
        (
            run(state=State.FAILED, reason=Reason.TIMED_OUT, attempt=2, fault=Fault("TimeoutError", "after 4s")),
            "failed",
            "run 41 failed after 2 attempts (timed_out): TimeoutError: after 4s",
        ),
        (run(state=State.CANCELLED, reason=Reason.USER), "was cancelled", "run 41: somebody cancelled it"),
        (run(state=State.CANCELLED, reason=Reason.OVERLAP), "was cancelled", "run 41: a newer slot took its place"),
        (
            run(state=State.RUNNING, started_at=NOW - HOUR, attempt=1),
            "is running",
            "run 41 of nightly has been running for 1h",
        ),
        (run(state=State.PENDING), "waits", "run 41 waits: for a worker that is free"),
        (
            run(state=State.SKIPPED, reason=Reason.MISSED),
            "did not run",
            'skipped: no daemon took it within its misfire_grace (1m), nor later by catch_up ("latest")',
        ),
        (
            run(state=State.SKIPPED, reason=Reason.PAUSED),
            "did not run",
            "skipped: the task was paused, or not enabled",
        ),
        (
            run(state=State.SKIPPED, reason=Reason.EXPIRED),
            "did not run",
            "skipped: it waited longer than its expires",
        ),
    ],
)
def test_what_became_of_a_slot_is_told_from_its_row(row: Run, verdict: str, text: str) -> None:
    found = became(row)
    assert (found.verdict, texts(found)) == (verdict, [text])


def test_an_overlap_names_the_run_that_was_in_the_way_and_how_many_slots_went_so() -> None:
    row = run(state=State.SKIPPED, reason=Reason.OVERLAP, last_slot=NOW - HOUR + 4 * DAY, count=3)
    other = run(40, state=State.SUCCEEDED, started_at=NOW - 2 * HOUR, finished_at=NOW - MINUTE)
    assert texts(became(row, active=(other,))) == [
        'skipped: run 40 (Wed 2026-11-25 10:00 EET to Wed 2026-11-25 11:59 EET) was still active (on_overlap = "skip")',
        "3 slots in a row went so, from Wed 2026-11-25 11:00 EET to Sun 2026-11-29 11:00 EET",
    ]


def test_a_row_of_an_earlier_schedule_says_so() -> None:
    found = became(run(state=State.SUCCEEDED), nightly("0 5 * * *"))
    assert found.verdict == "ran"
    assert texts(found)[0] == "the schedule, as it is now, does not name it: it was another one then"


LAST = "2026-11-25T02:30"


@pytest.mark.parametrize(
    ("task", "kept", "daemon", "verdict", "text"),
    [
        (
            nightly(),
            replace(record(), first_seen=NOW - HOUR),
            DaemonStatus(pid=1),
            "did not run",
            "the task was first seen at Wed 2026-11-25 11:00 EET",
        ),
        (
            nightly(),
            replace(record(), mark=NOW - DAY),
            DaemonStatus(),
            "not considered",
            'no daemon is running: if one starts now, it is caught up (catch_up = "latest")',
        ),
        (
            nightly(catch_up="skip"),
            replace(record(), mark=NOW - DAY),
            DaemonStatus(),
            "not considered",
            'no daemon is running: if one starts now, it is recorded as missed (catch_up = "skip")',
        ),
        (
            nightly(catch_up_window=HOUR),
            replace(record(), mark=NOW - DAY),
            DaemonStatus(),
            "not considered",
            "no daemon is running: if one starts now, it is recorded as missed "
            '(catch_up = "latest", catch_up_window = "1h")',
        ),
        (
            nightly(misfire_grace=DAY),
            replace(record(), mark=NOW - DAY),
            DaemonStatus(),
            "not considered",
            "no daemon is running: if one starts now, it is run",
        ),
        (
            nightly(),
            record(),
            DaemonStatus(pid=1),
            "no record",
            "nothing is kept of it: the schedule was changed after it and owes nothing of before, "
            "or its row was pruned (keep_runs = 1000)",
        ),
        (
            nightly(keep_for=HOUR),
            record(),
            DaemonStatus(pid=1),
            "no record",
            "history that old is not kept (keep_for = 1h)",
        ),
    ],
)
def test_a_slot_without_a_row_says_why_there_is_none(
    task: Task, kept: TaskRecord, daemon: DaemonStatus, verdict: str, text: str
) -> None:
    found = at(LAST, task, kept=kept, daemon=daemon)
    assert (found.verdict, texts(found)) == (verdict, [text])


def test_a_task_that_no_daemon_has_seen_owes_nothing() -> None:
    task = nightly()
    snapshot = replace(picture(task), records={})
    found = explain(snapshot, task, parse_iso("2026-11-25T02:30+02:00"))
    assert texts(found) == ["no daemon has seen this task yet, which then owes nothing"]


CRONS = ["30 3 * * *", "*/30 * * * *", "0 4 1 * SAT,SUN", "15 2,3 * * *", "0 0 L * *", "0 9 * * MON#2", "0 */3 * * *"]


@given(
    st.sampled_from(CRONS),
    st.sampled_from([RIGA, "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.integers(parse_iso("2026-10-20T00:00Z") // (15 * MINUTE), parse_iso("2027-04-10T00:00Z") // (15 * MINUTE)),
)
def test_what_the_fields_and_the_night_say_is_what_the_schedule_does(cron: str, zone: str, quarter: int) -> None:
    instant = quarter * 15 * MINUTE
    task = Task(name="any", func="jobs.run", schedule=Cron(cron, zone), timezone=zone)
    found = explain(picture(task), task, instant)
    matched = all(match.holds or match.excused for match in found.checks[0])
    stopped = any(cause.stops for cause in found.causes if cause.kind in ("gap", "twice"))
    moved = any(cause == Cause("gap", cause.text) for cause in found.causes)
    assert found.named == (task.schedule is not None and task.schedule.after(instant - 1) == instant)
    assert found.named == ((matched and not stopped) or moved)
