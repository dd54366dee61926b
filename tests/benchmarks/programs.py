"""Runs the programs of contest/, each in a process of its own that is gone afterwards, and reads what they measured."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from row import Ask, Contender, LeftOut, Taken
from servers import Missing, Servers

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CONTEST = HERE / "contest"
_PATIENCE_S = 240.0


def environment(**more: str) -> dict[str, str]:
    """This program's, without what would change how arr behaves; arr is this checkout's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ARR_", "PYTHONDONTWRITE"))}
    return {**kept, "PYTHONPATH": f"{ROOT}:{CONTEST}", "TZ": "UTC", "NO_COLOR": "1", "ARR_TRUST": "1", **more}


def program(name: str, verb: str, ask: Ask, **options: Any) -> Taken:
    """What `contest/NAME.py VERB` measures in the folder of `ask`; LeftOut where it fails."""
    words = [sys.executable, str(CONTEST / f"{name}.py"), verb, str(ask.folder), json.dumps(options)]
    process = subprocess.Popen(
        words,
        cwd=ask.folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        raise LeftOut(f"not done after {_PATIENCE_S:.0f} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):  # what it may have left behind, and it where it hangs
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode:
        raise LeftOut((err.strip().splitlines() or [f"ended with {process.returncode}"])[-1][:200])
    taken: Taken = json.loads(out.splitlines()[-1])
    return taken


def arr(verb: str, *, name: str = "arr", by: str = "on_arr", **options: Any) -> Contender:
    """arr in a discipline; options that are functions are asked with the size of the measurement."""
    return Contender(name, lambda ask: program(by, verb, ask, **_settled(options, ask)))


def peer(
    package: str,
    verb: str,
    *,
    name: str = "",
    server: Callable[[Servers], str] | None = None,
    needs: tuple[str, ...] = (),
    **options: Any,
) -> Contender:
    """Another project in the same discipline, where it is installed and its server can be started."""

    def measure(ask: Ask) -> Taken:
        if ask.quick:
            raise LeftOut("")
        for each in (package, *needs):
            if importlib.util.find_spec(each) is None:
                raise LeftOut(f"{each} is not installed")
        settled = _settled(options, ask)
        if server is not None:
            try:
                settled["server"] = server(ask.servers)
            except Missing as missing:
                raise LeftOut(str(missing)) from None
        return program(f"on_{package}", verb, ask, **settled)

    return Contender(name or package, measure)


def _settled(options: dict[str, Any], ask: Ask) -> dict[str, Any]:
    return {key: value(ask) if callable(value) else value for key, value in options.items()}
