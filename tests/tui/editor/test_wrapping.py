"""Long lines over several rows: where they break, what is painted there, and where the cursor goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.document._document import Document, Selection
from textual.geometry import Offset
from textual.pilot import Pilot

from opsconsole.tui.screens.editor.languages import COLOURED_LINE
from opsconsole.tui.screens.editor.long_lines import cells_before, width_of
from opsconsole.tui.screens.editor.marks import Painted
from opsconsole.tui.screens.editor.rows import RowNavigator, Rows, breaks
from opsconsole.tui.screens.editor.text import ScriptArea
from tests.tui.editor.scene import ScriptedEngine, own_scripts, scripted
from tests.tui.editor.test_editor_screen import editing, reviewed
from tests.tui.editor.test_text_area import AreaApp, showing, styles
from tests.tui.waiting import shown, until

LONG = "cp --archive $SOURCE/one $SOURCE/two $SOURCE/three $TARGET/there  # all of it"
TEXT = st.text(st.sampled_from("ab \t\u4e2d\u0301\ufe0f\U0010001b\u26a0\n"), max_size=80)


async def wrapped(pilot: Pilot[Any], text: str, language: str = "bash") -> ScriptArea:
    area = await showing(pilot, text, language)
    area.soft_wrap = True
    await pilot.pause()
    return area


def rows_of(area: ScriptArea, count: int) -> list[str]:
    return [area.render_line(y).text.rstrip() for y in range(count)]


@given(TEXT.map(lambda text: text.replace("\n", "")), st.integers(8, 20), st.integers(1, 8))
def test_rows_fit_and_nothing_is_lost(line: str, width: int, tab: int) -> None:
    ends = [*breaks(line, width, tab), len(line)]
    assert ends == sorted(set(ends)) and (ends[0] > 0 or not line)
    for first, end in zip([0, *ends], ends, strict=False):
        row = line[first:end]
        hanging = row.endswith(" ") and end < len(line)
        assert width_of(row, tab) <= width + hanging or end - first == 1
        assert end == len(line) or line[end] not in "\u0301\ufe0f" or row[-1] in " \t", "a mark stays with its letter"


@pytest.mark.parametrize("character", ["x", "\u4e2d", "\t", "a\u0301"])
def test_a_row_of_a_very_long_line_fits_too(character: str) -> None:
    line = character * (COLOURED_LINE + 1)
    ends = [*breaks(line, 37, 4), len(line)]
    assert max(width_of(line[a:b], 4) for a, b in zip([0, *ends], ends, strict=False)) <= 37


@given(TEXT, TEXT, st.integers(1, 12), st.integers(1, 4), st.data())
def test_what_is_edited_has_the_rows_it_would_have_from_the_start(
    text: str, new: str, width: int, tab: int, data: st.DataObject
) -> None:
    document = Document(text)
    rows = Rows(document, width, tab)
    places = [(row, column) for row, line in enumerate(document.lines) for column in range(len(line) + 1)]
    start, end = sorted((data.draw(st.sampled_from(places)), data.draw(st.sampled_from(places))))
    document.replace_range(start, end, new)
    rows.wrap_range((0, 0), (0, 0), (0, 0))
    fresh = Rows(document, width, tab)
    assert (rows._wrap_offsets, rows._tops, rows.height) == (fresh._wrap_offsets, fresh._tops, fresh.height)
    for y in range(rows.height):
        line, section = rows.row_at(y)
        first, _ = rows.span(line, section)
        assert rows.location_to_offset((line, first)) == Offset(0, y)
        assert rows.location_to_offset(rows.offset_to_location(Offset(0, y))) == Offset(0, y)
        assert rows.get_sections(line)[section] == document[line][slice(*rows.span(line, section))]


@given(TEXT, st.integers(0, 12), st.integers(1, 4))
def test_up_and_down_pass_every_row(text: str, width: int, tab: int) -> None:
    rows = Rows(Document(text), width, tab)
    navigator = RowNavigator(rows)
    place = (0, 0)
    for y in range(rows.height):
        assert rows.location_to_offset(place).y == y
        place = navigator.get_location_below(place)
    assert place == rows.document.end
    place = (place[0], rows.span(place[0], -1)[0])
    for y in reversed(range(rows.height)):
        assert rows.location_to_offset(place).y == y
        place = navigator.get_location_above(place)
    assert place == (0, 0)


@given(TEXT, st.integers(1, 4))
def test_without_wrapping_a_line_is_a_row(text: str, tab: int) -> None:
    document = Document(text)
    rows = Rows(document, 0, tab)
    assert rows.height == document.line_count
    assert rows.width == max(cells_before(line, len(line), tab) for line in document.lines)


async def test_what_is_painted_on_a_wrapped_line_is_painted_where_it_stands() -> None:
    async with AreaApp().run_test(size=(40, 12)) as pilot:
        area = await wrapped(pilot, f"first\n{LONG}\nlast\n")
        assert rows_of(area, 5) == [
            "  1 first", "  2 cp --archive $SOURCE/one", "    $SOURCE/two $SOURCE/three",
            "    $TARGET/there  # all of it", "  3 last",
        ]  # fmt: skip
        at = LONG.index("$TARGET")
        area.show_painted([Painted(1, at, 1, at + 7, "bad", "✗", "A"), Painted(1, 3, 1, 6, "warning", "!", "B")])
        await pilot.pause()
        assert [area.render_line(y).text[:3] for y in range(5)] == ["  1", "! 2", "   ", "✗  ", "  3"]
        assert styles(area, 3)["$TARGET"].underline
        assert not any(style.underline for style in styles(area, 2).values())
        assert styles(area, 3)["# all of it"].italic, "the colours of the language stand right as well"
        area.show_found("SOURCE/two")
        await pilot.pause()
        found = [text for text, style in styles(area, 2).items() if style.underline]
        assert "".join(found) == "SOURCE/two"
        area.selection = Selection((1, LONG.index("two")), (1, LONG.index("there")))
        await pilot.pause()
        chosen = area.get_component_rich_style("text-area--selection").bgcolor
        marked = [
            [one.text for one in area.render_line(y) if one.style and one.style.bgcolor == chosen] for y in range(5)
        ]
        assert ["".join(one) for one in marked] == ["", "", "two $SOURCE/three ", "$TARGET/", ""]
        assert all(area.render_line(y).cell_length == area.size.width for y in range(12))


async def test_a_span_over_a_break_is_painted_on_both_rows() -> None:
    async with AreaApp().run_test(size=(20, 8)) as pilot:
        area = await wrapped(pilot, "x" * 30 + "\n", "applescript")
        area.show_painted([Painted(0, 10, 0, 20, "bad", "✗", "A")])
        await pilot.pause()
        width = area.wrap_width
        under = ["".join(one.text for one in area.render_line(y) if one.style and one.style.underline) for y in (0, 1)]
        assert [len(one) for one in under] == [width - 10, 20 - width]


async def test_the_cursor_goes_by_row_and_edits_by_line() -> None:
    async with AreaApp().run_test(size=(40, 12)) as pilot:
        area = await wrapped(pilot, f"first\n{LONG}\nlast\n")
        cut = area.rows.get_offsets(1)
        area.move_cursor((0, 3))
        await pilot.press("down", "down", "down")
        assert area.cursor_location == (1, cut[1] + 3)
        await pilot.press("up")
        assert area.cursor_location == (1, cut[0] + 3)
        await pilot.press("end")
        assert area.cursor_location == (1, len(LONG))
        await pilot.press("home", "ctrl+e", "up", "down", "down")
        assert area.cursor_location == (2, 4)
        area.move_cursor((1, cut[0] + 4))
        assert area.cursor_screen_offset == (4 + 4, 2)
        await pilot.click(ScriptArea, offset=(4 + 2, 3))
        assert area.cursor_location == (1, cut[1] + 2)
        area.move_cursor((1, 3))
        await pilot.press("ctrl+k")
        assert area.text == "first\ncp \nlast\n", "to the end of the line, not of the row"
        await pilot.press("ctrl+z")
        assert area.text == f"first\n{LONG}\nlast\n" and area.rows.height == 6 + 0
        area.move_cursor((1, 10))
        await pilot.press("enter")
        assert [area.rows.row_at(y)[0] for y in range(area.rows.height)] == [0, 1, 2, 2, 2, 3, 4]


async def test_rows_follow_the_width_and_the_line_at_the_top_stays() -> None:
    async with AreaApp().run_test(size=(60, 12)) as pilot:
        area = await wrapped(pilot, f"{LONG}\n" * 40)
        area.move_cursor((20, 0))
        await pilot.pause()
        top = area.rows.row_at(area.scroll_offset.y)[0]
        await pilot.resize_terminal(30, 12)
        await pilot.pause()
        assert area.rows.height > 160 and area.max_scroll_x == 0
        assert area.rows.row_at(area.scroll_offset.y)[0] == top
        area.soft_wrap = False
        await pilot.pause()
        assert area.rows.height == 41 and area.scroll_offset.y <= 20 < area.scroll_offset.y + 12
        area.soft_wrap = True
        await pilot.pause()
        cursor = area.rows.location_to_offset(area.cursor_location).y
        assert area.scroll_offset.y <= cursor < area.scroll_offset.y + 12


async def test_a_line_of_a_megabyte_is_wrapped_and_edited() -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        area = await wrapped(pilot, f"first\n{'y' * (1 << 20)}\nlast\n")
        area.move_cursor((1, 1 << 20))
        await pilot.press("a", "b", "left")
        assert area.document.get_line(1).endswith("yab")
        assert area.scroll_offset.x == 0 and area.scroll_offset.y > 10_000
        at = area.rows.location_to_offset(area.cursor_location).y - area.scroll_offset.y
        assert area.render_line(at).text.rstrip().endswith("yab")


async def test_a_line_that_is_one_longer_is_drawn_again() -> None:
    async with AreaApp().run_test(size=(30, 8)) as pilot:
        area = await wrapped(pilot, f"{'a' * 24}\nlast")
        assert "last" in rows_of(area, 3)[1]
        area.move_cursor((0, 24))
        await pilot.press(*"bcde")
        await until(pilot, lambda: "last" in shown(pilot).splitlines()[2])
        assert shown(pilot).count("last") == 1


async def test_find_marks_what_it_finds_beside_letters_that_grow_when_small() -> None:
    async with AreaApp().run_test(size=(60, 8)) as pilot:
        area = await showing(pilot, "\u0130\u0130\u0130 rm here\n")
        assert area.seek("RM", (0, 0)) and area.selected_text == "rm"
        area.show_found("rm")
        await pilot.pause()
        assert "rm" in styles(area, 0)


@pytest.fixture
def scripts(tmp_path: Path, samples: Path) -> ScriptedEngine:
    own_scripts(tmp_path, {"long.sh": f"#!/bin/bash\nrm -rf {'a' * 90} $X/*\n", "other.sh": f"echo {'b' * 200}\n"})
    return scripted(tmp_path / "state")


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_wrap_lines_holds_for_every_text(scripts: ScriptedEngine, tmp_path: Path, size: tuple[int, int]) -> None:
    folder = tmp_path / ".local/share/opsconsole/scripts"
    async with editing(scripts, size, open=folder / "long.sh") as (pilot, screen):
        area = screen.text_area
        await reviewed(pilot, screen)
        assert "$X/*" not in shown(pilot).splitlines()[4]
        await pilot.press("alt+z")
        await until(pilot, lambda: area.rows.height > 3)
        (risk,) = [one for one in area.painted if one.tone in ("alarm", "bad")][:1]
        y = area.rows.location_to_offset((risk.row, risk.start)).y
        row = area.render_line(y).text
        assert row[0] == risk.glyph and "$X/*" in row
        await pilot.press("f8")
        assert area.cursor_location[0] == 1
        screen.open_file(folder / "other.sh")
        await until(pilot, lambda: screen.opened is not None and screen.opened.name == "other.sh")
        assert area.soft_wrap and area.rows.height > 2
        await pilot.press("2")
        await pilot.press("escape", "W")
        await until(pilot, lambda: not area.soft_wrap)
        assert area.rows.height == 2
