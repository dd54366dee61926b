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
#   arr run$argument      run it; what you change here it takes while it runs
#
# All keys with their defaults: arr export --all. Completion in your editor: arr export --schema > tasks.schema.json,
# and a first line here that says  #:schema ./tasks.schema.json

[arr]
# timezone = "Europe/Riga"  # the zone that schedules are read in; without it, this machine's
# workers = 4               # worker processes; without it, one for each CPU
# python_path = ["."]       # where your modules are, relative to this file

[defaults]                  # what holds for every task that does not say otherwise
timeout = "1h"              # what takes longer is stopped, with all that it has started

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

$more
#
# [pools.disk]                          # tasks of one pool share a cap
# size = 1
#
# [tasks.report]
# description = "What was sold"         # arr show and the dashboard have it
# func = "reports.sold"                 # reports.py beside this file; a plain function or a coroutine function
# args = ["eu"]                         # what it is called with, and kwargs = { since = 2026-01-01 }
# cron = ["0 9 * * MON", "H H L * *"]   # Mondays; and the last day of the month, at a time hashed from the name
# timezone = "America/New_York"         # on that clock, also on the nights when it is changed
# on_overlap = "queue"                  # due while still at work: skip (without this), queue, replace, allow
# catch_up = "all"                      # missed while arr was down: latest (without this), all, skip
# expires = "2h"                        # still waiting then: not worth it any more
# pool = "disk"
# priority = 10                         # of what is due, the higher goes first
# env = { LANG = "C.UTF-8" }
# retry_on = ["OSError", "TimeoutError"]
# on_failure = ["mail", "-s", "no report", "ops@example.org"]   # once no try is left; or "package.module.function"
# enabled = false                       # acts as paused
#
# [tasks.party]
# func = "arrcli.shell.run"
# args = ["wall 'Happy New Year'"]
# at = 2030-01-01T00:00:00              # once; or a list of times
""")
MORE: Final = "# What else there is; without the sign in front of each line it is this file's."
"""From this line on the starter teaches by keys that are commented out."""


def starter(path: Path | str) -> str:
    """The text of a new tasks file that will stand at `path`: it loads as it is, and all it calls exists."""
    name = shlex.quote(str(path)) if str(path).isprintable() else "TASKS"
    ordinary = name == "tasks.toml"
    option, argument = ("", "  ") if ordinary else (f" {name}", f" {name}  ")
    return _STARTER.substitute(option=option, argument=argument, more=MORE)
