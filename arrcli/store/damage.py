"""Rows that other hands changed: what is wrong with one, and the run that stands in for it.

Nobody but arr writes to its store. Where somebody did, rows are still read: as runs whose fault says what is wrong, so
that they are shown, and end with that as their reason, and no other run waits for them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, get_args

from arrcli.model.run import DAMAGED, ENDED, Fault, Origin, Reason, Run, State
from arrcli.model.task import ExecutorName
from arrcli.store.schema import HELD

_INT, _TEXT, _NONE = int, str, type(None)
_NUMBER: Final = frozenset({_INT})
_MAYBE_NUMBER: Final = frozenset({_INT, _NONE})
_WORDS: Final = frozenset({_TEXT})
_MAYBE_WORDS: Final = frozenset({_TEXT, _NONE})

KINDS: Final = {
    "id": _NUMBER, "task": _MAYBE_WORDS, "func": _WORDS, "args": _MAYBE_WORDS, "kwargs": _MAYBE_WORDS,
    "origin": _WORDS, "state": _WORDS, "reason": _MAYBE_WORDS, "slot": _MAYBE_NUMBER, "last_slot": _MAYBE_NUMBER,
    "count": _NUMBER, "era": _NUMBER, "due_at": _NUMBER, "ready_at": _NUMBER, "enqueued_at": _NUMBER,
    "started_at": _MAYBE_NUMBER, "finished_at": _MAYBE_NUMBER, "duration": _MAYBE_NUMBER, "attempt": _NUMBER,
    "losses": _NUMBER, "deaths": _NUMBER, "executor": _WORDS, "pool": _WORDS, "priority": _NUMBER,
    "key": _MAYBE_WORDS, "retry_of": _MAYBE_NUMBER, "expires_at": _MAYBE_NUMBER, "options": _MAYBE_WORDS,
    "claimed_by": _MAYBE_WORDS, "held_by": _MAYBE_WORDS, "live": _MAYBE_WORDS, "result": _MAYBE_WORDS,
    "result_note": _MAYBE_WORDS, "fault": _MAYBE_WORDS, "cpu_us": _MAYBE_NUMBER, "rss_kb": _MAYBE_NUMBER,
}  # fmt: skip
"""Of which types the values of a row are, in the order of `rows.COLUMNS`."""

_NEUTRAL: Final[dict[str, Any]] = {
    **{name: 0 for name, kind in KINDS.items() if kind is _NUMBER},
    **{name: None for name, kind in KINDS.items() if _NONE in kind},
    **{"func": "?", "origin": Origin.ENQUEUED, "count": 1, "executor": "process", "pool": "default"},
    **{"args": (), "kwargs": {}, "options": {}},
}
_OPTIONS: Final[dict[str, tuple[type, ...]]] = {
    "typed": (dict,), "name": (str,), "follows": (int,), "pool": (str,), "priority": (int,), "executor": (str,),
    "timeout": (int, _NONE), "stop_grace": (int,), "expires": (int, _NONE), "retries": (int,), "retry_delay": (int,),
    "retry_max_delay": (int,), "retry_backoff": (str,), "on_lost": (str,), "max_output": (int,), "env": (dict,),
    "cwd": (str, _NONE), "retry_on": (list, _NONE), "no_retry_on": (list,),
}  # fmt: skip
_BACKOFFS: Final = ("constant", "linear", "exponential")
_FAULT: Final = ("type", "message", "traceback")
_TYPED: Final = {"args": list, "kwargs": dict}
_sound: Final[set[tuple[type, ...]]] = set()
"""Rows of these types have been found sound: most rows are of one of a few sorts."""


def of_sound_types(row: Sequence[Any], columns: Collection[str] = KINDS) -> bool:
    """Each value of the row is of a type that its column may hold."""
    types = tuple(map(type, row))
    if types in _sound:
        return True
    if len(types) == len(columns) and all(one in KINDS[name] for one, name in zip(types, columns, strict=True)):
        _sound.add(types)
        return True
    return False


def sound_options(options: Mapping[str, Any]) -> bool:
    """They are what a run's own options may be."""
    if any(name in _OPTIONS and type(value) not in _OPTIONS[name] for name, value in options.items()):
        return False
    if options.get("retry_backoff", "linear") not in _BACKOFFS:
        return False
    typed = options.get("typed", {})
    return all(name in _TYPED and type(value) is _TYPED[name] for name, value in typed.items())


