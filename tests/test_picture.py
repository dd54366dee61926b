"""The picture of what is so now: what was true of a task at the last one holds as long as nothing says otherwise."""

from __future__ import annotations

from engine_rooms import Bench, task

from arrcli.engine import asks
from arrcli.engine.picture import Picture
from arrcli.model.instant import MINUTE, SECOND
from arrcli.model.snapshot import DaemonStatus, Snapshot
from arrcli.store.memory import MemoryStore
from arrcli.testing import NOON

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


def test_records_that_are_as_they_were_are_the_same_values() -> None:
    bench = Bench(TASKS)
    store = bench.kept
    assert isinstance(store, MemoryStore)
    before = store.task_records()
    asks.pause(store, ["t"], bench.file.tasks, NOON)
    after = store.task_records()
    assert after["hourly"] is before["hourly"]
    assert after["t"].paused and not before["t"].paused
