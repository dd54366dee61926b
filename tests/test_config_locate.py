"""Where the keys and values of a tasks file stand."""

from __future__ import annotations

import datetime
import string
import tomllib
from typing import Any

import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from arrcli.config.locate import locate
from arrcli.config.place import Path, Place

HANDWRITTEN = """\
# a comment, [not.a.table]
title = "a # b"   # c
"quoted key" = 'its'
a.b . c = 1
dates = [1979-05-27 07:32:00, 1979-05-27, 07:32:00]

[tasks.backup]   # d
 func = "x.y"
args = [
  1, # one ]
  [2, 3],
  { a = 4, "b.c" = [5] },
]
text = \"\"\"
[tasks.fake]
x = 1 \\\"\"\" y\"\"\"\"\"
raw = '''
a = 1'''

[[list]]
n = 1
[list.sub]
m = 2
[[list]]
n = 3
[["list"."deep"]]
k = 4

[ "odd name" . 'x' ]
e = {}
f = []
[tasks]
other.func = "z"
"""


def test_the_places_of_a_handwritten_document() -> None:
    places = locate(HANDWRITTEN)
    assert places["title",] == Place((2, 1), (2, 9))
    assert places["quoted key",] == Place((3, 1), (3, 16))
    assert places["a", "b", "c"] == Place((4, 7), (4, 11))
    assert places["a", "b"] == Place((4, 3), (4, 3))
    assert places["dates", 1] == Place((5, 31), (5, 31))
    assert places["tasks", "backup"] == Place((7, 8), (7, 1))
    assert places["tasks", "backup", "func"] == Place((8, 2), (8, 9))
    assert places["tasks", "backup", "args", 1, 1] == Place((11, 7), (11, 7))
    assert places["tasks", "backup", "args", 2, "b.c"] == Place((12, 12), (12, 20))
    assert places["tasks", "backup", "args", 2, "b.c", 0] == Place((12, 21), (12, 21))
    assert places["tasks", "backup", "raw"] == Place((17, 1), (17, 7))
    assert places["list", 0, "sub", "m"] == Place((23, 1), (23, 5))
    assert places["list", 1, "n"] == Place((25, 1), (25, 5))
    assert places["list", 1, "deep", 0, "k"] == Place((27, 1), (27, 5))
    assert places["odd name", "x", "f"] == Place((31, 1), (31, 5))
    assert places["tasks",] == Place((32, 2), (32, 1))
    assert places["tasks", "other", "func"] == Place((33, 7), (33, 14))
    assert ("tasks", "fake") not in places


def test_every_path_of_a_handwritten_document_is_found_and_no_other() -> None:
    assert set(locate(HANDWRITTEN)) == set(paths(tomllib.loads(HANDWRITTEN)))


def test_windows_line_ends_change_no_place() -> None:
    assert locate(HANDWRITTEN.replace("\n", "\r\n")) == locate(HANDWRITTEN)


def test_a_text_that_is_not_toml_gives_what_came_before_the_surprise() -> None:
    assert locate("a = 1\nb 2\n[c]\n") == {("a",): Place((1, 1), (1, 5)), ("b",): Place((2, 1), (2, 1))}


def test_keys_of_five_thousand_parts_cost_no_gigabyte() -> None:
    places = locate(".".join("a" * 5000) + " = 1\nb = 2\n")
    assert places["b",] == Place((2, 1), (2, 5))
    assert len(places) == 101


LETTERS = string.ascii_letters + string.digits + " .#[]{}=,'\"\\\n\tñ語-_"
LEAVES = st.one_of(
    st.integers(0, 10**12),
    st.booleans(),
    st.text(LETTERS, max_size=12),
    st.dates(datetime.date(1970, 1, 1)),
    st.datetimes(datetime.datetime(1970, 1, 1)),
    st.floats(0, 1000),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(LETTERS, max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.text(LETTERS, min_size=1, max_size=6), VALUES, max_size=6)


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, st.booleans())
def test_generated_documents_have_every_path_at_its_value(document: dict[str, Any], multiline: bool) -> None:
    text = tomli_w.dumps(document, multiline_strings=multiline)
    document = tomllib.loads(text)
    places = locate(text)
    assert set(places) == set(paths(document))
    lines = text.split("\n")
    for path, value in paths(document).items():
        line, column = places[path].value
        assert opens_with(lines[line - 1][column - 1 :], value), (path, value, text)


def paths(value: Any, path: Path = ()) -> dict[Path, Any]:
    """Every path below `value`, with what is there."""
    found: dict[Path, Any] = {path: value} if path else {}
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= paths(inner, (*path, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            found |= paths(inner, (*path, index))
    return found


def opens_with(source: str, value: Any) -> bool:
    """Is this the source text of that value? Tables without a header stand where they are mentioned."""
    if isinstance(value, dict):
        return bool(source)
    if isinstance(value, list):
        return source[0] in "[" or bool(source)
    if isinstance(value, str):
        return source[0] in "\"'"
    end = min((source.find(mark) for mark in ",]}" if mark in source), default=len(source))
    return bool(tomllib.loads(f"x = {source[:end]}")["x"] == value)
