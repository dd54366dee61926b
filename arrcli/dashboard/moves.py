"""What a key does to the view: pure, so that a test can press keys without a terminal."""

from __future__ import annotations

from arrcli.dashboard.draw import Frame
from arrcli.dashboard.keys import ACTS
from arrcli.dashboard.listing import key_of
from arrcli.dashboard.view import View

_LONGEST_FILTER = 100


def pressed(name: str, frame: Frame, page: int) -> View | None:
    """The view after that key, where the cursor's pane shows `page` rows; None: not a key of the view."""
    if frame.view.typing:
        return _typed(name, frame.view)
    if frame.view.help:  # any key closes the page, but for those that mean more than the view
        return frame.view.helped(False) if ACTS.get(name) != "quit" else None
    match ACTS.get(name):
        case "down":
            return _moved(frame, frame.view.selected + 1)
        case "up":
            return _moved(frame, frame.view.selected - 1)
        case "page_down":
            return _moved(frame, frame.view.selected + page)
        case "page_up":
            return _moved(frame, frame.view.selected - page)
        case "first":
            return _moved(frame, 0)
        case "last":
            return _moved(frame, len(frame.listing.of(frame.view.pane)) - 1)
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
            return view.helped(True)
        case "back":
            return view.filtered("") if view.filter else view
        case _:
            return None


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
