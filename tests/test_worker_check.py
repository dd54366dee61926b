"""Looking at callables in a child, and shell commands as tasks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from worker_rooms import attempt, eventually, outcomes, pool_in, tried

from arrcli.worker.check_child import inspect_callables

MODULE = '''
from pathlib import Path
def report(region, *, days=7):
    """Send the report.

    At length.
    """
async def later(*, time): ...
def open_it(where: Path, when: "datetime.date"): ...
class Broken(Exception): ...
'''


def looked_at(folder: Path, *items: dict[str, Any], timeout_s: float = 10.0) -> list[dict[str, Any]]:
    named = [{"name": str(index), **item} for index, item in enumerate(items)]
    return inspect_callables(named, python_path=[str(folder)], cwd=str(folder), timeout_s=timeout_s)


def test_after_each_it_is_told_how_many_are_done(tmp_path: Path) -> None:
    (tmp_path / "ends.py").write_text("import os; os._exit(3)")
    items = [{"name": name, "func": func} for name, func in (("a", "math.pi"), ("b", "ends.x"), ("c", "os.getcwd"))]
    heard: list[int] = []
    results = inspect_callables(items, python_path=[str(tmp_path)], told=heard.append)
    assert heard == [1, 2, 3]
    assert [one["error"] for one in results][1:] == ["importing it ended the process with code 3", ""]


def test_each_callable_is_described(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(MODULE)
    report, later, c = looked_at(
        tmp_path,
        {
            "func": "shop.report",
            "args": ["eu"],
            "kwargs": {"days": 1},
            "retry_on": ["shop.Broken", "OSError"],
        },
        {"func": "shop:later", "give_time": True},
        {"func": "math.factorial", "args": [5]},
    )
    assert report == {
        "name": "0",
        "ok": True,
        "error": "",
        "warnings": [],
        "doc": "Send the report.",
        "coroutine": False,
        "takes_time": False,
    }
    assert (later["ok"], later["coroutine"], later["takes_time"]) == (True, True, True)
    assert c["ok"] is True


def test_each_mistake_is_told_and_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(MODULE)
    (tmp_path / "hangs.py").write_text("while True: pass\n")
    (tmp_path / "leaves.py").write_text("import os; os._exit(4)\n")
    (tmp_path / "talks.py").write_text("print('hello', flush=True)\ndef f(): ...\n")
    (tmp_path / "raises.py").write_text("raise SystemExit(1)\n")
    start = time.monotonic()
    results = looked_at(
        tmp_path,
        {"func": "shop.reprot"},
        {"func": "shop.report"},
        {"func": "hangs.f"},
        {"func": "leaves.f"},
        {"func": "talks.f"},
        {"func": "raises.f"},
        {"func": "shop.report", "args": ["x"], "retry_on": ["shop.report"], "on_failure": "shop.hook"},
        timeout_s=0.7,
    )
    assert [each["error"] for each in results] == [
        'shop has no "reprot"; did you mean "report"?',
        "its arguments do not fit shop.report(region, *, days=7): missing a required argument: 'region'",
        "importing it did not end within 0.7s",
        "importing it ended the process with code 4",
        "",
        "importing it raised SystemExit: 1",
        "",
    ]
    assert results[-1]["warnings"] == [
        'retry_on: "shop.report" is no exception',
        'on_failure: "shop.hook" cannot be found: shop has no "hook"; it has: Broken, Path, later, open_it, report',
    ]
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("args", "kwargs", "kind", "said", "output"),
    [
        (["echo out; echo err >&2"], {}, "succeeded", "", "out\nerr\n"),
        (["exit 3"], {}, "failed", "exited with code 3", ""),
        (["kill -TERM $$"], {}, "failed", "killed by SIGTERM", ""),
        (["cat"], {"stdin": "né\n"}, "succeeded", "", "né\n"),
        (["cat"], {}, "succeeded", "", ""),
        (["echo $0"], {"shell": "/bin/bash"}, "succeeded", "", "/bin/bash\n"),
        (["echo $MINE; pwd"], {}, "succeeded", "", "mine\n/\n"),
    ],
)
def test_a_shell_command_is_a_task(
    tmp_path: Path, args: list[str], kwargs: dict[str, str], kind: str, said: str, output: str
) -> None:
    with pool_in(tmp_path) as pool:
        one = attempt("arrcli.shell.run", *args, kwargs=kwargs, env={"MINE": "mine"}, cwd="/")
        outcome = tried(pool, one)
    assert (outcome.kind, outcome.error_message, outcome.output.decode()) == (kind, said, output)


def test_a_command_gets_term_and_time_to_clean_up(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    command = f"trap 'echo cleaned up; exit 0' TERM; touch {mark}; while true; do sleep 0.01; done"
    with pool_in(tmp_path) as pool:
        one = attempt("arrcli.shell.run", command)
        pool.submit([one])
        eventually(mark.exists, executor=pool)
        pool.cancel(one.run_id)
        outcome = outcomes(pool)[0]
    assert (outcome.kind, outcome.output.splitlines()[-1]) == ("cancelled", b"cleaned up")
