"""What crosses between the engine and the workers: attempts go out, outcomes come back, all of it JSON.

Standard library only: worker processes import this. A worker raises nothing; all that went wrong is in the
outcome.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, Protocol

OutcomeKind = Literal["succeeded", "failed", "timed_out", "cancelled", "lost", "released"]


class _Nothing(dict[str, Any]):
    """An empty mapping that may be a field's default."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # dataclasses take this for a sign of a value that may change


_NOTHING: Final[Mapping[str, Any]] = _Nothing()


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try of a run, as a worker needs it. Durations are microseconds; `slot` and `due_at` UTC
    microseconds.

    `typed_args` and `typed_kwargs` are arguments as they were typed on a command line, for parameters that
    want text; `task` is the task's name or None; `env` is laid over the worker's environment and `cwd`
    entered for this attempt, both restored after it.
    """

    run_id: int
    number: int
    func: str
    task: str | None = None
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = _NOTHING
    typed_args: Sequence[str | None] = ()
    typed_kwargs: Mapping[str, str] = _NOTHING
    env: Mapping[str, str] = _NOTHING
    cwd: str | None = None
    slot: int | None = None
    due_at: int = 0
    timeout: int | None = None
    stop_grace: int = 5_000_000
    max_output: int = 1 << 20
    retry_on: Sequence[str] | None = None
    no_retry_on: Sequence[str] = ()
    give_time: bool = False
    executor: str = "process"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended. Instants are UTC microseconds of the wall clock, `duration` microseconds of the
    monotonic one.

    `lost`: its worker died (`message` says how: "killed by SIGKILL", "exited with code 3"); `begun` tells
    whether the function had been called, so whether the attempt is to be charged, and `died` whether it took
    its worker down itself, as far as can be told. `released`: given back before it began. `retryable` False:
    a retry cannot help, or `no_retry_on`/`retry_on` rule it out. `broken`: the callable could not be imported
    or found. `output`: what it wrote, head and tail with a note of what was cut between them.
    """

    run_id: int
    number: int
    kind: OutcomeKind
    begun: bool = True
    died: bool = True
    started_at: int | None = None
    finished_at: int | None = None
    duration: int | None = None
    result: Any = None
    result_note: str | None = None
    error_type: str = ""
    error_message: str = ""
    error_traceback: str = ""
    retryable: bool = True
    retry_after: int | None = None
    broken: bool = False
    output: bytes = b""
    cpu_us: int | None = None
    rss_kb: int | None = None
    worker: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt's function has been called. `live` is where its output can be read meanwhile:
    `FILE:OFFSET`, the file in the executor's `outputs`; freed parts of it read as NULs.

    An attempt that ends at once has an Outcome and no Begun.
    """

    run_id: int
    number: int
    at: int
    worker: int
    pid: int
    live: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """One worker as a dashboard shows it."""

    index: int
    pid: int | None
    state: Literal["starting", "idle", "busy", "stopping"]
    run_id: int | None = None
    since: int | None = None
    done: int = 0
    progress: float | None = None
    progress_text: str = ""
    kind: Literal["process", "thread"] = "process"


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as one line of JSON, without its end."""
    return _to_json(message).encode()


def decode(line: bytes) -> dict[str, Any]:
    """What `encode` was given."""
    message: dict[str, Any] = _from_json(line.decode())[0]
    return message


def attempt_with(said: dict[str, Any]) -> Attempt:
    """An attempt of these fields, which become its own; the others are as they are by default.

    Its `__init__` would set all twenty, one by one, at both ends of the wire: at 20 microseconds a run that is much.
    """
    made = object.__new__(Attempt)
    object.__setattr__(made, "__dict__", said)
    return made


def outcome_with(told: dict[str, Any]) -> Outcome:
    """As `attempt_with`, of an outcome."""
    made = object.__new__(Outcome)
    object.__setattr__(made, "__dict__", told)
    return made


def encode_attempt(attempt: Attempt) -> bytes:
    """An attempt as JSON, without what is as it is by default."""
    return encode(_said(attempt))


def encode_bundle(first: int, attempts: Sequence[Attempt]) -> bytes:
    """Attempts for one worker, to be tried in this order; `first` is the serial of the first of them."""
    return encode({"first": first, "attempts": [_said(attempt) for attempt in attempts]})


def _said(attempt: Attempt) -> dict[str, Any]:
    usual = _USUAL.get
    return {name: value for name, value in attempt.__dict__.items() if value is not usual(name)}


