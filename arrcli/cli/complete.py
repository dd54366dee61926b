"""What the shell offers behind a verb: never fails, never creates anything."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence


def task_names(incomplete: str) -> Sequence[str]:
    """The names of the file's tasks."""
    with contextlib.suppress(Exception):
        from arrcli.cli.opened import chosen

        return [name for name in chosen(None, None, quiet=True).file(quiet=True).tasks if name.startswith(incomplete)]
    return []


def run_or_task(incomplete: str) -> Sequence[str]:
    """Task names, and the ids of runs that have not ended."""
    found = list(task_names(incomplete))
    with contextlib.suppress(Exception):
        from arrcli.cli.opened import opened

        with opened(None, None, quiet=True) as app:
            live = [*app.store.running(), *app.store.pending(limit=50)]
            found += [str(run.id) for run in live if str(run.id).startswith(incomplete)]
    return found
