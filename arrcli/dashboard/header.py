"""The first line, which says how things stand, and the lines below it where something is the matter."""

from __future__ import annotations

from pathlib import PurePath

from rich.style import Style

from arrcli.dashboard import times
from arrcli.dashboard.cells import BAD, BOLD, DIM, HELD, PLAIN, Cell, Line, fit, row, tidy, whole, width_of
from arrcli.dashboard.glyphs import FAILING, PAUSED, RUNNING
from arrcli.dashboard.listing import Listing
from arrcli.dashboard.pane import Context
from arrcli.model.snapshot import Snapshot

_MOST_FAULTS = 3


def header(context: Context, listing: Listing, width: int) -> Line:
    """`arr tasks.toml  24 tasks  ▶ 2 running  ✗ 1 failing  ⏸ 1 paused  4 workers      14:03:22 CET`.

    What matters least goes first where the line is narrow.
    """
    zone = times.zone_of(context.snapshot.timezone)
    name = times.local(context.now, zone).tzname() or ""
    right = f"{times.clock(context.now, zone)} {name}"
    if width >= 110:
        right = f"{tidy(context.snapshot.timezone)}  {right}"
    cells = _chosen(_facts(context, listing, width), width - width_of(right) - 1)
    used = sum(cell.width + 1 for cell in cells)
    return row([*cells, Cell(right, max(0, width - used), DIM, right=True)], width)


def status(context: Context, listing: Listing, width: int) -> Line:
    """All of it in one line, for a window that is too small for more."""
    cells = [cell for _, cell in _facts(context, listing, width) if cell.text[:1] in "▶✗⏸"]
    text = "  ".join(cell.text for cell in cells)
    zone = times.zone_of(context.snapshot.timezone)
    return whole(f"{times.clock(context.now, zone)} {text}", width)


def banners(snapshot: Snapshot, width: int, most: int) -> list[Line]:
    """What is the matter: no daemon, a stop under way, a file that was refused; at most `most` lines."""
    said: list[tuple[str, bool]] = []
    daemon = snapshot.daemon
    if daemon.pid is None:
        said.append(("■ no scheduler is running on this file (start it: arr run)", False))
    if daemon.stalled:
        said.append(("✗ the scheduler is stalled: it has not turned for a while (see: arr status)", True))
    if daemon.stopping:
        said.append((f"■ stopping: {len(snapshot.running)} still running", False))
    if daemon.message:
        said.append((f"■ {tidy(daemon.message)}", False))
    said += [(f"✗ {tidy(fault)}", True) for fault in snapshot.faults[:_MOST_FAULTS]]
    if len(snapshot.faults) > _MOST_FAULTS:
        said.append((f"✗ and {len(snapshot.faults) - _MOST_FAULTS} more (see them all: arr check)", True))
    return [whole(text, width, BAD if bad else HELD) for text, bad in said[: max(0, most)]]


def _facts(context: Context, listing: Listing, width: int) -> list[tuple[int, Cell]]:
    """The facts in reading order, each with how early it may go (0 stays longest)."""
    snapshot = context.snapshot
    path = tidy(snapshot.file) if width >= 110 else tidy(PurePath(snapshot.file).name)
    failing, paused = listing.failing_count, listing.paused_count
    workers = snapshot.daemon.workers or len(snapshot.workers)
    lag = snapshot.daemon.lag
    return [
        (3, _fact(f"arr {fit(path, min(width_of(path), 40))}", BOLD)),
        (4, _fact(f"{_counted(len(snapshot.tasks), 'task')}", PLAIN)),
        (1, _fact(f"{RUNNING.glyph} {len(snapshot.running)} running", RUNNING.style)),
        (0, _fact(f"{FAILING.glyph} {failing} failing", FAILING.style if failing else DIM)),
        (2, _fact(f"{PAUSED.glyph} {paused} paused", PAUSED.style if paused else DIM)),
        (5, _fact(f"{_counted(workers, 'worker')}" if workers else "", PLAIN)),
        (6, _fact(f" lag {times.lasted(lag)}" if lag > 1_000_000 else "", HELD)),
    ]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _fact(text: str, style: Style) -> Cell:
    return Cell(text, width_of(text) + 1 if text else 0, style)


def _chosen(facts: list[tuple[int, Cell]], room: int) -> list[Cell]:
    """Those facts that have room, the ones that may go early gone first."""
    kept = [fact for fact in facts if fact[1].text]
    while kept and sum(cell.width + 1 for _, cell in kept) > room:
        kept.remove(max(kept, key=lambda fact: fact[0]))
    return [cell for _, cell in kept]
