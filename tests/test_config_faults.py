"""What is wrong with a tasks file, in words, all of it in one go."""

from __future__ import annotations

import pytest

from arrcli.config.load import parse
from arrcli.errors import ConfigError

PLANTED = """\
[arr]
workers = 0
timezone = "Europe/Rigga"

[tasks.backup]
func = "jobs.backup"
retrys = 3
timeout = "10 minuts"
enabled = 1

[tasks.report]
cron = "0 25 * * *"
every = "5m"
pool = "havy"
args = [1, [nan]]

[pools.heavy]
size = "one"

[tasks.42]
func = "jobs"
on_overlap = "que"
start = 2026-02-01
until = 2026-01-01
"""


def refused(text: str, path: str = "tasks.toml") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(text, path, machine_zone="UTC", cpu_count=2)
    assert caught.value.exit_code == 65
    return caught.value


def only(text: str) -> str:
    """The one fault of a text, without its file and line of source."""
    (fault,) = refused(text).faults
    return fault.split("\n")[0].removeprefix("tasks.toml:")


def of_task(lines: str, before: str = "") -> str:
    """The one fault of a task, without its place."""
    return only(f'{before}\n[tasks.x]\nfunc = "jobs.x"\n{lines}\n').split(": ", 1)[1]


def test_all_mistakes_are_shown_at_once_each_at_its_place_with_its_line() -> None:
    error = refused(PLANTED)
    assert str(error) == "\n".join(
        [
            "tasks.toml:2:11: arr.workers: 0 is below the least, 1",
            "    2 | workers = 0",
            'tasks.toml:3:12: arr.timezone: time zone "Europe/Rigga" is unknown — did you mean "Europe/Riga"?',
            '    3 | timezone = "Europe/Rigga"',
            'tasks.toml:7:1: tasks.backup: unknown key "retrys" — did you mean "retries"?',
            "    7 | retrys = 3",
            'tasks.toml:8:11: tasks.backup.timeout: "10 minuts" is not a duration — write 90s, 5m, 1h30m, 2d',
            '    8 | timeout = "10 minuts"',
            "tasks.toml:9:11: tasks.backup.enabled: 1 is not true or false — write one of the two, without quotes",
            "    9 | enabled = 1",
            'tasks.toml:11:1: tasks.report: no func — write what to call: func = "module.function"',
            "   11 | [tasks.report]",
            "tasks.toml:12:8: tasks.report.cron: hour 25 is above 23 — fields are: minute hour day month weekday",
            '   12 | cron = "0 25 * * *"',
            "tasks.toml:13:9: tasks.report.every: two schedules, cron and every — keep one",
            '   13 | every = "5m"',
            'tasks.toml:14:8: tasks.report.pool: there is no pool "havy" — did you mean "heavy"?',
            '   14 | pool = "havy"',
            'tasks.toml:15:13: tasks.report.args[1][0]: nan is not in JSON — write it in quotes, as "nan"',
            "   15 | args = [1, [nan]]",
            'tasks.toml:18:8: pools.heavy.size: "one" is not a whole number — write digits, without quotes',
            '   18 | size = "one"',
            "tasks.toml:20:1: tasks.42: a name of digits alone is read as a run's id — put a letter to it",
            "   20 | [tasks.42]",
            'tasks.toml:21:8: tasks.42.func: "jobs" is not a dotted path — name its module too, as "module.jobs"',
            '   21 | func = "jobs"',
            'tasks.toml:22:14: tasks.42.on_overlap: "que" is not one of skip, queue, replace, allow — '
            'did you mean "queue"?',
            '   22 | on_overlap = "que"',
            "tasks.toml:24:9: tasks.42.until: until is not after start — no slot would be left",
            "   24 | until = 2026-01-01",
            "15 errors in tasks.toml; nothing was started.",
        ]
    )
    assert len(error.faults) == 15
    assert error.faults[2] == (
        'tasks.toml:7:1: tasks.backup: unknown key "retrys" — did you mean "retries"?\n    7 | retrys = 3'
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[task.x]", '1:2: unknown key "task" — did you mean "tasks"?'),
        ("[arr]\nworker = 1", '2:1: arr: unknown key "worker" — did you mean "workers"?'),
        ("[arr]\ntasks = 1", '2:1: arr: unknown key "tasks" — the keys are: timezone, workers, python_path, '
         "shutdown_grace, allow, reload"),
        ("[arr]\nretries = 1", '2:1: arr: unknown key "retries" — it belongs in [tasks.NAME]'),
        ("[defaults]\nfunc = 'a.b'", '2:1: defaults: "func" has no default — write it in each task'),
        ("arr = 1", "1:7: arr: 1 stands where a table belongs — "
         "write [arr], and its keys in the lines below"),
        ("tasks.x = 1", "1:11: tasks.x: 1 stands where a table belongs — "
         "write [tasks.x], and its keys in the lines below"),
        ("[pools.p]", "1:1: pools.p: a pool without a size caps nothing — write size = 1"),
        ("[pools.p]\nrate = 'x'", '2:8: pools.p.rate: "x" is not a rate — write "100/1m"'),
        ("[arr]\nreload = 'never'", '2:10: arr.reload: "never" is not one of auto, manual'),
        ("[arr]\npython_path = '.'", '2:15: arr.python_path: "." is not a list — write [...]'),
        ("[arr]\nallow = [1]", "2:10: arr.allow[0]: 1 is not text — write it in quotes"),
        ("[arr]\nworkers = true", "2:11: arr.workers: true is not a whole number — "
         "write digits, without quotes"),
    ],
)  # fmt: skip
def test_mistakes_of_the_file(text: str, said: str) -> None:
    assert only(text) == said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("schedule = '* * * * *'", 'tasks.x: unknown key "schedule" — it is called "cron" here'),
        ("cmd = 'ls'", 'tasks.x: unknown key "cmd" — '
         'it is called func = "arrcli.shell.run", args = ["..."] here'),
        ("workers = 2", 'tasks.x: unknown key "workers" — it belongs in [arr]'),
        ("timeout = 0", "tasks.x.timeout: 0 is too short — it must be above 0"),
        ("timeout = -1", "tasks.x.timeout: -1 is below 0 — it must be above 0"),
        ("timeout = nan", "tasks.x.timeout: nan is not a duration — write 90s, 5m, 1h30m, 2d"),
        ("timeout = true", "tasks.x.timeout: true is not a duration — write 90s, 5m, 1h30m, 2d"),
        ("timeout = '101 years'", 'tasks.x.timeout: "101 years" is not a duration — '
         'write 90s, 5m, 1h30m, 2d'),
        ("timeout = '36526d'", 'tasks.x.timeout: "36526d" is over a hundred years — '
         'write 90s, 5m, 1h30m, 2d'),
        ("every = '1us'", 'tasks.x.every: "1us" is too short — the least is 1ms'),
        ("retries = 1.5", "tasks.x.retries: 1.5 is not a whole number — write digits, without quotes"),
        ("retries = 4294967296", "tasks.x.retries: 4294967296 is above the most, 2147483647"),
        ("priority = -9223372036854775809",
         "tasks.x.priority: -9223372036854775809 is below the least, -2147483647"),
        ("queue_max = -1", "tasks.x.queue_max: -1 is below the least, 0"),
        ("max_concurrent = 0", "tasks.x.max_concurrent: 0 is below the least, 1"),
        ("max_output = '1 potato'", 'tasks.x.max_output: "1 potato" is not a size — '
         "write 64KiB, 1MiB, 2MB, or a number of bytes"),
        ("max_output = 0", "tasks.x.max_output: 0 is too small — the least is 1 byte"),
        ("env = { A = 1 }", 'tasks.x.env.A: 1 is not text, as all environment variables are — write "1"'),
        ("env = { A = true }", 'tasks.x.env.A: true is not text, as all environment variables are — '
         'write "true"'),
        ("env = { 'A=B' = '1' }", 'tasks.x.env: "A=B" cannot be the name of an environment variable — '
         'write NAME = "text"'),
        ("env = 'A'", 'tasks.x.env: "A" stands where a table belongs — write env = { key = value }'),
        ("cwd = ''", 'tasks.x.cwd: "" says nothing — write something, or leave the key out'),
        ('cwd = "a\\u0000b"', "tasks.x.cwd: a NUL character cannot stand here — remove it"),
        ("cron = 3", 'tasks.x.cron: 3 is neither text nor a list of texts — write "text" or ["text"]'),
        ("cron = []", 'tasks.x.cron: an empty list of cron expressions — write one, as "30 2 * * *"'),
        ("cron = ['@daily', 'x']", 'tasks.x.cron[1]: "x" has 1 field — '
         "write 5: minute hour day month weekday, or 6 with the second first"),
        ("cron = ['@reboot', '@daily']", "tasks.x.cron: @reboot in a list of cron expressions — "
         "give it a task of its own"),
        ("at = 12:00:00", "tasks.x.at: 12:00:00 is not a time — "
         "write 2026-01-31T09:00:00, with Z or +02:00 or else local"),
        ("at = []", "tasks.x.at: an empty list of times — write one, as 2026-01-31T09:00:00"),
        ("at = 2011-12-30T12:00:00\ntimezone = 'Pacific/Apia'",
         "tasks.x.at: 2011-12-30T12:00:00 does not exist in Pacific/Apia: that day was left out"),
        ("at = 0001-01-01T00:00:00+14:00",
         "tasks.x.at: 0001-01-01T00:00:00+14:00 is outside the years 1 to 9999 in UTC"),
        ("every = '5s'\nat = 2030-01-01\ncron = '@daily'",
         "tasks.x.at: three schedules, every, at and cron — keep one"),
        ("after = ['y']\nevery = '5s'", "tasks.x.every: after and every exclude each other: "
         "a task has a schedule, or runs after others — keep one"),
        ("after = ['x']", "tasks.x.after[0]: a task cannot run after itself — remove it"),
        ("after = 'z'", "tasks.x.after: there is no task \"z\" — write the name of a task of this file"),
        ("pool = 'light'", 'tasks.x.pool: there is no pool "light" — write [pools.light] with size = 1'),
        ("executor = 'thread'\ntimeout = '5s'", 'tasks.x.timeout: executor = "thread" has no timeout — '
         'use executor = "process", or remove it'),
        ("executor = 'thread'\nenv = {}", 'tasks.x.env: executor = "thread" has no env — '
         'use executor = "process", or remove it'),
        ("executor = 'thread'\ncwd = '.'", 'tasks.x.cwd: executor = "thread" has no cwd — '
         'use executor = "process", or remove it'),
        ("executor = 'thread'\non_overlap = 'replace'",
         'tasks.x.on_overlap: executor = "thread" cannot replace '
         'a run — use "queue" or "skip"'),
        ("retry_on = 'OSErr'", 'tasks.x.retry_on: "OSErr" is no built-in exception — '
         'did you mean "OSError"?'),
        ("retry_on = ['Busy']", 'tasks.x.retry_on[0]: "Busy" is no built-in exception — '
         'name its module too, as "module.Busy"'),
        ("on_failure = []", 'tasks.x.on_failure: a command is a list of texts — '
         'write ["program", "argument"]'),
        ("args = { a = 1 }", "tasks.x.args: a table is not a list — write [...]"),
        ("kwargs = [1]", "tasks.x.kwargs: a list stands where a table belongs — "
         "write kwargs = { key = value }"),
        ("kwargs = { a = inf }", 'tasks.x.kwargs.a: inf is not in JSON — write it in quotes, as "inf"'),
        ("description = 3", "tasks.x.description: 3 is not text — write it in quotes"),
    ],
)  # fmt: skip
def test_mistakes_of_a_task(line: str, said: str) -> None:
    assert of_task(line, before="[tasks.y]\nfunc = 'j.y'") == said


