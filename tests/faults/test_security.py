"""Rows that other hands wrote, links and devices in the place of files, other users: refused or told of."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from command_line import eventually
from console import console
from world import JOBS, World, kill

TICK = '[tasks.tick]\nfunc = "jobs.note"\nevery = "100ms"\non_overlap = "allow"\n'

DAMAGE: dict[str, dict[str, Any]] = {
    "a state that there is not": {"state": "nonsense"},
    "an ended state among the ready": {"state": "succeeded"},
    "a claimed state among the ready": {"state": "running"},
    "arguments that are no JSON": {"args": "[1,"},
    "arguments that are no list": {"args": "5"},
    "arguments nested 100,000 deep": {"args": "[" * 100_000},
    "a number of 5,000 digits": {"args": f"[{'1' * 5000}]"},
    "named arguments that are a list": {"kwargs": "[1]"},
    "an origin that there is not": {"origin": "nonsense"},
    "a reason that there is not": {"reason": "nonsense"},
    "a time that is a word": {"due_at": "tomorrow"},
    "an attempt that is a word": {"attempt": "x"},
    "a priority that is a word": {"priority": "high"},
    "a callable that is bytes": {"func": b"\xff"},
    "a task that is bytes": {"task": b"\xff"},
    "a pool that is bytes": {"pool": b"\xff"},
    "options that are a number": {"options": "5"},
    "an option that there is not": {"options": '{"retry_backoff": "soon"}'},
    "options of other types": {"options": '{"timeout": "soon"}'},
    "typed arguments that are none": {"options": '{"typed": 5}'},
    "a fault that is none": {"fault": "{}"},
    "a result that is no JSON": {"result": "{"},
    "an expiry that is a word": {"expires_at": "never"},
}
STRAYS: dict[str, dict[str, Any]] = {
    "a stage that there is not": {"stage": 9},
    "a stage that is a word": {"stage": "soon"},
    "a pending run among the ended": {"stage": 4},
    "an executor that there is not": {"executor": "cloud"},
    "held by nothing": {"held_by": None, "stage": 3},
    "held by another task": {"held_by": "task other", "stage": 3},
    "held by nonsense": {"held_by": "the moon", "stage": 3},
    "a start that is a word": {"ready_at": "x", "stage": 0},
}


def edit(world: World, sql: str, *values: Any) -> int:
    """Another program's write into the store; the id of the new row where there is one."""
    world.edited = True
    with closing(sqlite3.connect(world.database, timeout=30)) as connection, connection:
        return int(connection.execute(sql, values).lastrowid or 0)


def forge(world: World, **columns: Any) -> int:
    """A row among the runs that arr did not write: ready to be claimed, but for what `columns` say."""
    now = time.time_ns() // 1000
    row: dict[str, Any] = {
        **{"func": "jobs.note", "origin": "enqueued", "scheduled": 0, "state": "pending", "stage": 1, "count": 1},
        **{"era": 0, "due_at": now, "ready_at": now, "enqueued_at": now, "attempt": 0, "losses": 0, "deaths": 0},
        **{"executor": "process", "pool": "default", "priority": 0, **columns},
    }
    holes = ", ".join("?" * len(row))
    return edit(world, f"INSERT INTO runs ({', '.join(row)}) VALUES ({holes})", *row.values())  # noqa: S608


def still_shown(world: World, *ids: int) -> None:
    """Every verb that looks at the store still answers."""
    for words in (["runs", "-n", "0"], ["runs", "--json", "-n", "0"], ["list", "-n", "0"]):
        assert world.here(*words).code == 0
    for run in ids:
        said = world.here("show", str(run))
        assert said.code == 0, said


def goes_on(world: World) -> None:
    before = len(world.starts())
    eventually(lambda: len(world.starts()) > before + 1, lambda: world.daemons[-1].text[-2000:])