decode_attempt: Final = attempt_with


def encode_outcome(told: Mapping[str, Any], result: str) -> bytes:
    """A line of a worker's log: what there is to tell, a tab, and the result, which is JSON already."""
    return encode(told) + b"\t" + result.encode() + b"\n"


def encode_success(
    key: tuple[int, int],
    times: tuple[int, int, int],
    cost: tuple[int, int],
    written: tuple[int, int],
    result: str,
) -> bytes:
    """As `encode_outcome`, of what is told most.

    `times`: wall clock at the start, duration, monotonic clock at the end, in microseconds; `cost`: CPU microseconds
    and KiB; `written`: where its output begins and ends.
    """
    return _SUCCESS % (*key, *times, *cost, *written, result.encode())


def decode_outcome(line: bytes) -> dict[str, Any]:
    """The told, with its result; one that cannot be read here is None, with a note."""
    told, _, result = line.partition(b"\t")
    message = decode(told) if told.startswith(b"{") else _success(told)
    if result:
        try:
            message["result"] = _from_json(result.decode())[0]
        except (ValueError, RecursionError) as error:
            message["result_note"] = f"the result cannot be read back: {error}"[:200]
    return message


def _success(told: bytes) -> dict[str, Any]:
    run_id, number, began, took, ended, cpu, rss, start, end = _from_json(told.decode())[0]
    return {
        "run_id": run_id,
        "number": number,
        "kind": "succeeded",
        "started_at": began,
        "finished_at": began + took,
        "duration": took,
        "cpu_us": cpu,
        "rss_kb": rss,
        "ended": ended,
        "written": (start, end),
    }


_USUAL: Final = {each.name: each.default for each in fields(Attempt)}
_SUCCESS: Final = b"[%d,%d,%d,%d,%d,%d,%d,%d,%d]\t%b\n"


def _encoder() -> Callable[[Any], str]:
    """JSON in C. `JSONEncoder.encode` makes this encoder anew at each call, which costs more than its work here."""
    try:
        parts = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
            None, _refused, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True
        )
    except (AttributeError, TypeError):  # another Python's
        return json.JSONEncoder(separators=(",", ":")).encode
    return lambda value: "".join(parts(value, 0))


def _refused(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is not JSON")


_to_json: Final = _encoder()
_from_json: Final = json.JSONDecoder().raw_decode


class Executor(Protocol):
    """Where attempts are tried. Never blocks, raises nothing for what a task did.

    The engine waits on `filenos` (readable: call `events`) and at the latest for `wait_us` microseconds.
    """

    trouble: str
    """What is wrong with its processes, in a sentence; "" while all is well."""

    def room(self) -> int:
        """How many attempts it would take now; 0 while stopping."""
        ...

    def submit(self, attempts: Sequence[Attempt]) -> None:
        """Take claimed attempts, at most `room()`; each comes back as exactly one Outcome."""
        ...

    def events(self) -> Sequence[Begun | Outcome]:
        """All that happened since the last call, in order; also does the executor's own work (timeouts,
        respawns).
        """
        ...

    def filenos(self) -> Sequence[int]: ...

    def wait_us(self) -> int | None:
        """Microseconds until it wants `events` called although no descriptor is readable; None: never."""
        ...

    def cancel(self, run_id: int, *, force: bool = False) -> bool:
        """Stop that run's attempt (TERM, after its stop_grace KILL; `force`: KILL now); False if it has
        none here.

        An attempt that has not begun comes back `released`, one that has, `cancelled` (or as it ended).
        """
        ...

    def recall(self) -> None:
        """Ask back what has not begun: it comes as `released` outcomes."""
        ...

    def recycle(self) -> None:
        """The code or its path changed: every worker is replaced once its attempt has ended."""
        ...

    def views(self) -> Sequence[WorkerView]: ...

    def ask_stack(self, run_id: int) -> bool:
        """Ask where that run's attempt is just now; False where none has begun here."""
        ...

    def stack(self, run_id: int) -> str:
        """What `ask_stack` asked for, as Python prints tracebacks; empty until it has come."""
        ...

    def stop(self, *, now: bool = False) -> None:
        """Take nothing more; `now`: kill what has begun (it comes back `lost`, begun). `close` when nothing
        runs.
        """
        ...

    def running(self) -> int:
        """Attempts that were submitted and whose outcome has not been given yet."""
        ...

    def close(self) -> None:
        """End all processes and release all descriptors; idempotent."""
        ...
