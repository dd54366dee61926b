"""The first line, which says how things stand, and the lines below it where something is the matter."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import PurePath

from rich.style import Style

from arrcli.dashboard import times
from arrcli.dashboard.cells import BAD, BOLD, DIM, GOOD, HELD, PLAIN, Cell, Line, fit, row, tidy, whole, width_of
from arrcli.dashboard.glyphs import FAILING, PAUSED, RUNNING, WAITS
from arrcli.dashboard.listing import Listing
from arrcli.dashboard.pane import Context
from arrcli.model.snapshot import Snapshot

_MOST_FAULTS = 3
_LAGS = 1_000_000
_LEAST_FOR_STORE = 16
_MOST_COUNTED = 10_000
_LEAST_FOR_WORDS = 40


def header(context: Context, listing: Listing, width: int) -> Line:
    """`arr tasks.toml  24 tasks  ▶ 2 running  ✗ 1 failing  ⏸ 1 paused  4 workers      14:03:22 CET`.

    What matters least goes first where the line is narrow.
    """
    zone = times.zone_of(context.snapshot.timezone)
    name = times.local(context.now, zone).tzname() or ""
    right = f"{times.clock(context.now, zone)} {name}"
    cells = _chosen(_facts(context, listing, width), width - width_of(right) - 1)
    used = sum(cell.width + 1 for cell in cells)
    return row([*cells, Cell(right, max(0, width - used), DIM, right=True)], width)


def health(context: Context, width: int) -> Line:
    """`● up 3m  pid 4711  next import-orders in 1m38s  Europe/Paris  …/.arr/tasks.toml/arr.db`."""
    snapshot, daemon = context.snapshot, context.snapshot.daemon
    word, style = _how_it_is(context)
    coming = next((each for each in snapshot.upcoming if each.run is None and each.at > context.now), None)
    following = ""
    if coming is not None and not daemon.stopping:
        name = fit(coming.name, min(width_of(tidy(coming.name)), max(16, width // 5)))
        following = f"next {name} in {times.countdown(coming.at - context.now)}"
    facts = [
        (0, _fact(word, style)),
        (3, _fact(f"pid {daemon.pid}" if daemon.pid is not None else "", DIM)),
        (1, _fact(following, PLAIN)),
        (2, _fact(tidy(snapshot.timezone), DIM)),
    ]
    cells = _chosen(facts, width)
    left = width - sum(cell.width + 1 for cell in cells)
    if left >= _LEAST_FOR_STORE and snapshot.store:
        cells.append(Cell(_end_of(tidy(snapshot.store), left), left, DIM, right=True))
    return row(cells, width)


def _end_of(path: str, room: int) -> str:
    """As much of a path's end as there is room for, from a slash on where that loses little."""
    if width_of(path) <= room:
        return path
    end = path[-room + 1 :]
    slash = end.find("/")
    return f"…{end[slash:] if 0 < slash <= room // 3 else end}"


def _how_it_is(context: Context) -> tuple[str, Style]:
    """The daemon's health in a glyph and words."""
    daemon = context.snapshot.daemon
    if daemon.pid is None:
        return "■ no daemon", HELD
    if daemon.stalled:
        return "✗ stalled", BAD
    if daemon.stopping:
        return "■ stopping", HELD
    if daemon.lag > _LAGS:
        return f"⧗ {times.lasted(daemon.lag)} behind", HELD
    since = "" if daemon.started_at is None else f" {times.passed(context.now - daemon.started_at)}"
    return f"✓ up{since}", GOOD


def status(context: Context, listing: Listing, width: int) -> Line:
    """All of it in one line, for a window that is too small for more: in words, or in glyphs and numbers."""
    if width >= _LEAST_FOR_WORDS:
        return header(context, listing, width)
    said = [cell.text for _, cell in _facts(context, listing, width) if cell.text[:1] in ("▶", "✗", "⏸")]
    short = "  ".join(" ".join(text.split()[:2]) for text in said)
    clock = times.clock(context.now, times.zone_of(context.snapshot.timezone))
    ways = (f"{clock}  {'  '.join(said[:2])}", f"{clock}  {short}", short)
    return whole(next((way for way in ways if width_of(way) <= width), short), width)


def banners(snapshot: Snapshot, width: int, most: int) -> list[Line]:
    """What is the matter: no daemon, a stop under way, a file that was refused; at most `most` lines."""
    said: list[tuple[str, bool]] = []
    daemon = snapshot.daemon
    if daemon.pid is None:
        said.append(("■ no scheduler is running on this file (start it: arr run)", False))
    if daemon.stalled:
        said.append(("✗ the scheduler is stalled: it has not turned for a while (see: arr status)", True))
    if daemon.stopping:
        said.append((f"■ stopping: {len(snapshot.running)} still running (Ctrl-C again kills what runs)", False))
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
    due = bisect_right(snapshot.upcoming, context.now, key=lambda entry: entry.at)
    waiting, more = max(due, snapshot.waiting), "+" if snapshot.waiting >= _MOST_COUNTED else ""
    return [
        (3, _fact(f"arr {fit(path, min(width_of(path), 40))}", BOLD)),
        (4, _fact(f"{_counted(len(snapshot.tasks), 'task')}", PLAIN)),
        (1, _fact(f"{RUNNING.glyph} {len(snapshot.running)} running", RUNNING.style)),
        (6, _fact(f"{WAITS.glyph} {waiting:,}{more} waiting" if waiting else "", WAITS.style)),
        (0, _fact(f"{FAILING.glyph} {failing} failing", FAILING.style if failing else DIM)),
        (2, _fact(f"{PAUSED.glyph} {paused} paused", PAUSED.style if paused else DIM)),
        (5, _fact(f"{_counted(workers, 'worker')}" if workers else "", PLAIN)),
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
