"""The page of keys behind `?`, and the key bar: both from the one table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.segment import Segment

from arrcli.dashboard.cells import (
    BOLD,
    CURSOR,
    DIM,
    PLAIN,
    Cell,
    Line,
    blank,
    fit,
    row,
    rule,
    tidy,
    whole,
    width_of,
)
from arrcli.dashboard.keys import KEYS, Pairs, bar, length_of, page_bar
from arrcli.dashboard.view import Page, View

_GLYPHS: Final = (
    "▶ running   ✓ ok   ✗ failed   ■ cancelled   » skipped   ⏸ paused   ○ idle",
    "● in 5m: comes next   ⧗ waits, or late   ↻ awaits its retry",
    "▁▂✗▅ durations, a cross where one failed   ━━── told   ╌╌── against the usual",
)


def help_page(width: int, height: int) -> list[Line]:
    """Every key that works, and what the glyphs stand for."""
    lines = [rule("keys", width, note="any key closes", focused=True)]
    lines += [_key_row(key.shown, key.text, width) for key in KEYS if key.shown]
    lines += [blank(width)] * (height - len(lines) > len(_GLYPHS))
    lines += [whole(text, width, DIM) for text in _GLYPHS]
    return (lines + [blank(width)] * (height - len(lines)))[: max(0, height)]


def key_bar(view: View, width: int, *, paused: bool = False) -> Line:
    """The last line: the keys; or the filter, while it is written and while it holds."""
    if view.asking is not None:
        return _bar_line((getattr(view.asking, "question", "is that meant?"), "y yes", "any other key: no"), width)
    if view.note:
        return _bar_line((view.note,), width)
    if view.typing:
        return _bar_line((f"/ {view.filter}▏", "Enter keep", "Esc drop"), width)
    if view.page is Page.HELP:
        return _keys([("any key", "closes this page")], width)
    if view.page in (Page.RUN, Page.TIMELINE):
        of_run = view.page is Page.RUN
        return _keys(page_bar(width, of_run=of_run, control=view.control, ascii=view.ascii), width)
    if view.filter:
        return _filtered(view, width, paused)
    return _keys(bar(width, control=view.control, paused=paused, ascii=view.ascii), width)


def _filtered(view: View, width: int, paused: bool) -> Line:
    """What is looked for, how to drop it, and the keys that have room beside."""
    said = fit(f"/ {view.filter}", min(width, width_of(tidy(f"/ {view.filter}"))))
    gap = min(2, width - width_of(said))
    room = width - width_of(said) - gap
    keys = [("Esc", "drop"), *bar(room - 9, control=view.control, paused=paused, ascii=view.ascii)]
    return [
        Segment(said, CURSOR),
        Segment(" " * gap),
        *_keys(keys if room > 8 else [], room),
    ]


def _keys(pairs: Pairs, width: int) -> Line:
    """Each key bold, with its word; two blanks between them where there is room."""
    gap = Segment("  " if length_of(pairs) + len(pairs) - 1 <= width else " ")
    line: Line = []
    for key, word in pairs:
        line += [*([gap] if line else []), Segment(key, BOLD), Segment(f" {word}" if word else "", DIM)]
    used = sum(len(text) for text, _, _ in line)
    return [*line, Segment(" " * (width - used))] if used <= width else whole("", width)


def _bar_line(parts: Iterable[str], width: int) -> Line:
    return whole("  ".join(parts), width, CURSOR)


def _key_row(shown: str, text: str, width: int) -> Line:
    return row([Cell("", 1), Cell(shown, 15, BOLD), Cell(text, max(0, width - 18), PLAIN)], width)
