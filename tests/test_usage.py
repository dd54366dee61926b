"""What running attempts use, and what keys of the screen do to the store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import eventually, here, running

from arrcli.app import App, client_app
from arrcli.cli.control import carried_out
from arrcli.config.load import load
from arrcli.dashboard.act import Again, Cancel, Pause, Reload, Resume, RunNow
from arrcli.host.places import Places
from arrcli.host.usage import Meter
from arrcli.model.run import State

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"


@linux_only
def test_a_process_is_measured_with_what_it_started() -> None:
    now = [0]
    meter = Meter(lambda: now[0])
    with subprocess.Popen([sys.executable, "-c", CHILD], start_new_session=True) as parent:
        try:
            first = meter.of([parent.pid])[parent.pid]
            assert first.cpu is None

            def busy() -> bool:
                now[0] += 1_000_000
                cpu = meter.of([parent.pid])[parent.pid].cpu
                return cpu is not None and cpu > 0

            eventually(busy)
            at_work = meter.of([parent.pid])
            now[0] += 100_000
            assert meter.of([parent.pid]) == at_work and at_work[parent.pid].rss_kb > 1000
        finally:
            os.killpg(parent.pid, 9)
    now[0] += 1_000_000
    assert meter.of([parent.pid]) == {}


TASKS = """
[arr]
workers = 1
[tasks.once]
func = "time.sleep"
args = [60]
[tasks.nightly]
func = "time.sleep"
args = [0]
cron = "30 2 * * *"
"""


def test_what_the_daemons_workers_do_is_told_to_others(tmp_path: Path) -> None:
    (tmp_path / "tasks.toml").write_text(TASKS)
    with running(tmp_path):
        run = here(tmp_path, "enqueue", "once").out.strip()
        app = client_app(load(tmp_path / "tasks.toml"), Places.of_tasks_file(tmp_path / "tasks.toml"), create=False)
        try:
            eventually(lambda: any(each.run for each in app.snapshot().workers))
            (worker,) = app.snapshot().workers
            assert worker.run is not None
            assert (str(worker.run.id), worker.index, worker.state) == (run, 0, "busy")
            assert (worker.pid is not None and (worker.rss_kb or 0) > 1000) or not sys.platform.startswith("linux")
            assert app.opened(int(run)) is not None and app.opened(999) is None
        finally:
            app.close()
        here(tmp_path, "cancel", run)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    path = tmp_path / "tasks.toml"
    path.write_text(TASKS)
    made = client_app(load(path), Places.of_tasks_file(path), create=True)
    yield made
    made.close()


def test_what_a_key_asks_for_is_done_and_said(app: App) -> None:
    assert carried_out(app, RunNow("once")) == "queued run 1 of once"
    run = app.store.run(1)
    assert run is not None and (run.task, run.args) == ("once", (60,))
    assert carried_out(app, Cancel(1, "once")) == "cancelled run 1"
    assert carried_out(app, Again(1)) == "queued run 2 of once (run 1 again)"
    assert carried_out(app, Pause("nightly")) == "paused nightly"
    assert app.store.task_records()["nightly"].paused
    assert carried_out(app, Resume("nightly")) == "nightly goes on"
    assert not app.store.task_records()["nightly"].paused
    assert carried_out(app, Reload()) == "the file is read again"
    assert [found.state for found in app.store.pending()] == [State.PENDING]


def test_what_cannot_be_done_is_said_and_the_screen_goes_on(app: App) -> None:
    assert carried_out(app, Again(99)) == "there is no run 99; see them with: arr runs"
    assert carried_out(app, Cancel(99, "once")) == "there is no run 99; see them with: arr runs"
