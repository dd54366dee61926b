"""The picture of what is so now: what was true of a task at the last one holds as long as nothing says otherwise."""

from __future__ import annotations

from typing import Any

from engine_rooms import Bench, task

from arrcli.engine import asks
from arrcli.engine.picture import Picture, beginning
from arrcli.model.instant import DAY, MINUTE, SECOND
from arrcli.model.snapshot import DaemonStatus, Snapshot
from arrcli.store.memory import MemoryStore
from arrcli.testing import NOON, a_run

TASKS = task('cron = "*/5 * * * *"') + task('cron = "0 * * * *"', name="hourly")


def taken(bench: Bench, picture: Picture) -> Snapshot:
    return picture.taken(bench.file, bench.clock.now(), daemon=DaemonStatus(pid=1))


def slots(snapshot: Snapshot) -> list[tuple[str, int]]:
    """(task, minutes after noon) of what comes next."""
    return [(entry.name, (entry.at - NOON) // MINUTE) for entry in snapshot.upcoming]


def test_what_comes_next_moves_on_with_the_time() -> None:
    bench = Bench(TASKS)
    picture = Picture(bench.kept)
    assert slots(taken(bench, picture)) == [("t", 5), ("hourly", 60)]
    bench.clock.advance(5 * MINUTE)
    assert slots(taken(bench, picture)) == [("t", 10), ("hourly", 60)]


def test_a_pause_and_its_end_are_seen_at_once() -> None:
    bench = Bench(TASKS)
    picture = Picture(bench.kept)
    taken(bench, picture)
    asks.pause(bench.kept, ["t"], bench.file.tasks, NOON, until=NOON + MINUTE, note="new disk")
    paused = taken(bench, picture)
    assert slots(paused) == [("hourly", 60)]
    assert [(idle.task.name, idle.why) for idle in paused.idle] == [("t", "paused: new disk")]
    bench.clock.advance(MINUTE + SECOND)
    assert slots(taken(bench, picture)) == [("t", 5), ("hourly", 60)]
    asks.pause(bench.kept, ["t"], bench.file.tasks, bench.clock.now())
    assert slots(taken(bench, picture)) == [("hourly", 60)]
    asks.resume(bench.kept, ["t"], bench.file.tasks, bench.clock.now())
    assert slots(taken(bench, picture)) == [("t", 5), ("hourly", 60)]


def test_a_mark_of_a_broken_import_and_an_edited_file_are_seen_at_once() -> None:
    bench = Bench(TASKS)
    picture = Picture(bench.kept)
    taken(bench, picture)
    with bench.kept.writing() as w:
        w.put_broken("t", "ImportError: no jobs")
    assert [entry.held_by for entry in taken(bench, picture).upcoming] == ["broken: ImportError: no jobs", ""]
    bench.edit(task('cron = "*/7 * * * *"'))
    assert slots(taken(bench, picture)) == [("t", 7)]


class Asked:
    """A store that knows what it was asked."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self._store, name)

    def taken(self) -> list[str]:
        """What was asked since the last call."""
        asked, self.asked = self.asked, []
        return asked


def test_where_nobody_committed_nothing_is_read_and_the_rows_are_the_same_ones() -> None:
    bench = Bench(TASKS)
    store = Asked(bench.kept)
    picture = Picture(store)
    first = taken(bench, picture)
    store.taken()
    bench.clock.advance(SECOND)
    second = taken(bench, picture)
    assert store.taken() == ["commits", "meta"]
    assert second.upcoming is first.upcoming and second.records is first.records


def test_of_many_tasks_only_those_are_looked_at_whose_time_has_come() -> None:
    bench = Bench("".join(task(f'cron = "{minute} * * * *"', name=f"at_{minute:02}") for minute in range(1, 60)))
    store = Asked(bench.kept)
    picture = Picture(store)
    first = taken(bench, picture)
    bench.clock.advance(MINUTE + SECOND)
    store.taken()
    second = taken(bench, picture)
    assert store.taken() == ["commits", "meta", "task_records"]
    assert second.upcoming[:-1] == first.upcoming[1:]
    assert (second.upcoming[-1].name, second.upcoming[-1].at) == ("at_01", NOON + 61 * MINUTE)
    assert [entry.name for entry in first.upcoming[:2]] == ["at_01", "at_02"]


def test_an_era_that_begins_with_the_clock_set_back_is_seen_at_once() -> None:
    bench = Bench(task('every = "1h"'))
    picture = Picture(bench.kept)
    assert slots(taken(bench, picture)) == [("t", 60)]
    bench.clock.jump(-2 * 60 * MINUTE)
    taken(bench, picture)
    bench.turn()
    assert slots(taken(bench, picture)) == [("t", -60)]


def test_runs_that_wait_stand_in_time_order_among_the_slots() -> None:
    bench = Bench(TASKS)
    bench.kept.append([a_run(func=f"jobs.in{n}", ready_at=NOON + n * MINUTE, due_at=NOON + n * MINUTE) for n in (7, 2)])
    found = slots(taken(bench, Picture(bench.kept)))
    assert found == [("jobs.in2", 2), ("t", 5), ("jobs.in7", 7), ("hourly", 60)]


def ended(bench: Bench, name: str, *, fails: bool) -> None:
    """A run of this task ends so, a second later."""
    bench.clock.advance(SECOND)
    number = bench.add(task=name).id
    bench.begins(number)
    bench.ends(number, "failed" if fails else "succeeded")


def test_the_tasks_that_failed_last_are_known_and_histories_are_read_when_they_are_asked_for() -> None:
    bench = Bench(TASKS)
    ended(bench, "t", fails=True)
    store = Asked(bench.kept)
    picture = Picture(store)
    first = taken(bench, picture)
    assert [run.id for run in first.failing] == [1]
    ended(bench, "hourly", fails=True)
    assert [run.id for run in taken(bench, picture).failing] == [2, 1]
    ended(bench, "t", fails=False)
    last = taken(bench, picture)
    assert [run.id for run in last.failing] == [2]
    store.taken()
    assert [run.id for run in last.last["t"]] == [3, 1]
    assert [run.id for run in last.last["t"]] == [3, 1]
    assert store.taken() == ["last_runs"]
    assert last.last.get("nobody", ()) == ()


MANY = (
    task('cron = "30 14 * * *"', name="afternoon")
    + task('every = "90s"', "jitter = '1m'", name="often")
    + task("", name="byhand")
    + task('cron = "0 18 * * *"', name="evening")
    + task('cron = "0 13 * * *"', "until = 2026-01-01T12:30:00Z", name="over")
    + task('cron = "30 14 * * *"', name="also")
)


def test_the_beginning_of_what_comes_next_is_that_of_all() -> None:
    bench = Bench(MANY)
    bench.kept.append([a_run(due_at=NOON + DAY, ready_at=NOON + DAY), a_run(due_at=NOON, ready_at=NOON)])

    def lines(count: int) -> tuple[list[str], list[str]]:
        found = beginning(bench.kept, bench.file, NOON, daemon=DaemonStatus(), count=count)
        return [entry.name for entry in found.upcoming], [idle.task.name for idle in found.idle]

    run = a_run().name
    assert lines(0) == ([run, "often", "afternoon", "also", "evening", run], ["byhand", "over"])
    assert lines(2) == ([run, "often", "afternoon", run], ["byhand", "over"])
    assert lines(9) == lines(0)


def test_of_what_comes_later_nothing_is_asked_and_of_history_how_it_went_last() -> None:
    bench = Bench(TASKS)
    bench.pass_time(5 * MINUTE)
    bench.ends(1)
    store: Any = Asked(bench.kept)
    found = beginning(store, bench.file, bench.clock.now(), daemon=DaemonStatus(), count=1)
    assert store.asked == ["task_records", "begun", "pending"]
    assert [run.id for run in found.last["t"]] == [1]
    assert slots(found) == [("t", 10)]


def test_of_a_long_queue_the_picture_has_the_head_and_the_length() -> None:
    bench = Bench(TASKS)
    bench.kept.append([a_run(func=f"jobs.n{n}", ready_at=NOON - n, due_at=NOON - n) for n in range(30)])
    with bench.kept.writing() as w:
        w.promote(NOON)
    picture = Picture(bench.kept)
    first = picture.taken(bench.file, NOON, daemon=DaemonStatus(pid=1), pending_limit=4)
    assert [entry.name for entry in first.upcoming] == ["jobs.n29", "jobs.n28", "jobs.n27", "jobs.n26", "t", "hourly"]
    assert first.waiting == 30
    whole = picture.taken(bench.file, NOON, daemon=DaemonStatus(pid=1), pending_limit=100)
    assert (len(whole.upcoming), whole.waiting) == (32, 0)
