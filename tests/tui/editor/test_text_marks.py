"""Where findings move while the text is edited."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.tui.screens.editor import marks
from opsconsole.tui.screens.editor.marks import Change, Painted, change_between, moved


def at(row: int, start: int = 0, end_row: int | None = None, end: int = 5) -> Painted:
    return Painted(row, start, row if end_row is None else end_row, end, "bad", "✗", "said")


def after(old: str, new: str, *painted: Painted) -> tuple[Painted, ...]:
    change = change_between(old.split("\n"), new.split("\n"))
    assert change is not None
    return moved(painted, change)


def test_nothing_changed() -> None:
    assert change_between(["a", "b"], ["a", "b"]) is None


def test_the_smallest_change_is_found() -> None:
    assert change_between(["a", "bcd", "e"], ["a", "bXd", "e"]) == Change(1, 1, 1, 1, 2, 2)
    assert change_between(["a", "e"], ["a", "x", "e"]) == Change(1, 0, 1)
    assert change_between(["a", "a"], ["a"]) == Change(1, 1, 0)


_ROWS = st.lists(st.sampled_from("ab"), max_size=12)


@given(_ROWS, _ROWS, st.integers(1, 4))
def test_rows_that_are_compared_in_blocks_are_compared_right(old: list[str], new: list[str], block: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(marks, "_BLOCK", block)
        found = change_between(old, new)
        patched.setattr(marks, "_BLOCK", 100)
        assert found == change_between(old, new)
    if found is None:
        assert old == new
        return
    assert old[: found.first] == new[: found.first] and old[found.last + 1 :] == new[found.new_last + 1 :]


def test_below_a_new_line_findings_move_down_and_above_they_stay() -> None:
    assert after("a\nb\nc", "a\nnew\nb\nc", at(0), at(2)) == (at(0), at(3))


def test_below_a_line_that_is_gone_they_move_up() -> None:
    assert after("a\nb\nc", "a\nc", at(1), at(2)) == (at(1),)


def test_on_an_edited_line_what_lies_before_stays_after_it_moves_and_the_rest_goes() -> None:
    line = "rm -rf $A; ls $B; cd $C"
    edited = "rm -rf $A; ls -l $B; cd $C"
    before, within, behind = at(0, 7, end=9), at(0, 11, end=16), at(0, 21, end=23)
    assert after(line, edited, before, within, behind) == (before, at(0, 24, end=26))


def test_one_over_several_lines_goes_when_one_of_them_is_edited() -> None:
    assert after("a\nb\nc", "a\nB\nc", at(0, 0, 2, 1)) == ()


def test_columns_on_a_row() -> None:
    one = at(1, 2, 3, 4)
    assert [one.on(row, 10) for row in range(5)] == [None, (2, 10), (0, 10), (0, 4), None]
    assert at(0, 3, end=3).on(0, 3) == (3, 4)
