"""Where a store and its companions lie: of a tasks file `DIR/NAME` in `DIR/.arr/NAME/`, of a database `PATH` in
`PATH.d/`."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from arrcli.errors import ArrError
from arrcli.host.files import cannot, folder_within, open_private, private_folder, read_within
from arrcli.host.lock import Lock, holder
from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Places:
    """The database, and the folder of locks, bell and outputs. Nothing is made until `make`."""

    database: Path
    folder: Path

    @classmethod
    def of_tasks_file(cls, file: Path, state: Path | None = None) -> Places:
        """Beside the file as it is named (a link is resolved once, for the file; its state lies beside the name)."""
        folder = state if state is not None else file.absolute().parent / ".arr" / file.name
        return cls(folder / "arr.db", folder)

    @classmethod
    def of_database(cls, database: Path) -> Places:
        """A daemon's own database keeps the companions that it has, so that their locks are the same."""
        path = database.absolute()
        if path.name == "arr.db" and (path.parent / "claims").is_dir():
            return cls(path, path.parent)
        return cls(path, path.with_name(f"{path.name}.d"))

    @property
    def _log(self) -> Path:
        return self.database.with_name(f"{self.database.name}-wal")

    @property
    def planner(self) -> Path:
        return self.folder / "planner.lock"

    @property
    def gate(self) -> Path:
        """Passed before each write to the database, so that loops of writers starve nobody."""
        return self.folder / "gate"

    @property
    def bell(self) -> Path:
        return self.folder / "bell"

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    def claim(self, owner: str) -> Path:
        """The lock that an owner of claims holds as long as it lives."""
        return self.folder / "claims" / f"{owner}.lock"

    def there(self) -> bool:
        """Whether there is a store, or what is left of one; StoreError where this user may not even look."""
        try:
            os.lstat(self.database)
        except (FileNotFoundError, NotADirectoryError):
            return bool(_size(self._log))
        except OSError as error:
            raise cannot("looked at", self.database, error, "it is for its owner alone") from error
        return True

    def is_lost(self) -> bool:
        """A daemon ran here before, and its store is gone or empty, its log too."""
        return bool(self.last()) and not _size(self.database) and not _size(self._log)

    def make(self) -> None:
        """All folders, private; with a `.gitignore` that keeps state out of repositories."""
        private_folder(self.database.parent)
        private_folder(self.folder)
        for folder in (self.outputs, self.folder / "claims"):
            folder_within(folder)
        ignore = (self.folder.parent if self.folder.parent.name == ".arr" else self.folder) / ".gitignore"
        if not ignore.exists():
            with contextlib.suppress(OSError), os.fdopen(open_private(ignore, os.O_WRONLY | os.O_CREAT), "w") as out:
                out.write("*\n")

    def sweep(self) -> None:
        """Remove the locks of owners that ended without a word. Whoever is about to take one makes it anew."""
        for path in self.folder.glob("claims/*.lock"):
            with contextlib.suppress(ArrError, OSError):
                if lock := Lock.take(path):
                    lock.release(remove=True)

    def daemon(self) -> dict[str, Any] | None:
        """What the living daemon wrote of itself; None where none lives."""
        return holder(self.planner)

    def remember(self, facts: dict[str, Any]) -> None:
        """Note which file ran here, for verbs that are given no file; on a full disk an older note stays."""
        note, new = self.folder / "last.json", self.folder / "last.json.new"
        with contextlib.suppress(OSError):
            with os.fdopen(open_private(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w") as out:
                json.dump(facts, out)
            new.replace(note)

    def last(self) -> dict[str, Any]:
        """What `remember` noted; empty where nothing ran."""
        try:
            found = json.loads(read_within(self.folder / "last.json"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
