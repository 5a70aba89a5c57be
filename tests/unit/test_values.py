"""Our `dataclass` does what the standard library's does, and says so where it does not."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import KW_ONLY, FrozenInstanceError, InitVar, field
from typing import Any, ClassVar

import pytest

from opsconsole import values


@values.dataclass(frozen=True, slots=True)
class Slotted:
    name: str
    size: int = 3
    parts: list[str] = field(default_factory=list)
    note: str = field(default="", repr=False, compare=False)
    kinds: ClassVar[tuple[str, ...]] = ("a", "b")

    @property
    def double(self) -> int:
        return 2 * self.size


@values.dataclass(frozen=True)
class Plain:
    """Has a dictionary."""

    name: str
    size: int = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    name: str
    size: int = 3


@values.dataclass(frozen=True, slots=True)
class Single:
    only: Any


@values.dataclass(frozen=True)
class Checked:
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("too small")

    def __repr__(self) -> str:
        return f"<{self.size}>"


def test_arguments_defaults_and_factories() -> None:
    first, second = Slotted("a"), Slotted("b", 4, note="n")
    assert (first.name, first.size, first.parts, first.note) == ("a", 3, [], "")
    assert (second.size, second.note) == (4, "n")
    assert first.parts is not second.parts
    assert first.double == 6 and Slotted.kinds == ("a", "b")


@pytest.mark.parametrize("words", [(), (1, 2, 3, 4, 5)])
def test_wrong_arguments_are_type_errors(words: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        Slotted(*words)


@pytest.mark.parametrize("made", [Slotted("a"), Plain("a")])
def test_nothing_is_assigned_nor_deleted(made: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        made.name = "b"
    with pytest.raises(FrozenInstanceError):
        made.other = "b"
    with pytest.raises(FrozenInstanceError):
        del made.name
    assert made.name == "a"


def test_only_slots_without_a_dictionary() -> None:
    assert not hasattr(Slotted("a"), "__dict__") and hasattr(Plain("a"), "__dict__")


def test_equal_is_what_has_equal_fields_and_the_same_class() -> None:
    assert Plain("a") == Plain("a") != Plain("b")
    assert Slotted("a", note="x") == Slotted("a", note="y")
    assert Plain("a") != Theirs("a")
    assert hash(Plain("a")) == hash(Plain("a")) == hash(Theirs("a"))
    assert {Single((1, 2)): "pair"}[Single((1, 2))] == "pair"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Slotted("a"))


def test_it_shows_itself_as_the_standard_library_does() -> None:
    assert repr(Slotted("a", parts=["p"], note="hidden")) == "Slotted(name='a', size=3, parts=['p'])"
    assert repr(Theirs("a")).removeprefix("Theirs") == repr(Plain("a")).removeprefix("Plain")
    loop: list[Any] = []
    loop.append(Single(loop))
    assert "..." in repr(loop)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])  # noqa: S301
@pytest.mark.parametrize("made", [Slotted("a", 4, ["p"]), Plain("a", 4)])
def test_copies_are_equal(again: Callable[[Any], Any], made: Any) -> None:
    assert again(made) == made


def test_the_standard_library_knows_it() -> None:
    made = Slotted("a", 4, ["p"])
    assert dataclasses.is_dataclass(made)
    assert [one.name for one in dataclasses.fields(made)] == ["name", "size", "parts", "note"]
    assert dataclasses.replace(made, size=5) == Slotted("a", 5, ["p"])
    assert dataclasses.asdict(made) == {"name": "a", "size": 4, "parts": ["p"], "note": ""}
    match made:
        case Slotted(name, size):
            assert (name, size) == ("a", 4)


def test_its_own_methods_stay() -> None:
    assert repr(Checked(1)) == "<1>"
    with pytest.raises(ValueError, match="too small"):
        Checked(-1)


def test_with_an_equality_of_its_own_it_can_still_be_hashed() -> None:
    @values.dataclass(frozen=True)
    class Loose:
        name: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Loose) and self.name.lower() == other.name.lower()

    assert Loose("A") == Loose("a")
    assert hash(Loose("a")) == hash(Loose("a"))


def test_what_is_not_frozen_is_the_standard_librarys() -> None:
    @values.dataclass(slots=True)
    class Open:
        name: str = ""

    made = Open()
    made.name = "b"
    assert made == Open("b")


def test_kinds_of_fields_that_are_not_done_are_refused() -> None:
    with pytest.raises(TypeError, match="standard library"):

        @values.dataclass(frozen=True)
        class Named:
            name: str
            _: KW_ONLY
            size: int

    with pytest.raises(TypeError, match="standard library"):

        @values.dataclass(frozen=True)
        class Given:
            name: InitVar[str]

    with pytest.raises(TypeError, match="standard library"):

        @values.dataclass(frozen=True)
        class Below(Plain):
            more: str = ""
