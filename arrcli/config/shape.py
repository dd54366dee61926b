"""The shape of a tasks file: every key, with its kind, its default and its meaning.

This is the one table of keys: loading, `arr export --schema` and the documentation read it. It knows nothing of zones,
schedules or other tasks: that is `build`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from arrcli.config.kinds import (
    Count,
    DottedPath,
    Duration,
    Environment,
    Exceptions,
    Hook,
    Moment,
    Moments,
    Period,
    Positive,
    Rate,
    Size,
    Span,
    Table,
    Text,
    Truth,
    Whole,
    Word,
    Words,
)
from arrcli.model.task import AfterPolicy, Backoff, CatchUp, ExecutorName, OnLost, Overlap
from arrcli.model.value import dataclass


@dataclass(frozen=True)
class Key:
    """A key that may be left out: its kind, its default as TOML (or words, where it has none), and what it means."""

    kind: Any
    default: str
    meaning: str

    @cached_property
    def read(self) -> Callable[[Any], Any]:
        """Gives what its kind promises of a value from TOML; ValidationError. Made when first asked for: a file has
        few of all keys, and each costs a start."""
        read: Callable[[Any], Any] = TypeAdapter(self.kind).validator.validate_python
        return read


@dataclass(frozen=True, slots=True)
class Shape:
    """A table of the file. Defaults are `model.task`'s alone: what is not given is nowhere."""

    meaning: str
    keys: Mapping[str, Key]


_ARR: Final = {
    "timezone": Key(Word, "the machine's zone", "IANA name of the zone that schedules are read in"),
    "workers": Key(Positive, "the number of CPUs", "worker processes"),
    "python_path": Key(list[Word], '["."]', "folders, relative to this file, that workers import from first"),
    "shutdown_grace": Key(Duration, '"8s"', "how long running tasks may go on once arr is told to stop"),
    "allow": Key(list[Word], "any", 'which bare dotted paths `arr enqueue` may run: patterns, as "reports.*"'),
    "reload": Key(
        Literal["auto", "manual"], '"auto"', "take an edited file by itself, or only on `arr reload` and SIGHUP"
    ),
}
_POOL: Final = {
    "size": Key(Positive, "no cap", "how many runs of the pool's tasks may be active at once"),
    "rate": Key(Rate, "no limit", 'how many runs may start in a time, as "100/1m" (not carried out yet)'),
}
_TASK_ALONE: Final = {
    "func": Key(DottedPath, "required", 'what to call: "package.module.function" or "package.module:Class.method"'),
    "args": Key(list[Any], "[]", "positional arguments"),
    "kwargs": Key(Table, "{}", "keyword arguments"),
    "cron": Key(Words, "none", "a cron expression of 5 fields, or 6 with seconds first, or a list of them"),
    "every": Key(Period, "none", 'a period, as "90s"'),
    "at": Key(Moments, "none", "a time, or a list of times; local ones are read in `timezone`"),
    "after": Key(Words, "[]", "run after these tasks (checked, not carried out yet)"),
}
_DEFAULTS: Final = {
    "timezone": Key(Word, "that of [arr]", "IANA name of the zone that the schedule is read in"),
    "start": Key(Moment, "none", "no slots before this time; a local one is read in `timezone`"),
    "until": Key(Moment, "none", "no slots after this time; a local one is read in `timezone`"),
    "enabled": Key(Truth, "true", "false acts as paused"),
    "description": Key(Text, '""', "what the task is for, shown by `arr show` and the dashboard"),
    "jitter": Key(
        Duration, "0", "spread by a stable offset up to this, hashed from the task's name; the slot stays nominal"
    ),
    "misfire_grace": Key(
        Duration, '"60s"', "a slot planned later than this (after downtime or suspend) was missed: see `catch_up`"
    ),
    "catch_up": Key(
        CatchUp, '"latest"', "of missed slots run the newest, all (the newest `max_catch_up`), or none (skip)"
    ),
    "catch_up_window": Key(Duration, '"24h"', "missed slots older than this are never caught up"),
    "max_catch_up": Key(Positive, "100", 'the most slots that `catch_up = "all"` runs'),
    "expires": Key(Span, "none", "a run still pending this long after it was due ends as skipped"),
    "on_overlap": Key(
        Overlap,
        '"skip"',
        "a slot whose task is still at work: skip it, queue it, replace the oldest run, or allow both",
    ),
    "max_concurrent": Key(Positive, "1", "how many runs of the task may be active at once"),
    "queue_max": Key(Count, "100", 'the most runs that wait with `on_overlap = "queue"`'),
    "pool": Key(Word, '"default"', "the pool whose cap holds for the task"),
    "priority": Key(Whole, "0", "of runs that are due, those with a higher number go first"),
    "executor": Key(
        ExecutorName, '"process"', "a killable process, or a thread (or event loop) of one shared host process"
    ),
    "timeout": Key(
        Span, "none", "an attempt that takes longer, imports included, is stopped; where it was is kept (`arr show`)"
    ),
    "stop_grace": Key(Duration, '"5s"', "the time between TERM and KILL for an attempt that is stopped"),
    "retries": Key(Count, "0", "further attempts after one that failed"),
    "retry_delay": Key(Duration, '"5s"', "the wait before the first retry (+-10 %)"),
    "retry_backoff": Key(Backoff, '"exponential"', "how the wait grows from one retry to the next"),
    "retry_max_delay": Key(Duration, '"5m"', "the longest wait before a retry"),
    "retry_on": Key(Exceptions, "all", "exceptions (dotted paths) that are worth a retry"),
    "no_retry_on": Key(Exceptions, "none", "exceptions (dotted paths) that are not"),
    "on_lost": Key(
        OnLost, '"retry"', "an attempt that lost its worker or daemon, or was killed at shutdown: retry it, or fail"
    ),
    "after_policy": Key(
        AfterPolicy, '"success"', "run after the named tasks when all succeeded, when all are done, or when one failed"
    ),
    "env": Key(Environment, "{}", "environment variables of each attempt"),
    "cwd": Key(Word, "this file's folder", "the folder that each attempt starts in, relative to this file"),
    "on_failure": Key(
        Hook,
        "none",
        "once a run failed for good: call this dotted path with the run, or run this command with it as JSON",
    ),
    "max_output": Key(Size, '"1MiB"', "how much of a run's output is kept: its head and its tail"),
    "keep_runs": Key(Positive, "1000", "how many executed runs history keeps"),
    "keep_for": Key(Span, '"30d"', "how long history keeps a run"),
}

FIRST: Final = tuple(_TASK_ALONE)
"""The keys that a task alone may have, as people order them; no default stands for them."""

TABLES: Final = {
    "arr": Shape("`[arr]`: what holds for the whole file.", _ARR),
    "defaults": Shape("`[defaults]`: what tasks have where they do not say otherwise.", _DEFAULTS),
    "pools": Shape("`[pools.NAME]`: a cap across the tasks that name it.", _POOL),
    "tasks": Shape("`[tasks.NAME]`: a callable with its schedule and its policies.", {**_TASK_ALONE, **_DEFAULTS}),
}
"""The tables of a file: of pools and tasks, those that each name has."""


@dataclass(frozen=True, slots=True)
class KeyDoc:
    """One key as documentation shows it; `default` as TOML, or in words where it has none."""

    table: str
    name: str
    default: str
    meaning: str


def reference() -> list[KeyDoc]:
    """Every key of a tasks file, `[defaults]` left out: its keys are those of a task."""
    return [
        KeyDoc(table, name, key.default, key.meaning)
        for table in ("arr", "pools", "tasks")
        for name, key in TABLES[table].keys.items()
    ]
