"""Every key of a tasks file: its default, and what a value of it becomes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from arrcli.config.load import parse
from arrcli.config.shape import reference
from arrcli.model.instant import DAY, HOUR, MINUTE, SECOND, from_datetime
from arrcli.model.schedule import At, Cron, Every, Reboot, Union
from arrcli.model.task import Pool, Task, TasksFile


def loaded(text: str) -> TasksFile:
    return parse(text, "/srv/app/tasks.toml", machine_zone="Europe/Riga", cpu_count=6)


def task(lines: str, *, before: str = "") -> Task:
    return loaded(f'{before}\n[tasks.x]\nfunc = "jobs.x"\n{lines}\n').tasks["x"]


def utc(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


TASK_KEYS: list[tuple[str, Any, str, Any]] = [
    # key, default, a line that sets it, what it becomes
    ("args", (), "args = [1, 'a', [true]]", (1, "a", [True])),
    ("kwargs", {}, "kwargs = { region = 'eu' }", {"region": "eu"}),
    ("schedule", None, "every = '90s'", Every("90s")),
    ("timezone", "Europe/Riga", "timezone = 'Asia/Tokyo'", "Asia/Tokyo"),
    ("start", None, "start = 2026-01-01T00:00:00", utc("2025-12-31 22:00")),
    ("until", None, "until = '2026-01-01T00:00:00Z'", utc("2026-01-01 00:00")),
    ("enabled", True, "enabled = false", False),
    ("description", "", "description = 'Backs up'", "Backs up"),
    ("jitter", 0, "jitter = '5m'", 5 * MINUTE),
    ("misfire_grace", 60 * SECOND, "misfire_grace = 1.5", 1_500_000),
    ("catch_up", "latest", "catch_up = 'all'", "all"),
    ("catch_up_window", 24 * HOUR, "catch_up_window = '2d'", 2 * DAY),
    ("max_catch_up", 100, "max_catch_up = 3", 3),
    ("expires", None, "expires = '1h'", HOUR),
    ("on_overlap", "skip", "on_overlap = 'replace'", "replace"),
    ("max_concurrent", None, "max_concurrent = 2", 2),
    ("queue_max", 100, "queue_max = 0", 0),
    ("pool", "default", "pool = 'heavy'", "heavy"),
    ("priority", 0, "priority = -5", -5),
    ("executor", "process", "executor = 'thread'", "thread"),
    ("timeout", None, "timeout = 30", 30 * SECOND),
    ("stop_grace", 5 * SECOND, "stop_grace = 0", 0),
    ("retries", 0, "retries = 3", 3),
    ("retry_delay", 5 * SECOND, "retry_delay = '1s'", SECOND),
    ("retry_backoff", "exponential", "retry_backoff = 'constant'", "constant"),
    ("retry_max_delay", 5 * MINUTE, "retry_max_delay = '1h'", HOUR),
    ("retry_on", None, "retry_on = ['OSError', 'jobs.Busy']", ("builtins.OSError", "jobs.Busy")),
    ("no_retry_on", (), "no_retry_on = 'ValueError'", ("builtins.ValueError",)),
    ("on_lost", "retry", "on_lost = 'fail'", "fail"),
    ("after", (), "after = ['y']", ("y",)),
    ("after_policy", "success", "after_policy = 'done'", "done"),
    ("env", {}, "env = { A = '1' }", {"A": "1"}),
    ("cwd", None, "cwd = '../data'", "/srv/data"),
    ("on_failure", None, "on_failure = ['mail', '-s', 'x']", ("mail", "-s", "x")),
    ("max_output", 1_048_576, "max_output = '64KiB'", 65_536),
    ("keep_runs", 1000, "keep_runs = 10", 10),
    ("keep_for", 30 * DAY, "keep_for = '1w'", 7 * DAY),
]
OTHERS = '[pools.heavy]\nsize = 1\n[tasks.y]\nfunc = "jobs.y"'


@pytest.mark.parametrize(("key", "default", "line", "becomes"), TASK_KEYS, ids=[row[0] for row in TASK_KEYS])
def test_a_key_of_a_task_has_its_default_and_takes_a_value(key: str, default: Any, line: str, becomes: Any) -> None:
    assert getattr(task(""), key) == default
    assert getattr(task(line, before=OTHERS), key) == becomes


def test_no_key_of_a_task_is_left_out_here() -> None:
    tested = {row[0] for row in TASK_KEYS} - {"schedule"} | {"func", "cron", "every", "at"}
    assert tested == {key.name for key in reference() if key.table == "tasks"}


@pytest.mark.parametrize(
    ("line", "schedule"),
    [
        ("cron = '30 2 * * *'", Cron("30 2 * * *", "Europe/Riga", "x")),
        ("cron = ['30 2 * * *']", Cron("30 2 * * *", "Europe/Riga", "x")),
        (
            "cron = ['0 1 * * *', '0 2 * * *']",
            Union([Cron("0 1 * * *", "Europe/Riga", "x"), Cron("0 2 * * *", "Europe/Riga", "x")]),
        ),
        ("cron = '@every 90s'", Every("90s")),
        ("cron = '@reboot'", Reboot()),
        ("every = 90", Every("90s")),
        ("at = 2026-06-01T09:00:00", At("2026-06-01T06:00:00Z", "Europe/Riga")),
        ("at = '2026-06-01T09:00+01:00'", At("2026-06-01T08:00:00Z", "Europe/Riga")),
        (
            "at = [2026-06-01T09:00:00Z, 2026-12-24]",
            At(["2026-06-01T09:00:00Z", "2026-12-23T22:00:00Z"], "Europe/Riga"),
        ),
    ],
)
def test_a_schedule_is_read_in_the_zone_of_the_task(line: str, schedule: object) -> None:
    assert task(line).schedule == schedule


def test_keys_of_arr_have_their_defaults() -> None:
    file = loaded("")
    assert (file.path, file.folder) == ("/srv/app/tasks.toml", "/srv/app")
    assert (file.timezone, file.workers, file.python_path) == ("Europe/Riga", 6, ("/srv/app",))
    assert (file.shutdown_grace, file.allow, file.reload) == (8 * SECOND, None, "auto")
    assert (file.tasks, file.pools) == ({}, {})


def test_keys_of_arr_take_values() -> None:
    file = loaded(
        '[arr]\ntimezone = "UTC"\nworkers = 2\npython_path = ["src", "/opt/lib", ".."]\n'
        'shutdown_grace = "1m"\nallow = ["reports.*"]\nreload = "manual"\n'
    )
    assert (file.timezone, file.workers) == ("UTC", 2)
    assert file.python_path == ("/srv/app/src", "/opt/lib", "/srv")
    assert (file.shutdown_grace, file.allow, file.reload) == (MINUTE, ("reports.*",), "manual")


def test_an_empty_list_of_allowed_paths_allows_none() -> None:
    assert loaded("[arr]\nallow = []").allow == ()


def test_pools_have_a_size_and_a_rate() -> None:
    file = loaded('[pools.a]\nsize = 3\n[pools.b]\nrate = "100/1m"\n')
    assert file.pools == {"a": Pool(name="a", size=3), "b": Pool(name="b", rate="100/1m")}


def test_defaults_hold_where_a_task_does_not_say_otherwise() -> None:
    file = loaded(
        '[defaults]\nretries = 5\ntimezone = "UTC"\nenv = { A = "1" }\n'
        '[tasks.a]\nfunc = "jobs.a"\n[tasks.b]\nfunc = "jobs.b"\nretries = 0\nenv = { B = "2" }\n'
    )
    a, b = file.tasks["a"], file.tasks["b"]
    assert (a.retries, a.timezone, a.env) == (5, "UTC", {"A": "1"})
    assert (b.retries, b.timezone, b.env) == (0, "UTC", {"B": "2"})


def test_defaults_that_a_thread_cannot_have_do_not_apply_to_it() -> None:
    before = '[defaults]\ntimeout = "5s"\nenv = { A = "1" }\ncwd = "/tmp"\non_overlap = "replace"\nretries = 1'
    threaded = task("executor = 'thread'", before=before)
    assert (threaded.timeout, threaded.env, threaded.cwd) == (None, {}, None)
    assert (threaded.on_overlap, threaded.retries) == ("skip", 1)


def test_toml_dates_become_iso_text_in_arguments() -> None:
    read = task("args = [2026-01-02, [12:30:00]]\nkwargs = { a = { at = 2026-01-02T03:04:05Z } }")
    assert read.args == ("2026-01-02", ["12:30:00"])
    assert read.kwargs == {"a": {"at": "2026-01-02T03:04:05+00:00"}}


def test_whole_numbers_beyond_64_bits_are_arguments_like_others() -> None:
    assert task("args = [99999999999999999999]").args == (99_999_999_999_999_999_999,)


def test_keys_that_are_not_carried_out_yet_say_so() -> None:
    file = loaded(
        '[pools.p]\nsize = 1\nrate = "5/1s"\n[tasks.a]\nfunc = "j.a"\n[tasks.b]\nfunc = "j.b"\nafter = ["a"]\n'
    )
    assert file.notes == (
        "/srv/app/tasks.toml:3:8: pools.p.rate is checked but not carried out yet: only size caps the pool",
        "/srv/app/tasks.toml:8:9: tasks.b.after is checked but not carried out yet: the task runs by hand only",
    )


def test_a_file_without_tasks_says_how_to_add_one() -> None:
    assert loaded("").notes == ('/srv/app/tasks.toml: no tasks — add [tasks.NAME] with func = "module.function"',)


def test_the_digest_changes_with_the_text_and_only_with_it() -> None:
    assert loaded("# a").digest == loaded("# a").digest != loaded("# b").digest


@pytest.mark.parametrize("name", ["nightly", "my task", "a.b", "3d", "Größe", "語", "x" * 100])
def test_names_may_be_any_printable_text(name: str) -> None:
    assert list(loaded(f'[tasks."{name}"]\nfunc = "j.x"').tasks) == [name]


@pytest.mark.parametrize(
    "func", ["jobs.x", "pkg.mod.func", "pkg.mod:Class.method", "jobs:x", "päckchen.größe", "_a._b"]
)
def test_callables_are_dotted_paths(func: str) -> None:
    assert loaded(f'[tasks.x]\nfunc = "{func}"').tasks["x"].func == func
