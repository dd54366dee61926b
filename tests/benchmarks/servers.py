"""Servers that some contenders need: started when first asked for, on a socket in a folder of ours, stopped again."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

_PATIENCE_S = 20.0
_USER = "postgres"


class Missing(Exception):
    """There is no such server on this machine, or it does not start."""


class Servers:
    """`redis()` and `postgres()` say where to reach them; both live in one folder and end with `close`."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._failed: dict[str, str] = {}

    def redis(self) -> str:
        """The address of a redis that keeps its log on disk, one fsync a second, which is its own advice."""
        folder = self._place("redis")
        socket = folder / "s"
        if "redis" not in self._started:
            program = shutil.which("redis-server")
            if program is None:
                raise Missing("redis-server is not installed")
            words = [program, "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--appendonly", "yes"]
            self._start("redis", words, socket)
        return f"unix://{socket}"

    def postgres(self) -> str:
        """The name (DSN) of a database in a postgres as it comes, which is durable."""
        folder = self._place("pg")
        socket = folder / ".s.PGSQL.5432"
        if "pg" not in self._started:
            programs = _postgres_programs()
            user = _USER if os.geteuid() == 0 else None
            if user:
                shutil.chown(folder, user)
            data = folder / "data"
            made = [str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "bench"]
            done = subprocess.run(made, user=user, cwd="/", capture_output=True, text=True)
            if done.returncode:
                raise Missing(f"initdb: {done.stderr.strip().splitlines()[-1]}")
            words = [str(programs / "postgres"), "-D", str(data), "-k", str(folder), "-c", "listen_addresses="]
            self._start("pg", words, socket, user=user)
        return f"postgresql://bench@/postgres?host={folder}"

    def _place(self, name: str) -> Path:
        if name in self._failed:
            raise Missing(self._failed[name])
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="bench-"))
            self._folder.chmod(0o711)
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def _start(self, name: str, words: list[str], socket: Path, *, user: str | None = None) -> None:
        process = subprocess.Popen(
            words, user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._started[name] = process
        end = time.monotonic() + _PATIENCE_S
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > end:
                self._failed[name] = f"{Path(words[0]).name} does not start"
                raise Missing(self._failed[name])
            time.sleep(0.05)
        time.sleep(0.5)  # the socket is there a moment before it answers

    def close(self) -> None:
        for process in self._started.values():
            process.terminate()
        for process in self._started.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE_S)
            if process.poll() is None:
                process.kill()
                process.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _postgres_programs() -> Path:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    if found is None:
        raise Missing("postgresql is not installed")
    return Path(found).resolve().parent
