"""The verbs: one table feeds the parser, `--help` and the documentation."""

from __future__ import annotations

from typing import Final

from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: where it stands in `--help`, the module and function that do it, and what it does in a line."""

    name: str
    panel: str
    where: str
    does: str


PANELS: Final = ("run", "look", "act", "set up")

VERBS: Final = (
    Verb("run", "run", "run:run", "Schedule, execute and show the tasks of a file."),
    Verb("exec", "run", "execute:execute", "Run one task here and now; its output and its exit code."),
    Verb("enqueue", "run", "enqueue:enqueue", "Queue one run of a task or of any callable, now or later."),
    Verb("list", "look", "upcoming:upcoming", "What comes next, in time order."),
    Verb("next", "look", "fires:fires", "The next times of a cron expression."),
    Verb("runs", "look", "history:runs", "What ran, the newest first."),
    Verb("show", "look", "show:show", "One run whole, or one task."),
    Verb("logs", "look", "logs:logs", "What a run printed."),
    Verb("explain", "look", "explain:explain", "Why a task would run at a time, or not; why it did not."),
    Verb("top", "look", "top:top", "The dashboard of a running daemon."),
    Verb("status", "look", "status:status", "Is a daemon up, since when, how busy."),
    Verb("cancel", "act", "act:cancel", "Stop a run, or every run of a task."),
    Verb("retry", "act", "act:retry", "Run an ended run once more."),
    Verb("pause", "act", "act:pause", "Hold a task's slots."),
    Verb("resume", "act", "act:resume", "Let a paused task go on."),
    Verb("reload", "act", "act:reload", "Have the daemon read its file again."),
    Verb("backfill", "act", "later:backfill", "Run past slots. (not there yet)"),
    Verb("init", "set up", "setup:init", "Write a commented starter file."),
    Verb("add", "set up", "add:add", "Append a task to the file."),
    Verb("import-cron", "set up", "crontab:import_cron", "Turn a crontab into a tasks file."),
    Verb("check", "set up", "check:check", "Validate a file and every callable in it."),
    Verb("export", "set up", "export:export", "The file as it was understood; as a crontab; its schema."),
    Verb("simulate", "set up", "later:simulate", "The file on a virtual clock. (not there yet)"),
    Verb("doctor", "set up", "doctor:doctor", "Check the installation."),
    Verb("db", "set up", "db:app", "The store: path, check, backup, prune."),
)
ALIASES: Final = {"ls": "list"}