EXECUTORS: Final = get_args(ExecutorName)
_EXECUTOR: Final = list(KINDS).index("executor")
_HELD_BY: Final = list(KINDS).index("held_by")
STRAY: Final = f"""finished_at IS NULL AND state NOT IN {tuple(sorted(state.value for state in ENDED))}
    AND (stage NOT IN (0, 1, 2, 3) OR stage IN (0, 1, 3) AND executor NOT IN {EXECUTORS}
    OR stage = 3 AND (held_by IS NULL OR held_by NOT LIKE 'pool %' AND held_by NOT IN
    ('task ' || coalesce(task, ''), 'paused ' || coalesce(task, ''), 'unknown ' || coalesce(task, '')))
    OR stage = 0 AND typeof(ready_at) NOT IN ('integer', 'real'))"""
"""Of a row that stands where no claim will ever find it, though its run has not ended."""


def stray(row: Sequence[Any], stage: Any) -> Run:
    """A run of a row for which `STRAY` holds."""
    executor, held_by = row[_EXECUTOR], row[_HELD_BY]
    more = {"executor": executor} if executor not in EXECUTORS else {"held_by": held_by} if stage == HELD else {}
    return stand_in(row, State.PENDING, more or {"stage": stage})


def stand_in(row: Sequence[Any], state: State | None, more: Mapping[str, Any] = MappingProxyType({})) -> Run:
    """A run of whatever stands in the row, in `state` where the row's place says which it is in. `more`: wrong too."""
    found = dict(zip(KINDS, row, strict=True))
    wrong = [name for name, value in found.items() if type(value) not in KINDS[name]]
    sane = {**found, **{name: _NEUTRAL.get(name) for name in wrong}}
    for name, read in _READ.items():
        try:
            sane[name] = _NEUTRAL[name] if name in wrong or found[name] is None else read(found[name])
        except Exception:
            sane[name] = _NEUTRAL[name]
            wrong.append(name)
    known = next((one for one in State if one.value == found["state"]), None)
    if known is None or state not in (None, known):
        wrong.append("state")
    sane["state"] = state or known or (State.PENDING if sane["finished_at"] is None else State.FAILED)
    if {"task", "era", "slot"}.intersection(wrong):
        sane |= {"origin": Origin.ENQUEUED, "slot": None}  # it is no slot of a schedule any more
    told = {**{name: found[name] for name in wrong}, **more}
    said = ", ".join(f"{name} {value!r:.60}" for name, value in told.items())
    sane["fault"] = Fault(DAMAGED, f"its row in the store was changed by other hands: {said}")
    for name in ("cpu_us", "rss_kb"):
        del sane[name]
    return Run(**sane)


def listed(said: str) -> list[Any]:
    """The JSON list; ValueError of anything else."""
    read = json.loads(said)
    if type(read) is not list:
        raise ValueError
    return read


def mapped(said: str) -> dict[str, Any]:
    """The JSON object; ValueError of anything else."""
    read = json.loads(said)
    if type(read) is not dict:
        raise ValueError
    return read


def fault_of(said: str) -> Fault:
    """What an attempt raised; ValueError of what tells of nothing."""
    words = listed(said)
    if len(words) != len(_FAULT) or any(type(word) is not str for word in words):
        raise ValueError
    return Fault(*words)


def _options(text: str) -> Any:
    options = mapped(text)
    if not sound_options(options):
        raise ValueError
    return options


_READ: Final[dict[str, Callable[[str], Any]]] = {
    "args": lambda text: tuple(listed(text)),
    "kwargs": mapped,
    "options": _options,
    "origin": Origin,
    "reason": Reason,
    "result": json.loads,
    "fault": fault_of,
}
