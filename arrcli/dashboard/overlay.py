"""The page of keys behind `?`, and the key bar: both from the one table."""

from __future__ import annotations

from collections.abc import Iterable

from arrcli.dashboard.cells import BOLD, CURSOR, DIM, PLAIN, Cell, Line, blank, row, rule, whole
from arrcli.dashboard.keys import KEYS, bar, page_bar
from arrcli.dashboard.view import Page, View

_GLYPHS = (
    "▶ running   ✓ ok   ✗ failed   ■ cancelled   » skipped",
    "● in 5m: comes next   ⧗ waits or late   ↻ retry   ⏸ paused   ○ idle",
    "▁▂✗▅ the last durations, a cross where one failed   ━━── told progress   ╌╌── against the usual",
)


def help_page(width: int, height: int) -> list[Line]:
    """Every key that works, and what the glyphs stand for."""
    lines = [rule("keys", width, note="Esc closes", focused=True)]
    lines += [_key_row(key.shown, key.text, width) for key in KEYS]
    lines += [blank(width), *(whole(text, width, DIM) for text in _GLYPHS)]
    return (lines + [blank(width)] * (height - len(lines)))[: max(0, height)]


def key_bar(view: View, width: int) -> Line:
    """The last line: the keys; or the filter, while it is written and while it holds."""
    if view.asking is not None:
        return _bar_line((getattr(view.asking, "question", "is that meant?"), "y yes", "any other key: no"), width)
    if view.note:
        return _bar_line((view.note,), width)
    if view.typing:
        return _bar_line((f"/ {view.filter}▏", "Enter keep", "Esc drop"), width)
    if view.page in (Page.RUN, Page.TIMELINE):
        return whole(page_bar(width, of_run=view.page is Page.RUN, control=view.control), width, DIM)
    if view.filter:
        return _bar_line((f"/ {view.filter}", "Esc drop", bar(width, control=view.control)), width)
    return whole(bar(width, control=view.control), width, DIM)


def _bar_line(parts: Iterable[str], width: int) -> Line:
    return whole("  ".join(parts), width, CURSOR)


def _key_row(shown: str, text: str, width: int) -> Line:
    return row([Cell("", 1), Cell(shown, 12, BOLD), Cell(text, max(0, width - 15), PLAIN)], width)
