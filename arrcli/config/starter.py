"""The first tasks file: what `arr init` writes."""

from __future__ import annotations

import shlex
from pathlib import Path
from string import Template
from typing import Final

_STARTER: Final = Template("""\
# Tasks of arr: when they run, and how.
#
#   arr check$option      is this file right, and what does it do next?
#   arr run$argument      run it
#
# Completion in your editor: arr export --schema > tasks.schema.json, and a first line here that says
# #:schema ./tasks.schema.json

[arr]
# timezone = "Europe/Riga"  # the zone that schedules are read in; without it, this machine's
# workers = 4               # worker processes; without it, one for each CPU
# python_path = ["."]       # where your modules are, relative to this file

[defaults]                  # what holds for every task that does not say otherwise
timeout = "1h"

# Every ten seconds: six fields are second, minute, hour, day, month, weekday.
[tasks.heartbeat]
func = "arrcli.demo.heartbeat"
cron = "*/10 * * * * *"

# At 02:30 each night; five fields begin with the minute. Up to three more tries if it fails.
[tasks.nightly]
func = "arrcli.demo.report"     # yours: "package.module.function"
kwargs = { folder = "." }
cron = "30 2 * * *"
retries = 3
retry_delay = "1m"

# A shell command, every five minutes, counted from when this file was first run.
[tasks.disk]
func = "arrcli.shell.run"
args = ["df -h ."]
every = "5m"

# No schedule: it runs when you say so, with: arr enqueue by-hand
[tasks.by-hand]
func = "arrcli.demo.slow"
args = [3]
""")


def starter(path: Path | str) -> str:
    """The text of a new tasks file that will stand at `path`: it loads as it is, and all it calls exists."""
    name = shlex.quote(str(path)) if str(path).isprintable() else "TASKS"
    ordinary = name == "tasks.toml"
    return _STARTER.substitute(option="" if ordinary else f" {name}", argument="  " if ordinary else f" {name}  ")
