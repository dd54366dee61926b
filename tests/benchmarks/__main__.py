"""arr beside its peers, as a table of medians and ratios.

    python tests/benchmarks                    every row that takes no long run
    python tests/benchmarks --only noop short  these rows
    python tests/benchmarks --quick            a smoke: small, without peers; fails on what is absurd

Peers that are not installed are left out by name: pip install -e ".[bench]" brings them all. Two need servers, which
are started on a socket in a folder of their own where the machine has them (Debian: redis-server, postgresql).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from fdatasync import fdatasyncs, file_system
from plots import draw
from rounds import measured
from row import Ask, Measured, Row
from rows import GROWTH, ROWS
from servers import Servers
from show import as_json, markdown, text


def main() -> int:
    options = _options()
    chosen = [row for row in (*ROWS, *GROWTH) if _wanted(row, options)]
    done: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.dir) as name, closing(Servers()) as servers:
        ask = Ask(Path(name), servers, quick=options.quick, long=options.long)
        print(_machine(Path(name)), flush=True)
        for row in chosen:
            rounds = options.rounds or (1 if options.quick else row.rounds)
            done.append(measured(row, ask, rounds))
            if options.quick and done[-1].absurdities():  # the machine may have been busy with something else
                done[-1] = measured(row, ask, 3)
            print(f"\n{text(done[-1])}", flush=True)
            _keep(done, options)
    absurd = [said for each in done for said in each.absurdities()]
    for said in absurd:
        print(f"absurd: {said}", file=sys.stderr)
    return 1 if absurd else 0


def _keep(done: Sequence[Measured], options: argparse.Namespace) -> None:
    """All that is there by now, in the files that were asked for."""
    if options.json:
        options.json.write_text(json.dumps(as_json(done), indent=1))
    if options.markdown:
        options.markdown.write_text(markdown(done) + "\n")
    if options.plots:
        draw(done, options.plots)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python tests/benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", metavar="ROW", choices=[row.name for row in (*ROWS, *GROWTH)], help="these rows"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each row; the default is a row's own")
    parser.add_argument("--quick", action="store_true", help="a smoke of half a minute, without peers")
    parser.add_argument("--long", action="store_true", help="also what takes minutes: large stores, many tasks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the table for docs/performance.md")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="measure also how cost grows, and draw it there")
    parser.add_argument("--dir", type=Path, help="where the stores lie; the default is the folder for temporary files")
    return parser.parse_args()


def _wanted(row: Row, options: argparse.Namespace) -> bool:
    if options.only:
        return row.name in options.only
    if row in GROWTH:
        return options.plots is not None
    return row.quick if options.quick else options.long or not row.long


def _machine(folder: Path) -> str:
    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
        f"{file_system(folder)}: {fdatasyncs(folder, 0.5):,.0f} fdatasyncs a second of 4 KiB"
    )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent.parent))
    sys.exit(main())
