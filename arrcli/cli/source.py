"""Looks for a callable in source files, without importing anything: the user's code never runs here."""

from __future__ import annotations

import ast
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from arrcli.text import brief


def missing(target: str, python_path: Sequence[str]) -> str:
    """Why a dotted path surely leads nowhere, with what its module defines; "" where it may lead somewhere."""
    module, name = _split(target)
    source = _source(module, [*python_path, *sys.path])
    if source is None or "." in name:
        return ""
    try:
        tree = ast.parse(source.read_text(errors="replace"))
    except (OSError, SyntaxError, ValueError):
        return ""
    names = _defined(tree)
    if name in names or None in names or "__getattr__" in names:
        return ""
    known = _callables(tree)
    near = difflib.get_close_matches(name, known, 1)
    hint = f" — did you mean {near[0]!r}?" if near else ";"
    listed = ", ".join(known[:12]) or "nothing"
    defined = f"{source.name} defines: {listed}  (read from the source, not imported)"
    return f"no task or function {brief(target)}{hint} {defined}"


def _split(target: str) -> tuple[str, str]:
    if ":" in target:
        module, _, name = target.partition(":")
    else:
        module, _, name = target.rpartition(".")
    return module, name


def _source(module: str, path: Sequence[str]) -> Path | None:
    relative = module.replace(".", "/")
    for folder in path:
        for candidate in (Path(folder) / f"{relative}.py", Path(folder) / relative / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def _defined(tree: ast.Module) -> set[str | None]:
    """Names that the module binds at its top; None stands for names that cannot be known (`import *`)."""
    names: set[str | None] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue  # what is bound inside it is its own
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(
                None if alias.name == "*" else (alias.asname or alias.name.partition(".")[0]) for alias in node.names
            )
        waiting.extend(ast.iter_child_nodes(node))
    return names


def _callables(tree: ast.Module) -> list[str]:
    """The functions and classes at the module's top, for a message."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return sorted(node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_"))
