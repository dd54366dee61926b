"""The shared process of `executor = "thread"`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def serve(order: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Be the host that the supervisor's order describes."""
    raise NotImplementedError
