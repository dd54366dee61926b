"""Each state as a glyph and a word, never by colour alone; and the same in ASCII, cell for cell."""

from __future__ import annotations

from typing import Final

from rich.style import Style

from arrcli.dashboard.cells import BAD, BUSY, DIM, GOOD, HELD, PLAIN
from arrcli.dashboard.strip import BARS
from arrcli.dashboard.words import outcome
from arrcli.model.run import Reason, Run, State
from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """How a state is shown: `✗ failed`, red."""

    glyph: str
    word: str
    style: Style

    @property
    def text(self) -> str:
        return f"{self.glyph} {self.word}"


RUNNING: Final = Mark("▶", "running", BUSY)
FAILING: Final = Mark("✗", "failing", BAD)
BROKEN: Final = Mark("✗", "broken", BAD)
PAUSED: Final = Mark("⏸", "paused", HELD)
DISABLED: Final = Mark("⏸", "disabled", HELD)
IDLE: Final = Mark("○", "idle", DIM)
WAITS: Final = Mark("⧗", "waits", HELD)
LATE: Final = Mark("⧗", "late", HELD)
RETRY: Final = Mark("↻", "retry", HELD)
COMING: Final = Mark("●", "in", PLAIN)

_ENDS: Final = {
    State.SUCCEEDED: ("✓", GOOD),
    State.FAILED: ("✗", BAD),
    State.CANCELLED: ("■", HELD),
    State.SKIPPED: ("»", HELD),
    State.RUNNING: ("▶", BUSY),
    State.PENDING: ("●", PLAIN),
}

DONE, LIKELY, LEFT = "━", "╌", "─"
"""Of a progress bar: told by the task, guessed by its usual duration, still to come."""

ASCII: Final = str.maketrans(
    {
        **dict(zip("▶✗✓●⏸○⧗↻■»", ">x+o=.!r#s", strict=True)),
        **dict(zip(BARS, "__..--=#", strict=True)),
        **dict(zip("━╌─│…·↓↑▏▪◆▫", "=~-|~.v^_o*-", strict=True)),
    }
)


def ended(run: Run) -> Mark:
    """What became of a run: `✓ ok`, `✗ timed out`."""
    glyph, style = _ENDS[run.shown_state]
    word = "timed out" if run.state is State.FAILED and run.reason is Reason.TIMED_OUT else outcome(run)
    return Mark(glyph, word, style)
