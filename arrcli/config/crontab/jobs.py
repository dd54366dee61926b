"""What cron would run: each entry with the variables that hold for it, in arr's terms."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from arrcli.config.crontab.expression import Expression, expression
from arrcli.config.crontab.lines import Blank, Comment, Entry, Line, Odd, Variable
from arrcli.config.crontab.names import name_for
from arrcli.config.crontab.percent import is_read_otherwise, taken_apart
from arrcli.errors import ScheduleError
from arrcli.model.schedule import parse_cron
from arrcli.model.wall import zone_named

PLAIN_SHELL: Final = "/bin/sh"
_OF_MAIL: Final = ("MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING")
_CRONS_OWN: Final = (*_OF_MAIL, "CRON_TZ", "RANDOM_DELAY", "LOGNAME", "USER")
"""Variables that cron itself obeys or sets: a task gets one only where its command speaks of it."""
_OPTIONS: Final = re.compile(r"(?:-[nqs]+[ \t]+)+")
"""In front of a command, what some crons read as options about mail and logs."""
_ACCOUNT: Final = re.compile(r"[A-Za-z_][\w.-]*\$?")
_A_DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be known of a line: it did not move, or not as it was."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Job:
    """An entry as a task; `delay` in minutes, as RANDOM_DELAY has it."""

    line: int
    name: str
    when: str
    command: str
    stdin: str | None
    shell: str
    home: str | None
    env: Mapping[str, str]
    timezone: str | None
    delay: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """A line that does not move, and why."""

    line: int
    text: str
    why: str


Item: TypeAlias = Blank | Comment | Job | Left | Remark
"""What stands in the tasks file, in the order of the crontab; in place of a variable a Remark, or nothing to say."""


@dataclass(slots=True)
class _Reader:
    """Goes through the lines; what holds at the line that it has come to."""

    system: bool
    variables: dict[str, str] = field(default_factory=dict)
    above: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def item(self, line: Line) -> Item:
        above, self.above = self.above, []
        match line:
            case Comment():
                self.above = [*above, line.text]
                return line
            case Blank():
                return line
            case Odd():
                return Left(line.number, line.text, line.why)
            case Variable():
                return self._variable(line)
            case Entry():
                return self._entry(line, above)

    def _variable(self, line: Variable) -> Remark | Blank:
        self.variables[line.name] = line.value
        said = _remark_on(line)
        return Remark(line.number, f"{line.name}={line.value}: {said}") if said else Blank(line.number)

    def _entry(self, line: Entry, above: list[str]) -> Job | Left:
        options = _OPTIONS.match(line.rest)
        rest = line.rest[options.end() :] if options else line.rest
        command, stdin = taken_apart(rest)
        name = name_for(above, command, self.names)
        try:
            job = self._job(line, name, expression(line.when, name), command, stdin)
        except ScheduleError as error:
            return Left(line.number, line.text, str(error))
        self.names.add(name)
        return job

    def _job(self, line: Entry, name: str, when: Expression, command: str, stdin: str | None) -> Job:
        """ScheduleError where arr has no such time, zone or user."""
        if not command.strip():
            raise ScheduleError("nothing stands in front of its %", hint="write a command there")
        zone = zone_named(self.variables["CRON_TZ"]).key if self.variables.get("CRON_TZ") else None
        parse_cron(when.text, zone or "UTC", name)
        shell = self.variables.get("SHELL") or PLAIN_SHELL
        home = self.variables.get("HOME") or None
        return Job(
            line=line.number,
            name=name,
            when=when.text,
            command=self._as_user(line.user, shell, home, command),
            stdin=stdin,
            shell=PLAIN_SHELL if self._is_other(line.user) else shell,
            home=home,
            env={key: value for key, value in self.variables.items() if _is_wanted(key, command)},
            timezone=zone,
            delay=_delay(self.variables.get("RANDOM_DELAY", "")) or 0,
            remarks=(*when.remarks, *self._remarks(line)),
        )

    def _is_other(self, user: str) -> bool:
        return self.system and user != "root"

    def _as_user(self, user: str, shell: str, home: str | None, command: str) -> str:
        """The command, by way of `su` where it is not root's; it begins in that user's home, as with cron."""
        if not self._is_other(user):
            return command
        if not _ACCOUNT.fullmatch(user):
            raise ScheduleError(f'"{user}" is no user', hint="a system crontab has one in front of each command")
        begun = f"HOME={shlex.quote(home)}; export HOME; cd; {command}" if home else f"cd; {command}"
        return f"exec su -s {shlex.quote(shell)} {user} -c {shlex.quote(begun)}"

    def _remarks(self, line: Entry) -> Iterable[str]:
        if self._is_other(line.user):
            yield f"runs as {line.user} by way of su: arr has to run as root"
        elif not self.system and re.match(r"(?:root|www-data)[ \t]", line.rest):
            yield "its command begins with the name of a user: a system crontab is read with --system"
        if line.when.lower() == "@reboot":
            yield "@reboot is when arr starts, not the machine; what never ends there keeps a worker for itself"
        if is_read_otherwise(line.rest):
            yield "two backslashes are one, as Debian's cron has it (cronie leaves both)"


def items(lines: Iterable[Line], *, system: bool) -> list[Item]:
    """Everything that the tasks file will say, in order; settings that hold are in the jobs below them."""
    reader = _Reader(system)
    return [reader.item(line) for line in lines]


def _is_wanted(variable: str, command: str) -> bool:
    if variable not in _CRONS_OWN:
        return True
    return variable in _OF_MAIL and re.search(rf"\${{?{variable}\b", command) is not None


def _remark_on(line: Variable) -> str:
    """What arr does not do about a variable that cron obeys; "" where there is nothing to say."""
    match line.name:
        case "MAILTO" if line.value:
            return "arr sends no mail; it keeps what a run printed (arr logs), and on_failure can tell of failures"
        case "TZ":
            return "for the commands alone, as with cron; the times are in the machine's zone, or that of CRON_TZ"
        case "LOGNAME" | "USER":
            return "cron does not let a crontab set it"
        case "RANDOM_DELAY" if _delay(line.value) is None:
            return "this is no number of minutes up to a day"
        case "RANDOM_DELAY" if line.value.strip() != "0":
            return "a jitter, which is the same each time"
    return ""


def _delay(said: str) -> int | None:
    """Minutes; None where it says nothing that cron would take."""
    text = said.strip()
    return int(text) if re.fullmatch("[0-9]{1,4}", text) and int(text) <= _A_DAY else None
