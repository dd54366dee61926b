"""Which tasks file and which store a verb means (SPEC 5), and an App on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arrcli.errors import ConfigError, NotFoundError
from arrcli.host.files import distrust
from arrcli.host.places import Places
from arrcli.model.value import dataclass

if TYPE_CHECKING:
    from arrcli.app import App
    from arrcli.model.task import TasksFile

DEFAULT = Path("tasks.toml")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A tasks file and the places of its state."""

    path: Path
    places: Places

    def file(self, *, quiet: bool = False) -> TasksFile:
        """Read, checked and trusted: ConfigError with every fault in it, NotFoundError where it is gone."""
        from arrcli.config.load import load

        found = load(self.path)
        self.distrust([Path(found.path), *map(Path, found.python_path)], quiet=quiet)
        return found

    def unread(self) -> TasksFile:
        """Where it is, and nothing of what it says: for verbs that go by the store alone."""
        from arrcli.model.task import TasksFile

        real = os.path.realpath(self.path)
        return TasksFile(path=real, folder=str(Path(real).parent), tasks={})

    def distrust(self, paths: Sequence[Path], *, quiet: bool = False) -> None:
        """What other users could change is refused where root runs this (UntrustedError), and warned of otherwise."""
        state = [self.places.folder, *(above for above in (self.places.folder.parent,) if above.name == ".arr")]
        for fault in distrust([*paths, *state]):
            if not quiet:
                print(f"warning: {fault}", file=sys.stderr)

    def tell_of_loss(self) -> None:
        """Say on stderr where a store was kept and is gone: what comes next begins anew."""
        if self.places.is_lost():
            print(
                f"note: the store {self.places.database} is gone, and what it kept with it: put it or a backup in its "
                "place, or go on with a new one",
                file=sys.stderr,
            )


def to_set_up(file: Path | None, state: Path | None) -> Chosen:
    """For verbs that begin with the file: the one that was given, else `./tasks.toml`."""
    path = file if file is not None else DEFAULT
    return Chosen(path, Places.of_tasks_file(path, state))


def chosen(file: Path | None, state: Path | None, *, quiet: bool = False) -> Chosen:
    """For verbs beside a daemon: the given file; that of the state directory; of the one daemon alive; ./tasks.toml."""
    if file is not None:
        return Chosen(file, Places.of_tasks_file(file, state))
    if state is not None:
        places = Places.of_tasks_file(DEFAULT, state)
        found = Chosen(Path(str(places.last().get("file", DEFAULT))), places)
    else:
        found = _beside()
    if found.path != DEFAULT and not quiet:
        print(f"({found.path})", file=sys.stderr)
    return found


def _beside() -> Chosen:
    states = _states()
    alive = [chosen for chosen, facts in states if facts is not None]
    if len(alive) == 1:
        return alive[0]
    if DEFAULT.exists():
        return Chosen(DEFAULT, Places.of_tasks_file(DEFAULT))
    if alive:
        names = ", ".join(str(one.path) for one in alive)
        raise NotFoundError(f"several daemons run here ({names}); say which file with -f")
    if states:
        return max((one for one, _ in states), key=lambda one: one.places.last().get("at", 0))
    raise NotFoundError("there is no tasks.toml here; make one with: arr init")


def _states() -> list[tuple[Chosen, dict[str, Any] | None]]:
    """Every state directory under ./.arr, with what its daemon says of itself."""
    found = []
    for folder in sorted(Path(".arr").glob("*/")):
        places = Places.of_tasks_file(Path(folder.name))
        if places.database.exists():
            found.append((Chosen(Path(folder.name), places), places.daemon()))
    return found


def _file_or_store(which: Chosen, *, quiet: bool) -> TasksFile:
    try:
        return which.file(quiet=quiet)
    except (ConfigError, NotFoundError) as error:
        if isinstance(error, NotFoundError) and not which.places.database.exists():
            raise
        if not quiet:
            said = str(error).partition(";")[0].strip().rpartition("\n")[2]
            print(f"note: {said}; going by the store alone (see: arr check {which.path})", file=sys.stderr)
        return which.unread()


@contextmanager
def opened_beside(file: Path | None, state: Path | None) -> Iterator[App]:
    """An App on the store alone, to be read: for verbs that ask nothing of the tasks, which may be very many."""
    from arrcli.app import client_app

    which = chosen(file, state)
    which.tell_of_loss()
    if not which.path.exists():
        if not which.places.database.exists():
            raise NotFoundError(f"no tasks file {which.path} — make one with: arr init")
        print(f"note: no tasks file {which.path}; going by the store alone", file=sys.stderr)
    unread = which.unread()
    which.distrust([Path(unread.path)])
    app = client_app(unread, which.places, create=False, read_only=True)
    try:
        yield app
    finally:
        app.close()


@contextmanager
def opened(
    file: Path | None,
    state: Path | None,
    *,
    writes: bool = False,
    creates: bool = False,
    quiet: bool = False,
    needs_tasks: bool = False,
) -> Iterator[App]:
    """An App on what was chosen, closed afterwards. Verbs that only read never create a store.

    `writes`: opens for writing, `creates`: makes the store where there is none yet. A file with faults is refused
    where the verb `needs_tasks`; the others still work, on the store alone, and say so.
    """
    from arrcli.app import client_app

    which = chosen(file, state, quiet=quiet)
    if not quiet:
        which.tell_of_loss()
    gone = not which.path.exists() and which.places.daemon() is not None
    tasks = which.file() if needs_tasks and not gone else _file_or_store(which, quiet=quiet)
    app = client_app(tasks, which.places, create=creates, read_only=not writes)
    try:
        yield app
    finally:
        app.close()
