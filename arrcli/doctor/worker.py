"""Do workers start here, and run something?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from arrcli.app import library_app
from arrcli.asking import execute_task
from arrcli.clock import SYSTEM
from arrcli.doctor.finding import Finding, Subject
from arrcli.errors import ArrError
from arrcli.model.when import spoken

PATIENCE_S: Final = 10.0
NOTHING: Final = "builtins.bool"
"""A callable that does nothing."""


def starts(subject: Subject) -> Iterator[Finding]:
    """One worker, with the folders that the file's would import from; its runs stay in memory."""
    begun = SYSTEM.monotonic()
    try:
        with library_app(workers=1, executor="process", sys_path=subject.python_path) as app:
            app.start()
            run = execute_task(app, NOTHING)
            if run.wait(PATIENCE_S):
                run.result(0)
                yield Finding("worker", "ok", f"one started and ran something in {spoken(SYSTEM.monotonic() - begun)}")
                return
            said = f"none ran anything within {PATIENCE_S:g}s: {run.run.shown_state.value}"
    except ArrError as error:
        said = f"none ran anything: {error}"
    yield Finding("worker", "fail", said, "see what arr run says; a module that hides Python's own is a usual cause")
