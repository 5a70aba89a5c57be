"""What keys a terminal's bytes are, where Textual's reading of them is not ours."""

from __future__ import annotations

import pytest
from textual.events import Key

from opsconsole.tui.terminal import KeyParser


def keys(data: str) -> list[str]:
    parser = KeyParser()
    return [one.key for one in parser.feed(data) if isinstance(one, Key)]


@pytest.mark.parametrize("digit", "0123456789")
def test_escape_and_a_digit_sent_at_once_are_those_two_keys(digit: str) -> None:
    assert keys(f"\x1b{digit}") == ["escape", digit]
    assert keys(f"a\x1b{digit}b") == ["a", "escape", digit, "b"]


@pytest.mark.parametrize(("data", "found"), [("\x1b-", "minus"), ("\x1b=", "equals_sign"), ("\x1b§", "section_sign")])
def test_so_are_escape_and_other_keys_that_type_something_on_a_mac(data: str, found: str) -> None:
    assert keys(data) == ["escape", found]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("\x1b[A", ["up"]), ("\x1bOP", ["f1"]), ("\x1b[15~", ["f5"]), ("\x1b\x7f", ["ctrl+w"]), ("\x1bOp", ["0"]),
        ("\x1b[1;5C", ["ctrl+right"]), ("12", ["1", "2"]), ("\x1b[Z", ["shift+tab"]),
    ],
)  # fmt: skip
def test_other_sequences_are_read_as_ever(data: str, found: list[str]) -> None:
    assert keys(data) == found


def test_a_line_feed_is_enter() -> None:
    assert keys("a\nb\rc") == ["a", "enter", "b", "enter", "c"]


def test_alt_and_a_letter_held_down_types_nothing() -> None:
    assert keys("\x1bn\x1bn\x1bz") == ["alt+n", "alt+n", "alt+z"]
    assert keys("\x1bn\x1b[Ax\x1bp") == ["alt+n", "up", "x", "alt+p"]


@pytest.mark.parametrize("data", ["\x1bn", "\x1bN", "\x1b<"])
def test_alt_and_a_character_has_none_to_type(data: str) -> None:
    parser = KeyParser()
    found = [one for one in parser.feed(f"{data}\x1b[Ax") if isinstance(one, Key)]
    assert all(one.character is None for one in found if one.key.startswith("alt+"))
    assert [one.character for one in found][-1] == "x"
