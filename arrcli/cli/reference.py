"""The reference pages, made of what the program itself knows: `python -m arrcli.cli.reference FOLDER` writes them.

docs/cli.md from the verbs and the keys of the dashboard, docs/tasks-toml.md from the table of keys; a test fails when stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_CLI_HEAD = """# The command line

Made from the program itself. Options of every verb: `-f/--file TASKS` (`ARR_FILE`), `--state-dir DIR` (`ARR_STATE_DIR`),
`--debug` (the traceback of an error). With no file given, `run`, `check`, `init`, `export` take `./tasks.toml`; the others take, with
`--state-dir`, the file that last ran there; without it the file of the one daemon alive under `./.arr`, else `./tasks.toml`, else
the file last run here. Times on a terminal are in the task's zone; in JSON always UTC.

Exit codes: 0 ok, 1 failure, 2 usage, 3 no daemon, 4 not found, 65 bad file, 75 store held, 124 timeout, 130 interrupted.
"""
_KEYS_HEAD = """
## Keys of the dashboard

| key | does |
|---|---|
"""
_TOML_HEAD = """# tasks.toml

Made from the program itself. A tasks file has the tables `[arr]`, `[defaults]` (any key of a task but func, args, kwargs and
what schedules it), `[pools.NAME]` and `[tasks.NAME]`. A name is printable, at most 100 characters, not all digits, and
begins with no dash. Durations are text (`"90s"`, `"1h30m"`, `"2d"`) or seconds; sizes `"1MiB"` or bytes. An unknown key, a wrong type,
an impossible date or two schedules are refused when the file is read, all faults at once.
"""


def cli_page() -> str:
    """docs/cli.md."""
    from arrcli.cli.table import PANELS, VERBS
    from arrcli.dashboard.keys import KEYS

    parts = [_CLI_HEAD]
    for panel in PANELS:
        parts.append(f"\n## {panel}\n")
        for verb in VERBS:
            if verb.panel == panel:
                parts += _verb(verb.name)
    rows = [f"| {key.shown} | {key.text} |\n" for key in KEYS]
    return "".join([*parts, _KEYS_HEAD, *rows])


def _verb(name: str) -> Iterator[str]:
    from arrcli.cli.group import command

    made = command().get_command(None, name)
    for each in getattr(made, "commands", {"": made}).values():
        full = name if each is made else f"{name} {each.name}"
        arguments = [one for one in each.params if one.param_type_name == "argument" and not getattr(one, "hidden", False)]
        words = " ".join(_metavar(one) for one in arguments)
        yield f"\n### arr {full} {words}".rstrip() + "\n\n" + " ".join((each.help or "").split()) + "\n"
        rows = [_option(one) for one in each.params if one.param_type_name == "option" and not one.hidden]
        shown = [row for row in rows if row]
        if shown:
            yield "\n| option | meaning |\n|---|---|\n" + "".join(shown)


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _option(option: Any) -> str:
    if option.name in ("help", "file", "state_dir"):
        return ""
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    value = f" {option.metavar}" if option.metavar else ""
    return f"| {names}{value} | {option.help or ''} |\n".replace("  ", " ")


def toml_page() -> str:
    """docs/tasks-toml.md."""
    from arrcli.config.shape import reference

    parts, table = [_TOML_HEAD], ""
    for key in reference():
        if key.table != table:
            table = key.table
            parts.append(f"\n## [{table}]\n\n| key | default | meaning |\n|---|---|---|\n")
        parts.append(f"| `{key.name}` | {key.default} | {key.meaning} |\n")
    return "".join(parts)


def main() -> None:
    """Write both pages into the folder named on the command line."""
    folder = Path(sys.argv[1])
    (folder / "cli.md").write_text(cli_page())
    (folder / "tasks-toml.md").write_text(toml_page())


if __name__ == "__main__":
    main()
