"""One attempt in this process: what is found, cast, called, and what comes of it."""

from __future__ import annotations

import asyncio
import enum
import sys
import uuid
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Optional

import pytest

from arrcli.context import GiveUp, Retry, current_run, track
from arrcli.worker.perform import Done, perform
from arrcli.worker.wire import Attempt, decode_attempt, decode_outcome, encode_attempt, encode_outcome

HERE = __name__


class Colour(enum.Enum):
    RED = "red"
    ONE = 1


class Stuck(Exception):
    pass


class Thing:
    @classmethod
    def make(cls) -> str:
        return cls.__name__


def nan() -> float:
    return float("nan")


def surrogate() -> str:
    return "\ud800"


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


def big() -> str:
    return "x" * 300_000


def an_object() -> object:
    return object()


def leave(code: Any = None) -> None:
    sys.exit(code)


def interrupted() -> None:
    raise KeyboardInterrupt


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def mute() -> None:
    raise Mute


def wordy() -> None:
    raise ValueError("x" * 100_000)


def endless() -> None:
    endless()


def chained() -> None:
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise ValueError("outer") from error


def grouped() -> None:
    raise ExceptionGroup("several", [ValueError("one"), OSError("two")])


def stuck() -> None:
    raise Stuck("here")


def again() -> None:
    raise Retry("later", delay=timedelta(seconds=90))


def never() -> None:
    raise GiveUp("no use")


def type_error_inside(value: int) -> None:
    raise TypeError("from inside")


async def coroutine(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def failing_coroutine() -> None:
    await asyncio.sleep(0)
    raise Stuck("in there")


def two(a: int, b: int = 2) -> int:
    return a + b


def typed(
    when: datetime,
    day: date,
    where: Path,
    price: Decimal,
    colour: Colour,
    key: uuid.UUID,
    share: float,
    text: str,
) -> str:
    return "|".join(
        [
            when.isoformat(),
            day.isoformat(),
            type(where).__name__[-4:] + str(where),
            repr(price),
            colour.name,
            str(key.int),
            repr(share),
            text,
        ]
    )


def maybe(value: Optional[datetime] = None) -> str:  # noqa: UP045 - the old spelling is what is tested
    return repr(value)


def either(value: int | str) -> str:
    return repr(value)


def unresolvable(value: NotThere, when: datetime) -> str:  # type: ignore[name-defined]  # noqa: F821 - on purpose
    return f"{value} {when.year}"


def many(*values: Path, **more: Decimal) -> list[str]:
    return [type(each).__name__ for each in (*values, *more.values())]


def with_time(x: int, *, time: datetime) -> str:
    return f"{x} {time.isoformat()}"


def done(func: str, *args: Any, **more: Any) -> Done:
    path = func if "." in func or ":" in func else f"{HERE}.{func}"
    return perform(Attempt(**{"run_id": 1, "number": 1, "func": path, "args": args, **more}))


@pytest.mark.parametrize("path", [f"{HERE}:Thing.make", f"{HERE}.Thing.make"])
def test_a_class_method_is_found_by_either_spelling(path: str) -> None:
    assert done(path).result == '"Thing"'


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"{HERE}.tow", 'has no "tow"; did you mean "two"?'),
        (f"{HERE}.HERE", "is not callable: it is a str"),
        ("no_such_module_here.x", 'no module "no_such_module_here"'),
        ("json.decoder.nope", 'json.decoder has no "nope"'),
        ("email.nope.x", 'email has no "nope"'),
        ("json", "is not a dotted path"),
        ("", "is not a dotted path"),
        ("json..x", "is not a dotted path"),
        (":x", "is not a dotted path"),
        ("..", "is not a dotted path"),
    ],
)
def test_what_cannot_be_found_is_broken_and_not_retried(path: str, said: str) -> None:
    found = perform(Attempt(run_id=1, number=1, func=path))
    assert said in found.error_message
    assert (found.kind, found.broken, found.retryable) == ("failed", True, False)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("raise SystemExit(3)", "SystemExit"),
        ("import no_such_thing_there", "ModuleNotFoundError"),
        ("def f(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_an_import_that_fails_is_broken_and_shows_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, kind: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "faulty.py").write_text(source)
    try:
        found = done("shop.faulty.f")
        assert (found.error_type, found.broken, found.retryable) == (kind, True, False)
        assert "faulty.py" in found.error_traceback
        (package / "faulty.py").write_text("def f(): return 'mended'\n")
        (package / "later.py").write_text("def f(): return 'new'\n")
        assert done("shop.later.f").result == '"new"'
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "shop"]:
            del sys.modules[name]


