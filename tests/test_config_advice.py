"""What a tasks file means that may surprise its author."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from arrcli.config.advice import warnings
from arrcli.config.load import parse
from arrcli.model.instant import from_datetime

NOW = from_datetime(datetime(2026, 6, 1, tzinfo=UTC))


def said(text: str) -> list[str]:
    file = parse(text, "/nowhere/tasks.toml", machine_zone="Europe/Riga")
    return warnings(file, NOW, text=text)


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        ("at = 2026-01-01T00:00:00Z",
         "3:6: tasks.x.at: 2026-01-01T00:00:00.000000Z is past: recorded as missed, and not run"),
        ("at = [2025-01-01T00:00:00Z, 2026-01-01T00:00:00Z, 2030-01-01]",
         "3:6: tasks.x.at: 2025-01-01T00:00:00.000000Z and 1 more are past: recorded as missed, and not run"),
        ("cron = '0 12 13 * FRI'",
         '3:8: tasks.x.cron: "0 12 13 * FRI": day 13 or weekday FRI: '
         'either is enough, they need not both match'),
        ("cron = '30 3 * * *'",
         '3:8: tasks.x.cron: "30 3 * * *": '
         '03:30 comes twice on Sun 2026-10-25: fires in the first pass only'),
        ("start = 2026-01-01", "3:9: tasks.x.start: does nothing, since the task has no schedule"),
        ("every = '1h'\nuntil = 2026-05-01", "4:9: tasks.x.until: leaves the task no slot from now on"),
    ],
)  # fmt: skip
def test_a_surprise_is_named_at_its_place(lines: str, warning: str) -> None:
    assert said(f'[tasks.x]\nfunc = "j.x"\n{lines}\n') == [f"tasks.toml:{warning}"]


@pytest.mark.parametrize(
    "lines",
    [
        "cron = '*/5 * * * *'",
        "cron = '30 12 * * *'",
        "every = '1h'",
        "cron = '@reboot'",
        "at = 2030-01-01",
        "",
    ],
)
def test_nothing_is_said_where_nothing_surprises(lines: str) -> None:
    assert said(f'[tasks.x]\nfunc = "j.x"\n{lines}\n') == []


def test_many_tasks_at_one_time_of_day_are_counted() -> None:
    herd = "".join(f'[tasks.t{n}]\nfunc = "j.x"\ncron = "@daily"\n' for n in range(41))
    spread = "".join(f'[tasks.h{n}]\nfunc = "j.x"\ncron = "H 0 * * *"\n' for n in range(41))
    assert said(herd + spread) == [
        "tasks.toml:3:8: tasks.t0.cron: 41 tasks at 00:00 (Europe/Riga) — H in place of the minute spreads them"
    ]


def test_nine_tasks_at_one_time_are_no_herd() -> None:
    assert said("".join(f'[tasks.t{n}]\nfunc = "j.x"\ncron = "@daily"\n' for n in range(9))) == []


def test_a_pool_that_no_task_uses_is_named() -> None:
    assert said("[pools.p]\nsize = 1\n") == ["tasks.toml:1:1: pools.p: no task uses this pool"]


def test_a_file_that_is_gone_since_loses_only_its_lines() -> None:
    file = parse("[pools.p]\nsize = 1\n", "/nowhere/tasks.toml", machine_zone="UTC")
    assert warnings(file, NOW) == ["tasks.toml:1:1: pools.p: no task uses this pool"]