@pytest.mark.parametrize(
    ("func", "problem"),
    [
        ("reports", 'name its module too, as "module.reports"'),
        ("reports.nightly()", "name the function only; what it is called with goes into args and kwargs"),
        ("reports/nightly.py", "write the module and the function, as package.module.function, not a file"),
        ("rm -rf /", 'for a shell command write func = "arrcli.shell.run", args = ["the command"]'),
        ("a..b", 'write "package.module.function" or "package.module:Class.method"'),
        ("a.b:", 'write "package.module.function" or "package.module:Class.method"'),
        ("a.class", 'write "package.module.function" or "package.module:Class.method"'),
        ("", 'write "package.module.function" or "package.module:Class.method"'),
    ],
)
def test_what_is_no_dotted_path(func: str, problem: str) -> None:
    said = only(f'[tasks.x]\nfunc = "{func}"')
    assert said == f'2:8: tasks.x.func: "{func}" is not a dotted path — {problem}'


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", 'tasks."": a name cannot be empty — write [tasks.name]'),
        ("12", 'tasks.12: a name of digits alone is read as a run\'s id — put a letter to it'),
        ("-x", "tasks.-x: a name that begins with - is read as an option — begin with a letter"),
        ("a\\nb", 'tasks."a": a name with characters that cannot be printed — use letters, digits, - and _'),
        ("\\u001b[2Jx\\u202e", 'tasks."x": a name with characters that cannot be printed — '
         "use letters, digits, - and _"),
        ("x" * 101, f"tasks.{'x' * 59}…: a name of 101 characters — 100 is the most"),
    ],
)  # fmt: skip
def test_names_that_a_task_cannot_have(name: str, said: str) -> None:
    assert only(f'[tasks."{name}"]\nfunc = "j.x"').split(": ", 1)[1] == said


