"""Whatever happens, in whatever order: no run vanishes, no slot runs twice, and in the end all is done."""

from __future__ import annotations

from collections import Counter

from engine_rooms import Bench, Stumbling, stumbling, task
from hypothesis import given, settings
from hypothesis import strategies as st

from arrcli.engine import asks
from arrcli.engine.slots import Due, due
from arrcli.model.instant import DAY, HOUR, MINUTE, SECOND, parse_iso
from arrcli.model.run import State
from arrcli.model.schedule import Cron, Every, Union, parse_cron, spread
from arrcli.model.slot import slots
from arrcli.model.task import CatchUp, Task
from arrcli.testing import NOON

TASKS = (
    "[pools.small]\nsize = 1\n"
    + task('cron = "* * * * *"', 'on_overlap = "queue"\nretries = 2\nretry_delay = "1s"', name="minutely")
    + task('every = "45s"', 'pool = "small"\ncatch_up = "all"\nmax_catch_up = 3', name="steady")
    + task('cron = "*/2 * * * *"', 'on_overlap = "replace"', name="newest")
    + task("", 'pool = "small"\nmax_concurrent = 1\nexpires = "10m"', name="byhand")
)
OTHERS = task('every = "20s"', name="minutely") + task(
    "at = [2026-01-01T12:05:00Z, 2026-01-01T13:00:00Z]", name="byhand"
)
FEWER = task('cron = "* * * * *"', 'on_overlap = "queue"\nqueue_max = 1', name="minutely")

KINDS = ("succeeded", "failed", "lost", "timed_out", "cancelled", "released")
DEEDS = st.one_of(
    st.tuples(st.just("advance"), st.integers(1, 600)),
    st.tuples(st.just("jump"), st.sampled_from([-DAY, -4 * HOUR, -2 * MINUTE, -SECOND, MINUTE, HOUR])),
    st.tuples(st.just("end"), st.integers(0, 50)),
    st.tuples(st.just("begin"), st.integers(0, 50)),
    st.tuples(st.just("kill executor"), st.just(0)),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("enqueue"), st.integers(0, 3)),
    st.tuples(st.just("cancel"), st.integers(0, 50)),
    st.tuples(st.just("pause"), st.integers(0, 2)),
    st.tuples(st.just("resume"), st.integers(0, 2)),
    st.tuples(st.just("pause for a while"), st.integers(0, 2)),
    st.tuples(st.just("edit"), st.integers(0, 2)),
    st.tuples(st.just("stumble"), st.integers(0, 3)),
)


