"""The root command. A verb's module is imported when the verb is called, never to list the verbs."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from typing import Annotated, Any, Final, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from arrcli.cli.table import ALIASES, PANELS, VERBS, Verb


class Verbs(TyperGroup):
    """Knows its verbs by the table."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [verb.name for verb in VERBS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        name = ALIASES.get(cmd_name, cmd_name)
        return next((_made(verb) for verb in VERBS if verb.name == name), None)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in (*self.list_commands(ctx), *ALIASES):
            raise _no_verb(args[0])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for panel in PANELS:
            with formatter.section(panel):
                formatter.write_dl([(verb.name, verb.does) for verb in VERBS if verb.panel == panel])


def _no_verb(said: str) -> Exception:
    from difflib import get_close_matches

    from arrcli.errors import UsageError
    from arrcli.text import brief

    near = get_close_matches(said, [verb.name for verb in VERBS], 1)
    hint = f"did you mean arr {near[0]}?" if near else "see them with: arr --help"
    return UsageError(f"there is no command {brief(said)}; {hint}")


class Lenient(TyperCommand):
    """Takes `-5` for an argument. A short option is the first letter of its word, so that none of `-5h` is one."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        from arrcli.cli.enqueue import no_option

        for before, word in pairwise(["", *args]):
            if word == "--":
                break
            if re.match(_OTHER_LETTERS, word) and not re.fullmatch(_NUMBER, word) and not before.startswith("--"):
                raise no_option(word)
        return super().parse_args(ctx, args)


_OTHER_LETTERS: Final = r"-[^-fh]."
_NUMBER: Final = r"-[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"


def _made(verb: Verb) -> Any:
    module, _, name = verb.where.partition(":")
    found: typer.Typer | Callable[..., Any] = getattr(import_module(f"arrcli.cli.{module}"), name)
    if isinstance(found, typer.Typer):
        made = typer.main.get_command(found)
        made.name = verb.name
        return made
    holder = typer.Typer(add_completion=False, rich_markup_mode=None)
    lenient = verb.name in ("enqueue", "add") or verb.where.startswith("later:")  # `-5` is a number, not an option
    ignoring = {"ignore_unknown_options": True} if lenient else {}
    names = {"help_option_names": ["-h", "--help"]}
    kind = Lenient if lenient else TyperCommand
    found.__annotations__ = get_type_hints(found, include_extras=True)  # typer would read them as text nine times
    holder.command(verb.name, cls=kind, help=found.__doc__, context_settings={**names, **ignoring})(found)
    return typer.main.get_command(holder)


def _version(wanted: bool) -> None:
    if wanted:
        from arrcli.app import arr_version

        print(f"arr {arr_version()}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    """cron for Python callables: one command, one TOML file, no broker."""


def command() -> Any:
    """The command `arr`, ready to be called."""
    app = typer.Typer(
        cls=Verbs,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    return typer.main.get_command(app)
