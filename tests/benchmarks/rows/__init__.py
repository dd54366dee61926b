"""All rows, in the order of the table."""

from rows.asking import ENQUEUE
from rows.growth import GROWTH
from rows.latency import AT_ONCE, IDLE, LATENESS, SHORT
from rows.scale import IDLE_DAEMON, MANY_TASKS, STORED, TASKS
from rows.startup import STARTUP
from rows.throughput import BUSY, FAILING, FORMS, NOOP, SCREEN

__all__ = ["GROWTH", "ROWS"]

ROWS = (
    *(NOOP, FORMS, FAILING, BUSY, SCREEN),
    *(SHORT, IDLE, LATENESS, AT_ONCE),
    *(ENQUEUE, STARTUP),
    *(IDLE_DAEMON, TASKS, MANY_TASKS, STORED),
)
