"""Rows that other hands wrote, links and devices in the place of files, other users: refused or told of."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest
from command_line import eventually
from world import World

TICK = '[tasks.tick]\nfunc = "jobs.note"\nevery = "100ms"\non_overlap = "allow"\n'

DAMAGE: dict[str, dict[str, Any]] = {
    "a state that there is not": {"state": "nonsense"},
    "an ended state among the ready": {"state": "succeeded"},
    "a claimed state among the ready": {"state": "running"},
    "arguments that are no JSON": {"args": "[1,"},
    "arguments that are no list": {"args": "5"},
    "arguments nested 100,000 deep": {"args": "[" * 100_000},
    "a number of 5,000 digits": {"args": f"[{'1' * 5000}]"},
    "named arguments that are a list": {"kwargs": "[1]"},
    "an origin that there is not": {"origin": "nonsense"},
    "a reason that there is not": {"reason": "nonsense"},
    "a time that is a word": {"due_at": "tomorrow"},
    "an attempt that is a word": {"attempt": "x"},
    "a priority that is a word": {"priority": "high"},
    "a callable that is bytes": {"func": b"\xff"},
    "a task that is bytes": {"task": b"\xff"},
    "a pool that is bytes": {"pool": b"\xff"},
    "options that are a number": {"options": "5"},
    "an option that there is not": {"options": '{"retry_backoff": "soon"}'},
    "options of other types": {"options": '{"timeout": "soon"}'},
    "typed arguments that are none": {"options": '{"typed": 5}'},
    "a fault that is none": {"fault": "{}"},
    "a result that is no JSON": {"result": "{"},
    "an expiry that is a word": {"expires_at": "never"},
}


def edit(world: World, sql: str, *values: Any) -> int:
    """Another program's write into the store; the id of the new row where there is one."""
    with closing(sqlite3.connect(world.database, timeout=30)) as connection, connection:
        return int(connection.execute(sql, values).lastrowid or 0)


def forge(world: World, **columns: Any) -> int:
    """A row among the runs that arr did not write: ready to be claimed, but for what `columns` say."""
    now = time.time_ns() // 1000
    row: dict[str, Any] = {
        **{"func": "jobs.note", "origin": "enqueued", "scheduled": 0, "state": "pending", "stage": 1, "count": 1},
        **{"era": 0, "due_at": now, "ready_at": now, "enqueued_at": now, "attempt": 0, "losses": 0, "deaths": 0},
        **{"executor": "process", "pool": "default", "priority": 0, **columns},
    }
    holes = ", ".join("?" * len(row))
    return edit(world, f"INSERT INTO runs ({', '.join(row)}) VALUES ({holes})", *row.values())  # noqa: S608


def still_shown(world: World, *ids: int) -> None:
    """Every verb that looks at the store still answers."""
    for words in (["runs", "-n", "0"], ["runs", "--json", "-n", "0"], ["list", "-n", "0"]):
        assert world.arr(*words).code == 0
    for run in ids:
        said = world.arr("show", str(run))
        assert said.code == 0, said


def goes_on(world: World) -> None:
    before = len(world.starts())
    eventually(lambda: len(world.starts()) > before + 1, lambda: world.daemons[-1].text[-2000:])


@pytest.mark.parametrize("moment", ["before a start", "while it runs"])
def test_a_damaged_row_ends_with_what_is_wrong_as_its_reason_and_others_go_on(world: World, moment: str) -> None:
    world.write(TICK)
    world.enqueue("jobs.note")
    if moment == "before a start":
        forged = {what: forge(world, **columns) for what, columns in DAMAGE.items()}
        still_shown(world, forged["arguments that are no JSON"])
    with world.running() as daemon:
        if moment == "while it runs":
            forged = {what: forge(world, **columns) for what, columns in DAMAGE.items()}
        world.until_ended(*forged.values())
        goes_on(world)
        assert daemon.process.poll() is None
        for what, run in forged.items():
            row = world.rows("SELECT state, reason, fault FROM runs WHERE id = ?", run)[0]
            assert row[:2] == ("skipped", "error"), what
            assert f"changed by other hands: {next(iter(DAMAGE[what]))} " in row[2], what
        still_shown(world, *list(forged.values())[:2])
        world.until_ended()


def test_claims_of_nobody_and_of_an_owner_that_there_is_not_are_taken_back(world: World) -> None:
    with world.running():
        claimed = {"state": "running", "stage": 2, "attempt": 1}
        runs = [
            forge(world, **claimed, claimed_by=owner)
            for owner in (None, "17-feedface", "../../../etc/x", "a\0b", "%s" * 99)
        ]
        damaged = forge(world, **claimed, claimed_by="17-feedface", args="[1,")
        world.until_ended(*runs, damaged)
        assert {world.state_of(run) for run in runs} == {"succeeded"}
        assert world.state_of(damaged) == "failed"
        assert "changed by other hands: args" in world.run(damaged)["error"]["message"]


