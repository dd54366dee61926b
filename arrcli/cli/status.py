"""`arr status`: is a daemon up, since when, how busy."""

from __future__ import annotations

from arrcli.cli.options import Debug, File, Json, StateDir


def status(
    file: File = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> int:
    """Is a daemon up, since when, and the counts. Exit 0; 3 where none runs; 1 where it is stalled."""
    from arrcli.cli.columns import print_json, say
    from arrcli.cli.opened import opened
    from arrcli.cli.times import ago, shown
    from arrcli.dashboard.times import lasted
    from arrcli.model.json import time_json

    with opened(file, state_dir) as app:
        daemon, now = app.daemon_status(), app.clock.now()
        counts = {state.value: count for state, count in app.store.counts().items()}
        zone, path = app.file.timezone, app.file.path
        store = "" if app.places is None else str(app.places.database)
    code = 3 if daemon.pid is None else int(daemon.stalled)
    if as_json:
        facts = {
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
        print_json({"daemon": facts, "file": path, "store": store, "counts": counts})
        return code
    if daemon.pid is None:
        say(f"no daemon is running on {path} (start it: arr run)")
    else:
        state = "stalled" if daemon.stalled else "stopping" if daemon.stopping else "up"
        since = f"since {shown(daemon.started_at, zone)} ({ago(daemon.started_at, now)})"
        busy = f"{since}, {daemon.workers} workers, lag {lasted(daemon.lag)}"
        print(f"{state}: pid {daemon.pid}, arr {daemon.version}, {busy}")
        if daemon.message:
            print(f"trouble: {daemon.message}")
    print(f"file   {path}\nstore  {store}")
    print("runs   " + ", ".join(f"{count} {state}" for state, count in counts.items()))
    return code
