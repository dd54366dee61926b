"""cron for Python callables: one command, one TOML file, no broker.

The front door of the library: every public name is imported when it is first asked for. The rooms behind it:

    background_worker  global_background_worker  asking  handle  registry  context   what other programs and tasks call
    options  what may be said of a run    forked  a forked child's way to its parent's store
    errors   every error raised on purpose, one tree    clock   the only module that asks the time    text   sanitises
    app      wires everything; the only module that names concrete classes
    config/  tasks.toml read, checked, written, watched, and crontabs; the only rooms that know TOML, pydantic and line
             numbers
    model/   schedule (the only room that knows croniter), when, task, run, event, snapshot, explain: frozen values and
             pure functions
    store/   contract, values, sqlite, memory, queue, opening, soonest, reserve, check, backup: keeps, decides nothing
    engine/  planner: slots become runs | dispatcher: outcomes settled, the next runs claimed | janitor | runner turns
             the crank | room, lost: a disk or a store in trouble | asks: what people ask for | endings: who waits for
             what | picture, coming, histories: what is so now | past: what became of a slot | stacks: where runs are
    worker/  supervisor, worker, surroundings, perform, capture, cast, stack, wire; pool, threads, host and suspects on
             the engine's side: standard library only
    host/    lock, wake-up, limits, places, process identity, service notification: what only the operating system knows
    doctor/  is the installation well: an examination a function
    cli/     arguments in, exit code out; the only rooms that know typer
    dashboard/  draws a Snapshot; log lines
    shell  demo  testing
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arrcli import background_worker, global_background_worker
    from arrcli.app import App
    from arrcli.asking import connect, execute_task, execute_task_at, execute_tasks
    from arrcli.context import GiveUp, Retry, current_run, track
    from arrcli.handle import RunHandle
    from arrcli.model.run import Run
    from arrcli.model.schedule import At, Cron, Every
    from arrcli.registry import task
    from arrcli.store.contract import Store
    from arrcli.store.memory import MemoryStore
    from arrcli.store.queue import QueueStore
    from arrcli.store.sqlite import SQLiteStore

__all__ = [
    "App",
    "At",
    "Cron",
    "Every",
    "GiveUp",
    "MemoryStore",
    "QueueStore",
    "Retry",
    "Run",
    "RunHandle",
    "SQLiteStore",
    "Store",
    "background_worker",
    "connect",
    "current_run",
    "execute_task",
    "execute_task_at",
    "execute_tasks",
    "global_background_worker",
    "task",
    "track",
]

_WHERE = {
    "App": "app",
    "At": "model.schedule",
    "Cron": "model.schedule",
    "Every": "model.schedule",
    "GiveUp": "context",
    "MemoryStore": "store.memory",
    "QueueStore": "store.queue",
    "Retry": "context",
    "Run": "model.run",
    "RunHandle": "handle",
    "SQLiteStore": "store.sqlite",
    "Store": "store.contract",
    "connect": "asking",
    "current_run": "context",
    "execute_task": "asking",
    "execute_task_at": "asking",
    "execute_tasks": "asking",
    "task": "registry",
    "track": "context",
}


def __getattr__(name: str) -> Any:
    if name in ("background_worker", "global_background_worker"):
        return import_module(f"arrcli.{name}")
    if name not in _WHERE:
        raise AttributeError(f"module 'arrcli' has no attribute {name!r}")
    value = getattr(import_module(f"arrcli.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
