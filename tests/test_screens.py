"""The dashboard for real: `arr run` and `arr top` on an emulated terminal, at each size, key by key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Daemon, eventually, here, running
from emulator import Emulator, emulated

TASKS = """
[arr]
timezone = "Europe/Riga"
workers = 2
[pools.disk]
size = 1
[tasks.new-year]
func = "jobs.fine"
cron = "0 0 1 1 *"
description = "Once a year"
[tasks.nightly]
func = "jobs.fine"
cron = "30 2 * * *"
[tasks.backup]
func = "jobs.fine"
cron = "30 2 * * *"
[tasks.fails]
func = "jobs.fails"
[tasks.works]
func = "jobs.works"
pool = "disk"
[tasks."夜間バックアップ"]
func = "jobs.fine"
cron = "0 4 * * *"
"""
JOBS = """
import os, time
from arrcli.context import current_run
def fine(): print("all is fine")
def fails():
    print("before it fails")
    raise OSError("disk full \\x1b[2J[/]")
def works():
    run = current_run()
    step = 0
    while not os.path.exists(f"stop-{run.id}"):
        step = min(step + 1, 40)
        run.progress(step / 80, f"step {step}")
        if step <= 5:  # a page of an output stays at its end: more would leave no line for its heading
            print("step", step, flush=True)
        time.sleep(0.05)
