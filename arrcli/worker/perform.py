"""One attempt: find the callable, cast its arguments, call it, and tell what came of it. Raises nothing for
what a task did.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from arrcli.context import GiveUp, Retry
from arrcli.worker import failure
from arrcli.worker.cast import CastFailed, arguments
from arrcli.worker.resolve import NoSuchCallable, resolve
from arrcli.worker.wire import Attempt

RESULT_LIMIT: Final = 256 * 1024
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_to_json: Final = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode

Find = Callable[[str], Callable[..., Any]]


@dataclass(slots=True, kw_only=True)
class Done:
    """What came of a call. `result` is JSON text, empty for null; `kind` succeeded, failed or cancelled."""

    kind: str = "succeeded"
    result: str = ""
    result_note: str | None = None
    error_type: str = ""
    error_message: str = ""
    error_traceback: str = ""
    retryable: bool = True
    retry_after: int | None = None
    broken: bool = False

    @property
    def is_plain(self) -> bool:
        """It succeeded, and there is nothing to say of it but its result."""
        return self.kind == "succeeded" and self.result_note is None

    def told(self) -> dict[str, Any]:
        """The fields of an Outcome that are not as usual, the result apart."""
        told: dict[str, Any] = {"kind": self.kind}
        if self.result_note is not None:
            told["result_note"] = self.result_note
        if self.kind != "succeeded":
            told |= {name: getattr(self, name) for name in _OF_FAILURES}
        return told


_OF_FAILURES: Final = (
    *("error_type", "error_message", "error_traceback"),
    *("retryable", "retry_after", "broken"),
)


@dataclass(slots=True)
class Pending:
    """A coroutine (or another awaitable) that the callable returned; the caller awaits it and concludes."""

    awaitable: Awaitable[Any]


def perform(attempt: Attempt, *, find: Find = resolve) -> Done:
    """The whole of an attempt, here and now; coroutines by `asyncio.run`."""
    begun = start(attempt, find=find)
    return begun if isinstance(begun, Done) else _run_to_its_end(attempt, begun)


def start(attempt: Attempt, *, find: Find = resolve) -> Done | Pending:
    """Find, cast and call; what it returned is judged, or, where it can only be awaited, handed back."""
    try:
        function = find(attempt.func)
    except BaseException as error:  # an import runs anything, SystemExit included
        return _broken(error)
    try:
        args, kwargs = arguments(function, attempt)
    except CastFailed as error:
        return Done(kind="failed", error_type="TypeError", error_message=failure.message(error), retryable=False)
    except BaseException as error:
        return judged(error, attempt)
    try:
        value = function(*args, **kwargs) if not attempt.give_time else _with_time(function, args, kwargs, attempt)
        return Pending(value) if hasattr(type(value), "__await__") else succeeded(value)
    except TypeError as error:
        return _unbound(function, args, kwargs, error) or judged(error, attempt)
    except BaseException as error:  # SystemExit and KeyboardInterrupt end the attempt, not the worker
        return judged(error, attempt)


def _run_to_its_end(attempt: Attempt, begun: Pending) -> Done:
    import asyncio

    async def wait() -> Any:
        return await begun.awaitable

    try:
        return succeeded(asyncio.run(wait()))
    except BaseException as error:
        return judged(error, attempt)


def _with_time(function: Callable[..., Any], args: Any, kwargs: Any, attempt: Attempt) -> Any:
    return function(*args, **{**kwargs, "time": _EPOCH + timedelta(microseconds=attempt.due_at)})


def succeeded(value: Any) -> Done:
    """A result travels as JSON; one that cannot is null, with a note, and the run succeeded."""
    if value is None:
        return Done()
    try:
        text = _to_json(value)
        size = len(text.encode())
    except RecursionError:
        return Done(result_note="the result is nested too deeply")
    except UnicodeEncodeError:
        return Done(result_note="the result holds text that is not Unicode (a lone surrogate)")
    except BaseException as error:  # a subclass of dict may raise anything
        said = failure.message(error)[:200] or failure.type_name(error)
        return Done(result_note=f"the result is not JSON: {said}")
    if size > RESULT_LIMIT:
        return Done(result_note=f"the result is {size:,} bytes of JSON, over the {RESULT_LIMIT:,} that are kept")
    return Done(result=text)


def judged(error: BaseException, attempt: Attempt) -> Done:
    """What an exception makes of an attempt."""
    try:
        return _judged(error, attempt)
    except BaseException as other:  # its own class, or what it holds, raised when it was looked at
        said = f"an exception that cannot be told: looking at it raised {type(other).__name__}"
        return Done(kind="failed", error_type=type(error).__name__, error_message=said)


def _judged(error: BaseException, attempt: Attempt) -> Done:
    if isinstance(error, SystemExit):
        if error.code in (None, 0):
            return Done()
        return _failed(error, attempt, said=_exit_words(error.code))
    if isinstance(error, GiveUp):
        return _failed(error, attempt, retryable=False)
    if isinstance(error, Retry):
        done = _failed(error, attempt, retryable=True)
        done.retry_after = _delay(error)
        return done
    return _failed(error, attempt)


def _delay(error: Retry) -> int | None:
    try:
        return min(error.delay_us() or 0, 1 << 53) if error.delay is not None else None
    except (TypeError, ValueError, OverflowError):
        return None


def _exit_words(code: object) -> str:
    return f"exited with code {code}" if isinstance(code, int) else failure.text_of(code, failure.MESSAGE_LIMIT)


def _failed(error: BaseException, attempt: Attempt, *, said: str | None = None, retryable: bool | None = None) -> Done:
    notes: list[str] = []
    if retryable is None:
        retryable = _may_retry(error, attempt, notes)
    return Done(
        kind="failed",
        error_type=failure.type_name(error),
        error_message=failure.message(error) if said is None else said,
        error_traceback=failure.traceback_text(error) + "".join(f"note: {note}\n" for note in notes),
        retryable=retryable,
    )


def _may_retry(error: BaseException, attempt: Attempt, notes: list[str]) -> bool:
    if attempt.no_retry_on and _is_one_of(error, attempt.no_retry_on, notes):
        return False
    return attempt.retry_on is None or _is_one_of(error, attempt.retry_on, notes)


def _is_one_of(error: BaseException, paths: Sequence[str], notes: list[str]) -> bool:
    names = {
        name for kind in type(error).__mro__ for name in (kind.__qualname__, f"{kind.__module__}.{kind.__qualname__}")
    }
    return any(path in names or _is_a(error, path, notes) for path in paths)


def _is_a(error: BaseException, path: str, notes: list[str]) -> bool:
    """By the class that a path names, for one that its module only re-exports."""
    if "." not in path and ":" not in path:
        return False
    try:
        kind = resolve(path)
    except BaseException as other:  # importing its module may raise anything
        notes.append(f'"{path}" could not be looked up: {failure.message(other)[:200]}')
        return False
    return isinstance(kind, type) and isinstance(error, kind)


def _broken(error: BaseException) -> Done:
    own = isinstance(error, NoSuchCallable)
    left = isinstance(error, SystemExit)
    return Done(
        kind="failed",
        error_type="ImportError" if own else failure.type_name(error),
        error_message=f"its import called sys.exit({failure.message(error)})" if left else failure.message(error),
        error_traceback="" if own else failure.traceback_text(error),
        retryable=False,
        broken=True,
    )


def _unbound(function: Callable[..., Any], args: Any, kwargs: Any, error: TypeError) -> Done | None:
    """A call that never began, because the arguments do not fit the signature: a retry cannot help."""
    deepest = error.__traceback__
    while deepest is not None and deepest.tb_next is not None:
        deepest = deepest.tb_next
    if deepest is not None and deepest.tb_frame.f_code.co_filename != _unbound.__code__.co_filename:
        return None
    import inspect

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*args, **kwargs)
    except TypeError as misfit:
        name = getattr(function, "__qualname__", repr(function))
        said = f"{name}{signature}: {misfit}"
        return Done(kind="failed", error_type="TypeError", error_message=failure.bounded(said, 2000), retryable=False)
    return None
