"""Words for sizes: `64KiB`, `1MiB`, `2MB`."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from arrcli.errors import UsageError

LARGEST: Final = 1 << 50
"""The largest size that is taken, a pebibyte."""

_UNITS: Final = {
    "": 1,
    "b": 1,
    **{"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12},
    **{"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40},
}
_SIZE: Final = r"(?P<number>[0-9]{1,18}(?:\.[0-9]{1,9})?)\s*(?P<unit>[a-zA-Z]*)"
_SIZES: Final = "write 64KiB, 1MiB, 2MB, or a number of bytes"


def size(said: str | int) -> int:
    """Bytes of `"64KiB"`, `"1.5 MB"`, or a number of bytes; UsageError otherwise, or above a pebibyte."""
    if isinstance(said, bool) or not isinstance(said, str | int):
        raise UsageError(f"{said!r} is not a size — {_SIZES}")
    found = re.fullmatch(_SIZE, str(said).strip(), re.ASCII) if isinstance(said, str) or abs(said) <= LARGEST else None
    unit = _UNITS.get(found["unit"].lower()) if found else None
    if found is None or unit is None or Fraction(found["number"]) * unit > LARGEST:
        text = f'"{said}"' if isinstance(said, str) else "such a number"
        raise UsageError(f"{text} is not a size — {_SIZES}")
    return round(Fraction(found["number"]) * unit)
