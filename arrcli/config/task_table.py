"""One `[tasks.NAME]`, together with what `[defaults]` add to it, becomes a `Task`."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from arrcli.config.faults import Findings, meant, quoted, reason, shown
from arrcli.config.place import Path
from arrcli.errors import ScheduleError
from arrcli.model.instant import EARLIEST, LATEST, Instant
from arrcli.model.schedule import At, Every, Schedule, Union, parse_cron
from arrcli.model.task import Task
from arrcli.model.value import dataclass
from arrcli.model.wall import machine_zone, zone_named

DEEPEST: Final = 50
"""How deep lists and tables may be nested in arguments."""

LARGEST_BITS: Final = 4096
"""Whole numbers beyond this are no JSON that other programs would read."""

SCHEDULES: Final = ("cron", "every", "at")
PROCESS_ONLY: Final = ("timeout", "env", "cwd")
"""What a thread cannot have."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What a task sees of the rest of the file; `tasks` and `pools` are all names, of faulty ones too."""

    defaults: Mapping[str, Any]
    zone: ZoneInfo
    folder: str
    tasks: Mapping[str, Any]
    pools: Mapping[str, Any]


def task_of(name: str, own: Mapping[str, Any], whole: Whole, found: Findings) -> Task:
    """The task, as far as it could be read."""
    table = _Table(name, own, whole, found)
    table.check_callable()
    zone = table.zone()
    schedule = table.schedule(zone)
    start, until = table.moment("start", zone), table.moment("until", zone)
    if start is not None and until is not None and until <= start:
        found.fault(table.path("until"), "until is not after start — no slot would be left")
    table.check_pool()
    policies = table.policies()
    return Task(
        name=name,
        func=table.own.get("func", ""),
        args=tuple(table.json("args", [])),
        kwargs=table.json("kwargs", {}),
        schedule=schedule,
        timezone=zone.key,
        start=start,
        until=until,
        after=table.after(),
        **policies,
    )


_ELSEWHERE: Final = frozenset({"func", "args", "kwargs", *SCHEDULES, "after", "timezone", "start", "until", "cwd"})
_TUPLES: Final = ("retry_on", "no_retry_on")


