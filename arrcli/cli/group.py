"""The root command. A verb's module is imported when the verb is called, never to list the verbs."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from arrcli.cli.table import ALIASES, PANELS, VERBS, Verb


class Verbs(TyperGroup):
    """Knows its verbs by the table."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [verb.name for verb in VERBS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        name = ALIASES.get(cmd_name, cmd_name)
        return next((_made(verb) for verb in VERBS if verb.name == name), None)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for panel in PANELS:
            with formatter.section(panel):
                formatter.write_dl([(verb.name, verb.does) for verb in VERBS if verb.panel == panel])


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
    holder.command(verb.name, help=found.__doc__, context_settings={**names, **ignoring})(found)
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
