"""The shell tasks of a file as a crontab; what cron cannot keep, or would do otherwise, is named."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import field, fields
from typing import Final

from arrcli.config.crontab.jobs import PLAIN_SHELL
from arrcli.config.crontab.percent import put_together
from arrcli.model.instant import DAY, MINUTE
from arrcli.model.schedule import Cron, Reboot, Schedule, Union
from arrcli.model.task import Task, TasksFile
from arrcli.model.value import dataclass

SHELL: Final = "arrcli.shell.run"
_KEPT: Final = {
    "name", "func", "args", "kwargs", "schedule", "timezone", "start", "until", "enabled", "description", "env", "cwd",
    "jitter", "on_overlap", "catch_up", "executor", "after", "after_policy",
}  # fmt: skip
"""What of a task a crontab says, or a line of it cannot be without."""
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_CRONS_OWN: Final = ("LOGNAME", "USER", "CRON_TZ", "RANDOM_DELAY")
_TOPS: Final = (59, 23, 31, 12, 6)


@dataclass(frozen=True, slots=True)
class Exported:
    """The crontab; why tasks are not in it, by name; what of those that are stays behind."""

    text: str
    left: Mapping[str, str]
    remarks: Mapping[str, str]
    unlike_cron: bool
    """Some of them skip what overlaps, or catch up, which cron will not do for them."""


def as_crontab(file: TasksFile, *, home: str, zone: str) -> Exported:
    """The file's shell tasks for the cron of a user with this home, on a machine in this zone."""
    writer, unlike = _Writer(home, zone), False
    left, remarks = {}, {}
    for task in file.tasks.values():
        try:
            writer.add(task, file.folder)
        except ValueError as error:
            left[task.name] = str(error)
            continue
        unlike = unlike or task.on_overlap != "allow" or task.catch_up != "skip"
        if not task.enabled:
            remarks[task.name] = "disabled: its line is a comment"
        elif behind := ", ".join(_behind(task)):
            remarks[task.name] = f"{behind}: cron has no such thing"
    head = f"# {file.path}, written out by: arr export --crontab\n"
    return Exported(head + "".join(writer.blocks), left, remarks, unlike)


@dataclass(slots=True)
class _Writer:
    """Writes entries one after another; the settings that hold where it has come to."""

    home: str
    zone: str
    settings: dict[str, str] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)

    def add(self, task: Task, folder: str) -> None:
        """ValueError, with why, where cron cannot do what the task says; nothing has been written then."""
        command = _command(task)
        whens, wanted = list(_expressions(task.schedule)), self._settings(task)
        gone = [name for name in self.settings if name not in wanted and name not in _CRONS_OWN]
        if gone:
            command = f"unset {' '.join(gone)}; {command}"
        begins = task.env.get("HOME", self.home)
        if (task.cwd or folder) != begins:
            command = f"cd {shlex.quote(task.cwd or folder)} || exit; {command}"
        rest = put_together(command, task.kwargs.get("stdin"))
        if rest.startswith(("*", "-")):
            raise ValueError(f"cron does not take a command that begins with {rest[0]}")
        changed = [_setting(name, value) for name, value in wanted.items() if self.settings.get(name) != value]
        self.settings.update(wanted)
        off = "" if task.enabled else "#"
        entries = [f"{off}{when} {rest}" for when in whens]
        marked = [f"# {line}" for line in task.description.splitlines()] + [f"# [{task.name}]"]
        self.blocks.append(
            "".join(f"{line}\n" for line in ["", *changed, *([""] if changed else []), *marked, *entries])
        )

    def _settings(self, task: Task) -> dict[str, str]:
        """The variables that the task needs, and those that have to be taken back; in an order that stays."""
        wanted = dict(task.env)
        shell = str(task.kwargs.get("shell", PLAIN_SHELL))
        if wanted.get("SHELL", shell) != shell:
            raise ValueError("its SHELL is another one than the shell that runs it")
        if shell != PLAIN_SHELL or "SHELL" in self.settings:
            wanted.setdefault("SHELL", shell)
        if "HOME" in self.settings:
            wanted.setdefault("HOME", self.home)
        if bad := next((name for name in wanted if not _NAME.fullmatch(name) or name in _CRONS_OWN), None):
            raise ValueError(f"cron does not let a crontab set {bad}")
        if task.timezone != self.zone or "CRON_TZ" in self.settings:
            wanted["CRON_TZ"] = task.timezone
        delay = task.jitter // MINUTE if task.jitter % MINUTE == 0 and task.jitter <= DAY else 0
        if delay or "RANDOM_DELAY" in self.settings:
            wanted["RANDOM_DELAY"] = str(delay)
        return wanted


