"""The reference pages, made of the tables that the program itself reads; tests fail where they are stale.

`python -m arrcli.cli.reference` prints docs/cli.md: the verbs of the parser, the keys of the dashboard. With a folder
it writes cli.md there, and renews the tables of keys in tasks-toml.md.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from arrcli.cli.table import ALIASES, PANELS, VERBS, Verb

_HEAD: Final = """\
# The command line

<!-- Made by: python -m arrcli.cli.reference docs -->

Every verb, by what it is for, as `arr --help` groups them. `arr VERB --help` says the same on your terminal.
Shell completion, of task names too: `arr --install-completion`.

Lists and answers go to stdout, words about them to stderr. `--json` prints one object with `schema_version: 1`,
on failure too: `{"error": {...}}`. Times in it are UTC, as `2026-01-01T00:00:00.000000Z`; times for people carry
their zone. `--debug` shows the traceback of an error.

**Which file is meant.** `run`, `check`, `init`, `add` and `export` take `./tasks.toml` unless they are given a file.
The others take, with `--state-dir`, the file that last ran there; without it the file of the one daemon alive under
`./.arr`, else `./tasks.toml`, else the file that last ran here. A line on stderr says which, where it is not
`./tasks.toml`.

**Exit codes.** 0 done; 1 a failure, or refused; 2 wrong usage; 3 no daemon is running; 4 no such task, run or file;
65 the tasks file has faults; 75 another daemon holds the store; 124 timed out; 130 interrupted. `arr run` ends with
0 when a signal drained it, and with 1 when runs had to be killed.

**Environment.** Options beat these, and these beat the file: `ARR_FILE`, `ARR_STATE_DIR`, `ARR_WORKERS`, `ARR_TZ`.
`ARR_NO_DASHBOARD=1` asks for log lines on a terminal too; `ARR_DEBUG=1` is `--debug`. `NO_COLOR`, `COLUMNS` and `TZ`
are honoured. Run by root, `arr` refuses a tasks file, a state directory or a folder of `python_path` that others
can write, or that belongs to another user (unless `ARR_TRUST=1`); run by others it warns. An attempt finds
`ARR_TASK`, `ARR_RUN_ID`, `ARR_ATTEMPT` and `ARR_SLOT` in its environment.
"""
_TABLE: Final = re.compile(r"(<!-- keys: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def cli_page() -> str:
    """docs/cli.md, whole."""
    lines = [_HEAD]
    for panel in PANELS:
        lines.append(f"## {panel[0].upper()}{panel[1:]}\n")
        for verb in VERBS:
            if verb.panel == panel:
                lines += _section(f"arr {verb.name}", _command(verb), _alias(verb.name))
    return "\n".join([*lines, *_dashboard_keys(), ""])


def keys_table(table: str) -> str:
    """The keys of `[arr]`, `[pools.NAME]` or `[tasks.NAME]` as a table."""
    from arrcli.config.shape import reference

    rows = ["| key | default | meaning |", "|---|---|---|"]
    for one in reference():
        if one.table == table:
            default = f"`{one.default}`" if _is_toml(one.default) else one.default
            rows.append(f"| `{one.name}` | {_cell(default)} | {_cell(one.meaning)} |")
    return "\n".join(rows)


def _command(verb: Verb) -> Any:
    from arrcli.cli.group import command

    return command().get_command(None, verb.name)


def _alias(name: str) -> str:
    others = [alias for alias, meant in ALIASES.items() if meant == name]
    return f" Short: `arr {others[0]}`." if others else ""


def _section(called: str, command: Any, more: str = "") -> Iterator[str]:
    children: dict[str, Any] = getattr(command, "commands", {})
    params = [one for one in command.params if not getattr(one, "hidden", False) and one.name != "help"]
    arguments = [one for one in params if one.param_type_name == "argument"]
    options = [one for one in params if one.param_type_name == "option"]
    yield f"### `{' '.join([called, *map(_metavar, arguments)])}`\n"
    yield f"{_reflowed(command.help or '')}{more}\n"
    told = [(_metavar(one), one.help) for one in arguments if one.help]
    told += [(_option(one), _option_help(one)) for one in options]
    if told and not children:
        yield from ("|  |  |", "|---|---|")
        yield from (f"| `{_cell(names)}` | {_cell(said)} |" for names, said in told)
        yield ""
    for name, child in children.items():
        yield from _section(f"{called} {name}", child)


def _reflowed(text: str) -> str:
    """A paragraph a line."""
    return "\n\n".join(" ".join(one.split()) for one in inspect.cleandoc(text).split("\n\n"))


def _metavar(param: Any) -> str:
    said = str(param.metavar or (param.name or "").upper())
    optional = not param.required and not said.startswith("[")
    return f"[{said}]" if optional else said


def _option(param: Any) -> str:
    names = ", ".join(sorted(param.opts, key=lambda name: (name.startswith("--"), name)))
    if param.is_flag:
        return names
    return f"{names} {param.metavar or param.name.upper()}"


def _option_help(param: Any) -> str:
    default = param.default
    said = [param.help or ""]
    if not param.is_flag and default and not callable(default):
        said.append(f"Default: {default}.")
    if param.envvar:
        said.append(f"Environment: `{param.envvar}`.")
    if param.multiple:
        said.append("Can be given several times.")
    return " ".join(said)


def _dashboard_keys() -> Iterator[str]:
    from arrcli.dashboard.keys import KEYS

    yield from ("## Keys of the dashboard\n", "In `arr run` on a terminal, and in `arr top`.\n")
    yield from ("| keys | do |", "|---|---|")
    for key in filter(lambda key: key.shown, KEYS):
        yield f"| {' '.join(f'`{one}`' for one in key.shown.split())} | {_cell(key.text)} |"


def _is_toml(default: str) -> bool:
    import tomllib

    try:
        tomllib.loads(f"x = {default}")
    except tomllib.TOMLDecodeError:
        return False
    return True


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def renewed(page: str) -> str:
    """docs/tasks-toml.md with its tables of keys made anew."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{keys_table(found[2])}\n\n{found[3]}", page)


def main(arguments: Sequence[str]) -> int:
    """Print the page of the command line; given a folder, write both pages there."""
    if not arguments:
        print(cli_page(), end="")
        return 0
    folder = Path(arguments[0])
    keys = folder / "tasks-toml.md"
    (folder / "cli.md").write_text(cli_page(), encoding="utf-8")
    keys.write_text(renewed(keys.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
