"""One attempt in a process of its own, on this terminal: what `arr exec` runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

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
        """The exit code that says it: that of a failed shell command is the command's own."""
        if self.told.get("kind") == "succeeded":
            return 0
        found = _COMMAND_CODE.fullmatch(str(self.told.get("error_message", "")))
        command = str(self.told.get("error_type", "")).endswith("CommandFailed")
        return int(found[1]) if command and found else 1


def execute(
    attempt: Attempt, *, python_path: Sequence[str], cwd: str, relay: Callable[[bytes], None] | None = None
) -> Ended:
    """Run the attempt in a child that has this terminal; TERM, then KILL, to its group where it overruns its
    timeout."""
    told_by, told_to = os.pipe()
    order = json.dumps({"attempt": encode_attempt(attempt).decode(), "python_path": list(python_path), "to": told_to})
    environment = {**os.environ, **attempt.env, "ARR_TASK": attempt.task or "", "ARR_ATTEMPT": "1"}
    child = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _BOOT, order, _ROOT],
        pass_fds=[told_to],
        cwd=attempt.cwd or cwd,
        env=environment,
        process_group=0 if attempt.timeout is not None else None,
        stdout=None if relay is None else subprocess.PIPE,
        stderr=None if relay is None else subprocess.STDOUT,
    )
    os.close(told_to)
    passing = threading.Thread(target=_passed_on, args=(child.stdout, relay), daemon=True)
    passing.start()
    timed_out = _waited(child, attempt)
    passing.join(_LAST_WORDS_S)  # a process that it left behind may hold the pipe for ever
    with os.fdopen(told_by, "rb") as pipe:
        text = b"" if timed_out else pipe.read()
    return Ended(json.loads(text) if text else {}, child.returncode, timed_out)


def _passed_on(stream: IO[bytes] | None, relay: Callable[[bytes], None] | None) -> None:
    while stream is not None and relay is not None and (data := os.read(stream.fileno(), 65536)):
        relay(data)


def _waited(child: subprocess.Popen[bytes], attempt: Attempt) -> bool:
    try:
        child.wait(None if attempt.timeout is None else attempt.timeout / 1e6)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(attempt.stop_grace / 1e6)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        return True
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    return False


def main() -> None:
    """The child."""
    from arrcli.worker.perform import perform

    order = json.loads(sys.argv.pop())
    sys.path[:0] = order["python_path"]
    attempt = replace(decode_attempt(json.loads(order["attempt"])), timeout=None)
    done = perform(attempt)
    sys.stdout.flush()
    result = json.loads(done.result) if done.result else None
    os.write(order["to"], json.dumps({**done.told(), "result": result}).encode())
    os._exit(0)


__all__ = ["Ended", "execute", "main"]
