"""The command line: arguments in, exit code out. Each verb opens an App, asks once, prints.

`main` is the command `arr`. Only the verb that was called is imported: a start costs what that verb needs.
"""

from __future__ import annotations

import gc
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn

_STARTS_USER_CODE: Final = frozenset({"run", "exec", "check"})
"""Verbs whose children inherit the environment: it stays as the user has it."""


def main() -> NoReturn:
    """Run `arr` with the process's arguments, and exit."""
    _open_standard_streams()
    gc.set_threshold(100_000)  # importing makes much and drops little: looking for garbage meanwhile costs a tenth
    code = exit_code_of(sys.argv[1:])
    if _STARTS_USER_CODE.intersection(sys.argv[1:2]):
        sys.exit(code)
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End here: all that was opened is closed, and taking hundreds of modules apart takes a tenth of a short verb."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _open_standard_streams() -> None:
    """Where the caller closed one (`arr run >&-`), the next file to be opened would take its number, and be written to
    as if it were the terminal."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for fd in (1, 2):
        if not os.get_blocking(fd):
            _open_for_ourselves(fd)


def _open_for_ourselves(fd: int) -> None:
    """A program that shares this pipe or terminal made it non-blocking, which holds for all who share it: what its
    reader does not take at once would be lost without a word."""
    with suppress(OSError):  # a socket has no way back in, nor has another system than Linux
        kind = os.fstat(fd).st_mode
        if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
            own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NOCTTY)
            os.dup2(own, fd)
            os.close(own)


def exit_code_of(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code. Prints a sentence, never a traceback, for what the user can mend."""
    from arrcli.host.files import supported

    try:
        supported()
        code = _dispatched(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # `arr list | head`: the reader had enough, which is no failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _failed(error, arguments)


def _dispatched(arguments: Sequence[str]) -> int:
    from arrcli.cli.group import command

    if not _STARTS_USER_CODE.intersection(arguments[:1]):
        os.environ["PYDANTIC_DISABLE_PLUGINS"] = "1"  # looking for them costs a short verb a tenth of its time
    value: Any = command().main(args=list(arguments), prog_name="arr", standalone_mode=False)
    return value if isinstance(value, int) else 0


def _failed(error: Exception, arguments: Sequence[str]) -> int:
    from arrcli.cli.failure import tell

    if "--debug" in arguments or os.environ.get("ARR_DEBUG"):
        raise error
    return tell(error, as_json="--json" in arguments)
