"""Dotted paths: how callables are named."""

from __future__ import annotations

import keyword


def is_dotted_path(text: str) -> bool:
    """`pkg.mod.func` or `pkg.mod:Class.method`: names, and a module before the last of them."""
    parts = text.replace(":", ".").split(".")
    names = all(part.isidentifier() and not keyword.iskeyword(part) for part in parts)
    return names and len(parts) > 1 and text.count(":") <= 1
