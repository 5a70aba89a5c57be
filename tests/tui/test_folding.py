"""Texts in lines: nothing of what is wide, as Chinese is, goes over the edge and is lost there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from rich.cells import cell_len

from opsconsole.tui.screens.anomalies import facts
from opsconsole.tui.screens.editor import said
from opsconsole.tui.screens.editor.effects import Deed, EffectsView
from opsconsole.tui.screens.tasks import page_view
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.folding import in_lines

WIDE = "磁盘已满 請刪除舊的日誌 " * 12 + "没有空格的很长的一段文字" * 6
WIDTH = 40


@pytest.mark.parametrize("text", [WIDE, "of one cell each, some-what longer words " * 5, "", "x" * 100])
def test_lines_are_no_wider_and_have_all_of_it(text: str) -> None:
    lines = in_lines(text, WIDTH)
    assert all(0 < cell_len(line) <= WIDTH and line == line.strip() for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("text", ["    # 请刪除 " * 9, "    # remove " * 9])
def test_a_line_of_a_script_keeps_its_margin(text: str) -> None:
    first, second, *_ = in_lines(text, WIDTH)
    assert first.startswith("    #") and not second.startswith(" ")


Lines = Callable[[str], Sequence[Sequence[Cell]]]


@pytest.mark.parametrize(
    "folded",
    [
        lambda text: list(page_view.wrapped([(Cell("note     ", "faint"), Cell(text, "plain"))], WIDTH)),
        lambda text: list(facts.wrapped([(Cell("note     ", "faint"), Cell(text, "plain"))], WIDTH)),
        lambda text: said.folded(text, WIDTH, 99, "plain"),
    ],
    ids=["a page of a run", "an episode", "a verdict"],
)
def test_what_is_said_in_wide_characters_is_all_seen(folded: Lines) -> None:
    lines = folded(WIDE)
    assert max(sum(cell_len(cell.text) for cell in line) for line in lines) <= WIDTH
    assert "".join(cell.text for line in lines for cell in line).replace(" ", "").removeprefix("note") == WIDE.replace(
        " ", ""
    )


def test_what_a_script_would_do_to_a_file_with_a_wide_name_is_all_seen() -> None:
    view = EffectsView()
    view._deeds = [Deed("deletes", "/srv/" + "没有空格的很长的" * 4, (1,), True, True)]
    room = view._room(view._deeds[0], WIDTH)
    assert all(cell_len(line) <= room for _, line in view._folded(WIDTH))
