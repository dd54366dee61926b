"""Another program that keeps the write lock of a store, as an editor of databases or a backup may."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
store.execute("BEGIN IMMEDIATE")
print("kept", flush=True)
sys.stdin.read()
"""


@contextmanager
def kept(database: Path) -> Iterator[None]:
    """The write lock is kept while this lasts."""
    program = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdin is not None and program.stdout is not None
    try:
        assert program.stdout.readline() == "kept\n"
        yield
    finally:
        program.communicate()
