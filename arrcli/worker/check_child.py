"""Can each callable be imported, and do its arguments bind? Asked of a child process, for an import runs
anything.

`inspect_callables` is the asking side. The child reads a JSON object on its standard input and writes a
line of JSON an item as soon as it knows, so that one whose import hangs, or ends the process, costs itself
only.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_ROOT: Final = str(Path(__file__).parent.parent.parent)
_START: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop()); "
    "from arrcli.worker.check_child import main; sys.path.pop(0); main()"
)

Result = dict[str, Any]


def inspect_callables(
    items: Sequence[Mapping[str, Any]],
    *,
    python_path: Sequence[str] = (),
    cwd: str | None = None,
    timeout_s: float = 10.0,
    told: Callable[[int], None] = lambda done: None,
) -> list[Result]:
    """For each item `{name, func, args, kwargs, retry_on, no_retry_on, on_failure, give_time}` (all but
    name and func may be missing) a result, in order: `{name, ok, error, warnings, doc, coroutine,
    takes_time}`.

    `timeout_s` bounds each item. Imports run in a child, which is started again behind one that hung or
    ended it. `told` hears after each how many are done.
    """
    results: list[Result] = []
    while len(results) < len(items):
        for result in _one_child(items[len(results) :], python_path, cwd, timeout_s):
            results.append(result)
            told(len(results))
    return results


def _one_child(
    items: Sequence[Mapping[str, Any]], python_path: Sequence[str], cwd: str | None, timeout_s: float
) -> Iterator[Result]:
    """What one child says: all, or up to the item that it did not survive, which is given a result here."""
    question = {"items": items, "python_path": [os.path.abspath(each) for each in python_path]}  # noqa: PTH100
    child = subprocess.Popen(  # noqa: S603 - this very program
        [sys.executable, "-P", "-c", _START, _ROOT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=cwd if cwd is not None and Path(cwd).is_dir() else None,
    )
    count = 0
    try:
        _ask(child, json.dumps(question).encode())
        for result in _answers(child, len(items), timeout_s):
            count += 1
            yield result
    finally:
        ended = child.poll() is not None or _ends_soon(child)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        _close(child)
    if count < len(items):
        how = _how(child.returncode) if ended else f"did not end within {timeout_s:g}s"
        yield _result(items[count]["name"], error=f"importing it {how}")


def _ask(child: subprocess.Popen[bytes], question: bytes) -> None:
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(question)
            child.stdin.close()


def _answers(child: subprocess.Popen[bytes], count: int, timeout_s: float) -> Iterator[Result]:
    """Lines as they come, each within the time limit."""
    if child.stdout is None:
        return
    fd = child.stdout.fileno()
    unread = b""
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        until = time.monotonic() + timeout_s
        while count and selector.select(max(0.0, until - time.monotonic())):
            data = os.read(fd, 65536)
            if not data:
                return
            *lines, unread = (unread + data).split(b"\n")
            for line in lines:
                yield json.loads(line)
                count -= 1
                until = time.monotonic() + timeout_s


def _ends_soon(child: subprocess.Popen[bytes]) -> bool:
    """A closed answer pipe comes a moment before the exit status."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(0.2)
        return True
    return False


def _close(child: subprocess.Popen[bytes]) -> None:
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def _how(code: int) -> str:
    if code >= 0:
        return f"ended the process with code {code}"
    with contextlib.suppress(ValueError):
        return f"ended the process by {signal.Signals(-code).name}"
    return f"ended the process by signal {-code}"


def _result(name: str, *, error: str = "", **more: Any) -> Result:
    usual = {"warnings": [], "doc": "", "coroutine": False, "takes_time": False}
    return {"name": name, "ok": not error, "error": error, **usual, **more}


# --- in the child


def main() -> None:
    """Answer the question on standard input; what imports print goes nowhere."""
    question = json.load(sys.stdin)
    answers = os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(quiet, fd)
    sys.path[:0] = question["python_path"]
    for item in question["items"]:
        line = json.dumps(examined(item)).encode() + b"\n"
        while line:
            line = line[os.write(answers, line) :]
    os._exit(0)


def examined(item: Mapping[str, Any]) -> Result:
    """What there is to say about one item, in this process."""
    from arrcli.worker import failure
    from arrcli.worker.resolve import NoSuchCallable, resolve

    name = item["name"]
    try:
        function = resolve(item["func"])
        return _result(name, error=_misfit(function, item), warnings=list(_warnings(item)), **_about(function))
    except NoSuchCallable as error:
        return _result(name, error=str(error))
    except BaseException as error:  # an import runs anything
        return _result(name, error=f"importing it raised {failure.type_name(error)}: {failure.message(error)}"[:2000])


def _misfit(function: Callable[..., Any], item: Mapping[str, Any]) -> str:
    """Why the arguments do not bind, or cannot be cast; empty where they do, or there is no signature to
    ask.
    """
    import inspect

    from arrcli.worker.cast import CastFailed, arguments
    from arrcli.worker.wire import Attempt

    args, kwargs = item.get("args") or [], dict(item.get("kwargs") or {})
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    given = {**kwargs, "time": None} if item.get("give_time") else kwargs
    try:
        signature.bind(*args, **given)
        arguments(function, Attempt(run_id=0, number=0, func=item["func"], args=args, kwargs=kwargs))
    except TypeError as error:
        return f"its arguments do not fit {item['func']}{signature}: {error}"[:2000]
    except CastFailed as error:
        return str(error)
    return ""


def _about(function: Callable[..., Any]) -> dict[str, Any]:
    import inspect

    doc = (inspect.getdoc(function) or "").strip().split("\n")[0][:200]
    try:
        parameter = inspect.signature(function).parameters.get("time")
    except (TypeError, ValueError):
        parameter = None
    takes_time = parameter is not None and parameter.kind is parameter.KEYWORD_ONLY
    return {"doc": doc, "coroutine": inspect.iscoroutinefunction(function), "takes_time": takes_time}


def _warnings(item: Mapping[str, Any]) -> Iterator[str]:
    """The other dotted paths of an item that lead nowhere."""
    for key in ("retry_on", "no_retry_on"):
        for path in item.get(key) or []:
            if said := _not_an_exception(path):
                yield f"{key}: {said}"
    hook = item.get("on_failure")
    if isinstance(hook, str) and (said := _unresolved(hook)):
        yield f"on_failure: {said}"


def _not_an_exception(path: str) -> str:
    import builtins

    from arrcli.worker.resolve import resolve

    if "." not in path:
        kind = getattr(builtins, path, None)
    elif said := _unresolved(path):
        return said
    else:
        kind = resolve(path)
    known = isinstance(kind, type) and issubclass(kind, BaseException)
    return "" if known else f'"{path}" is no exception'


def _unresolved(path: str) -> str:
    from arrcli.worker import failure
    from arrcli.worker.resolve import resolve

    try:
        resolve(path)
    except BaseException as error:  # likewise
        return f'"{path}" cannot be found: {failure.message(error)[:500]}'
    return ""
