"""Where a run is, asked through the store: answered once it has come whole, and also where there is nothing to say."""

from __future__ import annotations

import json

from engine_rooms import Bench

from arrcli.store.values import STACKS, Request

LOOK = 10_000


def asked(bench: Bench, run_id: int) -> str:
    """A request is written, and the engine hears of it; its id."""
    with bench.kept.writing() as w:
        number = w.add_request(
            Request(kind="stack", to=bench.owner.id, arguments={"run": run_id}, at=bench.clock.now())
        )
    bench.ring()
    return str(number)


def answers(bench: Bench) -> dict[str, str]:
    said: dict[str, str] = json.loads(bench.kept.meta(STACKS) or "{}")
    return said


def test_the_answer_is_written_once_the_text_stands_still() -> None:
    bench = Bench()
    run = bench.add()
    bench.begins(run.id)
    number = asked(bench, run.id)
    assert answers(bench) == {}
    bench.executor.stacks[run.id] = "Stack"
    bench.pass_time(LOOK)
    bench.executor.stacks[run.id] = "Stack\n  File"
    bench.pass_time(LOOK)
    assert answers(bench) == {}
    bench.pass_time(LOOK)
    assert answers(bench) == {number: "Stack\n  File"}


def test_the_engine_sleeps_no_longer_than_until_the_next_look_and_only_then() -> None:
    bench = Bench()
    run = bench.add()
    bench.begins(run.id)
    bench.turn()
    assert bench.runner._patience() > LOOK
    asked(bench, run.id)
    assert bench.runner._patience() == LOOK
    bench.executor.stacks[run.id] = "Stack"
    bench.pass_time(2 * LOOK, LOOK)
    bench.turn()
    assert bench.runner._patience() > LOOK


def test_a_run_that_has_not_begun_here_or_never_answers_has_an_empty_one() -> None:
    bench = Bench()
    run = bench.add()
    nowhere = asked(bench, 77)
    bench.pass_time(LOOK)
    assert answers(bench) == {nowhere: ""}
    bench.begins(run.id)
    silent = asked(bench, run.id)
    bench.pass_time(900_000, LOOK)
    assert silent not in answers(bench)
    bench.pass_time(110_000, LOOK)
    assert answers(bench)[silent] == ""


def test_the_store_keeps_the_last_few_answers_alone() -> None:
    bench = Bench()
    run = bench.add()
    bench.begins(run.id)
    bench.executor.stacks[run.id] = "Stack"
    numbers = []
    for _ in range(6):
        numbers.append(asked(bench, run.id))
        bench.pass_time(2 * LOOK, LOOK)
    assert list(answers(bench)) == numbers[-4:]
