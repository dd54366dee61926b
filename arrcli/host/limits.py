"""How many files this process may have open at once."""

from __future__ import annotations

import resource


def allow_open_files(wanted: int) -> int:
    """Raise the limit to `wanted` where it is lower and that is allowed; how many it is then, at least `wanted` or all
    that are allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most