def test_text_in_the_store_that_is_no_text_stops_nothing(world: World) -> None:
    world.write(TICK)
    with world.running():
        run = forge(world)
        edit(world, "UPDATE runs SET stage = 0, func = CAST(x'ff6a6f62732e6e6f7465' AS TEXT) WHERE id = ?", run)
        eventually(lambda: world.rows("SELECT stage FROM runs WHERE id = ?", run) == [(4,)])
        assert world.run(run)["state"] == "failed"
        goes_on(world)
        still_shown(world, run)


def test_the_last_number_that_a_run_can_have_leaves_numbers_for_others(world: World) -> None:
    world.write(TICK)
    with world.running():
        forge(world, id=(1 << 63) - 1, key="last", func="math.factorial", args="[3]")
        goes_on(world)
        assert world.enqueue("jobs.note") < 1000
        (renumbered,) = world.rows("SELECT id FROM runs WHERE key = 'last'")[0]
        assert renumbered < 1000
        world.until_ended(renumbered, *world.asked)
        assert world.state_of(renumbered) == "succeeded"


REQUESTS = [
    *(("cancel", said) for said in ("{}", "[1,", '{"run": "x"}', '{"run": 1e999}', '{"run": 1, "reason": "nonsense"}')),
    *(("nonsense", "5"), ("reload", b"\xff"), ("cancel", b"\xff")),
]


def test_requests_that_ask_for_nothing_known_are_dropped(world: World) -> None:
    world.write(TICK)
    with world.running():
        owner = world.rows("SELECT id FROM owners")[0][0]
        for kind, arguments in REQUESTS:
            for addressee in ("", owner):
                sql = "INSERT INTO requests (kind, addressee, arguments, at) VALUES (?, ?, ?, 1)"
                edit(world, sql, kind, addressee, arguments)
        eventually(lambda: not world.rows("SELECT 1 FROM requests"))
        goes_on(world)


def test_what_is_remembered_of_tasks_and_of_the_past_may_be_nonsense(world: World) -> None:
    world.write(
        TICK
        + '[tasks.at]\nfunc = "jobs.note"\nat = 2100-01-01T00:00:00\n[tasks.up]\nfunc = "jobs.note"\ncron = "@reboot"\n'
    )
    with world.running():
        run = world.enqueue("jobs.note")
        world.until_ended(run)
        goes_on(world)
    edit(world, "UPDATE tasks SET mark = 'x' WHERE name = 'tick'")
    edit(world, "UPDATE tasks SET at_times = '[1,' WHERE name = 'at'")
    edit(world, "UPDATE tasks SET paused = x'ff' WHERE name = 'up'")
    edit(world, "UPDATE ended SET n = 'many'")
    edit(world, "INSERT INTO attempts VALUES (?, 1, 'nonsense', 'x', 'y', 'z', '{', 'a', 'b')", run)
    edit(world, "INSERT OR REPLACE INTO outputs VALUES (?, 1, 1, x'ffff')", run)
    edit(world, "INSERT INTO owners VALUES ('x', 'y', 'z', 'a', 'b')")
    edit(world, "UPDATE meta SET value = x'ff'")
    still_shown(world, run)
    said = world.arr("logs", str(run))
    assert (said.code, said.out) == (0, "(this output was changed by other hands, and cannot be read)\n")
    with world.running():
        goes_on(world)
        still_shown(world, run)


def test_what_allow_forbids_is_refused_at_the_door_and_again_at_the_claim(world: World) -> None:
    world.write(TICK, more='allow = ["jobs.*"]')
    (world.folder / "evil.py").write_text("def touch():\n    open('evil', 'w')\n")
    said = world.arr("enqueue", "evil.touch")
    assert (said.code, said.out) == (1, "")
    assert said.err == f"arr: evil.touch is not allowed: [arr] allow in {world.folder}/tasks.toml lists jobs.*\n"
    with world.running():
        forged = [
            forge(world, func="evil.touch", origin=origin, scheduled=int(origin == "cron"))
            for origin in ("enqueued", "retry", "backfill", "cron")
        ]
        world.until_ended(*forged)
        assert {(world.run(run)["state"], world.run(run)["reason"]) for run in forged} == {("skipped", "denied")}
        goes_on(world)
    assert not (world.folder / "evil").exists()
