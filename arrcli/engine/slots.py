"""Which slots of a task have come due, and what becomes of each: pure functions over values."""

from __future__ import annotations

from itertools import islice
from typing import Final

from arrcli.model.instant import SECOND, Instant
from arrcli.model.run import TaskRecord
from arrcli.model.schedule import At, Every, Reboot, spread
from arrcli.model.schedule.counting import Countable, countable
from arrcli.model.schedule.counting import count as count_fires
from arrcli.model.schedule.counting import last as last_fire
from arrcli.model.slot import next_slot, slots
from arrcli.model.task import Task
from arrcli.model.value import dataclass

MOST_AT_ONCE: Final = 2_000
"""Slots considered in one go; a longer backlog (of a long `misfire_grace`) is taken in several."""

FEW: Final = 16
"""More late slots of cron expressions than these, and those that are surely missed are counted by the calendar."""

WILD_STEP: Final = 60 * SECOND
FIXED_STEP: Final = 3 * 3600 * SECOND


@dataclass(frozen=True, slots=True)
class Due:
    """Slots that have come due, in order: `live` run by the overlap policy, `caught_up` wait their turn, `missed`
    do not run.

    `missed` comes as (first, last, how many) runs of neighbours. `through` is the new mark; `more` says that the
    backlog is not finished.
    """

    live: tuple[Instant, ...]
    caught_up: tuple[Instant, ...]
    missed: tuple[tuple[Instant, Instant, int], ...]
    through: Instant
    more: bool = False


def due(task: Task, mark: Instant, now: Instant) -> Due:
    """Judge the slots after the mark that are due by `now` (SPEC 2: misfire_grace, catch_up)."""
    offset = spread(task.name, task.jitter)
    until = now - offset
    punctual = until - task.misfire_grace
    skipped = _surely_missed(task, mark, punctual, until - task.catch_up_window)
    start = mark if skipped is None else skipped[1]
    found = list(islice(slots(task, start, until), MOST_AT_ONCE + _tail(task)))
    more = bool(found) and next(slots(task, found[-1], until), None) is not None
    live = tuple(slot for slot in found if slot >= punctual)
    late = found[: len(found) - len(live)]
    caught = () if more and not live else _caught_up(task, late, until)
    if more and not live:  # the newest are still to come: what was found so far is missed but for the tail
        late = late[:MOST_AT_ONCE]
        return Due((), (), _neighbours(skipped, late, ()), late[-1], more=True)
    through = found[-1] if found else start
    return Due(live, caught, _neighbours(skipped, late, caught), through, more=more)


def _tail(task: Task) -> int:
    return {"skip": 0, "latest": 1, "all": task.max_catch_up}[task.catch_up]


def _caught_up(task: Task, late: list[Instant], until: Instant) -> tuple[Instant, ...]:
    count = _tail(task)
    inside = [slot for slot in late if slot >= until - task.catch_up_window]
    return tuple(inside[-count:]) if count else ()


def _surely_missed(
    task: Task, mark: Instant, punctual: Instant, window: Instant
) -> tuple[Instant, Instant, int] | None:
    """The part of a long backlog that nothing can catch up, told without naming its slots: (first, last, how many)."""
    if isinstance(task.schedule, Every):
        return _far_periods(task, task.schedule, mark, punctual)
    schedule = countable(task.schedule)
    if schedule is None or len(list(islice(slots(task, mark, punctual - 1), FEW))) < FEW:
        return None
    return _far_fires(task, schedule, mark, _before_tail(task, schedule, mark, punctual, window))


def _before_tail(task: Task, schedule: Countable, mark: Instant, punctual: Instant, window: Instant) -> Instant:
    """Up to here nothing is caught up: what may be are the newest late slots, and those inside the window."""
    late, oldest = punctual - 1 if task.until is None else min(punctual - 1, task.until), max(mark, window - 1)
    if not _tail(task):
        return late
    newest = last_fire(schedule, oldest, late, _tail(task))
    return min(late, oldest if newest is None else newest - 1)


def _far_periods(task: Task, schedule: Every, mark: Instant, punctual: Instant) -> tuple[Instant, Instant, int] | None:
    first = next_slot(task, mark)
    horizon = punctual - schedule.period * (_tail(task) + 1)
    if first is None or first >= horizon:
        return None
    count = (horizon - first) // schedule.period
    last = first + (count - 1) * schedule.period
    if count < 2 or (task.until is not None and last > task.until):
        return None
    return first, last, count


def _far_fires(task: Task, schedule: Countable, mark: Instant, horizon: Instant) -> tuple[Instant, Instant, int] | None:
    first = next_slot(task, mark)
    last = None if first is None else last_fire(schedule, first, horizon)
    return None if first is None or last is None else (first, last, 1 + count_fires(schedule, first, last))


def _neighbours(
    skipped: tuple[Instant, Instant, int] | None, late: list[Instant], caught: tuple[Instant, ...]
) -> tuple[tuple[Instant, Instant, int], ...]:
    """The missed slots as runs of neighbours. What is caught up is the newest of the late, so one run is enough."""
    missed = late[: len(late) - len(caught)]
    if not missed:
        return (skipped,) if skipped else ()
    first, count = (skipped[0], skipped[2]) if skipped else (missed[0], 0)
    return ((first, missed[-1], count + len(missed)),)


def new_era(task: Task, record: TaskRecord, now: Instant, *, back: int = 0) -> bool:
    """Whether a mark that lies after `now` (the clock was set back) begins a new era, in which instants are used again.

    `at` slots never fire again; fixed cron slots do after a step of over 3 h, wild ones after over 60 s, `every`
    after any. The step is `back` where that is known, and at least as long as the mark is ahead.
    """
    ahead = record.mark - now
    schedule = task.schedule
    if ahead <= 0 or schedule is None or isinstance(schedule, At | Reboot):
        return False
    if isinstance(schedule, Every):
        return True
    return max(ahead, back) > (WILD_STEP if getattr(schedule, "wild", False) else FIXED_STEP)
