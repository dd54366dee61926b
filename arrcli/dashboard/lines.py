"""The plain log: a line an event, for people or as JSON. No rich here: `arr run | cat` starts without it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any, Final

from arrcli.dashboard import times
from arrcli.dashboard.words import fault_line, memory, safe, why
from arrcli.model.event import Event, Kind
from arrcli.model.instant import SECOND, Instant, iso
from arrcli.model.run import Run
from arrcli.text import shortened

_LONGEST_NAME: Final = 100
_LONGEST_LINE: Final = 1000
_LISTED: Final = 5


def line(event: Event, zone: tzinfo) -> str | None:
    """The event as one line without its line end, safe for a terminal; None where there is nothing to say.

    `14:05:12 ok     import-orders  run 4823  12.1s  83 MB`
    """
    said = _SAYINGS[event.kind](event)
    if not said:
        return None
    return shortened(f"{times.clock(event.at, zone)} {said}".rstrip(), _LONGEST_LINE)


def json_line(event: Event) -> str:
    """The event as one JSON object: `schema_version`, `at`, `event`, `run` (null: none), `details`.

    All ASCII, so that no text from outside can reach a terminal through it.
    """
    shape = {
        "schema_version": 1,
        "at": iso(event.at),
        "event": event.kind,
        "run": run_shape(event.run) if event.run is not None else None,
        "details": {name: _shown(name, value) for name, value in event.details.items()},
    }
    return json.dumps(shape, default=str).replace("\x7f", "\\u007f")


def run_shape(run: Run) -> dict[str, Any]:
    """What an event says of its run; `arr show ID --json` has the whole of it."""
    fault = run.fault
    return {
        "id": run.id,
        "task": run.task,
        "func": run.func,
        "origin": run.origin,
        "state": run.shown_state,
        "reason": run.reason,
        "slot": _time(run.slot),
        "due_at": _time(run.due_at),
        "started_at": _time(run.started_at),
        "finished_at": _time(run.finished_at),
        "attempt": run.attempt,
        "count": run.count,
        "duration_s": None if run.duration is None else run.duration / 1_000_000,
        "error": None if fault is None else {"type": fault.type, "message": fault.message},
    }


def _time(at: Instant | None) -> str | None:
    return None if at is None else iso(at)


def _shown(name: str, value: Any) -> Any:
    """Instants among the details are written as every other time is."""
    is_instant = name.endswith("_at") or name in ("slot", "last_slot")
    return iso(value) if is_instant and isinstance(value, int) else value


def _about(word: str, event: Event, *notes: str) -> str:
    """`ok     import-orders  run 4823  12.1s`: the word, whose run it is, and what there is to say."""
    run = event.run
    if run is None:
        return word
    number = f"run {run.id}" if run.id else ""
    name = shortened(safe(run.name), _LONGEST_NAME)
    return f"{word:<6} {name:<13}  " + "  ".join(part for part in (number, *notes) if part)


def _started(event: Event) -> str:
    run = event.run
    return _about("start", event, f"attempt {run.attempt}" if run and run.attempt > 1 else "")


def _succeeded(event: Event) -> str:
    run = event.run
    return _about(
        "ok",
        event,
        *(() if run is None else (times.lasted(run.duration), memory(run), safe(run.result_note or ""))),
    )


def _failed(event: Event) -> str:
    run = event.run
    if run is None:
        return "failed"
    logs = f"(arr logs {run.id})" if run.id else ""
    return _about("failed", event, times.lasted(run.duration), shortened(why(run), 600), logs)


def _retrying(event: Event) -> str:
    run = event.run
    if run is None:
        return "retry"
    ready_at = event.details.get("ready_at", run.ready_at)
    left = max(0, ready_at - event.at)
    wait = f"in {times.lasted(left) if left < SECOND else times.countdown(left)}, after attempt {run.attempt}"
    return _about("retry", event, wait, shortened(why(run), 600), f"(arr logs {run.id})" if run.id else "")


def _cancelled(event: Event) -> str:
    run = event.run
    return _about("cancel", event, *(() if run is None else (times.lasted(run.duration), why(run))))


def _skipped(event: Event) -> str:
    """How many slots were skipped now; their row may hold many more from before."""
    run = event.run
    if run is None:
        return "skip"
    if event.details.get("again"):
        return ""  # a stretch of skipped slots is told once, when it begins
    return _about("skip", event, why(replace(run, count=_number(event.details, "count") or run.count)))


def _recovered(event: Event) -> str:
    fault = "" if event.run is None else fault_line(event.run.fault)
    return _about("lost", event, "the process that ran it is gone; taken back", fault)


def _daemon_started(event: Event) -> str:
    said = event.details
    facts = (
        _text(said, "file"),
        counted(_number(said, "tasks"), "task"),
        counted(_number(said, "workers"), "worker"),
        _text(said, "store"),
        _text(said, "timezone"),
    )
    upcoming = _text(said, "next")
    listed = ", ".join(fact for fact in facts if fact)
    return f"arr {_text(said, 'version')} pid {_text(said, 'pid')}: {listed}" + (
        f"; next: {upcoming}" if upcoming else ""
    )


def _daemon_stopping(event: Event) -> str:
    running = _number(event.details, "running")
    if not running:
        return "stopping"
    them = "it" if running == 1 else "them"
    if event.details.get("now"):
        return f"stopping now: {counted(running, 'run')} killed"
    grace = times.countdown(_number(event.details, "grace_us"))
    still = f"{counted(running, 'run')} still going"
    return f"stopping: {still}, waiting up to {grace}; Ctrl-C again kills {them}"


def _daemon_stopped(event: Event) -> str:
    killed, left = _number(event.details, "killed"), _number(event.details, "left")
    ends = [f"{counted(killed, 'run')} killed"] if killed else []
    ends += [f"{counted(left, 'run')} left for the next start"] if left else []
    return f"stopped: {', '.join(ends)}" if ends else "stopped"


def _reloaded(event: Event) -> str:
    changes = [
        f"{word} {_listed(event.details[word])}" for word in ("added", "changed", "removed") if event.details.get(word)
    ]
    return "reloaded: " + ("; ".join(changes) or "no task changed")


def _reload_refused(event: Event) -> str:
    faults = event.details.get("faults") or ()
    return f"reload refused, the tasks stay as they were: {_listed(faults, '; ')}"


def _clock_stepped(event: Event) -> str:
    by = _number(event.details, "by_us")
    return f"the clock was set {'forward' if by >= 0 else 'back'} by {times.lasted(abs(by))}"


def _worker_died(event: Event) -> str:
    message = _text(event.details, "message")
    died = f"worker {_text(event.details, 'worker')} died"
    return _about("lost", event, f"{died}: {message}") if event.run else f"{died}: {message}".rstrip(": ")


def _note(event: Event) -> str:
    return _text(event.details, "text")


def counted(number: int, noun: str) -> str:
    """`1 task`, `24 tasks`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _text(details: Mapping[str, Any], name: str) -> str:
    return safe(str(details.get(name, "")))


def _number(details: Mapping[str, Any], name: str) -> int:
    """A count, whether it was told as a number or as the things themselves."""
    value = details.get(name, 0)
    return len(value) if isinstance(value, Sequence | Mapping) else int(value or 0)


def _listed(names: Sequence[str], between: str = ", ") -> str:
    shown = between.join(safe(str(name)) for name in list(names)[:_LISTED])
    return f"{shown} and {len(names) - _LISTED} more" if len(names) > _LISTED else shown


_SAYINGS: Final[Mapping[Kind, Callable[[Event], str]]] = {
    "daemon_started": _daemon_started,
    "daemon_stopping": _daemon_stopping,
    "daemon_stopped": _daemon_stopped,
    "run_started": _started,
    "run_succeeded": _succeeded,
    "run_failed": _failed,
    "run_retrying": _retrying,
    "run_cancelled": _cancelled,
    "run_skipped": _skipped,
    "run_recovered": _recovered,
    "reloaded": _reloaded,
    "reload_refused": _reload_refused,
    "clock_stepped": _clock_stepped,
    "worker_died": _worker_died,
    "note": _note,
}
