"""A tasks file written out again, as TOML and as a crontab: nothing of what it means is lost on the way, or it is
named."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
import reference_crontab

from arrcli.config.crontab.text import Exported, as_crontab
from arrcli.config.crontab.toml import as_toml as imported
from arrcli.config.export import as_json, as_toml, resolved
from arrcli.config.load import load, parse
from arrcli.config.shape import reference
from arrcli.config.starter import starter
from arrcli.model.task import TasksFile

ROOT = Path(__file__).parent.parent
HERE = "Europe/Berlin"
HOME = "/home/me"
EVERY_KEY = r"""
[arr]
timezone = "Europe/Riga"
workers = 3
python_path = ["lib", "/opt/lib"]
shutdown_grace = "90s"
allow = ["jobs.*"]
reload = "manual"
[defaults]
timeout = "1h"
env = { LANG = "C" }
cwd = "sub"
on_overlap = "replace"
retries = 2
timezone = "Asia/Tokyo"
[pools.heavy]
size = 1
rate = "100/1m"
[tasks."with a blank and ü"]
func = "jobs:Class.method"
args = [1, -2.5, true, "a\nb\u0007\\", 2026-01-01, [1, [2]], { a = { b = [{}] } }]
kwargs = { "k k" = "v", n = 1e300 }
cron = ["30 2 * * MON-FRI", "H 0 12 L * *", "@every 90s", "@daily"]
start = 2026-01-01T00:00:00
until = 2027-01-01
description = "a \"quoted\" text"
jitter = "1h30m"
misfire_grace = 0
catch_up = "all"
catch_up_window = "2w"
max_catch_up = 7
expires = "1.5s"
max_concurrent = 2
queue_max = 0
pool = "heavy"
priority = -5
stop_grace = "0s"
retry_delay = "500us"
retry_backoff = "linear"
retry_max_delay = 86400
retry_on = ["OSError", "jobs.Odd"]
no_retry_on = "KeyError"
on_lost = "fail"
on_failure = ["mail", "-s", "it's down", "ops"]
max_output = 1500
keep_runs = 1
keep_for = "1d1us"
enabled = false
[tasks.once]
func = "jobs.once"
at = [2030-01-01T09:00:00, 2026-10-25T03:30:00, 2031-01-01T00:00:00.5+02:00, "2029-03-25"]
timezone = "Europe/Riga"
[tasks.period]
func = "jobs.period"
every = "1h30m"
on_failure = "jobs.tell"
[tasks.thread]
func = "jobs.thread"
executor = "thread"
cron = "@reboot"
[tasks.hand]
func = "jobs.hand"
cwd = "/srv"
env = {}
[tasks.later]
func = "jobs.later"
after = ["hand", "once"]
after_policy = "done"
"""
FILES = {
    "every key": EVERY_KEY,
    "the example": (ROOT / "tasks.toml.example").read_text(),
    "the starter": starter("tasks.toml"),
    "nothing": "",
    "one": '[tasks.one]\nfunc = "jobs.one"\ncron = "0 0 * * *"\n',
}


@pytest.fixture(params=FILES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "tasks.toml"
    file.write_text(FILES[request.param])
    return file


def bare(file: TasksFile) -> TasksFile:
    return replace(file, digest="", notes=())


@pytest.mark.parametrize("everything", [False, True])
def test_what_is_written_out_loads_to_the_same(path: Path, everything: bool) -> None:
    text = as_toml(resolved(path, everything=everything))
    assert bare(parse(text, path)) == bare(load(path))


def test_written_out_again_it_stays_as_it_is(path: Path) -> None:
    text = as_toml(resolved(path, everything=False))
    path.write_text(text)
    assert as_toml(resolved(path, everything=False)) == text


def test_what_is_set_is_written_with_defaults_in_each_task_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(
        '[defaults]\nretries = 2\ncwd = "sub"\n'
        '[tasks.a]\nfunc = "m.f"\nevery = 90\nargs = [2026-01-01]\nretries = 0\n'
        '[tasks.b]\nfunc = "m.f"\nat = 2030-01-01T00:00:00Z\n'
    )
    assert as_toml(resolved(path, everything=False)) == (
        f"# {path}, written out by: arr export\n"
        f'\n[tasks.a]\nfunc = "m.f"\nargs = ["2026-01-01"]\nevery = "90s"\nretries = 0\ncwd = "{tmp_path}/sub"\n'
        f'\n[tasks.b]\nfunc = "m.f"\nat = 2030-01-01T00:00:00Z\nretries = 2\ncwd = "{tmp_path}/sub"\n'
    )


def test_all_means_every_key_and_those_without_a_value_say_so(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text('[tasks.a]\nfunc = "m.f"\ncron = "0 0 * * *"\n')
    text = as_toml(resolved(path, everything=True))
    for one in reference():
        if one.table != "pools" and one.name not in ("every", "at", "after"):
            assert re.search(rf"^(?:# {one.name}: |{one.name} = )", text, re.MULTILINE), one.name
    for line in (
        "# timeout: none",
        "# cwd: this file's folder",
        'misfire_grace = "1m"',
        "retries = 0",
        "enabled = true",
    ):
        assert f"\n{line}\n" in text


def test_as_json_it_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(
        '[arr]\nworkers = 2\n[pools.p]\nsize = 1\n[tasks.a]\nfunc = "m.f"\nat = 2030-01-01T02:00:00+02:00\n'
    )
    assert as_json(resolved(path, everything=False)) == {
        "file": str(path),
        "arr": {"workers": 2},
        "pools": {"p": {"size": 1}},
        "tasks": {"a": {"func": "m.f", "at": "2030-01-01T00:00:00Z"}},
    }


# -- as a crontab


def of(text: str) -> TasksFile:
    return parse(text, "/srv/app/tasks.toml", machine_zone=HERE, cpu_count=2)


def crontab(text: str) -> Exported:
    return as_crontab(of(text), home=HOME, zone=HERE)


def shell(keys: str, *, command: str = "go", name: str = "a") -> str:
    return f'[tasks.{name}]\nfunc = "arrcli.shell.run"\nargs = [\'{command}\']\ncwd = "{HOME}"\n{keys}\n'


def body(text: str) -> str:
    return crontab(text).text.partition("--crontab\n")[2]


def test_a_shell_task_is_a_line_under_its_name() -> None:
    made = crontab(shell('cron = "30 2 * * MON-FRI"\ndescription = "Nightly"', command="date +%F; x"))
    assert made.text == (
        "# /srv/app/tasks.toml, written out by: arr export --crontab\n"
        "\n# Nightly\n# [a]\n30 2 * * MON-FRI date +\\%F; x\n"
    )
    assert (made.left, made.remarks, made.unlike_cron) == ({}, {}, True)


@pytest.mark.parametrize(
    ("written", "in_cron"),
    [
        ("@daily", "@daily"),
        ("0 30 2 * * *", "30 2 * * *"),
        ("5/15 7/2 * 3/4 1/2", "5-59/15 7-23/2 * 3-12/4 1-6/2"),
        ("0 0 ? * FRI-SUN", "0 0 * * FRI-7"),
        ("0 0 * * 7/3,mon", "0 0 * * 0-6/3,mon"),
        ("H H(0-5) * * *", "6 2 * * *"),
        ("*/5 1-9/2 1,15 JAN *", "*/5 1-9/2 1,15 JAN *"),
    ],
)
def test_times_are_written_as_cron_reads_them(written: str, in_cron: str) -> None:
    (line,) = [one for one in body(shell(f'cron = "{written}"', name="random")).splitlines() if one and one[0] != "#"]
    assert line == f"{in_cron} go"
    tasks = of(imported(f"{line}\n".encode(), system=False).text).tasks.values()
    (back,) = (task.schedule for task in tasks)
    there = of(shell(f'cron = "{written}"', name="random")).tasks["random"].schedule
    at = 1_800_000_000_000_000
    for _ in range(50):
        assert back is not None and there is not None
        following = there.after(at)
        assert following is not None and back.after(at) == following
        at = following


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[tasks.a]\nfunc = "jobs.a"\ncron = "@daily"', "it calls jobs.a, and cron runs commands only"),
        (shell('every = "5m"'), "cron has no every"),
        (shell("at = 2030-01-01"), "cron has no at"),
        (shell(""), "it has no schedule"),
        (shell('cron = "*/10 * * * * *"'), '"*/10 * * * * *" has seconds, which cron has not'),
        (shell('cron = "0 0 L * *"'), '"0 0 L * *" has L or #, which cron does not know'),
        (shell('cron = "@daily"\nuntil = 2030-01-01'), "it has until, and cron runs its lines for ever"),
        (shell('cron = "@daily"', command="a\nb").replace("'", "'''"), "its command has several lines"),
        (shell('cron = "@daily"\nkwargs = { stdin = "x" }'), "cron cannot give it this standard input"),
        (shell('cron = "@daily"\nkwargs = { stdin = "x\\\\\\ny\\n" }'), "cron cannot give it this standard input"),
        (shell('cron = "@daily"\nenv = { "a b" = "" }'), "cron does not let a crontab set a b"),
        (shell('cron = "@daily"\nenv = { A = "x\\ny" }'), "its variable A has several lines"),
        (
            shell('cron = "@daily"\nenv = { SHELL = "/bin/zsh" }'),
            "its SHELL is another one than the shell that runs it",
        ),
        (shell('cron = "@daily"', command="*x"), "cron does not take a command that begins with *"),
    ],
)
def test_what_cron_cannot_do_is_named_and_left_out(text: str, why: str) -> None:
    made = crontab(text + "\n" + shell('cron = "@daily"', name="b"))
    assert made.left == {"a": why}
    assert made.text.endswith("\n\n# [b]\n@daily go\n")


def test_policies_that_cron_has_not_are_named() -> None:
    keys = 'cron = "@daily"\ntimeout = "1h"\nretries = 3\non_overlap = "queue"\njitter = "90s"'
    assert crontab(shell(keys)).remarks == {"a": "timeout, retries, on_overlap, jitter: cron has no such thing"}
    made = crontab(shell('cron = "@daily"\non_overlap = "allow"\ncatch_up = "skip"'))
    assert (made.remarks, made.unlike_cron) == ({}, False)


def test_a_disabled_task_is_a_comment() -> None:
    made = crontab(shell('cron = "@daily"\nenabled = false'))
    assert made.text.endswith("# [a]\n#@daily go\n")
    assert made.remarks == {"a": "disabled: its line is a comment"}


def test_settings_hold_from_where_they_change_and_what_goes_is_taken_back() -> None:
    text = "".join(
        [
            shell('cron = "1 * * * *"\nenv = { A = "1", B = " two " }\njitter = "5m"', name="a"),
            shell('cron = "2 * * * *"\nenv = { A = "1" }\ntimezone = "Asia/Tokyo"', name="b"),
            shell('cron = "3 * * * *"\nkwargs = { shell = "/bin/bash" }', name="c"),
            shell('cron = "4 * * * *"', name="d").replace(HOME, "/srv"),
        ]
    )
    assert body(text) == (
        '\nA=1\nB=" two "\nRANDOM_DELAY=5\n\n# [a]\n1 * * * * go\n'
        "\nCRON_TZ=Asia/Tokyo\nRANDOM_DELAY=0\n\n# [b]\n2 * * * * unset B; go\n"
        f"\nSHELL=/bin/bash\nCRON_TZ={HERE}\n\n# [c]\n3 * * * * unset A B; go\n"
        "\nSHELL=/bin/sh\n\n# [d]\n4 * * * * cd /srv || exit; unset A B; go\n"
    )


def test_a_task_that_begins_in_the_files_folder_goes_there() -> None:
    assert body('[tasks.a]\nfunc = "arrcli.shell.run"\nargs = ["x"]\ncron = "@daily"\n') == (
        "\n# [a]\n@daily cd /srv/app || exit; x\n"
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_crontab_that_goes_there_and_back_stays_what_it_is(seed: int) -> None:
    """import-cron, export --crontab, import-cron, export --crontab: equal tasks, and an equal crontab."""
    draw = random.Random(seed)
    system = seed % 4 == 3
    first = of(
        imported(reference_crontab.crontab(draw, ["Asia/Tokyo", HERE], system=system).encode(), system=system).text
    )
    home = str(Path.home())
    made = as_crontab(first, home=home, zone=HERE)
    assert (made.left, made.remarks, made.unlike_cron) == ({}, {}, False)
    second = of(imported(made.text.encode(), system=False).text)
    assert list(second.tasks) == list(first.tasks)
    assert second.tasks == first.tasks
    assert as_crontab(second, home=home, zone=HERE).text == made.text
