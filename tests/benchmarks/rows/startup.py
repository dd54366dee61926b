"""How long the short verbs take, in units of what their libraries take to import."""

from __future__ import annotations

import compileall
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from programs import ROOT, environment
from row import ARR, Ask, Contender, Figure, LeftOut, Row, Taken

_ARR = [sys.executable, "-c", "import sys; from arrcli.cli import main; sys.exit(main())"]
_EMPTY = "import typer\napp = typer.Typer()\n@app.command()\ndef main() -> None: ...\napp()"
_IMPORTS = "import typer, pydantic, rich.console, croniter, sqlite3, tomllib"
_TASKS = '[arr]\ntimezone = "UTC"\n' + "".join(
    f'[tasks.t{number}]\nfunc = "math.sqrt"\nargs = [4]\ncron = "{number} 4 * * *"\n' for number in range(10)
)
_COMMANDS = {
    "bare": [sys.executable, "-c", "pass"],
    "imports": [sys.executable, "-c", _IMPORTS],
    "empty": [sys.executable, "-c", _EMPTY],
    "help": [*_ARR, "--help"],
    "enqueue": [*_ARR, "enqueue", "math.factorial", "5"],
    "list": [*_ARR, "list"],
}
_VERBS = ("help", "enqueue", "list")


def _measured(ask: Ask) -> Taken:
    """Medians of so many starts each, in turn; arr's over that of an empty typer app, in units of the imports."""
    compileall.compile_dir(ROOT / "arrcli", quiet=2)
    (ask.folder / "tasks.toml").write_text(_TASKS)
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in _COMMANDS}
    for number in range(ask.size(11, quick=4)):
        for name, words in _COMMANDS.items():
            taken = _spent(words, ask.folder)
            if number:  # the first fills caches, and makes the store
                spent[name].append(taken)
    wall = {name: statistics.median(wall for wall, _ in values) for name, values in spent.items()}
    cpu = {name: statistics.median(cpu for _, cpu in values) for name, values in spent.items()}
    return {
        **{name: (wall[name] - wall["empty"]) / wall["imports"] for name in _VERBS},
        **{f"{name}_cpu": (cpu[name] - cpu["empty"]) / cpu["imports"] for name in _VERBS},
        **{name: wall[name] * 1e3 for name in ("imports", "empty", "bare")},
    }


def _spent(words: Sequence[str], folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command."""
    used, began = _cpu_of_children(), time.perf_counter()
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True)
    spent = time.perf_counter() - began
    if done.returncode:
        raise LeftOut(f"{words[-1]}: {done.stderr.strip()[-200:]}")
    return spent, _cpu_of_children() - used


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


STARTUP = Row(
    "startup",
    "a verb over an empty typer app; 1 = importing typer, pydantic, rich, croniter, sqlite3, tomllib",
    [
        Figure("help", "arr --help", "units", "less", target=0.1),
        Figure("enqueue", "arr enqueue", "units", "less", target=0.4),
        Figure("list", "arr list", "units", "less", target=0.7),
        Figure("help_cpu", "arr --help, by CPU", "units", "less"),
        Figure("enqueue_cpu", "arr enqueue, by CPU", "units", "less"),
        Figure("list_cpu", "arr list, by CPU", "units", "less"),
        Figure("imports", "the unit", "ms"),
        Figure("empty", "an empty typer app", "ms"),
        Figure("bare", "python alone", "ms"),
    ],
    [Contender(ARR, _measured)],
    quick=True,
    rounds=3,
)
