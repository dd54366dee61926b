"""Terminals that are stopped, resized, hung up or not there; logs that nobody reads. The schedule goes on."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from command_line import ARR, PATIENCE_S, eventually
from console import CTRL_C, CTRL_Q, CTRL_S, CTRL_Z, ENTER, console
from disk import Disk
from world import World, holes

from arrcli.cli.log import BACKLOG, Log

TICK = '[tasks.tick]\nfunc = "jobs.note"\nevery = "100ms"\non_overlap = "allow"\n'
LONGEST_S = 4.0
"""Between two starts of such a task nothing longer may pass, on a busy machine too."""


def ticks(world: World) -> int:
    return len(world.starts())


def goes_on_for(world: World, seconds: float) -> None:
    """The schedule is kept for so long, with nobody reading what the daemon says of it."""
    begun, end = ticks(world), time.monotonic() + seconds
    while time.monotonic() < end:
        before = ticks(world)
        eventually(lambda: ticks(world) > before, lambda: "nothing starts any more", within=LONGEST_S)  # noqa: B023
    late = holes([start["at"] for start in world.starts()[max(0, begun - 1) :]], LONGEST_S)
    assert not late, f"waits of {late} s"


# -- who does not read


@pytest.mark.parametrize("seconds", [1.0, pytest.param(60, marks=pytest.mark.long)])
def test_ctrl_s_stops_the_picture_and_not_the_schedule(world: World, seconds: float) -> None:
    world.write(TICK)
    with console(world) as terminal:
        daemon = terminal.run()
        terminal.until_shown("tick")
        terminal.press(CTRL_S)
        goes_on_for(world, seconds)
        terminal.press(CTRL_Q)
        seen = len(terminal.read())
        terminal.until(lambda: len(terminal.read()) > seen)
        terminal.press(CTRL_S)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(PATIENCE_S) == 0
        assert terminal.is_given_back()


@pytest.mark.parametrize("words", [["--plain"], pytest.param(["--json"], marks=pytest.mark.long)])
def test_a_full_pipe_that_nobody_reads_stops_neither_the_schedule_nor_the_end(world: World, words: list[str]) -> None:
    world.write('[tasks.tick]\nfunc = "jobs.note"\nevery = "20ms"\non_overlap = "allow"\n')
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
    try:
        daemon = world.start(*words, out=writes)
        eventually(lambda: not select.select([], [writes], [], 0)[1], lambda: "the pipe is not full")
        goes_on_for(world, 1.0)
        assert daemon.stop() == 0
    finally:
        os.close(reads)
        os.close(writes)


def test_lines_that_nobody_reads_are_dropped_and_counted_where_they_are_missing() -> None:
    reads, writes = os.pipe()
    log = Log(writes, "utf-8", lambda count: f"{count} dropped")
    width, count = 1000, BACKLOG // 1000 + 500
    for number in range(count):
        log.say(f"{number:0{width}}")
        assert number != 100 or not log.written(patience_s=0.05), "the pipe is not full"
    got = bytearray()
    reader = threading.Thread(target=lambda: got.extend(_all_of(reads)))
    reader.start()
    assert log.written(patience_s=10)
    os.close(writes)
    reader.join()
    lines = got.decode().splitlines()
    notes = [line for line in lines if line.endswith(" dropped")]
    assert len(notes) == 1
    dropped = int(notes[0].split()[0])
    at = lines.index(notes[0])
    numbers = [int(line) for line in lines if line != notes[0]]
    assert dropped > 0
    assert numbers == [*range(at), *range(at + dropped, count)]


def test_a_log_that_another_program_made_non_blocking_waits_for_its_reader_and_loses_no_line() -> None:
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    log = Log(writes, "utf-8", lambda count: f"{count} dropped")
    for number in range(2000):
        log.say(f"{number:0100}")
    assert not log.written(patience_s=0.05), "the pipe is not full"
    got = bytearray()
    reader = threading.Thread(target=lambda: got.extend(_all_of(reads)))
    reader.start()
    assert log.written(patience_s=10)
    os.close(writes)
    reader.join()
    assert [int(line) for line in got.decode().splitlines()] == [*range(2000)]


def test_a_verb_whose_output_another_program_made_non_blocking_prints_all_of_it(world: World) -> None:
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writes, False)
    words = [*ARR, "next", "* * * * *", "-n", "500", "--json"]
    verb = subprocess.Popen(words, cwd=world.folder, env=world.environment(), stdout=writes)
    eventually(lambda: not select.select([], [writes], [], 0)[1], lambda: "the pipe is not full")
    assert not os.get_blocking(writes), "the other program's is as it was"
    os.close(writes)
    said = bytes(_all_of(reads))
    assert verb.wait(10) == 0
    assert len(json.loads(said)["fires"]) == 500


def test_lines_that_could_not_be_written_are_counted_once_there_is_room_again(disk: Disk) -> None:
    with (disk.folder / "log").open("ab") as out:
        log = Log(out.fileno(), "utf-8", lambda count: f"{count} dropped")
        disk.fill()
        for number in range(3):
            log.say(f"line {number}")
        assert log.written(patience_s=10)
        disk.clear()
        log.say("the next")
        assert log.written(patience_s=10)
    assert (disk.folder / "log").read_text() == "3 dropped\nthe next\n"


def _all_of(fd: int) -> Iterator[int]:
    with os.fdopen(fd, "rb") as reads:
        yield from reads.read()


def test_a_log_whose_reader_has_gone_away_stops_nothing(world: World) -> None:
    world.write(TICK)
    reader = subprocess.Popen(["head", "-n", "1"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert reader.stdin is not None
    daemon = world.start(out=reader.stdin.fileno())
    reader.stdin.close()
    assert reader.wait(PATIENCE_S) == 0
    goes_on_for(world, 0.5)
    assert daemon.stop() == 0


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", pytest.param(">&-", marks=pytest.mark.long)])
def test_it_runs_with_its_standard_streams_closed(world: World, closed: str) -> None:
    world.write(TICK)
    line = " ".join([*ARR, "run", "--plain", closed])
    process = subprocess.Popen(["sh", "-c", f"exec {line}"], cwd=world.folder, env=world.environment())
    try:
        eventually(lambda: ticks(world) > 3)
        assert Path(f"/proc/{process.pid}/fd/1").readlink() == Path(os.devnull)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


# -- terminals of any size


def test_it_fits_terminals_of_any_size_and_a_storm_of_sizes(world: World) -> None:
    world.write(TICK)
    with console(world) as terminal:
        daemon = terminal.run()
        for columns, lines in ((80, 24), (20, 5), (1, 1), (500, 200), (39, 8), (40, 7)):
            terminal.resize(columns, lines)
            terminal.until(terminal.fits)
        sizes = random.Random(1)
        for _ in range(200):
            terminal.resize(sizes.randint(1, 300), sizes.randint(1, 100))
            terminal.read()
            time.sleep(0.005)
        goes_on_for(world, 0.5)
        terminal.resize(100, 30)
        terminal.until(terminal.fits)
        terminal.until_shown("tick")
        terminal.press("q")
        terminal.until(lambda: daemon.process.poll() is not None)
        assert daemon.process.returncode == 0
        assert terminal.is_given_back()


# -- terminals that are given back


@pytest.mark.parametrize("end", [CTRL_C, *(pytest.param(end, marks=pytest.mark.long) for end in ("q", "SIGTERM"))])
def test_the_terminal_is_given_back_as_it_was(world: World, end: str) -> None:
    with console(world) as terminal:
        daemon = terminal.run()
        terminal.until(terminal.fits)
        if end == "SIGTERM":
            daemon.process.send_signal(signal.SIGTERM)
        else:
            terminal.press(end)
        terminal.until(lambda: daemon.process.poll() is not None)
        assert daemon.process.returncode == 0
        assert terminal.is_given_back()


def test_a_defect_in_the_view_leaves_the_terminal_first_and_shows_itself_then(world: World) -> None:
    (world.folder / "sitecustomize.py").write_text(
        "import signal\nsignal.signal(signal.SIGUSR1, lambda *_: [].pop())\n"
    )
    with console(world) as terminal:
        paths = os.pathsep.join([str(world.folder), world.environment()["PYTHONPATH"]])
        daemon = terminal.run(PYTHONPATH=paths)
        terminal.until(terminal.fits)
        daemon.process.send_signal(signal.SIGUSR1)
        terminal.until(lambda: daemon.process.poll() is not None)
        assert daemon.process.returncode == 1
        assert terminal.is_given_back()
        shown = terminal.read().rpartition("\x1b[?1049l")[2]
        assert "IndexError: pop from empty list" in shown
    daemon.log.write_text("")


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again_and_catches_up(world: World) -> None:
    world.write('[tasks.tick]\nfunc = "jobs.note"\nevery = "300ms"\ncatch_up = "all"\non_overlap = "allow"\n')
    with console(world) as terminal:
        shell = terminal.run(through_shell=True)
        terminal.until_shown("tick")
        eventually(lambda: ticks(world) > 1)
        terminal.press(CTRL_Z)
        terminal.until(lambda: "JOB STOPPED" in terminal.read())
        assert terminal.is_given_back()
        before = ticks(world)
        time.sleep(0.8)
        assert ticks(world) == before
        terminal.press("\n")
        terminal.until(lambda: terminal.read().count(ENTER) == 2)
        terminal.until(terminal.fits)
        eventually(lambda: ticks(world) > before + 2)
        terminal.press("q")
        terminal.until(lambda: shell.process.poll() is not None)
        assert shell.process.returncode == 0
        assert terminal.is_given_back()
    slots = [row[0] for row in world.rows("SELECT slot FROM runs WHERE task = 'tick' ORDER BY slot")]
    assert [later - slot for slot, later in pairwise(slots)] == [300_000] * (len(slots) - 1)


def test_a_terminal_that_hangs_up_ends_the_view_and_not_the_daemon(world: World) -> None:
    world.write(TICK)
    with console(world) as terminal:
        daemon = terminal.run()
        terminal.until_shown("tick")
        terminal.hang_up()
        goes_on_for(world, 0.5)
        assert daemon.stop() == 0


@pytest.mark.long
def test_a_killed_daemon_leaves_no_process_on_the_terminal(world: World) -> None:
    with console(world) as terminal:
        daemon = terminal.run()
        terminal.until(terminal.fits)
        daemon.process.kill()
        daemon.process.wait()
        world.nobody_left()


# -- what the terminal says of itself


def test_a_dumb_terminal_gets_plain_lines(world: World) -> None:
    world.write(TICK)
    with console(world) as terminal:
        daemon = terminal.run(TERM="dumb")
        terminal.until(lambda: "ok     tick" in terminal.read())
        daemon.process.send_signal(signal.SIGTERM)
        terminal.until(lambda: daemon.process.poll() is not None)
        assert "\x1b" not in terminal.read()
        assert daemon.process.returncode == 0


@pytest.mark.parametrize("no_color", ["1", pytest.param("", marks=pytest.mark.long)])
def test_no_color_takes_the_colours_and_leaves_the_rest(world: World, no_color: str) -> None:
    world.write('[tasks.bad]\nfunc = "math.factorial"\nargs = ["x"]\nevery = "100ms"\n')
    with console(world) as terminal:
        daemon = terminal.run(NO_COLOR=no_color)
        terminal.until_shown("failing 1")
        codes = {code for said in re.findall(r"\x1b\[([0-9;]*)m", terminal.read()) for code in said.split(";")}
        assert "1" in codes
        assert bool(codes & {"31", "32", "33", "36"}) == (no_color == "")
        terminal.press("q")
        terminal.until(lambda: daemon.process.poll() is not None)


@pytest.mark.long
def test_what_tasks_say_and_are_called_moves_nothing_on_the_screen(world: World) -> None:
    (world.folder / "evil.py").write_text(
        "def fail(text):\n    print(text)\n    raise ValueError(text + '[/] [bold red]' + text)\n"
    )
    evil = "\\u001b]52;c;eA==\\u0007\\u001b[2J\\u202e\\u009b2J\\n\\t\\u0000"
    world.write('[tasks."[/]"]\nfunc = "evil.fail"\nargs = ["x"]\nevery = "1s"\n[pools."[/]"]\nsize = 1\n')
    with console(world, 120, 40) as terminal:
        daemon = terminal.run()
        for key in ("\x1b[2J", "\u202e", "[/]"):
            world.enqueue("evil.fail", f'text:="{evil}"', "--key", key)
        terminal.until_shown("failing 1")
        for keys in ("\t", "\t", "\t", "\r", "j", "?", "?"):
            terminal.press(keys)
            terminal.until(terminal.fits)
        sent = terminal.read()
        assert not re.search("\x1b\\]|\x1b\\[2J(?!$)[^\x1b]*52;c|[\u202e\u009b\0\t]", sent)
        assert sent.count("\x1b[2J") == 1
        terminal.press("q")
        terminal.until(lambda: daemon.process.poll() is not None)
        assert daemon.process.returncode == 0
        assert terminal.is_given_back()
