"""`arr doctor`: is the installation well?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from arrcli.cli.options import Debug, File, Json, StateDir

if TYPE_CHECKING:
    from arrcli.doctor.finding import Finding
    from arrcli.host.places import Places


def doctor(file: File = None, state_dir: StateDir = None, as_json: Json = False, debug: Debug = False) -> int:
    """Check the installation: versions, zone and clock, permissions, the store, the daemon, and that workers start.

    Each line is ok, warn or fail, with how to mend it. Exit 0 unless something fails (1). Nothing is made or changed.
    """
    from arrcli.cli.columns import print_json, say
    from arrcli.doctor.examine import examined

    found = []
    for one in examined(*_which(file, state_dir)):
        found.append(one)
        if not as_json:
            _show(one)
    counts = {level: sum(one.level == level for one in found) for level in ("ok", "warn", "fail")}
    if as_json:
        rows = [{"area": one.area, "level": one.level, "said": one.said, "mend": one.mend or None} for one in found]
        print_json({"ok": not counts["fail"], "counts": counts, "findings": rows})
    else:
        say(", ".join(f"{count} {level}" for level, count in counts.items()))
    return int(counts["fail"] > 0)


def _which(file: Path | None, state_dir: Path | None) -> tuple[Path | None, Places | None]:
    from arrcli.cli.opened import chosen
    from arrcli.errors import NotFoundError

    try:
        which = chosen(file, state_dir)
    except NotFoundError:
        return None, None
    return which.path, which.places


def _show(one: Finding) -> None:
    from arrcli.cli.columns import coloured
    from arrcli.text import one_line

    print(f"{coloured(one.level.ljust(4))}  {one.area.ljust(9)}  {one_line(one.said)}", flush=True)
    if one.mend:
        print(f"{' ' * 17}→ {one_line(one.mend)}", flush=True)
