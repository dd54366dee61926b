"""The pictures of the README: `python tests/screenshots.py docs` runs a small shop for half a minute and draws it.

A real daemon works on real tasks; what `arr top` would show of it is drawn by rich, as SVG. Only the folder's name is
another one in the pictures.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from command_line import arr, eventually, running
from rich.console import Console
from rich.terminal_theme import MONOKAI

from arrcli.app import App, client_app
from arrcli.config.load import load
from arrcli.dashboard.draw import Frame
from arrcli.dashboard.view import Page, View
from arrcli.host.places import Places
from arrcli.model.run import Run, State
from arrcli.model.snapshot import Snapshot

TASKS = """
[arr]
timezone = "Europe/Riga"
workers = 3
[pools.database]
size = 1
[tasks.import-orders]
description = "Brings in what was ordered since the last time"
func = "shop.import_orders"
every = "4s"
[tasks.thumbnails]
func = "shop.thumbnails"
every = "20s"
[tasks.backup-db]
description = "Dumps the database and sends it away"
func = "shop.backup"
cron = "30 2 * * *"
pool = "database"
timeout = "1h"
[tasks.reindex]
func = "shop.reindex"
cron = "30 2 * * SUN"
pool = "database"
[tasks.mail]
func = "shop.mail"
every = "15s"
retries = 1
retry_delay = "3s"
[tasks.nightly-report]
func = "shop.report"
cron = ["30 2 * * MON-FRI", "0 6 * * SAT,SUN"]
[tasks.prune-cache]
func = "shop.report"
cron = "0 */3 * * *"
[tasks.invoices]
func = "shop.report"
cron = "0 7 1 * *"
[tasks.exchange-rates]
func = "shop.rates"
cron = "*/10 * * * * *"
"""
SHOP = """
import random, time
from arrcli.context import current_run, track
random.seed(7)
def import_orders():
    time.sleep(random.uniform(0.05, 0.4)); print("imported", random.randrange(40, 200), "rows")
def thumbnails():
    for step in range(100):
        current_run().progress(step / 100, f"image {step} of 100"); time.sleep(0.15)
def backup(tables=("customers", "orders", "invoices", "stock")):
    for done, table in enumerate(tables):
        current_run().progress(done / len(tables), table); print("dumping", table, flush=True); time.sleep(20)
def reindex(): time.sleep(60)
def report(): return {"rows": 1204}
def rates():
    time.sleep(random.uniform(0.1, 0.9)); print("EUR 1.00  USD 1.09")
    if time.time() // 10 % 3 == 0: raise TimeoutError("the bank does not answer")
class SMTPServerBusy(OSError): pass
def send(message):
    raise SMTPServerBusy("451 4.7.1 try again later")
def mail(batch=20):
    print("sending", batch, "messages")
    send({"to": "ops@example.org"})
"""
HALF_A_MINUTE_S = 32


@contextmanager
def shop() -> Iterator[App]:
    """The shop at work, and a look at it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tasks.toml").write_text(TASKS)
        (folder / "shop.py").write_text(SHOP)
        with running(folder):
            arr(folder, "pause", "prune-cache", "--note", "new disk")
            time.sleep(HALF_A_MINUTE_S)
            arr(folder, "enqueue", "backup-db")
            arr(folder, "enqueue", "reindex")
            app = client_app(load(folder / "tasks.toml"), Places.of_tasks_file(folder / "tasks.toml"), create=False)
            try:
                eventually(lambda: any(run.name == "thumbnails" for run in app.store.running()), within=60)
                app.snapshot()
                time.sleep(5)
                yield app
            finally:
                app.close()


def named(snapshot: Snapshot) -> Snapshot:
    """The snapshot as if it were of a folder with a name."""
    return replace(snapshot, file="/srv/shop/tasks.toml", store="/srv/shop/.arr/tasks.toml/arr.db")


def drawn(frame: Frame, width: int, height: int, title: str) -> str:
    """The frame as an SVG."""
    console = Console(record=True, width=width, height=height, file=io.StringIO(), force_terminal=True)
    console.print(frame, end="")
    return console.export_svg(title=title, theme=MONOKAI)


def pictures(app: App) -> Iterator[tuple[str, str]]:
    """(name, SVG) of each picture."""
    snapshot = named(app.snapshot())
    for width, height in ((80, 24), (120, 40)):
        yield f"dashboard-{width}x{height}.svg", drawn(Frame(snapshot, View()), width, height, "arr run")
    bad = failed(app)
    opened = app.opened(bad.id)
    assert opened is not None and opened.run.fault is not None
    fault = replace(opened.run.fault, traceback=opened.run.fault.traceback.replace(app.file.folder, "/srv/shop"))
    whole = replace(opened, run=opened.run.but(fault=fault))
    view = View(page=Page.RUN, opened=bad.id)
    yield "run.svg", drawn(Frame(snapshot, view, whole), 80, 24, f"arr run: Enter on run {bad.id}")


def failed(app: App) -> Run:
    """A run that failed for good."""
    runs = app.store.recent(200)
    return next(run for run in runs if run.state is State.FAILED and run.name == "mail")


def main(folder: Path) -> None:
    """Draw all of them into `folder/images`."""
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    with shop() as app:
        for name, text in pictures(app):
            (images / name).write_text(text, encoding="utf-8")
            print(images / name)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
