"""`arr status`: is a daemon up, since when, how busy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arrcli.cli.options import Debug, File, Json, StateDir

if TYPE_CHECKING:
    from arrcli.model.snapshot import DaemonStatus


def status(
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Is a daemon up, since when, and the counts. Exit 0; 3 where none runs; 1 where it is stalled."""
    from arrcli.cli.columns import print_json, say
    from arrcli.cli.opened import opened_beside

    with opened_beside(file, state_dir) as app:
        daemon, now, path = app.daemon_status(), app.clock.now(), app.file.path
        counts = {state.value: count for state, count in app.store.counts().items()}
        store = "" if app.places is None else str(app.places.database)
    if daemon.faults:
        say(f"note: the daemon goes by what {path} said before it was edited into faults (see: arr check)")
    if as_json:
        print_json({"daemon": _facts(daemon), "file": path, "store": store, "counts": counts})
    else:
        _print_daemon(daemon, path, now)
        print(f"file   {path}\nstore  {store}")
        print("runs   " + ", ".join(f"{count} {state}" for state, count in counts.items()))
    return 3 if daemon.pid is None else int(daemon.stalled)


def _facts(daemon: DaemonStatus) -> dict[str, Any]:
    from arrcli.model.json import time_json

    return {
        "running": daemon.pid is not None,
        "pid": daemon.pid,
        "since": time_json(daemon.started_at),
        "version": daemon.version or None,
        "stalled": daemon.stalled,
        "stopping": daemon.stopping,
        "workers": daemon.workers,
        "lag_s": daemon.lag / 1e6,
        "trouble": daemon.message or None,
    }


def _print_daemon(daemon: DaemonStatus, path: str, now: int) -> None:
    from arrcli.cli.columns import say
    from arrcli.cli.times import ago, shown
    from arrcli.dashboard.times import lasted

    if daemon.pid is None:
        say(f"no daemon is running on {path} (start it: arr run)")
        return
    state = "stalled" if daemon.stalled else "stopping" if daemon.stopping else "up"
    since = f"since {shown(daemon.started_at, daemon.timezone)} ({ago(daemon.started_at, now)})"
    print(
        f"{state}: pid {daemon.pid}, arr {daemon.version}, {since}, {daemon.workers} workers, lag {lasted(daemon.lag)}"
    )
    if daemon.message:
        print(f"trouble: {daemon.message}")