@dataclass(frozen=True, slots=True)
class _Table:
    """One `[tasks.NAME]`, with what stands in it (`own`) and what `[defaults]` add."""

    name: str
    own: Mapping[str, Any]
    whole: Whole
    found: Findings

    def get(self, key: str) -> Any:
        return self.own[key] if key in self.own else self.whole.defaults.get(key)

    def path(self, key: str) -> Path:
        """Where the key's value comes from: this table or the defaults."""
        return ("tasks", self.name, key) if key in self.own else ("defaults", key)

    def refuse(self, key: str, text: str) -> None:
        self.found.fault(self.path(key), text)

    def written(self, key: str) -> Any:
        """The key as the file has it."""
        table = self.whole.tasks[self.name]
        return table.get(key) if isinstance(table, dict) else None

    def check_callable(self) -> None:
        if "func" not in self.own and self.written("func") is None:
            self.found.fault(("tasks", self.name), 'no func — write what to call: func = "module.function"')

    def zone(self) -> ZoneInfo:
        name = self.get("timezone")
        if name is None:
            return self.whole.zone
        return zone_of(name, self.path("timezone"), self.found) or ZoneInfo("UTC")

    def schedule(self, zone: ZoneInfo) -> Schedule | None:
        table = self.whole.tasks[self.name]
        kinds = [key for key in table if key in SCHEDULES or (key == "after" and table[key])]
        if len(kinds) > 1:
            self.found.fault(("tasks", self.name, kinds[1]), f"{_two(kinds)} — keep one")
        schedules = [self._one(key, zone) for key in SCHEDULES if key in self.own]
        return schedules[0] if schedules else None

    def _one(self, key: str, zone: ZoneInfo) -> Schedule | None:
        if key == "cron":
            return self._cron(zone)
        if key == "at":
            return self._at(zone)
        return Every(self.own[key])

    def _cron(self, zone: ZoneInfo) -> Schedule | None:
        read = []
        for path, text in self._elements("cron"):
            try:
                read.append(parse_cron(text, zone, self.name))
            except ScheduleError as error:
                self.found.fault(path, reason(error))
        if len(read) < len(self.own["cron"]):
            return None
        try:
            return read[0] if len(read) == 1 else Union(read)
        except ScheduleError as error:
            self.refuse("cron", reason(error))
            return None

    def _at(self, zone: ZoneInfo) -> Schedule | None:
        moments = [self._instant(path, moment, zone) for path, moment in self._elements("at")]
        if not moments:
            self.refuse("at", "an empty list of times — write one, as 2026-01-31T09:00:00")
        return At(self.own["at"], zone) if moments and None not in moments else None

    def _elements(self, key: str) -> Iterator[tuple[Path, Any]]:
        """Each element with its path: that of the key itself where the file has no list."""
        listed = isinstance(self.written(key), list)
        for index, element in enumerate(self.own[key]):
            yield ((*self.path(key), index) if listed else self.path(key)), element

    def moment(self, key: str, zone: ZoneInfo) -> Instant | None:
        given = self.get(key)
        return None if given is None else self._instant(self.path(key), given, zone)

    def _instant(self, path: Path, moment: Any, zone: ZoneInfo) -> Instant | None:
        try:
            read = At([moment], zone)
        except (ScheduleError, OverflowError) as error:
            self.found.fault(path, reason(error))
            return None
        if read.lost:
            self.found.fault(path, f"{shown(moment)} does not exist in {zone.key}: that day was left out")
            return None
        if not EARLIEST <= read.times[0] <= LATEST:
            self.found.fault(path, f"{shown(moment)} is outside the years 1 to 9999 in UTC")
            return None
        return read.times[0]

    def check_pool(self) -> None:
        pool = self.get("pool")
        if pool in (None, "default") or pool in self.whole.pools:
            return
        near = meant(pool, [*self.whole.pools, "default"])
        mend = near or f" — write [pools.{pool if pool.isalnum() else 'NAME'}] with size = 1"
        self.refuse("pool", f"there is no pool {quoted(pool)}{mend}")

    def after(self) -> tuple[str, ...]:
        if not self.own.get("after"):
            return ()
        for path, name in self._elements("after"):
            if name == self.name:
                self.found.fault(path, "a task cannot run after itself — remove it")
            elif name not in self.whole.tasks:
                near = meant(name, self.whole.tasks) or " — write the name of a task of this file"
                self.found.fault(path, f"there is no task {quoted(name)}{near}")
        self.found.note(self.path("after"), "is checked but not carried out yet: the task runs by hand only")
        return tuple(self.own["after"])

    def policies(self) -> dict[str, Any]:
        """Every key that needs no more than its own value."""
        given = {**self.whole.defaults, **self.own}
        policies = {key: value for key, value in given.items() if key not in _ELSEWHERE}
        policies |= {key: tuple(policies[key]) for key in _TUPLES if key in policies}
        if "cwd" in given:
            policies["cwd"] = absolute(given["cwd"], self.whole.folder)
        return self._as_thread(policies) if given.get("executor") == "thread" else policies

    def _as_thread(self, policies: dict[str, Any]) -> dict[str, Any]:
        """What a thread cannot have is refused where the task sets it, and dropped where a default does."""
        for key in PROCESS_ONLY:
            if key in self.own:
                self.refuse(key, f'executor = "thread" has no {key} — use executor = "process", or remove it')
        if self.own.get("on_overlap") == "replace":
            self.refuse("on_overlap", 'executor = "thread" cannot replace a run — use "queue" or "skip"')
        dropped = {*PROCESS_ONLY, *(["on_overlap"] if policies.get("on_overlap") == "replace" else [])}
        return {key: value for key, value in policies.items() if key not in dropped}

    def json(self, key: str, without: Any) -> Any:
        value = self.own.get(key, without)
        return _json(value, self.path(key), self.found) if value else value


def _two(kinds: list[str]) -> str:
    said = f"{', '.join(kinds[:-1])} and {kinds[-1]}"
    if "after" in kinds:
        return f"{said} exclude each other: a task has a schedule, or runs after others"
    return f"{'two' if len(kinds) == 2 else 'three'} schedules, {said}"


def absolute(path: str, folder: str) -> str:
    return os.path.normpath(os.path.join(folder, os.path.expanduser(path)))  # noqa: PTH111, PTH118 - no Path: text in, text out


def _json(value: Any, path: Path, found: Findings) -> Any:
    """The value as JSON has it, dates as ISO text; what JSON has not is a fault."""
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        if value.bit_length() > LARGEST_BITS:
            found.fault(path, "a number of over a thousand digits — write it in quotes")
            return 0
        return value
    if isinstance(value, float) and not math.isfinite(value):
        found.fault(path, f'{shown(value)} is not in JSON — write it in quotes, as "{value}"')
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list | dict):
        if len(path) > DEEPEST + 3:  # tasks, its name, the key
            found.fault(path, f"lists and tables are nested over {DEEPEST} deep — flatten them, or pass text")
            return None
        if isinstance(value, list):
            return [_json(element, (*path, index), found) for index, element in enumerate(value)]
        return {key: _json(element, (*path, key), found) for key, element in value.items()}
    return value


def zone_of(name: str | None, path: Path, found: Findings) -> ZoneInfo | None:
    try:
        return zone_named(name) if name is not None else machine_zone()
    except ScheduleError as error:
        found.fault(path, reason(error))
        return None
