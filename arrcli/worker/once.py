"""One attempt in a process of its own, on this terminal: what `arr exec` runs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from arrcli.worker import kernel
from arrcli.worker.wire import Attempt, decode_attempt, encode_attempt

_BOOT: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop()); from arrcli.worker.once import main; sys.path.pop(0); main()"
)
_COMMAND_CODE: Final = re.compile(r"exited with code (\d+)")
_LAST_WORDS_S: Final = 1.0
_ROOT: Final = str(Path(__file__).resolve().parents[2])


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: the fields of an outcome (empty where its process died), and its process's exit status."""

    told: Mapping[str, Any]
    status: int
    timed_out: bool = False

    @property
    def code(self) -> int:
        """The exit code that says it: 124 of a timeout, of a failed shell command its own, of a signal 128 + its
        number."""
        if self.timed_out:
            return 124
        if not self.told:
            return 128 - self.status if self.status < 0 else self.status or 1
        if self.told["kind"] == "succeeded":
            return 0
        found = _COMMAND_CODE.fullmatch(str(self.told.get("error_message", "")))
        command = str(self.told.get("error_type", "")).endswith("CommandFailed")
        return int(found[1]) if command and found else 1

    @property
    def how(self) -> str:
        """Of a process that died: "killed by SIGSEGV", "exited with code 3"."""
        from arrcli.worker.failure import death  # late: few tasks take their process down

        return death(self.status)


def execute(
    attempt: Attempt, *, python_path: Sequence[str], cwd: str, relay: Callable[[bytes], None] | None = None
) -> Ended:
    """Run the attempt in a child that has this terminal; TERM, then KILL, to its group where it overruns its
    timeout. The child ends with this process, however that ends."""
    told = kernel.anonymous_file("arr-told")  # a pipe would be held open by what the task leaves behind
    order = {
        "attempt": encode_attempt(attempt).decode(),
        "python_path": list(python_path),
        "told": told,
        "parent": os.getpid(),
    }
    environment = {**os.environ, **attempt.env, "ARR_TASK": attempt.task or "", "ARR_ATTEMPT": "1"}
    kernel.adopt_orphans()
    try:
        with _terminated():
            child = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-c", _BOOT, json.dumps(order), _ROOT],
                pass_fds=[told],
                cwd=attempt.cwd or cwd,
                env=environment,
                process_group=0 if attempt.timeout is not None else None,
                stdout=None if relay is None else subprocess.PIPE,
                stderr=None if relay is None else subprocess.STDOUT,
            )
            timed_out = _waited(child, attempt, relay)
        text = b"" if timed_out else os.pread(told, os.fstat(told).st_size, 0)
    finally:
        os.close(told)
    return Ended(json.loads(text) if text else {}, child.returncode, timed_out)


@contextlib.contextmanager
def _terminated() -> Iterator[None]:
    """A TERM is an exception, as Ctrl-C is, so that the child is not left behind."""

    def leave(*_: object) -> None:
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _waited(child: subprocess.Popen[bytes], attempt: Attempt, relay: Callable[[bytes], None] | None) -> bool:
    """Whether it overran its timeout."""
    passing = threading.Thread(target=_passed_on, args=(child.stdout, relay), daemon=True)
    passing.start()
    try:
        child.wait(None if attempt.timeout is None else attempt.timeout / 1e6)
    except subprocess.TimeoutExpired:
        _end(child, attempt)
        return True
    except BaseException:
        _end(child, attempt)
        raise
    finally:
        passing.join(_LAST_WORDS_S)  # a process that it left behind may hold the pipe for ever
    return False


def _passed_on(stream: IO[bytes] | None, relay: Callable[[bytes], None] | None) -> None:
    while stream is not None and relay is not None and (data := os.read(stream.fileno(), 65536)):
        relay(data)


def _end(child: subprocess.Popen[bytes], attempt: Attempt) -> None:
    """TERM, and KILL after its grace; to its group, where it has one of its own."""
    send = os.kill if attempt.timeout is None else os.killpg
    try:
        send(child.pid, signal.SIGTERM)
        child.wait(attempt.stop_grace / 1e6)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C waits for no grace
        pass
    finally:
        if attempt.timeout is not None or child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                send(child.pid, signal.SIGKILL)
        child.wait()
        _end_what_is_left()


def _end_what_is_left() -> None:
    """Descendants in sessions of their own (`su -c` makes one) have come to us."""
    until = time.monotonic() + _LAST_WORDS_S
    while (left := kernel.children()) and time.monotonic() < until:
        kernel.kill(left)
        kernel.reap(left)
        time.sleep(0.002)


def main() -> None:
    """The child."""
    from arrcli.worker.perform import perform

    order = json.loads(sys.argv.pop())
    kernel.die_with_parent(order["parent"])
    told, me = kernel.out_of_reach(order["told"]), os.getpid()
    sys.path[:0] = order["python_path"]
    attempt = replace(decode_attempt(json.loads(order["attempt"])), timeout=None)
    done = perform(attempt)
    if os.getpid() == me:  # and no child that the task forked and let return
        result = json.loads(done.result) if done.result else None
        _write(told, json.dumps({**done.told(), "result": result}).encode())
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(0)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


__all__ = ["Ended", "execute", "main"]
