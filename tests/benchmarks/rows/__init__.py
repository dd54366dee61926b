"""All rows, in the order of the table."""

from rows.asking import ENQUEUE
from rows.latency import IDLE, SHORT
from rows.startup import STARTUP
from rows.throughput import BUSY, FAILING, FORMS, NOOP

ROWS = (NOOP, FORMS, FAILING, BUSY, SHORT, IDLE, ENQUEUE, STARTUP)