def test_tasks_that_wait_for_each_other_are_shown_as_a_circle() -> None:
    text = "".join(f'[tasks.{name}]\nfunc = "j.x"\nafter = ["{before}"]\n' for name, before in ["ab", "bc", "ca", "da"])
    assert only(text) == (
        '6:9: tasks.b.after: tasks that wait for each other: "a" -> "c" -> "b" -> "a" — break the circle'
    )


def test_a_faulty_task_is_still_a_task_that_others_can_name() -> None:
    faults = refused('[tasks.a]\nfunc = 3\n[tasks.b]\nfunc = "j.b"\nafter = ["a"]').faults
    assert [fault.split("\n")[0] for fault in faults] == [
        'tasks.toml:2:8: tasks.a.func: 3 is not text — write a dotted path, as "package.module.function"'
    ]


def test_a_faulty_default_is_shown_once_and_not_for_each_task() -> None:
    text = '[defaults]\ntimezone = "Nowhere"\npool = "p"\n[tasks.a]\nfunc = "j.a"\n[tasks.b]\nfunc = "j.b"\n'
    assert [fault.split("\n")[0] for fault in refused(text).faults] == [
        'tasks.toml:2:12: defaults.timezone: time zone "Nowhere" is unknown — '
        'write an IANA name, as "Europe/Riga" or "UTC"',
        'tasks.toml:3:8: defaults.pool: there is no pool "p" — write [pools.p] with size = 1',
    ]


def test_source_lines_are_cleaned_and_cut() -> None:
    (fault,) = refused(f'[arr]\nx = "{"y" * 200}" # \u202e').faults
    assert fault.split("\n")[1] == f'    2 | x = "{"y" * 94}…'
    assert "\u202e" not in fault


def test_a_machine_whose_zone_cannot_be_told_is_asked_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Not/AZone")
    monkeypatch.setattr("tzlocal.unix._cache_tz", None)  # another test of this process may have asked before
    with pytest.raises(ConfigError) as caught:
        parse("", "tasks.toml")
    assert "arr.timezone: this machine's time zone cannot be told" in str(caught.value)
    assert parse('[arr]\ntimezone = "UTC"', "tasks.toml").timezone == "UTC"
