"""What a key does to the view: pure, so that a test can press keys without a terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from arrcli.dashboard.act import Cancel
from arrcli.dashboard.draw import Frame
from arrcli.dashboard.keys import ACTS, ASKING
from arrcli.dashboard.listing import key_of
from arrcli.dashboard.view import Page, View
from arrcli.dashboard.wishes import newest, wish

_LONGEST_FILTER: Final = 100
READ_ONLY: Final = "this screen only looks on (start it with: arr top --control)"


def pressed(name: str, frame: Frame, page: int) -> View | None:
    """The view after that key, where the cursor's pane shows `page` rows; None: not a key of the view."""
    if frame.view.note:
        frame = frame.but(frame.view.noted(""))
    if frame.view.typing:
        return _typed(name, frame.view)
    if frame.view.asking is not None:
        return None if name == "y" else frame.view.asked(None)
    act = ACTS.get(name)
    if frame.view.page is Page.HELP:
        return frame.view.on(Page.NONE)
    if act in ASKING and not frame.view.control:
        return frame.view.noted(READ_ONLY)
    if act == "cancel":
        return _asked(frame)
    if frame.view.page is not Page.NONE:
        return _paged(act, frame, page)
    return _in_panes(act, frame, page)


def _in_panes(act: str | None, frame: Frame, page: int) -> View | None:
    selected = frame.view.selected
    match act:
        case "down":
            return _moved(frame, selected + 1)
        case "up":
            return _moved(frame, selected - 1)
        case "page_down":
            return _moved(frame, selected + page)
        case "page_up":
            return _moved(frame, selected - page)
        case "first":
            return _moved(frame, 0)
        case "last":
            return _moved(frame, len(frame.listing.of(frame.view.pane)) - 1)
        case "open":
            return _opened(frame)
        case other:
            return _turned(other, frame.view)


def _turned(act: str | None, view: View) -> View | None:
    match act:
        case "next_pane":
            return view.in_pane(1)
        case "previous_pane":
            return view.in_pane(-1)
        case "filter":
            return view.writing(True)
        case "help":
            return view.on(Page.HELP)
        case "timeline":
            return view.on(Page.TIMELINE)
        case "sort":
            view = view.sorted()
            return view.noted(f"sorted {view.order}")
        case "back":
            return view.filtered("") if view.filter else view
        case _:
            return None


def _paged(act: str | None, frame: Frame, page: int) -> View | None:
    """On a page that is longer than the screen the keys that move a cursor move the page."""
    end = max(0, frame.length - page)
    top = frame.top(page)
    match act:
        case "down":
            return _scrolled(frame, top + 1, end)
        case "up":
            return _scrolled(frame, top - 1, end)
        case "page_down":
            return _scrolled(frame, top + page, end)
        case "page_up":
            return _scrolled(frame, top - page, end)
        case "first":
            return _scrolled(frame, 0, end)
        case "last":
            return _scrolled(frame, end, end)
        case "back" | "open":
            return frame.view.on(Page.NONE)
        case "timeline" if frame.view.page is Page.TIMELINE:
            return frame.view.on(Page.NONE)
        case "help" | "timeline" | "filter" | "sort":
            return _turned(act, frame.view.on(Page.NONE))
        case "next_pane" | "previous_pane":
            return frame.view
        case _:
            return None


def _scrolled(frame: Frame, to: int, end: int) -> View:
    """At the end of what a run still writes the page follows it."""
    to = max(0, min(to, end))
    return frame.view.scrolled(None if to >= end and frame.follows else to)


def _opened(frame: Frame) -> View:
    item = frame.under_cursor()
    if item is None:
        return frame.view
    run = newest(item, frame.snapshot)
    return frame.view.noted("it has not run yet") if run is None else frame.view.on(Page.RUN, run=run.id)


def _asked(frame: Frame) -> View:
    found = wish("cancel", frame.under_cursor(), frame.snapshot)
    return frame.view.asked(found) if isinstance(found, Cancel) else frame.view.noted(str(found))


def _moved(frame: Frame, index: int) -> View:
    """The cursor on that row, or the nearest that there is; on the first row of all it follows nothing."""
    rows = frame.listing.of(frame.view.pane)
    if not rows:
        return frame.view
    index = max(0, min(index, len(rows) - 1))
    return frame.view.at(index, key_of(rows[index]) if index else "")


def _typed(name: str, view: View) -> View:
    match name:
        case "enter":
            return view.writing(False)
        case "esc":
            return view.filtered("").writing(False)
        case "backspace":
            return view.filtered(view.filter[:-1]) if view.filter else view.writing(False)
        case "ctrl-u":
            return view.filtered("")
        case _ if len(name) == 1 and len(view.filter) < _LONGEST_FILTER:
            return view.filtered(view.filter + name)
        case _:
            return view


def answered(view: View, text: str) -> View:
    """What an act came to, said in the bar."""
    return replace(view, asking=None, note=text)
