"""A daemon and another program on one store: whatever happens to either, each run is done, and by one at a time."""

from __future__ import annotations

import tempfile
from pathlib import Path

from engine_rooms import Bench, task
from hypothesis import given, settings
from hypothesis import strategies as st

from arrcli.engine import asks
from arrcli.model.instant import SECOND
from arrcli.model.task import TasksFile
from arrcli.store.sqlite import SQLiteStore
from arrcli.testing import a_run

TASKS = (
    "[pools.small]\nsize = 1\n"
    + task('cron = "* * * * *"', 'on_overlap = "queue"\nretries = 1\nretry_delay = "1s"', name="minutely")
    + task("", 'pool = "small"\nmax_concurrent = 2', name="byhand")
)
ASKED = ({"task": None}, {"task": "minutely"}, {"task": "byhand", "pool": "small"})
KINDS = ("succeeded", "failed", "lost", "released")

DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 2), st.integers(0, 1)),
        st.tuples(st.just("end"), st.integers(0, 3), st.integers(0, 1)),
        st.tuples(st.just("kill"), st.just(0), st.integers(0, 1)),
        st.tuples(st.just("cancel"), st.integers(0, 20), st.integers(0, 1)),
        st.tuples(st.just("advance"), st.integers(1, 60), st.integers(0, 1)),
    ),
    min_size=5,
    max_size=40,
)


class Pair:
    """The two, and a third who only asks."""

    def __init__(self, path: Path) -> None:
        self.asker = SQLiteStore(path)
        daemon = Bench(TASKS, store=SQLiteStore(path), places=2)
        guest = Bench(store=SQLiteStore(path), name="guest", plans=False, places=2)
        guest.file = TasksFile(path="", folder="", tasks={})
        daemon.gone, guest.gone = guest.gone, guest.gone
        guest.restart()
        self.both = (daemon, guest)
        self.asked: list[int] = []

    def happens(self, deed: str, number: int, which: int) -> None:
        bench, now = self.both[which], self.both[0].clock.now()
        if deed == "ask":
            run = a_run(func="x", due_at=now, ready_at=now, enqueued_at=now, **ASKED[number])
            self.asked.append(self.asker.append([run])[0].id)
        elif deed == "end" and bench.working():
            bench.ends(bench.working()[0], KINDS[number])
        elif deed == "kill":
            bench.executor.attempts.clear()
            bench.restart()
        elif deed == "cancel" and self.asked:
            asks.cancel(self.asker, [self.asked[number % len(self.asked)]], now)
        elif deed == "advance":
            self.pass_time(number * SECOND, first=which)

    def pass_time(self, microseconds: int, first: int = 0) -> None:
        for bench in (self.both[first], self.both[1 - first], self.both[first]):
            bench.turn()
        for bench in self.both:
            bench.pass_time(microseconds)

    def is_sound(self) -> None:
        daemon, guest = self.both
        assert not set(daemon.working()) & set(guest.working()), "one run at two places"
        for bench in self.both:
            owned = {run.id for run in self.asker.running() if run.claimed_by == bench.owner.id}
            assert owned == set(bench.dispatcher.in_flight), "the store and an engine differ"

    def ends_well(self) -> None:
        for _ in range(100):
            for bench in self.both:
                for run_id in bench.working():
                    bench.executor.ends(run_id)
            self.pass_time(3 * SECOND)
        runs = [self.asker.run(run_id) for run_id in self.asked]
        assert [run for run in runs if run is None or not run.ended] == []

    def close(self) -> None:
        for store in (self.asker, *(bench.kept for bench in self.both)):
            store.close()


@given(DEEDS)
@settings(max_examples=15, deadline=None)
def test_two_engines_do_each_run_and_one_at_a_time(deeds: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair(Path(folder) / "arr.db")
        for deed in deeds:
            pair.happens(*deed)
            pair.is_sound()
        pair.ends_well()
        pair.close()
