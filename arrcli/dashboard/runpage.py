"""One run on a page of its own: what it is, its attempts, its traceback, the end of what it wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from rich.style import Style

from arrcli.dashboard import times
from arrcli.dashboard.cells import BAD, BOLD, BUSY, DIM, GOOD, HELD, PLAIN, Line, blank, rule, verbatim
from arrcli.dashboard.glyphs import ended
from arrcli.dashboard.pane import Context
from arrcli.dashboard.words import fault_line, memory, source, why
from arrcli.model.frames import pieces
from arrcli.model.run import AttemptRecord, Run
from arrcli.model.snapshot import Opened
from arrcli.model.value import dataclass
from arrcli.text import clean

Text: TypeAlias = tuple[str, Style]

_MOST_OUTPUT = 1_000
_LOOKS = {"succeeded": GOOD, "failed": BAD, "timed_out": BAD, "lost": BAD}


@dataclass(frozen=True, slots=True)
class RunPage:
    """The lines of the page, of any length; what is seen of them is the view's affair. `state` always is."""

    title: str
    state: Text
    lines: Sequence[Text]
    follows: bool
    """It still writes: its natural place is the end."""

    def drawn(self, top: int, width: int, height: int) -> list[Line]:
        """A title, how the run is, and the lines from `top` on."""
        seen = self.lines[top : top + max(0, height - 2)]
        note = f"{top + 1}-{top + len(seen)} of {len(self.lines)}" if len(self.lines) > len(seen) else ""
        drawn = [rule(self.title, width, note=f"{note}  Esc closes".strip(), focused=True)]
        drawn.append(verbatim(clean(self.state[0]).replace("\n", " "), width, self.state[1]))
        drawn += [verbatim(clean(text).replace("\n", " "), width, style) for text, style in seen]
        return (drawn + [blank(width)] * (height - len(drawn)))[: max(0, height)]


def run_page(opened: Opened | None, context: Context) -> RunPage:
    """The page of a run; of one that is gone, that it is."""
    if opened is None:
        return RunPage("run", ("this run is gone from the history", DIM), [], False)
    run = opened.run
    lines = [*_facts(run, context), *_attempts(opened, context), *_traceback(opened, context), *_output(opened)]
    return RunPage(f"run {run.id}  {run.name}", _state(run, context), lines, run.begun)


def _facts(run: Run, context: Context) -> Iterator[Text]:
    arguments = ", ".join([*map(repr, run.args), *(f"{name}={value!r}" for name, value in run.kwargs.items())])
    yield f"{run.func}({arguments})  {source(run)}", DIM
    moments = [("slot", run.slot), ("due", run.due_at), ("started", run.started_at), ("ended", run.finished_at)]
    told = "  ".join(f"{word} {context.moment(at, run.task)}" for word, at in moments if at is not None)
    yield told, DIM
    cpu = "" if run.cost.cpu_us is None else f"{times.lasted(run.cost.cpu_us)} CPU"
    cost = "  ".join(part for part in (cpu, memory(run)) if part)
    if cost:
        yield f"cost {cost}", DIM
    if run.result is not None or run.result_note:
        yield f"result {run.result!r}  {run.result_note or ''}".rstrip(), PLAIN


def _state(run: Run, context: Context) -> Text:
    mark = ended(run)
    if run.begun and run.started_at is not None:
        worker = next((each for each in context.snapshot.workers if each.run and each.run.id == run.id), None)
        told = "" if worker is None or worker.progress is None else f"  {worker.progress:.0%} {worker.progress_text}"
        return f"{mark.text} for {times.passed(context.now - run.started_at)}{told}", BUSY
    if not run.ended:
        entry = next((each for each in context.snapshot.upcoming if each.run and each.run.id == run.id), None)
        held = f": {entry.held_by}" if entry is not None and entry.held_by else ""
        left = run.ready_at - context.now
        when = f" in {times.countdown(left)}" if left > 0 else ""
        return f"{mark.text}{when}{held}", HELD
    took = f" after {times.lasted(run.duration)}" if run.duration is not None else ""
    reason = f": {said}" if (said := why(run)) else ""
    return f"{mark.text}{took}, {context.ago(run)}{reason}", mark.style


def _attempts(opened: Opened, context: Context) -> Iterator[Text]:
    """A line an attempt, where there were several."""
    if len(opened.attempts) < 2 and not (opened.attempts and not opened.run.ended):
        return
    yield "", PLAIN
    for one in opened.attempts:
        yield _attempt(one, opened.run, context), _LOOKS.get(one.outcome, HELD)


def _attempt(one: AttemptRecord, run: Run, context: Context) -> str:
    at = "" if one.started_at is None else context.moment(one.started_at, run.task)
    facts = (f"attempt {one.attempt}", one.outcome.replace("_", " "), at, times.lasted(one.duration))
    return "  ".join(fact for fact in (*facts, fault_line(one.fault)) if fact)


def _traceback(opened: Opened, context: Context) -> Iterator[Text]:
    """The last one that an attempt left, the frames of libraries dimmed."""
    faults = [opened.run.fault, *(one.fault for one in reversed(opened.attempts))]
    fault = next((each for each in faults if each is not None and each.traceback), None)
    if fault is None:
        return
    yield "", PLAIN
    folders = context.snapshot.folders
    found = pieces(clean(fault.traceback), folders)
    has_own = any(piece.frame is not None and piece.frame.own for piece in found)
    for piece in found:
        library = has_own and piece.frame is not None and not piece.frame.own
        for line in piece.text.split("\n"):
            yield line, DIM if library else PLAIN


def _output(opened: Opened) -> Iterator[Text]:
    run, lines = opened.run, clean(opened.output).splitlines()[-_MOST_OUTPUT:]
    if lines or run.begun or run.attempt:
        yield "", PLAIN
        said = "output so far" if run.begun else "output"
        yield said + ("" if lines else ": nothing yet" if run.begun else ": none"), BOLD
    for line in lines:
        yield line, PLAIN