@pytest.mark.parametrize("moment", ["while it runs", pytest.param("before a start", marks=pytest.mark.long)])
@pytest.mark.parametrize("damage", [DAMAGE, pytest.param(STRAYS, marks=pytest.mark.long)], ids=["damaged", "stray"])
def test_a_damaged_row_ends_with_what_is_wrong_as_its_reason_and_others_go_on(
    world: World, damage: dict[str, dict[str, Any]], moment: str
) -> None:
    world.write(TICK)
    world.enqueue("jobs.note")
    if moment == "before a start":
        forged = {what: forge(world, **columns) for what, columns in damage.items()}
        still_shown(world, *list(forged.values())[3:5])
    with world.running() as daemon:
        if moment == "while it runs":
            forged = {what: forge(world, **columns) for what, columns in damage.items()}
        world.until_ended(*forged.values())
        goes_on(world)
        assert daemon.process.poll() is None
        for what, run in forged.items():
            row = world.rows("SELECT state, reason, fault FROM runs WHERE id = ?", run)[0]
            assert row[:2] == ("skipped", "error"), what
            assert f"changed by other hands: {next(iter(damage[what]))} " in row[2], what
        still_shown(world, *list(forged.values())[:2])
        world.until_ended()


@pytest.mark.long
def test_the_dashboard_shows_what_it_can_of_damaged_rows(world: World) -> None:
    with console(world) as terminal:
        daemon = terminal.run()
        terminal.until(terminal.fits)
        ended = {"state": "succeeded", "stage": 4, "finished_at": time.time_ns() // 1000, "task": None}
        for columns in DAMAGE.values():
            forge(world, **columns)
            forge(world, **{**ended, **columns})
            forge(world, **{**columns, "stage": 0, "ready_at": time.time_ns() // 1000 + 60_000_000})
        forge(world, ready_at="x", stage=0)
        eventually(lambda: not world.rows("SELECT 1 FROM runs WHERE stage = 1"))
        terminal.until_shown("Damaged: ")
        assert daemon.process.poll() is None
        terminal.press("q")
        terminal.until(lambda: daemon.process.poll() is not None)
        assert daemon.process.returncode == 0
        assert terminal.is_given_back()


@pytest.mark.long
def test_claims_of_nobody_and_of_an_owner_that_there_is_not_are_taken_back(world: World) -> None:
    with world.running():
        claimed = {"state": "running", "stage": 2, "attempt": 1}
        runs = [
            forge(world, **claimed, claimed_by=owner)
            for owner in (None, "17-feedface", "../../../etc/x", "a\0b", "%s" * 99)
        ]
        damaged = forge(world, **claimed, claimed_by="17-feedface", args="[1,")
        world.until_ended(*runs, damaged)
        assert {world.state_of(run) for run in runs} == {"succeeded"}
        assert world.state_of(damaged) == "failed"
        assert "changed by other hands: args" in world.run(damaged)["error"]["message"]


@pytest.mark.long
def test_text_in_the_store_that_is_no_text_stops_nothing(world: World) -> None:
    world.write(TICK)
    with world.running():
        run = forge(world)
        edit(world, "UPDATE runs SET stage = 0, func = CAST(x'ff6a6f62732e6e6f7465' AS TEXT) WHERE id = ?", run)
        eventually(lambda: world.rows("SELECT stage FROM runs WHERE id = ?", run) == [(4,)])
        assert world.run(run)["state"] == "failed"
        goes_on(world)
        still_shown(world, run)


@pytest.mark.long
def test_the_last_number_that_a_run_can_have_leaves_numbers_for_others(world: World) -> None:
    world.write(TICK)
    with world.running():
        forge(world, id=(1 << 63) - 1, key="last", func="math.factorial", args="[3]")
        goes_on(world)
        assert world.enqueue("jobs.note") < 1000
        (renumbered,) = world.rows("SELECT id FROM runs WHERE key = 'last'")[0]
        assert renumbered < 1000
        world.until_ended(renumbered, *world.asked)
        assert world.state_of(renumbered) == "succeeded"


REQUESTS = [
    *(("cancel", said) for said in ("{}", "[1,", '{"run": "x"}', '{"run": 1e999}', '{"run": 1, "reason": "nonsense"}')),
    *(("nonsense", "5"), ("reload", b"\xff"), ("cancel", b"\xff")),
]


@pytest.mark.long
def test_requests_that_ask_for_nothing_known_are_dropped(world: World) -> None:
    world.write(TICK)
    with world.running():
        owner = world.rows("SELECT id FROM owners")[0][0]
        for kind, arguments in REQUESTS:
            for addressee in ("", owner):
                sql = "INSERT INTO requests (kind, addressee, arguments, at) VALUES (?, ?, ?, 1)"
                edit(world, sql, kind, addressee, arguments)
        eventually(lambda: not world.rows("SELECT 1 FROM requests"))
        goes_on(world)


@pytest.mark.long
def test_what_is_remembered_of_tasks_and_of_the_past_may_be_nonsense(world: World) -> None:
    world.write(
        TICK
        + '[tasks.at]\nfunc = "jobs.note"\nat = 2100-01-01T00:00:00\n[tasks.up]\nfunc = "jobs.note"\ncron = "@reboot"\n'
    )
    with world.running():
        run = world.enqueue("jobs.note")
        world.until_ended(run)
        goes_on(world)
    edit(world, "UPDATE tasks SET mark = 'x' WHERE name = 'tick'")
    edit(world, "UPDATE tasks SET at_times = '[1,' WHERE name = 'at'")
    edit(world, "UPDATE tasks SET paused = x'ff' WHERE name = 'up'")
    edit(world, "UPDATE ended SET n = 'many'")
    edit(world, "INSERT INTO attempts VALUES (?, 1, 'nonsense', 'x', 'y', 'z', '{', 'a', 'b')", run)
    edit(world, "INSERT OR REPLACE INTO outputs VALUES (?, 1, 1, x'ffff')", run)
    edit(world, "INSERT INTO owners VALUES ('x', 'y', 'z', 'a', 'b')")
    edit(world, "UPDATE meta SET value = x'ff'")
    still_shown(world, run)
    said = world.here("logs", str(run))
    assert (said.code, said.out) == (0, "(this output was changed by other hands, and cannot be read)\n")
    with world.running():
        goes_on(world)
        still_shown(world, run)


def test_what_allow_forbids_is_refused_at_the_door_and_again_at_the_claim(world: World) -> None:
    hook = 'on_failure = "evil.allowed"\n'
    world.write(TICK + f'[tasks.bad]\nfunc = "jobs.nap"\nargs = ["x"]\n{hook}', more='allow = ["jobs.*"]')
    touch = "def touch(*_):\n    open('evil', 'w')\n"
    (world.folder / "evil.py").write_text(f"{touch}def allowed(run):\n    open('told', 'w')\n")
    said = world.arr("enqueue", "evil.touch")
    assert (said.code, said.out) == (1, "")
    assert said.err == f"arr: evil.touch is not allowed: [arr] allow in {world.folder}/tasks.toml lists jobs.*\n"
    with world.running():
        forged = [
            forge(world, func="evil.touch", origin=origin, scheduled=int(origin == "cron"))
            for origin in ("enqueued", "retry", "backfill", "cron")
        ]
        world.until_ended(*forged)
        bad = world.enqueue("bad")
        eventually((world.folder / "told").exists)
        forged += [forge(world, func="evil.touch", origin="after", options=f'{{"follows": {run}}}') for run in (bad, 0)]
        forged.append(forge(world, func="evil.touch", origin="after"))
        world.until_ended(*forged)
        ends = [world.rows("SELECT state, reason FROM runs WHERE id = ?", run) for run in forged]
        assert ends == [[("skipped", "denied")]] * len(forged)
        goes_on(world)
    assert not (world.folder / "evil").exists()


# -- links, pipes and folders in the place of files


def put(path: Path, kind: str, target: Path) -> None:
    """Put something else where a file or a folder of arr's is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if kind == "link":
        path.symlink_to(target)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/null")
    else:
        path.mkdir()


OWN = ("arr.db", "arr.db-wal", "arr.db-shm", "gate", "planner.lock", "bell", "outputs", "claims")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("arr.db", "link"), ("outputs", "link"), ("planner.lock", "fifo")),
        *(
            pytest.param(name, kind, marks=pytest.mark.long)
            for name in OWN
            for kind in ("link", "fifo", "device", "folder")
            if (name, kind) not in {("outputs", "folder"), ("claims", "folder"), ("bell", "fifo")}
        ),
    ],
)
def test_what_is_no_file_of_arrs_is_refused_and_what_it_leads_to_untouched(world: World, name: str, kind: str) -> None:
    precious = world.folder / "precious"
    if name in ("outputs", "claims"):
        precious.mkdir()
    else:
        precious.write_text("precious")
    precious.chmod(0o755)
    world.enqueue("jobs.note")
    with closing(sqlite3.connect(world.database)) as reader:
        reader.execute("SELECT count(*) FROM runs").fetchone()  # so that the log and its index stay
        for path in (world.state / "outputs", world.state / "claims"):
            path.mkdir(exist_ok=True)
        put(world.state / name, kind, precious)
        said = world.arr("run", "--plain", timeout=10)
        assert said.code == 1, said
        assert re.fullmatch(r"arr: [^\n]*/" + re.escape(name) + r"\b[^\n]+\n", said.err), said.err
        assert world.arr("enqueue", "jobs.note", timeout=10).code in (0, 1)
    assert precious.stat().st_mode & 0o777 == 0o755
    assert list(precious.iterdir()) == [] if precious.is_dir() else precious.read_text() == "precious"
    for path in (world.state / "arr.db-wal", world.state / "arr.db-shm", world.database):
        if not path.is_file() or path.is_symlink():
            shutil.rmtree(world.state)
            world.asked.clear()
            break


@pytest.mark.long
def test_a_link_in_the_place_of_a_note_or_of_the_reserve_is_not_written_through(world: World) -> None:
    precious = world.folder / "precious"
    with world.running():
        pass
    for name in ("last.json", "reserve"):
        precious.write_text("precious")
        put(world.state / name, "link", precious)
        with world.running():
            world.until_ended(world.enqueue("jobs.note"))
        assert precious.read_text() == "precious"
    put(world.state / "last.json", "fifo", precious)
    assert world.arr("runs", "--state-dir", str(world.state), timeout=10).code == 0


@pytest.mark.long
def test_a_store_that_becomes_a_link_while_it_is_used_is_told_of_and_not_followed(world: World) -> None:
    world.write(TICK)
    elsewhere = world.folder / "elsewhere.db"
    with world.running() as daemon:
        goes_on(world)
        world.database.rename(elsewhere)
        world.database.symlink_to(elsewhere)
        daemon.until("was deleted or replaced while in use")
        before = elsewhere.read_bytes()
        said = world.arr("enqueue", "jobs.note")
        assert (said.code, said.out) == (1, "")
        assert said.err == f"arr: {world.database} is a link; arr does not follow links to its store: remove it\n"
        assert elsewhere.read_bytes() == before
        world.database.unlink()
        elsewhere.rename(world.database)
        goes_on(world)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_a_tasks_file_that_is_no_file_is_refused_at_once_and_while_it_runs(world: World, kind: str) -> None:
    tasks = world.folder / "tasks.toml"
    world.write(TICK)
    with world.running() as daemon:
        goes_on(world)
        put(tasks, kind, tasks)
        for words in (["check"], ["enqueue", "tick"], ["run", "--plain"]):
            said = world.arr(*words, timeout=10)
            assert said.code == 65, said
            assert re.fullmatch(r"(arr: )?tasks\.toml is (a folder|not a regular file) — [^\n]+\n", said.err), said.err
        daemon.until("reload refused, the tasks stay as they were: tasks.toml is")
        goes_on(world)
        shutil.rmtree(tasks) if kind == "folder" else tasks.unlink()
        world.write(TICK.replace("[tasks.tick]", "[tasks.tock]"))
        daemon.until("reloaded: added tock; removed tick")


@pytest.mark.long
def test_a_tasks_file_that_is_mounted_by_links_is_followed_when_they_are_swapped(world: World) -> None:
    """As Kubernetes mounts a ConfigMap: tasks.toml -> ..data/tasks.toml, ..data -> a folder that is replaced."""
    code, mount = world.folder / "code", world.folder
    code.mkdir()
    (mount / "jobs.py").rename(code / "jobs.py")
    (mount / "tasks.toml").unlink()
    (mount / "tasks.toml").symlink_to("..data/tasks.toml")

    def publish(number: int, tasks: str) -> None:
        folder = mount / f"..{number}"
        folder.mkdir()
        (folder / "tasks.toml").write_text(f'[arr]\npython_path = ["{code}"]\nworkers = 1\n{tasks}')
        (mount / "..new").symlink_to(folder.name)
        (mount / "..new").replace(mount / "..data")
        shutil.rmtree(mount / f"..{number - 1}", ignore_errors=True)

    publish(1, TICK)
    with world.running() as daemon:
        goes_on(world)
        publish(2, TICK.replace("[tasks.tick]", "[tasks.tock]"))
        daemon.until("reloaded: added tock; removed tick")
        goes_on(world)
        world.until_ended(world.enqueue("jobs.note"))
        os.kill(world.workers()[0], signal.SIGKILL)
        goes_on(world)


# -- whom it trusts


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[World]:
    """A world that any user of the machine may look into, as far as arr lets him."""
    folder = Path(tempfile.mkdtemp(prefix="arr-shared-"))
    folder.chmod(0o755)
    world = World(folder)
    shutil.copy(JOBS, folder / "jobs.py")
    world.write(TICK)
    yield world
    for daemon in world.daemons:
        kill(daemon)
    world.nobody_left()
    shutil.rmtree(folder)


IS_ROOT = os.geteuid() == 0
of_root = pytest.mark.skipif(not IS_ROOT, reason="another user is played by root, who becomes nobody")
NOBODY = 65534


WHATS = ["tasks.toml", *(pytest.param(what, marks=pytest.mark.long) for what in (".arr/tasks.toml", "."))]


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("mode", [0o020, *(pytest.param(mode, marks=pytest.mark.long) for mode in (0o002, 0o1002))])
def test_what_others_may_write_is_refused_for_root_and_warned_of_for_others(
    shared: World, what: str, mode: int
) -> None:
    shared.enqueue("jobs.note")
    path = shared.folder / what
    path.chmod(path.stat().st_mode | mode)
    wanted = f"{path.resolve()} can be written by other users (mode {path.stat().st_mode & 0o7777:04o})"
    for words in (["run", "--burst"], ["list"]):
        said = shared.arr(*words, ARR_TRUST="1")
        if IS_ROOT:
            assert (said.code, said.out) == (1, "")
            assert said.err == f"arr: {wanted}; arr runs as root and refuses it: chown or chmod it\n"
        else:
            assert said.code == 0
            assert f"warning: {wanted}\n" in said.err


@of_root
@pytest.mark.parametrize("what", WHATS)
def test_what_belongs_to_another_user_is_refused_for_root_unless_it_is_told_to_trust_him(
    shared: World, what: str
) -> None:
    shared.enqueue("jobs.note")
    os.chown(shared.folder / what, NOBODY, NOBODY)
    said = shared.arr("run", "--burst")
    wanted = f"{(shared.folder / what).resolve()} belongs to user {NOBODY} (set ARR_TRUST=1 to trust other owners)"
    assert (said.code, said.out) == (1, "")
    assert said.err == f"arr: {wanted}; arr runs as root and refuses it: chown or chmod it\n"
    assert shared.arr("run", "--burst", ARR_TRUST="1").code == 0


@of_root
@pytest.mark.long
def test_a_tasks_file_that_others_may_write_is_not_taken_by_a_daemon_of_root_that_runs(shared: World) -> None:
    tasks = shared.folder / "tasks.toml"
    with shared.running() as daemon:
        goes_on(shared)
        tasks.chmod(0o666)
        shared.write(TICK.replace("[tasks.tick]", "[tasks.tock]"))
        daemon.until("tasks.toml can be written by other users (mode 0666); arr runs as root and refuses it")
        goes_on(shared)
        tasks.chmod(0o644)
        assert shared.arr("reload").code == 0
        daemon.until("reloaded: added tock; removed tick")


# -- what others see and may do


def test_arguments_and_variables_stand_in_no_title_of_a_process(world: World) -> None:
    secret = "hunter2-4711"  # noqa: S105 - a secret of this test alone
    world.write(f'[tasks.nap]\nfunc = "jobs.nap"\nkwargs = {{ seconds = 30 }}\nenv = {{ TOKEN = "{secret}" }}\n')
    with world.running("--workers", "1"):
        world.enqueue("nap")
        world.enqueue_many("jobs.note", 3, secret)
        eventually(lambda: len(world.starts()) == 1)
        pids = world.processes()
        assert len(pids) == 3
        for pid in pids:
            for file in ("cmdline", "comm"):
                assert secret not in Path(f"/proc/{pid}/{file}").read_bytes().decode(errors="replace")
        world.here("cancel", "nap", "--yes", "--force")


BECOMES = """
import os
def become_nobody():
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
"""
"""Called once all that is needed has been imported: nobody may not see Python's own files, where root installed it."""

PROBE = """
import json, os, sys
become_nobody()
said = {}
for name in json.loads(sys.argv[1]):
    for how, flags in (("read", os.O_RDONLY), ("write", os.O_WRONLY)):
        try:
            os.close(os.open(name, flags | os.O_NONBLOCK))
            said[f"{how} {name}"] = True
        except OSError as error:
            said[f"{how} {name}"] = type(error).__name__
print(json.dumps(said))
"""
"""Tries to open each file, from the folder that it is started in."""


@of_root
def test_another_user_can_neither_read_nor_write_nor_ring_nor_connect(shared: World) -> None:
    before = os.umask(0)
    try:
        with shared.running() as daemon:
            run = shared.enqueue("jobs.nap", "30")
            eventually(lambda: shared.state_of(run) == "running")
            names = [str(path.relative_to(shared.folder)) for path in shared.state.rglob("*")]
            assert {"arr.db", "gate", "bell", "planner.lock", "outputs", "claims"} <= {
                Path(name).name for name in names
            }
            assert any(name.startswith(".arr/tasks.toml/outputs/") for name in names)
            words = [sys.executable, "-c", BECOMES + PROBE, json.dumps([".arr", ".arr/tasks.toml", *names])]
            done = subprocess.run(words, cwd=shared.folder, capture_output=True, check=True)
            assert set(json.loads(done.stdout).values()) <= {"PermissionError", "IsADirectoryError"}
            assert not {key for key, said in json.loads(done.stdout).items() if said is True}
            assert listening(shared) == []
            for path in shared.state.rglob("*"):
                assert path.lstat().st_mode & 0o077 == 0, path
            assert daemon.process.poll() is None
            shared.arr("cancel", str(run), "--force")
    finally:
        os.umask(before)


def listening(world: World) -> list[str]:
    """The sockets of the world's processes that others could find: those with a name, an address or a port."""
    inodes = set()
    for pid in world.processes():
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink(fd)))  # noqa: PTH115 - no path
    found = [line for line in Path("/proc/net/unix").read_text().splitlines()[1:] if len(line.split()) > 7]
    named = [line for line in found if line.split()[6] in inodes]
    for file in ("tcp", "tcp6", "udp", "udp6"):
        table = Path(f"/proc/net/{file}")
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        named += [line for line in lines if line.split()[9] in inodes]
    return named


VERB = """
import importlib, pkgutil, sys
import arrcli
from arrcli.cli import exit_code_of as arr
for module in pkgutil.walk_packages(arrcli.__path__, "arrcli."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
out, sys.stdout = sys.stdout, open(os.devnull, "w")
arr(["list"])
sys.stdout = out
become_nobody()
sys.exit(arr(sys.argv[1:]))
"""
"""`arr`, by nobody."""


AS_NOBODY = [
    *(["runs"], ["list"], ["enqueue", "jobs.note"], ["run", "--plain"], ["cancel", "1"], ["logs", "1"], ["show", "1"]),
    *(
        ["status"],
        ["pause", "tick"],
        ["retry", "1"],
        ["reload"],
        ["db", "check"],
        ["db", "prune"],
        ["db", "backup", "x"],
    ),
]


@of_root
@pytest.mark.long
def test_a_verb_of_another_user_says_in_one_sentence_that_the_store_is_not_his(shared: World) -> None:
    with shared.running():
        shared.until_ended(shared.enqueue("jobs.note"))
        for words in AS_NOBODY:
            line = [sys.executable, "-c", BECOMES + VERB, *words]
            env = shared.environment(HOME="/nonexistent")
            done = subprocess.run(line, cwd=shared.folder, env=env, capture_output=True, text=True, timeout=20)
            assert (done.returncode, done.stdout) == (1, ""), (words, done)
            assert re.search(r"^arr: [^\n]*[Pp]ermission denied[^\n]*\n\Z", done.stderr, re.MULTILINE), done.stderr
            assert "Traceback" not in done.stderr
        (shared.folder / "tasks.toml").chmod(0o600)
        line = [sys.executable, "-c", BECOMES + VERB, "check"]
        done = subprocess.run(line, cwd=shared.folder, env=env, capture_output=True, text=True, timeout=20)
        assert (done.returncode, done.stdout) == (65, "")
        assert done.stderr.endswith(
            "\ntasks.toml cannot be read: permission denied — see its mode with: ls -l tasks.toml\n"
        )
