"""A crontab as a tasks file: a task an entry, comments where they stood, cron's ways in `[defaults]`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from arrcli.config import write
from arrcli.config.crontab.jobs import PLAIN_SHELL, Item, Job, Left, Remark, items
from arrcli.config.crontab.lines import Blank, Comment, lines
from arrcli.config.crontab.names import marked_name
from arrcli.model.value import dataclass

_T = TypeVar("_T")

FEWEST: Final = 4
MOST: Final = 16
"""Workers: cron starts everything at once, so that a long job holds up no other one."""

_HEAD: Final = """\
# Made of a crontab by: arr import-cron
#
#   arr check      is this file right, and what does it do next?
#   arr run        run it
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """The tasks file, the names of its tasks, what is to be said of single lines; how many did not move."""

    text: str
    tasks: tuple[str, ...]
    remarks: tuple[Remark, ...]
    left: int


def as_toml(crontab: bytes, *, system: bool) -> Imported:
    """The tasks file that does what the crontab did; `system`: its entries name a user."""
    found = items(lines(crontab, system=system), system=system)
    jobs = [item for item in found if isinstance(item, Job)]
    shared = _Shared.of(jobs)
    head = [_HEAD, write.table(["arr"], {}) + write.aligned(shared.arr(len(jobs)))]
    head.append(write.table(["defaults"], {}) + write.aligned(shared.defaults()))
    text = "\n".join(head) + "\n" + _body(found, shared)
    return Imported(text, tuple(job.name for job in jobs), tuple(_remarks(found)), _count_left(found))


@dataclass(frozen=True, slots=True)
class _Shared:
    """What most entries have in common stands once; the zone only where all have the same."""

    env: Mapping[str, str]
    timezone: str | None
    home: str | None
    delay: int

    @classmethod
    def of(cls, jobs: Sequence[Job]) -> _Shared:
        zones = {job.timezone for job in jobs}
        return cls(
            env=dict(_most_common((tuple(job.env.items()) for job in jobs), ())),
            timezone=zones.pop() if len(zones) == 1 else None,
            home=_most_common((job.home for job in jobs), None),
            delay=_most_common((job.delay for job in jobs), 0),
        )

    def arr(self, count: int) -> Iterator[tuple[str, str]]:
        yield write.pair("workers", min(MOST, max(FEWEST, count))), "cron starts all at once, arr as many as this"
        if self.timezone:
            yield write.pair("timezone", self.timezone), "CRON_TZ"

    def defaults(self) -> Iterator[tuple[str, str]]:
        yield write.pair("on_overlap", "allow"), 'as cron: though the last one still runs; "skip" is often better'
        yield write.pair("catch_up", "skip"), 'as cron: nothing is made up for after a downtime; "latest" does'
        yield write.pair("cwd", self.home or "~"), "as cron: commands begin at home"
        if self.delay:
            yield write.pair("jitter", f"{self.delay}m"), "RANDOM_DELAY"
        if self.env:
            yield write.pair("env", self.env), ""

    def keys(self, job: Job) -> dict[str, Any]:
        """The table of a task, without what it shares."""
        more = {"stdin": job.stdin, "shell": job.shell if job.shell != PLAIN_SHELL else None}
        given = {key: text for key, text in more.items() if text is not None}
        keys: dict[str, Any] = {"func": "arrcli.shell.run", "args": [job.command]}
        keys |= {"kwargs": given} if given else {}
        keys["cron"] = job.when
        keys |= {"timezone": job.timezone} if job.timezone and job.timezone != self.timezone else {}
        keys |= {"cwd": job.home or "~"} if job.home != self.home else {}
        keys |= {"jitter": f"{job.delay}m"} if job.delay != self.delay else {}
        keys |= {"env": job.env} if job.env != self.env else {}
        return keys


def _most_common(values: Iterable[_T], otherwise: _T) -> _T:
    """Of values that are as common the first."""
    return next((value for value, _ in Counter(values).most_common(1)), otherwise)


def _body(found: Sequence[Item], shared: _Shared) -> str:
    """The lines in order: blank ones once, and one in front of each task with its comments."""
    blocks: list[str] = []
    above: list[str] = []
    for item in [*found, Blank(0)]:
        if isinstance(item, Comment):
            above += _commented(item)
            continue
        if isinstance(item, Job):
            above += [write.comment(remark) for remark in item.remarks]
            above.append(write.table(["tasks", item.name], shared.keys(item)).rstrip())
        elif not isinstance(item, Blank):
            above += _commented(item)
        blocks += ["\n".join(above)] if above else []
        above = []
    return "".join(f"{block}\n\n" for block in blocks).removesuffix("\n")


def _commented(item: Comment | Left | Remark) -> Iterator[str]:
    match item:
        case Comment(text=text):
            if marked_name(text) is None:  # the name of a task, which has its own place
                yield write.comment(text.removeprefix(" "))
        case Left(line=line, text=text, why=why):
            yield write.comment(f"line {line} did not move: {why}")
            yield write.comment(text)
        case Remark(text=text):
            yield write.comment(text)


def _remarks(found: Sequence[Item]) -> Iterator[Remark]:
    for item in found:
        if isinstance(item, Remark):
            yield item
        elif isinstance(item, Left):
            yield Remark(item.line, f"left as a comment: {item.why}")
        elif isinstance(item, Job):
            yield from (Remark(item.line, text) for text in item.remarks)


def _count_left(found: Sequence[Item]) -> int:
    return sum(isinstance(item, Left) for item in found)
