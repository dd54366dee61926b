"""Values are what `dataclasses` would make of them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from typing import Any, ClassVar

import pytest

from arrcli.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A value that never changes."""

    name: str
    size: int = 1
    seen: Sequence[int] = field(default_factory=tuple, compare=False, repr=False)
    kind: ClassVar[str] = "place"

    @property
    def double(self) -> int:
        return 2 * self.size


@dataclass(frozen=True, kw_only=True)
class Open:
    """One without slots, of which everything is named."""

    at: int
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Count:
    """One that may change."""

    value: int = 0


@dataclass(frozen=True, slots=True, init=False)
class Read:
    """One that makes its fields of something else, and shows itself its own way."""

    number: int

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "number", int(text))

    def __repr__(self) -> str:
        return f"<{self.number}>"


def test_a_value_is_made_by_place_or_by_name_with_what_is_left_out() -> None:
    assert (Place("a").name, Place("a").size, Place("a").seen, Place("a").double) == ("a", 1, (), 2)
    assert Place(size=3, name="b") == Place("b", 3)
    assert Open(at=1).notes == [] and Open(at=1).notes is not Open(at=1).notes
    assert Read("17").number == 17


def test_what_is_missing_or_unknown_is_refused_with_the_name_of_the_class() -> None:
    wrong: Any = Place
    with pytest.raises(TypeError, match=r"Place.__init__\(\) missing 1 required positional argument: 'name'"):
        wrong()
    with pytest.raises(TypeError, match=r"Place.__init__\(\) got an unexpected keyword argument 'sise'"):
        wrong("a", sise=1)
    wrong = Open
    with pytest.raises(TypeError, match=r"Open.__init__\(\) takes 1 positional argument but 2 were given"):
        wrong(1)


def test_values_compare_and_hash_by_what_their_fields_hold() -> None:
    assert Place("a", 1, (1,)) == Place("a", 1, (2,)) != Place("a", 2)
    assert {Place("a"), Place("a", seen=[3])} == {Place("a")}
    assert Read("1") == Read("01") and hash(Read("1")) == hash(Read("01"))
    assert Count(1) == Count(1) != Place("a")
    assert Place("a") != ("a", 1)


def test_one_that_may_change_has_no_hash() -> None:
    count = Count()
    count.value += 1
    assert count == Count(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(count)


def test_a_value_shows_its_fields_unless_it_has_words_of_its_own() -> None:
    assert repr(Place("a", seen=[1])) == "Place(name='a', size=1)"
    assert repr(Open(at=1)) == "Open(at=1, notes=[])"
    assert repr(Read("17")) == "<17>"


@pytest.mark.parametrize("value", [Place("a"), Open(at=1), Read("1")], ids=repr)
def test_a_frozen_one_cannot_be_changed(value: Any) -> None:
    name = fields(value)[0].name
    with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{name}'"):
        setattr(value, name, 2)
    with pytest.raises(FrozenInstanceError, match=f"cannot delete field '{name}'"):
        delattr(value, name)


@pytest.mark.parametrize("value", [Place("a", 2, (1,)), Open(at=1, notes=["x"]), Count(3), Read("1")], ids=repr)
def test_a_value_can_be_copied_and_carried(value: Any) -> None:
    twins = [copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))]  # noqa: S301 - our own pickle
    assert twins == [value, value, value]


def test_dataclasses_know_it() -> None:
    assert replace(Place("a"), size=2) == Place("a", 2)
    assert asdict(Open(at=1, notes=["x"])) == {"at": 1, "notes": ["x"]}
    assert Place.__match_args__ == ("name", "size", "seen")
    assert not hasattr(Place("a"), "__dict__")