@pytest.mark.parametrize(
    ("func", "note"),
    [
        ("nan", "the result is not JSON: Out of range float values are not JSON compliant"),
        ("surrogate", "the result holds text that is not Unicode"),
        ("deep", "the result is nested too deeply"),
        ("big", "the result is 300,002 bytes of JSON, over the 262,144 that are kept"),
        ("an_object", "the result is not JSON: Object of type object is not JSON serializable"),
    ],
)
def test_a_result_that_cannot_be_kept_is_null_with_a_note(func: str, note: str) -> None:
    found = done(func)
    assert (found.kind, found.result) == ("succeeded", "")
    assert found.result_note is not None and found.result_note.startswith(note)


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (None, "succeeded", ""),
        (0, "succeeded", ""),
        (3, "failed", "exited with code 3"),
        ("no disk", "failed", "no disk"),
    ],
)
def test_sys_exit_is_judged_by_its_code(code: Any, kind: str, said: str) -> None:
    found = done("leave", code)
    assert (found.kind, found.error_message) == (kind, said)


@pytest.mark.parametrize(
    ("func", "kind", "said"),
    [
        ("interrupted", "KeyboardInterrupt", ""),
        ("mute", f"{HERE}.Mute", "<Mute whose text raised RuntimeError>"),
        ("endless", "RecursionError", "maximum recursion depth exceeded"),
        ("failing_coroutine", f"{HERE}.Stuck", "in there"),
        ("grouped", "ExceptionGroup", "several (2 sub-exceptions)"),
    ],
)
def test_anything_raised_is_an_outcome(func: str, kind: str, said: str) -> None:
    found = done(func)
    assert (found.kind, found.error_type, found.error_message[: len(said)]) == ("failed", kind, said)
    assert found.error_traceback and "worker/perform.py" not in found.error_traceback
    assert "asyncio/" not in found.error_traceback


def test_texts_are_bounded() -> None:
    found = done("wordy")
    assert len(found.error_message) < 17_000 and "83,616 more characters" in found.error_message
    assert len(done("endless").error_traceback) < 10_000
    assert "Previous line repeated" in done("endless").error_traceback


def test_a_cause_is_told_before_what_it_caused() -> None:
    text = done("chained").error_traceback
    inner, link, outer = text.index("inner"), text.index("direct cause"), text.index("ValueError: outer")
    assert inner < link < outer
    assert "ValueError: one" in done("grouped").error_traceback


def test_arguments_that_do_not_bind_are_named_and_not_retried() -> None:
    found = done("two")
    assert found.error_message.endswith(": missing a required argument: 'a'")
    assert (found.error_type, found.retryable, found.broken) == ("TypeError", False, False)
    assert "got an unexpected keyword argument 'c'" in done("two", 1, kwargs={"c": 1}).error_message
    assert done("coroutine").retryable is False


def test_a_type_error_from_inside_is_retried_as_any_other() -> None:
    found = done("type_error_inside", 1)
    assert (found.error_message, found.retryable) == ("from inside", True)


@pytest.mark.parametrize(
    ("policy", "retryable"),
    [
        ({}, True),
        ({"retry_on": [f"{HERE}.Stuck"]}, True),
        ({"retry_on": ["Exception"]}, True),
        ({"retry_on": ["ValueError", "builtins.OSError"]}, False),
        ({"no_retry_on": [f"{HERE}.Stuck"]}, False),
        ({"retry_on": ["Exception"], "no_retry_on": [f"{HERE}:Stuck"]}, False),
        ({"retry_on": []}, False),
    ],
)
def test_retry_on_and_no_retry_on_decide_by_class(policy: dict[str, Any], retryable: bool) -> None:
    assert done("stuck", **policy).retryable is retryable


