"""The pending runs that come soonest, found without looking at all that wait.

What is ready, and what is held, stands in queues, each sorted by time: one of each executor and priority, one of each
obstacle and priority. The first rows of each are enough, so that two hundred thousand runs in a queue cost what two
hundred do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from arrcli.model.instant import Instant
from arrcli.store.rows import COLUMNS

MANY_QUEUES: Final = 16
"""Of more queues than this all that stands in them is looked at."""

_FROM: Final = "SELECT ready_at, id FROM runs INDEXED BY"
_SOONEST: Final = "AND ready_at <= ?1 ORDER BY ready_at, id LIMIT ?2"
_WAITING: Final = f"{_FROM} runs_waiting WHERE stage = 0 {_SOONEST}"
_CLAIMED: Final = f"{_FROM} runs_running WHERE stage = 2 AND started_at IS NULL AND ready_at <= ?1"
_READY: Final = ("runs_ready", "stage = 1", "executor")
_HELD: Final = ("runs_held", "held_by IS NOT NULL", "held_by")


def heads(index: str, where: str, name: str) -> str:
    """The first run of each queue, of so many that one sees where there are too many."""
    rows = f"SELECT id FROM runs INDEXED BY {index} WHERE {where}"
    first = "priority DESC, ready_at, id LIMIT 1"
    return f"""WITH RECURSIVE head(id) AS (
        SELECT ({rows} ORDER BY {name}, {first}) UNION ALL
        SELECT coalesce(({rows} AND {name} = was.{name} AND priority < was.priority ORDER BY {first}),
            ({rows} AND {name} > was.{name} ORDER BY {name}, {first}))
        FROM head JOIN runs AS was ON was.id = head.id LIMIT {MANY_QUEUES + 2})
    SELECT {name}, priority FROM head JOIN runs ON runs.id = head.id"""


HEADS_OF_READY: Final = heads(*_READY)
HEADS_OF_HELD: Final = heads(*_HELD)


def soonest(ask: Callable[..., list[Any]], until: Instant, limit: int) -> list[Any]:
    """The rows (`COLUMNS`) of what is ready by `until`, by (ready_at, id); at most `limit` (0: all)."""
    ready, held = (ask(HEADS_OF_READY), ask(HEADS_OF_HELD)) if limit else ((), ())
    few = bool(limit) and len(ready) + len(held) <= MANY_QUEUES
    names = [value for queue in (*ready, *held) for value in queue] if few else []
    return ask(statement(len(ready) if few else -1, len(held) if few else -1), (until, limit or -1, *names))


def statement(ready: int, held: int) -> str:
    """Of so many queues of each kind, their names and priorities from ?3 on; -1: of all that there are."""
    parts = [_WAITING, *_queues(_READY, ready, 3), *_queues(_HELD, held, 3 + 2 * max(0, ready)), _CLAIMED]
    found = " UNION ALL ".join(f"SELECT * FROM ({part})" for part in parts)
    return f"""SELECT {COLUMNS} FROM runs WHERE id IN (SELECT id FROM ({found}) ORDER BY ready_at, id LIMIT ?2)
        ORDER BY ready_at, id"""


def _queues(kind: Sequence[str], count: int, first: int) -> Iterator[str]:
    index, where, name = kind
    if count < 0:
        yield f"{_FROM} {index} WHERE {where} {_SOONEST}"
    for at in range(first, first + 2 * count, 2):
        yield f"{_FROM} {index} WHERE {where} AND {name} = ?{at} AND priority = ?{at + 1} {_SOONEST}"