class World:
    """An engine, and what may happen to it."""

    def __init__(self) -> None:
        self.bench = Bench(TASKS, places=2, wrap=Stumbling)
        self.seen: dict[int, State] = {}

    def happens(self, deed: str, number: int) -> None:
        bench = self.bench
        working = bench.working()
        if deed == "advance":
            bench.pass_time(number * SECOND)
        elif deed == "jump":
            bench.clock.jump(number)
            bench.turn()
        elif deed == "end" and working:
            kind = KINDS[number % len(KINDS)]
            bench.ends(working[number % len(working)], kind, begun=kind != "released")
        elif deed == "begin" and working:
            bench.executor.begins(working[number % len(working)])
            bench.turn()
        elif deed == "kill executor":
            for run_id in working:
                bench.executor.ends(run_id, "lost", begun=run_id in bench.executor.begun)
            bench.turn()
        elif deed == "restart":
            stumbling(bench, "at_begin", 0)
            stumbling(bench, "at_commit", 0)
            bench.restart()
        elif deed == "stumble":
            stumbling(bench, ("at_begin", "at_commit")[number % 2], 1 + number // 2)
        elif deed == "enqueue":
            name = (None, "byhand", "minutely", None)[number]
            bench.add(task=name, func="jobs.x", pool="small" if name == "byhand" else "default")
        else:
            self._asked(deed, number)

    def _asked(self, deed: str, number: int) -> None:
        bench = self.bench
        now = bench.clock.now()
        name = ("minutely", "steady", "byhand")[number % 3]
        if deed == "cancel" and (runs := bench.runs()):
            asks.cancel(bench.kept, [runs[number % len(runs)].id], now)
        elif deed in ("pause", "resume") and name in bench.file.tasks:
            getattr(asks, deed)(bench.kept, [name], bench.file.tasks, now)
        elif deed == "pause for a while" and name in bench.file.tasks:
            asks.pause(bench.kept, [name], bench.file.tasks, now, until=now + 5 * MINUTE)
        elif deed == "edit":
            bench.edit((TASKS, FEWER, OTHERS)[number])
        bench.ring()

    def is_sound(self) -> None:
        runs = self.bench.runs()
        now = {run.id: run.state for run in runs}
        assert set(self.seen) <= set(now), "a run vanished"
        for run_id, before in self.seen.items():
            if before not in (State.PENDING, State.RUNNING):
                assert now[run_id] is before, "an ended run did not stay ended"
        self.seen = now
        named = Counter((run.task, run.slot, run.era) for run in runs if run.scheduled)
        assert all(count == 1 for count in named.values()), "a slot has two runs"
        owned = {run.id for run in self.bench.kept.running() if run.claimed_by == self.bench.owner.id}
        assert owned == set(self.bench.dispatcher.in_flight), "the store and the engine differ"
        unsettled = [*self.bench.executor.said, *self.bench.dispatcher._inbox]
        assert owned == set(self.bench.working()) | {each.run_id for each in unsettled}
        small = sum(run.pool == "small" for run in self.bench.kept.running())
        assert small <= 1, "a pool holds more than its size"
        active = Counter(run.task for run in runs if run.task and not run.ended and (run.attempt > 0 or run.claimed_by))
        assert all(count <= 1 for count in active.values()), "a task has more active runs than its limit"

    def ends_well(self) -> None:
        """Once all is let go and nothing new comes, every run ends."""
        bench = self.bench
        bench.pass_time(10 * SECOND, SECOND)
        bench.edit(TASKS)
        for name in ("minutely", "steady", "newest", "byhand"):
            asks.resume(bench.kept, [name], bench.file.tasks, bench.clock.now())
        bench.ring()
        bench.clock.jump(30 * DAY)  # slots that were named before the clock was set back are due as well
        bench.runner.stop(grace_us=DAY, finish_due=True)
        for _ in range(500):
            for run_id in bench.working():
                bench.executor.ends(run_id)
            bench.turn()
            if bench.runner.ended:
                break
        left = [run for run in bench.runs() if not run.ended]
        assert bench.runner.ended
        assert left == [], left


@given(st.lists(DEEDS, max_size=25))
@settings(max_examples=75, deadline=None)
def test_no_run_vanishes_and_no_slot_has_two(deeds: list[tuple[str, int]]) -> None:
    world = World()
    for deed in deeds:
        world.happens(*deed)
        world.is_sound()
    world.ends_well()


SCHEDULES = st.one_of(
    st.integers(1, 100_000).map(lambda n: Every(f"{n}s", NOON)),
    st.sampled_from(["* * * * *", "*/7 * * * *", "30 1 * * *", "0 0 29 2 *", "15 30 2 * * SUN", "H H * * *"]).map(
        lambda text: Cron(text, "Europe/Riga", "t")
    ),
    st.just(Union([Cron("0 3 * * *", "America/New_York"), Cron("0 8 * * *", "Europe/London")])),
)


@given(SCHEDULES, st.integers(0, 3 * 365 * DAY), st.integers(1, 3 * DAY))
@settings(max_examples=60, deadline=None)
def test_slots_strictly_increase_and_lie_within_what_was_asked(
    schedule: Every | Cron | Union, start: int, span: int
) -> None:
    known = Task(name="t", func="f", schedule=schedule)
    since, until = NOON + start, NOON + start + span
    found = [slot for slot, _ in zip(slots(known, since, until), range(200), strict=False)]
    assert all(since < slot <= until for slot in found)
    assert found == sorted(set(found))


@given(
    SCHEDULES,
    st.lists(st.integers(1, 2 * DAY), min_size=1, max_size=8),
    st.sampled_from(["latest", "all", "skip"]),
    st.sampled_from([0, SECOND, MINUTE, HOUR]),
    st.integers(0, 5),
)
@settings(max_examples=50, deadline=None)
def test_every_slot_is_judged_exactly_once_however_the_time_is_cut(
    schedule: Every | Cron | Union, pauses: list[int], catch_up: CatchUp, grace: int, most: int
) -> None:
    known = Task(
        name="t",
        func="f",
        schedule=schedule,
        catch_up=catch_up,
        misfire_grace=grace,
        max_catch_up=most,
    )
    mark = now = NOON
    judged = 0
    for pause in pauses:
        now += pause
        more = True
        while more:
            found = due(known, mark, now)
            judged += len(found.live) + len(found.caught_up) + sum(count for _, _, count in found.missed)
            assert found.through >= mark
            mark, more = found.through, found.more
    expected = sum(1 for _ in slots(known, NOON, now))
    assert judged == expected


def one_by_one(task: Task, mark: int, now: int) -> Due:
    """What `due` promises, of slots that are all named."""
    until = now - spread(task.name, task.jitter)
    found = list(slots(task, mark, until))
    late = [slot for slot in found if slot < until - task.misfire_grace]
    inside = [slot for slot in late if slot >= until - task.catch_up_window]
    most = {"skip": 0, "latest": 1, "all": task.max_catch_up}[task.catch_up]
    caught = inside[len(inside) - min(most, len(inside)) :]
    missed = late[: len(late) - len(caught)]
    told = ((missed[0], missed[-1], len(missed)),) if missed else ()
    return Due(tuple(found[len(late) :]), tuple(caught), told, found[-1] if found else mark)


BACKLOGS = [
    ["*/5 * * * *"],
    ["* 1-4 * * *"],
    ["*/7 * * * *", "30 3 * * *", "0-59/20 4 * * *"],
    ["*/9 * * * *", "@every 11m"],
]


@given(
    st.sampled_from(BACKLOGS),
    st.sampled_from(["2026-01-15", "2026-03-29", "2026-10-25"]),
    st.integers(0, HOUR),
    st.integers(1, 16 * HOUR),
    st.sampled_from(["latest", "all", "skip"]),
    st.sampled_from([0, MINUTE, HOUR]),
    st.sampled_from([0, 90 * MINUTE, DAY]),
    st.sampled_from([0, 40 * SECOND, 3 * HOUR]),
    st.sampled_from([(None, None), (2 * HOUR, 9 * HOUR)]),
)
@settings(max_examples=60, deadline=None)
def test_what_is_counted_is_judged_as_if_each_slot_were_named(
    texts: list[str],
    day: str,
    start: int,
    span: int,
    catch_up: CatchUp,
    grace: int,
    window: int,
    jitter: int,
    bounds: tuple[int | None, int | None],
) -> None:
    mark = parse_iso(f"{day}T00:00:00Z") + start
    since, until = (None if bound is None else mark + bound for bound in bounds)
    crons = [parse_cron(text, "Europe/Riga") for text in texts]
    known = Task(
        name="t",
        func="f",
        schedule=crons[0] if len(crons) == 1 else Union(crons),
        start=since,
        until=until,
        jitter=jitter,
        catch_up=catch_up,
        misfire_grace=grace,
        catch_up_window=window,
        max_catch_up=5,
    )
    assert due(known, mark, mark + span) == one_by_one(known, mark, mark + span)


NAMED = {
    "cron": 'cron = "*/2 * * * *"\non_overlap = "queue"\nqueue_max = 2',
    "every": 'every = "50s"\ncatch_up = "all"\nmax_catch_up = 2',
    "jittered": 'cron = "* * * * *"\njitter = "40s"\non_overlap = "replace"',
    "at": "at = [2026-01-01T12:03:00Z, 2026-01-01T12:03:01Z, 2026-01-01T12:30:00Z, 2026-01-01T14:00:00Z]",
    "bounded": 'every = "10s"\nstart = 2026-01-01T12:02:00Z\nuntil = 2026-01-01T12:40:00Z\ncatch_up = "skip"',
}
PASSING = st.lists(
    st.tuples(
        st.sampled_from(["turn", "sleep", "down", "end", "pause", "pause for a while", "resume", "stumble", "reload"]),
        st.integers(1, 900),
    ),
    max_size=15,
)


def passes(bench: Bench, deed: str, number: int) -> None:
    """Time passes somehow, and people pause and resume."""
    now, tasks = bench.clock.now(), bench.file.tasks
    name = sorted(NAMED)[number % len(NAMED)]
    if deed == "turn":
        bench.pass_time(number * SECOND, 7 * SECOND)
    elif deed == "sleep":
        bench.clock.jump(number * SECOND)
        bench.turn()
    elif deed == "down":
        stumbling(bench, "at_commit", 0)
        bench.clock.advance(number * SECOND)
        bench.restart()
    elif deed == "end":
        for run_id in bench.working():
            bench.ends(run_id)
    elif deed == "stumble":
        stumbling(bench, "at_commit", 1 + number % 2)
    elif deed == "resume":
        asks.resume(bench.kept, [name], tasks, now)
        bench.ring()
    elif deed == "reload":
        bench.edit("".join(task(more, f"retries = {number}", name=each) for each, more in NAMED.items()))
    else:
        until = now + number * SECOND if deed == "pause for a while" else None
        asks.pause(bench.kept, [name], tasks, now, until=until)
        if number % 2:
            bench.ring()


@given(PASSING)
@settings(max_examples=30, deadline=None)
def test_each_slot_that_passed_stands_in_the_history_once(deeds: list[tuple[str, int]]) -> None:
    bench = Bench("".join(task(more, name=name) for name, more in NAMED.items()), places=3, wrap=Stumbling)
    for deed, number in deeds:
        passes(bench, deed, number)
    bench.pass_time(5 * SECOND, SECOND)
    now, records = bench.clock.now(), bench.kept.task_records()
    for name, planned in bench.file.tasks.items():
        anchored = planned.anchored(records[name].anchor)
        due_by_now = [slot for slot in slots(anchored, NOON, now) if slot + spread(name, anchored.jitter) <= now]
        rows = [run for run in bench.runs(name) if run.scheduled]
        assert sum(run.count for run in rows) == len(due_by_now), name
        alone = [run.slot for run in rows if run.count == 1]
        assert len(alone) == len(set(alone)), name
        assert all(run.slot in due_by_now and (run.last_slot or run.slot) in due_by_now for run in rows), name


CLOCKS = {
    # how far a mark may lie ahead of a clock that was set back: so long nothing of the task would fire
    "steady": ('every = "1h"', 0),
    "wild": ('cron = "*/10 * * * *"', MINUTE),
    "fixed": ('cron = "5 12,13,14 * * *"', 3 * HOUR),
    "mixed": ('cron = ["0 9 * * *", "*/15 * * * *"]', MINUTE),
    "period": ('cron = "@every 7m"', 0),
}
STEPS = st.lists(
    st.tuples(
        st.sampled_from([SECOND, 45 * SECOND, 61 * SECOND, 5 * MINUTE, 2 * HOUR, 4 * HOUR, DAY, 30 * DAY]),
        st.sampled_from(["back", "back while down", "back as the store refuses", "forth", "back as the file changes"]),
        st.integers(1, 3 * 3600),
    ),
    max_size=8,
)


@given(STEPS)
@settings(max_examples=20, deadline=None)
def test_a_clock_that_is_set_silences_no_schedule_and_uses_no_slot_twice(steps: list[tuple[int, str, int]]) -> None:
    bench = Bench("".join(task(schedule, name=name) for name, (schedule, _) in CLOCKS.items()), wrap=Stumbling)
    for number, (step, how, seconds) in enumerate(steps):
        bench.pass_time(seconds * SECOND, 20 * MINUTE)
        bench.clock.jump(step if how == "forth" else -step)
        if how == "back while down":
            bench.restart()
        elif how == "back as the store refuses":
            stumbling(bench, "at_commit", 1)
        elif how == "back as the file changes":
            more = f"retries = {number}"
            bench.edit("".join(task(schedule, more, name=name) for name, (schedule, _) in CLOCKS.items()))
        bench.turn()
        bench.pass_time(1_100_000)
        now, records = bench.clock.now(), bench.kept.task_records()
        ahead = {
            name: records[name].mark - now for name, (_, limit) in CLOCKS.items() if records[name].mark > now + limit
        }
        assert ahead == {}
    named = Counter((run.task, run.slot, run.era) for run in bench.runs() if run.count == 1)
    assert all(count == 1 for count in named.values())
