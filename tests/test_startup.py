"""What a short verb imports: what it need not import costs nothing, and what creeps in is seen here, not felt."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from command_line import environment

TASKS = """
[arr]
timezone = "UTC"
[tasks.nightly]
func = "math.sqrt"
args = [4]
cron = "30 2 * * *"
"""
LISTED = """
import sys
from arrcli.cli import exit_code_of
exit_code_of(sys.argv[1:])
print("\\nMODULES", *sys.modules)
"""
LIBRARIES_ALONE = """
import sys
import typer
from pydantic import TypeAdapter
TypeAdapter(list[int]).validate_python([1])
app = typer.Typer()
@app.command()
def main() -> None: ...
app(standalone_mode=False)
print("\\nMODULES", *sys.modules)
"""

HAS_SCHEDULES = """
model.schedule model.schedule.at model.schedule.cron model.schedule.days model.schedule.english model.schedule.every
model.schedule.fields model.schedule.first model.schedule.nights model.schedule.pattern model.schedule.protocol
model.schedule.union model.task model.wall model.when
"""
READS_A_FILE = f"""
{HAS_SCHEDULES} model.path model.size
config config.build config.faults config.given config.kinds config.load config.place config.read config.shape
config.task_table config.words
"""
OPENS_A_STORE = """
app clock engine engine.asks engine.endings errors model model.instant model.run model.value text
host host.files host.limits host.lock host.notify host.places host.process host.wake
store store.damage store.gate store.memory store.numbers store.opening store.queue store.reading store.refusals
store.reserve store.rows store.schema store.soonest store.sqlite store.transaction store.values
"""
ANY_VERB = "cli cli.complete cli.group cli.opened cli.options cli.table"


def names(*texts: str) -> set[str]:
    return {name for text in texts for name in text.split()}


@cache
def modules(folder: Path, program: str, *words: str) -> frozenset[str]:
    """All that a process has imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(done.stdout.rpartition("MODULES ")[2].split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tasks file, and a store as `arr enqueue` leaves it."""
    made = tmp_path_factory.mktemp("startup")
    (made / "tasks.toml").write_text(TASKS)
    modules(made, LISTED, "enqueue", "math.factorial", "4")
    return made


def ours(folder: Path, *words: str) -> set[str]:
    """Which of our modules a verb imports, without `arrcli.`."""
    return {name.removeprefix("arrcli.") for name in modules(folder, LISTED, *words) if name.startswith("arrcli.")}


def test_help_knows_the_table_of_verbs_alone(folder: Path) -> None:
    assert ours(folder, "--help") == names("cli cli.group cli.table errors host host.files model model.value")


def test_enqueue_reads_the_file_and_opens_the_store(folder: Path) -> None:
    besides = "cli.columns cli.enqueue cli.source cli.times dashboard dashboard.times model.json"
    assert ours(folder, "enqueue", "math.factorial", "5") == names(ANY_VERB, READS_A_FILE, OPENS_A_STORE, besides)


def test_list_draws_a_picture_besides(folder: Path) -> None:
    besides = """
        cli.columns cli.times cli.upcoming dashboard dashboard.times dashboard.words engine.coming
        engine.histories engine.picture model.schedule.bound
        model.slot model.snapshot store.contract
    """
    assert ours(folder, "list") == names(ANY_VERB, READS_A_FILE, OPENS_A_STORE, besides)


def test_status_reads_no_tasks(folder: Path) -> None:
    besides = "cli.columns cli.status cli.times dashboard dashboard.times model.snapshot"
    assert ours(folder, "status") == names(ANY_VERB, OPENS_A_STORE, HAS_SCHEDULES, besides)


LIBRARIES = names("typer pydantic pydantic_core annotated_types typing_extensions typing_inspection")
HEAVY = names("asyncio concurrent http logging multiprocessing ssl tempfile unittest urllib.request xml")


@pytest.mark.parametrize("words", ["--help", "enqueue math.factorial 5", "list", "status"])
def test_no_library_is_loaded_that_the_verb_does_not_use(folder: Path, words: str) -> None:
    more = modules(folder, LISTED, *words.split()) - modules(folder, LIBRARIES_ALONE)
    known = sys.stdlib_module_names | {"arrcli"}
    libraries = {name.split(".")[0] for name in more if not name.startswith("_sysconfigdata")} - known
    used = LIBRARIES | (names("croniter dateutil pytz six") if words == "list" else set())
    assert (libraries - used, more & HEAVY) == (set(), set())
