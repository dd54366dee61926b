"""Tasks that say, raise, return or change what nobody expects."""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import threading
import time
from typing import Any, NoReturn

from jobs import _began as began


def shout(megabytes: int) -> None:
    began("shout")
    line = b"x" * 1023 + b"\n"
    for _ in range(megabytes):
        os.write(1, line * 1024)
    print("the end")


def drone() -> None:
    """Without an end, and without an end of line."""
    began("drone")
    while True:
        sys.stdout.write("x" * 8192)


def every_byte() -> None:
    began("every_byte")
    os.write(1, bytes(range(256)))


class Wordless(Exception):
    def __str__(self) -> NoReturn:
        raise RuntimeError("no words")


class Homeless(Exception):
    """Its names are no text, or none that can be written."""


Homeless.__module__ = "\ud800"
Homeless.__qualname__ = "a\x1b[31m\ud800"


class Locked(Exception):
    """Cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("locked", threading.Lock())


class Whim(BaseException):
    pass


class Unprintable:
    def __str__(self) -> NoReturn:
        raise SystemExit(3)

    __repr__ = __str__


class Spiteful(dict[str, Any]):
    def items(self) -> NoReturn:
        raise KeyboardInterrupt


class Slammed:
    def flush(self) -> NoReturn:
        sys.exit("slammed")


def exit_by(code: Any) -> None:
    began("exit_by")
    sys.exit(code)


def exit_unprintably() -> None:
    began("exit_unprintably")
    sys.exit(Unprintable())  # type: ignore[arg-type]


def throw(name: str) -> None:
    began("throw")
    raise {
        "interrupt": KeyboardInterrupt,
        "generator": GeneratorExit,
        "whim": Whim("as it likes"),
        "locked": Locked(),
        "wordless": Wordless(),
        "homeless": Homeless("from nowhere"),
        "surrogate": ValueError("\ud800 and \x1b]0;title\x07"),
    }[name]


def throw_with_notes() -> None:
    began("throw_with_notes")
    error = ValueError("noted")
    error.__notes__ = [Unprintable()]  # type: ignore[list-item]
    raise error


def recurse() -> None:
    began("recurse")
    _down(0)


def _down(depth: int) -> None:
    _down(depth + 1)


def give(name: str) -> Any:
    began("give")
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    ring: list[Any] = []
    ring.append(ring)
    return {
        "object": object(),
        "set": {1},
        "bytes": b"x",
        "nan": float("nan"),
        "infinity": [float("inf")],
        "surrogate": {"key": "\udc00"},
        "huge": "x" * (256 * 1024),
        "largest": "x" * (256 * 1024 - 2),
        "deep": deep,
        "ring": ring,
        "digits": 10**5000,
        "spiteful": Spiteful(a=1),
        "unprintable": [Unprintable()],
        "number": 10**30,
    }[name]


def disorder() -> None:
    """All that a process can be changed in, and told to put back."""
    began("disorder")
    os.chdir("/")
    os.umask(0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
    signal.alarm(1)
    os.environ.clear()
    os.environ["LEFT"] = "over"
    os.environ["TZ"] = "Asia/Tokyo"
    os.environ = {"REPLACED": "yes"}  # type: ignore[assignment] # noqa: B003 - on purpose
    sys.path[:] = ["/nowhere"]
    sys.argv.append("more")
    sys.setrecursionlimit(200)
    sys.setprofile(lambda *_: None)
    gc.disable()
    time.tzset()
    sys.stdin = sys.stdout = open("/dev/full", "w")  # noqa: SIM115, PTH123
    sys.stderr = Slammed()  # type: ignore[assignment]
    os.closerange(0, 21)


def spoil() -> None:
    """What only a new process is free of."""
    began("spoil")
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))


held: list[int] = []


def leak() -> int:
    """As many files as there may be, all left open."""
    began("leak")
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return len(held)


def zone() -> str:
    began("zone")
    return time.strftime("%Z")


def look_around() -> dict[str, Any]:
    began("look_around")
    print("heard")
    os.write(2, b"heard too\n")
    os.system("echo heard of a child")  # noqa: S605
    mask = os.umask(0)
    os.umask(mask)
    here = {
        "cwd": os.getcwd(),  # noqa: PTH109
        "umask": mask,
        "handlers": [str(signal.getsignal(each)) for each in (signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM)],
        "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "alarm": signal.alarm(0),
        "environ": {name: value for name, value in os.environ.items() if not name.startswith("ARR_")},
        "path": sys.path,
        "argv": sys.argv,
        "interpreter": [sys.getrecursionlimit(), sys.getprofile(), gc.isenabled()],
        "zone": time.strftime("%Z"),
        "stdin": sys.stdin.read(),
        "nice": os.nice(0),
        "data": resource.getrlimit(resource.RLIMIT_DATA)[0],
    }
    return dict(json.loads(json.dumps(here)))
