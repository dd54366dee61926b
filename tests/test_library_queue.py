"""A store over three verbs: what the queue is given, what is done with what it gives, and what a failing one does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import library_tasks
import pytest
from command_line import eventually
from engine_rooms import Bench

from arrcli import App, QueueStore, background_worker, execute_task, execute_task_at, execute_tasks
from arrcli.engine import runner
from arrcli.errors import StoreError, UsageError
from arrcli.model.instant import HOUR
from arrcli.model.run import State
from arrcli.testing import a_run
from arrcli.worker.wire import Begun, Outcome


class Queue:
    """The three verbs over a list, failing when told to."""

    def __init__(self) -> None:
        self.tasks: list[Any] = []
        self.given: list[Mapping[str, Any]] = []
        self.apps: set[App] = set()
        self.broken: set[str] = set()

    def enqueue_task(self, task: Mapping[str, Any], *, app: App) -> None:
        self._check("enqueue", app)
        self.given.append(task)
        self.tasks.append(task)

    def schedule_task(self, scheduled_time: datetime, task: Mapping[str, Any], *, app: App) -> None:
        self._check("schedule", app)
        assert task["time"] == scheduled_time.isoformat()
        self.given.append(task)
        self.tasks.append(task)

    def dequeue_task(self, *, app: App) -> Any:
        self._check("dequeue", app)
        return self.tasks.pop(0) if self.tasks else None

    def _check(self, verb: str, app: App) -> None:
        self.apps.add(app)
        if verb in self.broken:
            raise OSError("the queue is away")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that failed is asked again at once, rather than after a second."""
    monkeypatch.setattr(runner, "STALL", 20_000)


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def app(queue: Queue) -> Iterator[App]:
    with background_worker.start_application(data_source=QueueStore(queue)) as started:
        yield started


def results(app: App) -> list[Any]:
    return [run.result for run in app.store.recent(50)]


def test_a_task_is_json_with_an_id_of_its_own_and_the_data_as_given(queue: Queue, app: App) -> None:
    for data in ({"a": 1}, [1, 2], 5, None, [[1]]):
        execute_task(app, library_tasks.given, data)
    assert [task["data"] for task in queue.given] == [{"a": 1}, [1, 2], 5, None, [[1]]]
    assert {task["name"] for task in queue.given} == {"library_tasks.given"}
    assert len({task["id"] for task in queue.given}) == 5
    assert queue.apps == {app}


def test_the_run_of_another_program_is_not_taken_for_one_of_ours(queue: Queue, app: App) -> None:
    mine = execute_task_at(app, timedelta(hours=1), library_tasks.add, [100])
    queue.tasks.append({"id": mine.id, "name": "library_tasks.add", "data": [5], "time": None})
    queue.tasks.append({"id": f"other-{mine.id}", "name": "library_tasks.add", "data": [6], "time": None})
    eventually(lambda: sorted(results(app)) == [6, 7])
    assert mine.state is State.PENDING


def test_a_task_that_comes_twice_runs_once(queue: Queue, app: App) -> None:
    run = execute_task(app, library_tasks.add, [1])
    assert run.result(20) == 2
    queue.tasks += [queue.given[0], {"id": "z", "name": "library_tasks.add", "data": [40], "time": None}]
    eventually(lambda: results(app) == [41, 2])


def test_a_key_is_given_to_the_queue_once(queue: Queue, app: App) -> None:
    runs = [execute_task_at(app, timedelta(hours=1), library_tasks.add, [1], key="one") for _ in range(3)]
    assert {run.id for run in runs} == {1}
    assert len(queue.given) == 1


def test_a_task_of_another_program_waits_for_its_time_and_goes_back_at_a_stop(queue: Queue) -> None:
    later = datetime(2999, 1, 1, tzinfo=UTC).isoformat()
    app = background_worker.start_application(data_source=QueueStore(queue))
    mine = execute_task_at(app, "2999-01-01T00:00+00:00", library_tasks.add, [1])
    queue.tasks.append({"id": "theirs", "name": "library_tasks.add", "data": {"a": 2}, "time": later})
    eventually(lambda: not queue.tasks)
    assert background_worker.stop_application(app) is True
    assert [(task["data"], task["time"]) for task in queue.tasks] == [(1, later), ({"a": 2}, later)]
    assert mine.state is State.PENDING


