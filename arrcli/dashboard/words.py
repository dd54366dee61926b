"""How a run's end is told: one word for what became of it, and one line for why."""

from __future__ import annotations

from typing import Final

from arrcli.model.run import Fault, Origin, Reason, Run, State
from arrcli.text import one_line

LONGEST_TEXT: Final = 4096
"""No more of an outside text than this is looked at for one line: a task may raise megabytes."""

_WORDS: Final = {
    State.PENDING: "pending",
    State.RUNNING: "running",
    State.SUCCEEDED: "ok",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
    State.SKIPPED: "skipped",
}
_REASONS: Final = {
    Reason.ERROR: "",
    Reason.TIMED_OUT: "timed out",
    Reason.LOST: "lost",
    Reason.OVERLAP: "overlap: one was still going",
    Reason.MISSED: "missed: nothing was there to run it",
    Reason.PAUSED: "paused",
    Reason.REMOVED: "removed from the file",
    Reason.QUEUE_FULL: "queue full",
    Reason.EXPIRED: "expired before it could start",
    Reason.USER: "by the user",
    Reason.DENIED: "denied: not in allow",
    Reason.UPSTREAM: "upstream did not succeed",
}


_ORIGINS: Final = {
    Origin.CRON: "by its schedule",
    Origin.EVERY: "by its schedule",
    Origin.AT: "by its schedule",
    Origin.REBOOT: "at the start of arr",
    Origin.ENQUEUED: "asked for",
    Origin.RETRY: "asked for again",
    Origin.BACKFILL: "asked for afterwards",
    Origin.AFTER: "after another task",
}


def source(run: Run) -> str:
    """Why there is this run: `by its schedule`, `asked for`, `asked for again (run 12)`."""
    return _ORIGINS[run.origin] + (f" (run {run.retry_of})" if run.retry_of else "")


def outcome(run: Run) -> str:
    """`ok`, `failed`, `cancelled`, `skipped`, `running`, `pending`."""
    return _WORDS[run.shown_state]


def why(run: Run) -> str:
    """Why it ended so, on one line and safe to print: reason and error, `6 slots` that share a row; or ""."""
    said = [_REASONS[run.reason]] if run.reason is not None else []
    said.append(fault_line(run.fault))
    if run.count > 1:
        said.append(f"{run.count} slots")
    return "; ".join(part for part in said if part)


def fault_line(fault: Fault | None) -> str:
    """`OperationalError: disk full`: the exception's own name and the first line of its text."""
    if fault is None:
        return ""
    kind = safe(fault.type).rpartition(".")[2]
    message = safe(fault.message)
    return f"{kind}: {message}" if kind and message else kind or message


def memory(run: Run) -> str:
    """`83 MB`, or ""."""
    rss = run.cost.rss_kb
    return f"{max(1, round(rss / 1024))} MB" if rss else ""


def safe(text: str) -> str:
    """The first line of an outside text that says something, without what a terminal would obey."""
    return one_line(text[:LONGEST_TEXT])
