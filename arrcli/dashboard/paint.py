"""Lines of segments as what a terminal obeys: only lines that changed are sent, each to its place."""

from __future__ import annotations

from functools import lru_cache

from rich.color import ColorSystem
from rich.style import Style

from arrcli.dashboard.cells import Line
from arrcli.dashboard.terminal import BEGIN_UPDATE, END_UPDATE


class Painter:
    """Remembers what is on the screen. `colour` False keeps bold, dim and reverse (NO_COLOR)."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._shown: list[list[str]] = []

    def forget(self) -> None:
        """The screen was cleared, or is another size: send everything."""
        self._shown = []

    def painted(self, lines: list[Line]) -> str:
        """What to send so that the screen shows `lines`, as one update; "" where it does already.

        Of a line that changed its end is left alone where that is as it was. Its beginning is always sent: a terminal
        may think some glyph wider than we do, and is to be right again with the next change.
        """
        wanted = [[self._styled(text, style) for text, style, _ in line] for line in lines]
        shown = self._shown if len(self._shown) == len(wanted) else [[]] * len(wanted)
        changed = [
            f"\x1b[{index};1H{''.join(new[: _changed(old, new)])}"
            for index, (old, new) in enumerate(zip(shown, wanted, strict=True), start=1)
            if old != new
        ]
        self._shown = wanted
        return f"{BEGIN_UPDATE}{''.join(changed)}{END_UPDATE}" if changed else ""

    def _styled(self, text: str, style: Style | None) -> str:
        if not style or not text:
            return text
        return _paint(style, self._colour).render(text, color_system=ColorSystem.STANDARD)


def _changed(old: list[str], new: list[str]) -> int:
    """How many pieces of the line differ, or lie before one that does."""
    alike = 0
    for one, other in zip(reversed(old), reversed(new), strict=False):
        if one != other:
            break
        alike += 1
    return len(new) - alike


@lru_cache(maxsize=256)
def _paint(style: Style, colour: bool) -> Style:
    return style if colour else style.without_color
