"""What an attempt may change around itself, in a process that others get after it, and how it is put back.

What a module sets while it is imported stands as long as it is imported: it will not be imported again. What a
function sets ends with its attempt.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal's own functions make an enum of every answer: 2 us each
import contextlib
import gc
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from operator import is_not
from typing import Any, Final

from arrcli.worker.wire import Attempt

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HANDLED: Final = tuple(
    int(getattr(signal, name))
    for name in (
        *("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGCHLD", "SIGUSR1", "SIGUSR2", "SIGPIPE"),
        *("SIGVTALRM", "SIGPROF"),
    )
)
_LIMITED: Final = tuple(
    getattr(resource, name)
    for name in ("RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE")
    if hasattr(resource, name)
)
_LONG_US: Final = 1_000
_NOW_AND_THEN: Final = 64
_CHANGED: Final = "its user, group or priority was changed"


class Surroundings:
    """As they are before an attempt, and shall be before the next."""

    def __init__(self) -> None:
        self._variables = os.environ
        self._environ = dict(_environ_data())
        self._named: dict[bytes, bytes | None] = {}
        self._cwd = os.getcwd()  # noqa: PTH109 - compared as text, after every attempt
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._mask = _signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._limits, self._rank, self._most_open = _limits(), _rank(), _most_open()
        self._user = os.geteuid()
        self._is_limited = False
        self._looked = 0
        sys.modules.pop("resource", None)  # from now on it is there where a task's code imports it, to set a limit
        self._keep()

    def _keep(self) -> None:
        self._path, self._argv = list(sys.path), list(sys.argv)
        self._handlers = _handlers()
        self._switches = _switches()

    def enter(self, attempt: Attempt) -> None:
        """The attempt's variables and folder. Raises OSError or ValueError where they cannot be had."""
        self._name(b"ARR_RUN_ID", b"%d" % attempt.run_id)
        self._name(b"ARR_ATTEMPT", b"%d" % attempt.number)
        self._name(b"ARR_TASK", None if attempt.task is None else os.fsencode(attempt.task))
        self._name(b"ARR_SLOT", None if attempt.slot is None else _as_text(attempt.slot).encode())
        if attempt.env:
            os.environ.update(attempt.env)
            if "TZ" in attempt.env:
                time.tzset()
        if attempt.cwd is not None:
            os.chdir(attempt.cwd)

    def _name(self, variable: bytes, value: bytes | None) -> None:
        """A variable that tells of the attempt: it stands until the next one's, so that nothing has to be put back."""
        if self._named.get(variable) == value:
            return
        self._named[variable] = value
        if value is None:
            os.environb.pop(variable, None)
            self._environ.pop(variable, None)
        else:
            os.environb[variable] = value
            self._environ[variable] = value

    @contextlib.contextmanager
    def importing(self) -> Iterator[None]:
        """Around an import: what it sets stands, but for the folder and the umask, which are the attempt's affair."""
        before, folder = dict(_environ_data()), _folder()
        umask = os.umask(0o077)
        os.umask(umask)
        yield
        now = _environ_data()
        for name in {name for name, _ in now.items() ^ before.items()}:
            if name in now:
                self._environ[name] = now[name]
            else:
                self._environ.pop(name, None)
        self._keep()
        os.umask(umask)
        if folder is not None and _folder() != folder:
            os.chdir(folder)

    def lift_limits(self) -> None:
        """Those that the attempt has set for this process, so that its outcome can be told."""
        if "resource" not in sys.modules or _limits() == self._limits:
            return
        try:
            for each, limit in zip(_LIMITED, self._limits, strict=True):
                resource.setrlimit(each, limit)
        except (ValueError, OSError):
            self._is_limited = True

    def restore(self) -> None:
        """Put back what the attempt changed; each part costs about a microsecond where nothing was."""
        self._restore_environ()
        os.umask(self._umask)
        if sys.path != self._path:
            sys.path[:] = self._path
        if sys.argv != self._argv:
            sys.argv = list(self._argv)
        if _folder() != self._cwd:
            with contextlib.suppress(OSError):
                os.chdir(self._cwd)
        self._restore_signals()
        if _switches() != self._switches:
            _set_switches(*self._switches)

    def _restore_environ(self) -> None:
        os.environ = self._variables  # noqa: B003 - a task may have put something else there
        if _environ_data() == self._environ:
            return
        changed = {name for name, _ in _environ_data().items() ^ self._environ.items()}
        for name in changed:
            if name in self._environ:
                os.environb[name] = self._environ[name]
            else:
                del os.environb[name]
        if b"TZ" in changed:
            time.tzset()

    def _restore_signals(self) -> None:
        timers = [signal.ITIMER_REAL]
        if any(map(is_not, _handlers(), self._handlers)):
            timers = [signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF]
            for number, handler in zip(_HANDLED, self._handlers, strict=True):
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for timer in timers:
            signal.setitimer(timer, 0)
        if _signal.pthread_sigmask(signal.SIG_BLOCK, ()) != self._mask:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def what_is_left(self, duration: int) -> str | None:
        """What only a new process is free of. All of it is looked for after a long attempt, and after short ones now
        and then.
        """
        self._looked += 1
        if self._is_limited:
            return "a limit was left"
        if os.geteuid() != self._user:
            return _CHANGED
        if duration < _LONG_US and self._looked % _NOW_AND_THEN:
            return None
        if _rank() != self._rank:
            return _CHANGED
        return "many files were left open" if _lowest_free() > self._most_open else None


def _environ_data() -> Mapping[bytes, bytes]:
    """The dict inside os.environ: comparing it costs a fiftieth of comparing the mapping around it."""
    data = getattr(os.environ, "_data", None)
    return data if isinstance(data, dict) else dict(os.environb)


def _folder() -> str | None:
    """None where it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return None


def _handlers() -> list[Any]:
    return [*map(_signal.getsignal, _HANDLED)]


def _switches() -> tuple[Any, ...]:
    """Of the interpreter."""
    return sys.getrecursionlimit(), sys.gettrace(), sys.getprofile(), gc.isenabled()


def _set_switches(recursion: int, trace: Any, profile: Any, collects: bool) -> None:
    sys.setrecursionlimit(recursion)
    sys.settrace(trace)
    sys.setprofile(profile)
    (gc.enable if collects else gc.disable)()


def _limits() -> list[tuple[int, int]]:
    return [resource.getrlimit(each) for each in _LIMITED]


def _rank() -> tuple[int, int, int]:
    """Who this process is to the kernel, and how much it may have of the processor."""
    return os.geteuid(), os.getegid(), os.getpriority(os.PRIO_PROCESS, 0)


def _most_open() -> int:
    """So many descriptors may be taken before there are too few for another attempt."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1 << 20 if limit == resource.RLIM_INFINITY else limit * 3 // 4


def _lowest_free() -> int:
    """The number that the next file to be opened gets."""
    try:
        number = os.dup(0)
    except OSError:
        return 1 << 30
    os.close(number)
    return number


def _as_text(instant: int) -> str:
    moment = _EPOCH + timedelta(microseconds=instant)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