def _setting(name: str, value: str) -> str:
    if "\n" in value or "\r" in value:
        raise ValueError(f"its variable {name} has several lines")
    if value == value.strip() and value and not value.startswith(("'", '"')):
        return f"{name}={value}"
    quote = "'" if '"' in value else '"'
    if quote in value:
        raise ValueError(f"cron cannot quote its variable {name}")
    return f"{name}={quote}{value}{quote}"


def _command(task: Task) -> str:
    """What the shell is given; ValueError where the task is more than a shell command."""
    if task.func != SHELL:
        raise ValueError(f"it calls {task.func}, and cron runs commands only")
    if len(task.args) != 1 or set(task.kwargs) - {"stdin", "shell"} or not isinstance(task.args[0], str):
        raise ValueError("its arguments are more than a command, stdin and shell")
    for key in ("start", "until"):
        if getattr(task, key) is not None:
            raise ValueError(f"it has {key}, and cron runs its lines for ever")
    command = task.args[0].lstrip(" \t")
    if not command:
        raise ValueError("its command is empty")
    return command


def _behind(task: Task) -> Iterator[str]:
    """What is set and cron has not, by key; overlap where it is not cron's own way."""
    policies = [one for one in fields(Task) if one.name not in _KEPT]
    yield from (one.name for one in policies if getattr(task, one.name) != one.default)
    if task.on_overlap not in ("allow", "skip"):
        yield "on_overlap"
    if task.catch_up == "all":
        yield "catch_up"
    if task.jitter % MINUTE or task.jitter > DAY:
        yield "jitter"


def _expressions(schedule: Schedule | None) -> Iterator[str]:
    """The times of cron's lines; several where the task has a list of them."""
    match schedule:
        case Reboot():
            yield "@reboot"
        case Cron():
            yield _expression(schedule)
        case Union(schedules=members):
            for member in members:
                yield from _expressions(member)
        case None:
            raise ValueError("it has no schedule")
        case _:
            raise ValueError(f"cron has no {schedule.kind}")


def _expression(cron: Cron) -> str:
    if cron.expression.startswith("@"):
        return cron.expression.lower()
    texts, terms = cron.expression.split(), [terms for _, terms in cron.fields.named()]
    if cron.fields.second is not None:
        if cron.fields.second.text != "0":
            raise ValueError(f'"{cron.text}" has seconds, which cron has not')
        texts, terms = texts[1:], terms[1:]
    if any(one.nths or one.last_day for one in terms):
        raise ValueError(f'"{cron.text}" has L or #, which cron does not know')
    read = zip(texts, (one.text for one in terms), _TOPS, strict=True)
    return " ".join(_field(written, resolved, top) for written, resolved, top in read)


def _field(written: str, resolved: str, top: int) -> str:
    """As it is written, but for what cron does not read so: `H`, `?`, `5/15`, a range that Sunday closes."""
    parts = zip(written.split(","), resolved.split(","), strict=True)
    return ",".join(_part(one, other, top) for one, other in parts)


def _part(written: str, resolved: str, top: int) -> str:
    text = resolved if written.upper().startswith("H") else written
    text = text.replace("?", "*")
    if found := re.fullmatch(r"([^-*/]+)/(\d+)", text):
        first = "0" if (found[1], top) == ("7", 6) else found[1]
        return f"{first}-{top}/{found[2]}"
    return re.sub(r"-SUN\b", "-7", text, flags=re.IGNORECASE) if not text.upper().startswith("SUN") else text
