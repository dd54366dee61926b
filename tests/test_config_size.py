"""Words for sizes."""

from __future__ import annotations

import pytest

from arrcli.errors import UsageError
from arrcli.model.size import size


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("64KiB", 65_536), ("1MiB", 1_048_576), ("1 MB", 1_000_000), ("1.5kb", 1500), ("2GiB", 2_147_483_648),
        ("10", 10), ("7B", 7), (123, 123), (" 1 mib ", 1_048_576),
    ],
)  # fmt: skip
def test_sizes_are_read_into_bytes(said: str | int, count: int) -> None:
    assert size(said) == count


@pytest.mark.parametrize("said", ["", "x", "1XB", "-1", "1e3", "١KiB", "9999TiB", True, 1 << 60, -(1 << 60), -1])
def test_what_is_no_size_is_refused_with_a_hint(said: str | int) -> None:
    with pytest.raises(UsageError, match="write 64KiB, 1MiB, 2MB, or a number of bytes"):
        size(said)