def test_an_exception_that_cannot_be_looked_up_is_noted() -> None:
    found = done("stuck", retry_on=["no_such_place.Error"])
    assert found.retryable is False
    assert '"no_such_place.Error" could not be looked up' in found.error_traceback


def test_a_task_can_ask_for_a_retry_or_give_up() -> None:
    assert (done("again", retry_on=[]).retryable, done("again").retry_after) == (True, 90_000_000)
    assert done("never").retryable is False


def test_coroutine_functions_run_to_their_end() -> None:
    assert done("coroutine", 7).result == "7"


def test_arguments_are_cast_to_the_hints() -> None:
    found = done(
        "typed",
        "2026-01-02T03:04:05+00:00",
        "2026-01-02",
        "/tmp",
        1.5,
        "red",
        "00000000-0000-0000-0000-000000000007",
        3,
        kwargs={"text": 42},
        typed_kwargs={"text": "042"},
    )
    assert found.error_message == ""
    assert found.result == "\"2026-01-02T03:04:05+00:00|2026-01-02|Path/tmp|Decimal('1.5')|RED|7|3.0|042\""


@pytest.mark.parametrize(
    ("func", "value", "typed", "result"),
    [
        ("maybe", None, None, "None"),
        ("maybe", "2026-01-02", None, "datetime.datetime(2026, 1, 2, 0, 0)"),
        ("either", 5, "5", "5"),
        ("either", "five", "five", "'five'"),
    ],
)
def test_the_first_of_a_union_that_fits_is_taken(func: str, value: Any, typed: str | None, result: str) -> None:
    assert done(func, value, typed_args=[typed]).result == f'"{result}"'


def test_a_hint_that_cannot_be_resolved_does_not_take_the_others_with_it() -> None:
    assert done("unresolvable", 1, "2026-01-02").result == '"1 2026"'


def test_star_parameters_are_cast_too() -> None:
    assert done("many", "/a", kwargs={"x": "1.5"}).result == '["PosixPath", "Decimal"]'


def test_a_cast_that_fails_names_the_parameter_and_is_not_retried() -> None:
    found = done("maybe", "tomorrow-ish")
    assert found.error_message == "argument value: 'tomorrow-ish' is no datetime"
    assert (found.kind, found.retryable, found.broken) == ("failed", False, False)


def test_a_registered_task_is_given_its_time() -> None:
    found = done("with_time", 1, give_time=True, due_at=1_767_225_600_000_000)
    assert found.result == '"1 2026-01-01T00:00:00+00:00"'


def test_outside_of_a_run_everything_works_and_does_nothing() -> None:
    run = current_run()
    run.progress(0.5, "text")
    assert (bool(run), run.id, run.task, run.slot, run.cancelled) == (False, 0, None, None, False)
    assert list(track([1, 2, 3])) == [1, 2, 3]
    assert list(track(iter("ab"), total=2)) == ["a", "b"]


def test_attempts_and_outcomes_survive_the_wire() -> None:
    attempt = Attempt(run_id=1, number=2, func="a.b", args=[1, "ü\ud800"], kwargs={"k": None}, timeout=5)
    assert decode_attempt(__import__("json").loads(encode_attempt(attempt))) == attempt
    line = encode_outcome({"run_id": 1, "error_message": "tab\there"}, '{"ü":1}')
    assert decode_outcome(line.rstrip(b"\n")) == {
        "run_id": 1,
        "error_message": "tab\there",
        "result": {"ü": 1},
    }
    bad = decode_outcome(b'{"run_id":1}\t' + b"[" * 200_000)
    assert "cannot be read back" in bad["result_note"]


@pytest.fixture(autouse=True)
def _no_bytecode() -> Iterator[None]:
    was, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    yield
    sys.dont_write_bytecode = was
