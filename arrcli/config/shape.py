"""The shape of a tasks file: every key, with its kind, its default and its meaning.

These models are the one table of keys: loading, `arr export --schema` and the documentation read them. They
know nothing of zones, schedules or other tasks: that is `build`.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

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


def key(default: str, meaning: str) -> Any:
    """A key that may be left out: its default as TOML (or words, where it has none), and what it means."""
    return Field(default=None, description=meaning, json_schema_extra={"x-default": default})


class Shape(BaseModel):
    """A table of the file. A key that is not given is not in `given()`: defaults are `model.task`'s alone."""

    model_config = ConfigDict(extra="forbid", defer_build=True)  # only the whole file is ever validated

    def given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}


class ArrShape(Shape):
    """`[arr]`: what holds for the whole file."""

    timezone: Word = key("the machine's zone", "IANA name of the zone that schedules are read in")
    workers: Positive = key("the number of CPUs", "worker processes")
    python_path: list[Word] = key('["."]', "folders, relative to this file, that workers import from first")
    shutdown_grace: Duration = key('"8s"', "how long running tasks may go on once arr is told to stop")
    allow: list[Word] = key("any", 'which bare dotted paths `arr enqueue` may run: patterns, as "reports.*"')
    reload: Literal["auto", "manual"] = key(
        '"auto"', "take an edited file by itself, or only on `arr reload` and SIGHUP"
    )


class PoolShape(Shape):
    """`[pools.NAME]`: a cap across the tasks that name it."""

    size: Positive = key("no cap", "how many runs of the pool's tasks may be active at once")
    rate: Rate = key("no limit", 'how many runs may start in a time, as "100/1m" (not carried out yet)')


class DefaultsShape(Shape):
    """`[defaults]`: what tasks have where they do not say otherwise."""

    timezone: Word = key("that of [arr]", "IANA name of the zone that the schedule is read in")
    start: Moment = key("none", "no slots before this time; a local one is read in `timezone`")
    until: Moment = key("none", "no slots after this time; a local one is read in `timezone`")
    enabled: Truth = key("true", "false acts as paused")
    description: Text = key('""', "what the task is for, shown by `arr show` and the dashboard")
    jitter: Duration = key(
        "0", "spread by a stable offset up to this, hashed from the task's name; the slot stays nominal"
    )
    misfire_grace: Duration = key(
        '"60s"', "a slot planned later than this (after downtime or suspend) was missed: see `catch_up`"
    )
    catch_up: CatchUp = key(
        '"latest"', "of missed slots run the newest, all (the newest `max_catch_up`), or none (skip)"
    )
    catch_up_window: Duration = key('"24h"', "missed slots older than this are never caught up")
    max_catch_up: Positive = key("100", 'the most slots that `catch_up = "all"` runs')
    expires: Span = key("none", "a run still pending this long after it was due ends as skipped")
    on_overlap: Overlap = key(
        '"skip"',
        "a slot whose task is still at work: skip it, queue it, replace the oldest run, or allow both",
    )
    max_concurrent: Positive = key("1", "how many runs of the task may be active at once")
    queue_max: Count = key("100", 'the most runs that wait with `on_overlap = "queue"`')
    pool: Word = key('"default"', "the pool whose cap holds for the task")
    priority: Whole = key("0", "of runs that are due, those with a higher number go first")
    executor: ExecutorName = key(
        '"process"', "a killable process, or a thread (or event loop) of one shared host process"
    )
    timeout: Span = key(
        "none", "an attempt that takes longer, imports included, is stopped; where it was is kept (`arr show`)"
    )
    stop_grace: Duration = key('"5s"', "the time between TERM and KILL for an attempt that is stopped")
    retries: Count = key("0", "further attempts after one that failed")
    retry_delay: Duration = key('"5s"', "the wait before the first retry (+-10 %)")
    retry_backoff: Backoff = key('"exponential"', "how the wait grows from one retry to the next")
    retry_max_delay: Duration = key('"5m"', "the longest wait before a retry")
    retry_on: Exceptions = key("all", "exceptions (dotted paths) that are worth a retry")
    no_retry_on: Exceptions = key("none", "exceptions (dotted paths) that are not")
    on_lost: OnLost = key(
        '"retry"', "an attempt that lost its worker or daemon, or was killed at shutdown: retry it, or fail"
    )
    after_policy: AfterPolicy = key(
        '"success"', "run after the named tasks when all succeeded, when all are done, or when one failed"
    )
    env: Environment = key("{}", "environment variables of each attempt")
    cwd: Word = key("this file's folder", "the folder that each attempt starts in, relative to this file")
    on_failure: Hook = key(
        "none",
        "once a run failed for good: call this dotted path with the run, or run this command with it as JSON",
    )
    max_output: Size = key('"1MiB"', "how much of a run's output is kept: its head and its tail")
    keep_runs: Positive = key("1000", "how many executed runs history keeps")
    keep_for: Span = key('"30d"', "how long history keeps a run")


class TaskShape(DefaultsShape):
    """`[tasks.NAME]`: a callable with its schedule and its policies."""

    func: DottedPath = key("required", 'what to call: "package.module.function" or "package.module:Class.method"')
    args: list[Any] = key("[]", "positional arguments")
    kwargs: Table = key("{}", "keyword arguments")
    cron: Words = key("none", "a cron expression of 5 fields, or 6 with seconds first, or a list of them")
    every: Period = key("none", 'a period, as "90s"')
    at: Moments = key("none", "a time, or a list of times; local ones are read in `timezone`")
    after: Words = key("[]", "run after these tasks (checked, not carried out yet)")


class FileShape(Shape):
    """A tasks file of arr."""

    arr: ArrShape = key("{}", "what holds for the whole file")
    defaults: DefaultsShape = key("{}", "what tasks have where they do not say otherwise")
    pools: dict[str, PoolShape] = key("{}", "caps across tasks, by name")
    tasks: dict[str, TaskShape] = key("{}", "the tasks, by name")


FIRST: Final = ("func", "args", "kwargs", "cron", "every", "at", "after")
"""The keys that a task alone may have, as people order them; no default stands for them."""

TABLES: Final[dict[str, type[Shape]]] = {
    "arr": ArrShape,
    "defaults": DefaultsShape,
    "pools": PoolShape,
    "tasks": TaskShape,
}


@dataclass(frozen=True, slots=True)
class KeyDoc:
    """One key as documentation shows it; `default` as TOML, or in words where it has none."""

    table: str
    name: str
    default: str
    meaning: str


def reference() -> list[KeyDoc]:
    """Every key of a tasks file, `[defaults]` left out: its keys are those of a task."""
    found = []
    for table in ("arr", "pools", "tasks"):
        fields = TABLES[table].model_fields
        first = [name for name in FIRST if name in fields]
        for name in [*first, *(name for name in fields if name not in FIRST)]:
            extra = fields[name].json_schema_extra
            default = str(extra["x-default"]) if isinstance(extra, dict) else ""
            found.append(KeyDoc(table, name, default, fields[name].description or ""))
    return found