def test_a_stop_finishes_what_was_asked_for_here_and_leaves_what_others_keep_asking(queue: Queue) -> None:
    def endless(*, app: App) -> Mapping[str, Any]:
        return queue.tasks.pop(0) if queue.tasks else {"id": "x", "name": "library_tasks.add", "data": 1, "time": None}

    app = background_worker.start_application(data_source=QueueStore(queue))
    runs = execute_tasks(app, [(library_tasks.add, [number]) for number in range(20)])
    queue.dequeue_task = endless  # type: ignore[method-assign]  # from now on it always has more
    assert background_worker.stop_application(app) is True
    assert {run.state for run in runs} == {State.SUCCEEDED}


def test_a_stop_takes_the_next_task_though_the_last_one_ended_in_the_midst_of_a_turn(queue: Queue) -> None:
    store = QueueStore(queue)
    bench = Bench(store=store, places=1)
    first, second = bench.add(), bench.add()
    bench.turn(2)
    assert bench.working() == [first.id]
    hears = bench.executor.events

    def ends_meanwhile() -> Sequence[Begun | Outcome]:
        if bench.working() == [first.id]:
            bench.executor.ends(first.id)
        return hears()

    bench.executor.events = ends_meanwhile  # type: ignore[method-assign]  # as the engine asks what is new
    store.finish()
    bench.runner.stop(grace_us=HOUR, finish_due=True)
    bench.turn(2)
    assert (bench.working(), bench.runner.ended) == ([second.id], False)
    bench.ends(second.id)
    assert bench.runner.ended


@pytest.mark.parametrize("moment", ["events", "views"])
def test_a_stop_in_the_midst_of_a_turn_takes_what_was_asked_for_just_before(queue: Queue, moment: str) -> None:
    store = QueueStore(queue)
    bench = Bench(store=store, places=1)
    asked_of_the_executor = getattr(bench.executor, moment)

    def stops_meanwhile() -> Sequence[Any]:
        setattr(bench.executor, moment, asked_of_the_executor)
        bench.clock.advance(1)
        now = bench.clock.now()
        store.append([a_run(due_at=now, ready_at=now, enqueued_at=now)])
        store.finish()
        bench.runner.stop(grace_us=HOUR, finish_due=True)
        return cast(Sequence[Any], asked_of_the_executor())

    setattr(bench.executor, moment, stops_meanwhile)
    bench.turn(3)
    assert (bench.working(), bench.runner.ended) == ([1], False)
    bench.ends(1)
    assert bench.runner.ended


def test_a_queue_that_fails_is_asked_again_and_stops_nothing(queue: Queue, app: App) -> None:
    execute_task(app, library_tasks.add, [1]).wait(20)
    queue.broken.add("dequeue")
    run = execute_task(app, library_tasks.add, [2])
    assert run.wait(0.3) is False
    queue.broken.clear()
    assert run.result(20) == 3


@pytest.mark.parametrize("junk", ["no task", {"name": "x.y", "data": object()}])
def test_what_is_no_task_is_dropped_and_stops_nothing(queue: Queue, app: App, junk: Any) -> None:
    queue.tasks.append(junk)
    assert execute_task(app, library_tasks.add, [1]).result(20) == 2
    assert [run.func for run in app.store.recent(10)] == ["library_tasks.add"]


def test_a_queue_that_takes_nothing_is_an_error_where_it_was_asked(queue: Queue, app: App) -> None:
    queue.broken.update({"enqueue", "schedule"})
    with pytest.raises(StoreError, match="enqueue_task failed: OSError: the queue is away"):
        execute_task(app, library_tasks.add, [1])
    with pytest.raises(StoreError, match="schedule_task failed"):
        execute_task_at(app, timedelta(hours=1), library_tasks.add, [1])
    assert {run.state for run in app.store.recent(10)} == {State.CANCELLED}


def test_a_cancelled_run_is_not_executed_when_the_queue_gives_it_out(queue: Queue, app: App) -> None:
    queue.broken.add("dequeue")
    run = execute_task(app, library_tasks.add, [1])
    run.cancel()
    queue.broken.clear()
    queue.tasks.append({"id": "z", "name": "library_tasks.add", "data": [40], "time": None})
    eventually(lambda: 41 in results(app))
    assert run.state is State.CANCELLED


def test_a_registered_name_that_another_program_put_there_runs_with_its_policies(queue: Queue, app: App) -> None:
    queue.tasks.append({"id": "z", "name": "when-due", "data": None, "time": "2020-01-01T00:00:00+00:00"})
    eventually(lambda: results(app) == ["2020-01-01T00:00:00+00:00"])
    assert app.store.recent(1)[0].options["retries"] == 2


def test_a_callable_that_others_could_not_find_is_refused(app: App) -> None:
    with pytest.raises(UsageError, match="cannot be named"):
        execute_task(app, lambda: None)
