"""Rows, filters and folded prose, without a screen."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given
from rich.cells import cell_len

from opsconsole.tui.screens.settings.prose import fact, folded
from opsconsole.tui.screens.settings.row_list import Row, filtered, heading
from opsconsole.tui.widgets.cells import Cell


def row(name: str, more: str = "") -> Row:
    return Row(name, (Cell(name, "plain"),), more)


def test_a_filter_keeps_rows_with_all_words_and_the_headings_over_them() -> None:
    rows = [heading("A"), row("one", "first"), row("two"), heading("B"), row("three"), heading("C"), row("one more")]
    assert [one.cells[0].text for one in filtered(rows, "ONE")] == ["A", "one", "C", "one more"]
    assert [one.id for one in filtered(rows, "first one")] == ["", "one"]
    assert filtered(rows, "") == rows
    assert filtered(rows, "zzz") == []


def test_a_label_leaves_its_room_free_on_the_lines_below() -> None:
    lines = folded(fact("found", "a few words that go on"), 20)
    assert ["".join(cell.text for cell in line).rstrip() for line in lines] == [
        "found     a few", "          words that", "          go on",
    ]  # fmt: skip


@given(st.text(alphabet="ab漢 é/\u0301\u200d\ufe0f🔎", max_size=200), st.integers(10, 40))
def test_no_line_is_too_long_and_no_word_is_lost(text: str, width: int) -> None:
    lines = folded((Cell(text, "plain"),), width)
    whole = ["".join(cell.text for cell in line) for line in lines]
    assert all(cell_len(line.rstrip()) <= width + 1 for line in whole)
    assert "".join(whole).replace(" ", "") == text.replace(" ", "")
