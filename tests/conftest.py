"""What every test finds: the surroundings that its programs have too, arr compiled, and as many workers as help."""

from __future__ import annotations

import compileall
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from command_line import environment
from hypothesis import settings

ARRCLI: Final = Path(__file__).parent.parent / "arrcli"
MOST: Final = 8
LONGEST_QUICK_S: Final = 300
LONGEST_S: Final = 1800

settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")  # red is what was changed; other examples than last time: --hypothesis-profile=default


def pytest_configure(config: pytest.Config) -> None:
    surroundings = environment()
    os.environ.clear()
    os.environ.update(surroundings)
    time.tzset()
    if not hasattr(config, "workerinput"):  # once, before there are workers: hundreds of programs start from here,
        compileall.compile_dir(ARRCLI, quiet=2)  # a fifth faster where PYTHONDONTWRITEBYTECODE is set


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are processors, as many tests wait; none where a few files are asked for, which are done
    before workers would have started."""
    asked = [Path(arg.partition("::")[0]) for arg in config.args]
    return min(MOST, 1 + (os.cpu_count() or 1)) if any(path.is_dir() for path in asked) else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test that waits for what never comes is red, and says where it waits."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LONGEST_S if item.get_closest_marker("long") else LONGEST_QUICK_S)
    try:
        return (yield)
    finally:
        signal.alarm(0)


def _too_long(number: int, frame: object) -> None:
    raise TimeoutError("this test takes too long")