"""
ESCAPE, ENTER, TAB, DOWN = "\x1b", "\r", "\t", "\x1b[B"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks.toml").write_text(TASKS)
    (tmp_path / "jobs.py").write_text(JOBS)
    return tmp_path


@pytest.fixture
def screen(folder: Path) -> Iterator[Emulator]:
    with emulated(folder, "run") as emulator:
        emulator.until("✓ up ")
        yield emulator


def at_task(screen: Emulator, name: str) -> None:
    """The cursor on a task of the first pane: by its name, filtered."""
    screen.press("/", *name, ENTER)
    screen.until(lambda lines: lines[-1].startswith(f"/ {name}  Esc drop"))


def test_at_80_by_24_everything_that_matters_is_on_the_screen(screen: Emulator) -> None:
    lines = screen.until(lambda lines: "0/2 busy" in "".join(lines))
    assert len(lines) == 24
    assert re.fullmatch(
        r"arr tasks\.toml +6 tasks +▶ 0 running +✗ 0 failing +⏸ 0 paused .*\d\d:\d\d:\d\d EES?T", lines[0]
    )
    assert re.match(rf"✓ up \S+  pid {screen.process.pid}  next \S+ in \S+  Europe/Riga   *…\S*arr\.db", lines[1])
    assert lines[2] == "─ running 0 ────────── run due ─────── for worker  cpu  memory ────── 0/2 busy ─"
    assert lines[3] == "nothing runs just now"
    assert next(line for line in lines if "─ next 6 ─" in line).split("─ ")[2].startswith("due ")
    assert [line.split()[0] for line in lines if line.startswith("─")] == ["─"] * 4
    assert lines[23] == "↑↓ ↵ open r run x cancel a retry p pause / filter s sort R reload ? help q quit"
    screen.press("q")
    assert screen.ends() == 0


def test_a_task_is_run_watched_and_cancelled_by_keys(screen: Emulator, folder: Path) -> None:
    at_task(screen, "works")
    screen.press("r")
    screen.until("queued run 1 of works")
    screen.until(
        lambda lines: any(re.match(r"▶ works +1 \d\d:\d\d:\d\d +\d+s +\d .* MB ━+─* +\d+%", line) for line in lines)
    )
    screen.press(ENTER)
    lines = screen.until("output so far")
    assert lines[2].startswith("─ run 1  works ─")
    screen.until(lambda lines: any(line.startswith("▶ running for ") and "50% step 40" in line for line in lines))
    assert lines[-1] == "Esc back  ↑↓ scroll  x cancel  a retry  r run  p pause  G end  ? help  q quit"
    screen.press("x")
    screen.until("cancel run 1 of works?  y yes  any other key: no")
    screen.press("n")
    screen.until(lambda lines: lines[-1].startswith("Esc back"))
    assert here(folder, "show", "1", "--json").json["run"]["state"] == "running"
    screen.press("x", "y")
    screen.until("■ cancelled after ")
    screen.press(ESCAPE)
    screen.until(lambda lines: any(re.search(r"■ cancelled works ", line) for line in lines))


def test_a_failure_is_shown_in_a_few_colours_opened_with_its_traceback_and_tried_again(screen: Emulator) -> None:
    at_task(screen, "fails")
    screen.press("r")
    lines = screen.until("✗ 1 failing")
    screen.until(
        lambda lines: any(re.match(r"✗ failing fails .* disk full \[/\] \(arr logs 1\)", line) for line in lines)
    )
    screen.until(lambda lines: any(re.search(r"✗ failed +fails +\S+ +✗ disk full", line) for line in lines))
    cells = [screen.screen.buffer[line][column] for line in range(24) for column in range(80)]
    assert {"default", "red"} <= {cell.fg for cell in cells} <= {"default", "red", "green", "cyan", "brown"}
    screen.press(ENTER)
    lines = screen.until("before it fails")
    assert any(line.startswith("✗ failed after ") and "OSError: disk full [/]" in line for line in lines)
    assert any(line.startswith('  File "') for line in lines) and '    raise OSError("disk full' in "\n".join(lines)
    assert b"\x1b[2J[/]" not in screen.sent
    screen.press("a")
    screen.until("queued run 2 of fails (run 1 again)")


def test_a_task_is_paused_and_resumed_and_the_file_read_again(screen: Emulator, folder: Path) -> None:
    at_task(screen, "nightly")
    screen.press("p")
    screen.until("paused nightly")
    screen.until(
        lambda lines: any(re.match(r"⏸ paused +nightly ", line) for line in lines) and "⏸ 1 paused" in lines[0]
    )
    screen.press("p")
    screen.until("nightly goes on")
    screen.until(lambda lines: any(re.match(r"● in \S+ .*nightly ", line) for line in lines))
    (folder / "tasks.toml").write_text(TASKS + '[tasks.fresh]\nfunc = "jobs.fine"\n')
    screen.press(ESCAPE, "R")
    screen.until(lambda lines: " 7 tasks " in lines[0])
    at_task(screen, "fresh")
    screen.press("r")
    screen.until("queued run 1 of fresh")
    screen.until(lambda lines: any(re.search("✓ ok +fresh", line) for line in lines))


def test_a_waiting_run_says_behind_which_it_waits(screen: Emulator, folder: Path) -> None:
    here(folder, "enqueue", "works")
    here(folder, "enqueue", "works")
    screen.until(lambda lines: any(re.match("▶ works +1 ", line) for line in lines))
    screen.until("pool disk is full (1): run 1")
    (folder / "stop-1").touch()
    screen.until(lambda lines: any(re.match("▶ works +2 ", line) for line in lines))
    (folder / "stop-2").touch()
    screen.until("▶ 0 running")


def test_keys_move_sort_filter_and_turn_pages(screen: Emulator) -> None:
    screen.until("new-year")
    screen.press("s")
    lines = screen.until("sorted by name")
    names = [line.split()[-1] for line in lines if line.startswith("─") and "─ next" in line]
    assert names and "by name" in "".join(lines)
    screen.press("g", DOWN)
    screen.until(lambda lines: any(line.startswith("─ fails ─") for line in lines))
    screen.press("k")
    screen.until(lambda lines: any(line.startswith("─ backup ─") for line in lines))
    screen.press("t")
    lines = screen.until("next 24 h, a cell is 30m")
    assert any(re.match(r"nightly +·*◆·*$", line) for line in lines)
    assert any(line.startswith("◆ 2 at ") and line.endswith("backup, nightly") for line in lines)
    screen.press("t", "?")
    screen.until("any key closes")
    screen.until("reload: read the tasks file again")
    screen.press("q", TAB)
    screen.until(lambda lines: any(line.startswith("─ ended 0 ─") for line in lines))
    screen.press("/", "new", ENTER)
    lines = screen.until("/ new  Esc drop")
    assert any(line.startswith("─ next 1, by name ─") for line in lines)


@pytest.mark.parametrize(("size", "rows"), [((120, 40), 40), ((200, 60), 60)])
def test_larger_windows_hold_more_and_no_line_is_bent(folder: Path, size: tuple[int, int], rows: int) -> None:
    with emulated(folder, "run", size=size) as screen:
        screen.until("workers 2")
        lines = screen.until("─ next 24 h, a cell is ")
        assert len(lines) == rows
        assert lines[-1].startswith("↑↓  Tab pane  ↵ open  r run") and lines[-1].endswith("R reload  ? help  q quit")
        assert any(re.match(r"(.*│)?夜間バックアップ +·*▪·*$", line) for line in lines)
        if size[0] == 200:
            assert screen.column(99)[2:-1] == "│" * (rows - 3)
        screen.resize(80, 24)
        screen.until(
            lambda lines: len(lines) == 24 and lines[-1].endswith("R reload ? help q quit") and "6 tasks" in lines[0]
        )
        screen.press("q")
        assert screen.ends() == 0


def test_below_40_by_8_one_line_says_it_all(folder: Path) -> None:
    with emulated(folder, "run", size=(39, 7)) as screen:
        lines = screen.until("▶ 0 running")
        assert re.fullmatch(r"\d\d:\d\d:\d\d  ▶ 0 running  ✗ 0 failing", lines[0])
        assert lines[1:] == [""] * 6


def test_without_colour_and_in_ascii_the_words_and_shapes_stay(folder: Path) -> None:
    with emulated(folder, "run", "--ascii", NO_COLOR="1", LC_ALL="C.UTF-8") as screen:
        screen.until("+ up ")
        at_task(screen, "fails")
        screen.press("r")
        screen.until(lambda lines: any(re.search(r"x failed +fails +\S+ +x disk full", line) for line in lines))
        cells = [screen.screen.buffer[line][column] for line in range(24) for column in range(80)]
        assert {cell.fg for cell in cells} == {cell.bg for cell in cells} == {"default"}
        assert all(line.isascii() for line in screen.lines if "バ" not in line)


def test_the_screen_is_drawn_four_times_a_second_at_most_and_at_rest_once(folder: Path) -> None:
    with emulated(folder, "run") as screen:
        screen.until("✓ up ")
        busy = '[tasks.busy]\nfunc = "math.sqrt"\nargs = [2]\nevery = "10ms"\n'
        (folder / "tasks.toml").write_text(TASKS + busy)
        screen.press("R")
        screen.until(lambda lines: any(re.search("✓ ok +busy", line) for line in lines))
        before = screen.sent.count(b"\x1b[?2026h")
        screen.read_for(2)
        assert 2 <= screen.sent.count(b"\x1b[?2026h") - before <= 10
        assert b"\x1b[2J" not in screen.sent[200:]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Daemon]]:
    folder = tmp_path_factory.mktemp("top")
    (folder / "tasks.toml").write_text(TASKS)
    (folder / "jobs.py").write_text(JOBS)
    with running(folder) as daemon:
        yield folder, daemon


def test_top_is_the_same_screen_beside_a_daemon_and_only_looks_on(daemon: tuple[Path, Daemon]) -> None:
    folder, process = daemon
    run = here(folder, "enqueue", "works").out.strip()
    with emulated(folder, "top") as screen:
        screen.until(f"pid {process.process.pid}")
        screen.until(lambda lines: any(re.match(rf"▶ works +{run} .* MB ━+─* +\d+%", line) for line in lines))
        assert screen.lines[-1] == "↑↓  Tab pane  ↵ open  / filter  s sort  t 24h  ? help  q quit"
        screen.press("x")
        screen.until("this screen only looks on (start it with: arr top --control)")
        screen.press("q")
        assert screen.ends() == 0
    with emulated(folder, "top", "--control") as screen:
        screen.until("▶ 1 running")
        screen.press(TAB, TAB, TAB, "x")
        screen.until(f"cancel run {run} of works?")
        screen.press("y")
        screen.until("▶ 0 running")
        screen.press("q")
        assert screen.ends() == 0
    assert here(folder, "show", run, "--json").json["run"]["state"] == "cancelled"
    assert process.process.poll() is None


def test_top_shows_the_tasks_of_the_file_that_the_daemon_has_taken(daemon: tuple[Path, Daemon]) -> None:
    folder, _ = daemon
    with emulated(folder, "top") as screen:
        screen.until(" 6 tasks ")
        (folder / "tasks.toml").write_text(TASKS + '[tasks.fresh]\nfunc = "jobs.fine"\n')
        here(folder, "reload")
        screen.until(" 7 tasks ")
        screen.press("q")
        assert screen.ends() == 0
    assert here(folder, "top").code == 2


def test_a_run_that_ends_elsewhere_is_on_the_screen_within_moments(daemon: tuple[Path, Daemon]) -> None:
    folder, _ = daemon
    with emulated(folder, "top") as screen:
        screen.until("✓ up ")
        run = here(folder, "enqueue", "math.factorial", "5").out.strip()
        eventually(lambda: here(folder, "show", run, "--json").json["run"]["state"] == "succeeded")
        screen.until(f"run {run}", within=10)
