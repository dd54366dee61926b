"""Verbs of the contract that this version does not carry out: each says so, whatever it is given, and exits 1."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from arrcli.errors import NotThereYetError

Words = Annotated[list[str] | None, typer.Argument(metavar="...", hidden=True)]


def _not_yet(verb: str) -> NoReturn:
    raise NotThereYetError(f"arr {verb} is not there yet")


def backfill(words: Words = None) -> None:
    """Run past slots. (not there yet)"""
    _not_yet("backfill")


def simulate(words: Words = None) -> None:
    """The file on a virtual clock. (not there yet)"""
    _not_yet("simulate")
