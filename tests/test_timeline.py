"""A day in cells: what fires once, often, together; held tasks; pending runs; nights on which the clocks change."""

from __future__ import annotations

from typing import Any

from arrcli.model.instant import HOUR, MINUTE, SECOND, Instant, parse_iso
from arrcli.model.run import Run, TaskRecord
from arrcli.model.schedule import Cron, Every
from arrcli.model.snapshot import Idle, Snapshot, Upcoming
from arrcli.model.task import Task
from arrcli.model.timeline import Crowd, Fires, Timeline, span_for, timeline

RIGA = "Europe/Riga"
NOON: Instant = parse_iso("2026-11-25T12:10:20+02:00")
NONE, ONCE, OFTEN, TOGETHER, HELD = Fires


def task(name: str, cron: str, **more: Any) -> Task:
    return Task(name=name, func="jobs.run", schedule=Cron(cron, RIGA), timezone=RIGA, **more)


def of(*tasks: Task, idle: tuple[Task, ...] = (), runs: tuple[Run, ...] = (), now: Instant = NOON) -> Timeline:
    slots = [Upcoming(at=now, name=each.name, task=each, kind="cron") for each in tasks]
    pending = [Upcoming(at=run.ready_at, name=run.name, task=None, kind="enqueued", run=run) for run in runs]
    whole = Snapshot(
        now=now,
        file="/srv/tasks.toml",
        store="",
        timezone=RIGA,
        records={"beat": TaskRecord(name="beat", mark=0, anchor=now, first_seen=0)},
        upcoming=[*slots, *pending],
        idle=[Idle(task=each, why="paused") for each in idle],
    )
    return timeline(whole, cells=48)


def drawn(found: Timeline) -> dict[str, dict[int, Fires]]:
    return {row.name: {at: cell for at, cell in enumerate(row.cells) if cell is not NONE} for row in found.rows}


def test_a_cell_is_the_shortest_span_that_fits() -> None:
    assert [span_for(cells) // MINUTE for cells in (288, 287, 100, 96, 95, 60, 48, 24, 5, 1)] == [
        *(5, 10, 15, 15, 20, 30, 30, 60, 360, 360)
    ]


def test_cells_begin_on_the_zones_clock_and_hold_what_fires_in_them() -> None:
    found = of(task("once", "30 2 * * *"), task("hourly", "45 * * * *"), task("often", "*/10 * * * *"))
    assert (found.start, found.span) == (parse_iso("2026-11-25T12:00+02:00"), 30 * MINUTE)
    rows = drawn(found)
    assert rows["once"] == {29: ONCE}
    assert rows["hourly"] == dict.fromkeys(range(1, 48, 2), ONCE)
    assert rows["often"] == {0: ONCE, **dict.fromkeys(range(1, 48), OFTEN)}
    assert found.hours.startswith("12    15    18    21    Thu   03")


def test_what_fires_in_one_minute_is_marked_and_told_the_largest_first() -> None:
    found = of(
        task("a", "30 2 * * *"),
        task("b", "30 2 * * *"),
        task("c", "30 2 * * *"),
        task("d", "15 18 * * *"),
        task("e", "15 18 * * *"),
        task("alone", "31 2 * * *"),
        task("often", "*/10 * * * *"),
    )
    assert found.crowds == [
        Crowd(parse_iso("2026-11-26T02:30+02:00"), ("a", "b", "c")),
        Crowd(parse_iso("2026-11-25T18:15+02:00"), ("d", "e")),
    ]
    rows = drawn(found)
    assert (rows["a"], rows["d"], rows["alone"]) == ({29: TOGETHER}, {12: TOGETHER}, {29: ONCE})


def test_a_period_counts_from_its_anchor_and_a_jitter_moves_a_slot_into_its_cell() -> None:
    beat = Task(name="beat", func="jobs.run", schedule=Every("6h"), timezone=RIGA)
    late = task("later", "29 2 * * *", jitter=HOUR)
    rows = drawn(of(beat, late))
    assert list(rows["beat"]) == [12, 24, 36]
    assert list(rows["later"]) == [30]


def test_held_tasks_are_hollow_and_those_without_a_schedule_left_out() -> None:
    by_hand = Task(name="hand", func="jobs.run", timezone=RIGA)
    assert drawn(of(idle=(task("paused", "0 13 * * *"), by_hand))) == {"paused": {2: HELD}}


def test_a_pending_run_stands_at_its_time_and_a_late_one_at_the_beginning() -> None:
    soon, late = NOON + HOUR, NOON - HOUR
    runs = tuple(
        Run(id=number, task=None, func="jobs.mail", due_at=at, ready_at=at, enqueued_at=NOON)
        for number, at in ((7, soon), (8, late), (9, NOON + 30 * HOUR))
    )
    assert drawn(of(runs=runs)) == {"jobs.mail (run 7)": {2: ONCE}, "jobs.mail (run 8)": {0: ONCE}}


def test_the_hours_follow_the_clock_through_a_night_that_has_an_hour_twice() -> None:
    found = of(task("fixed", "30 3 * * *"), task("wild", "30 */3 * * *"), now=parse_iso("2026-10-24T23:00:30+03:00"))
    assert found.start == parse_iso("2026-10-24T23:00+03:00")
    rows = drawn(found)
    assert list(rows["fixed"]) == [9]
    assert list(rows["wild"])[:4] == [3, 9, 11, 17]
    assert found.hours.startswith("  Sun   03")


def test_a_cell_that_is_often_is_looked_at_twice_however_often() -> None:
    looks = []

    class Watched(Every):
        def after(self, instant: Instant) -> Instant | None:
            looks.append(instant)
            return super().after(instant)

    beat = Task(name="beat", func="jobs.run", schedule=Watched("1s", NOON % SECOND), timezone=RIGA)
    of(beat)
    assert len(looks) <= 2 * 48 + 2
