"""The text: what is typed, how it is drawn, and what is drawn again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.document._document import Selection
from textual.pilot import Pilot

from opsconsole.tui.screens.editor import long_lines
from opsconsole.tui.screens.editor.languages import BY_ID, HIGHLIGHTED_LINES
from opsconsole.tui.screens.editor.marks import Painted
from opsconsole.tui.screens.editor.painting import Frame, Look, draw
from opsconsole.tui.screens.editor.script_text import ScriptText
from opsconsole.tui.screens.editor.text import ScriptArea
from opsconsole.tui.widgets.tones import TonedApp
from tests.tui.waiting import lines_of, until

SHEETS = Path(__file__).parents[3] / "opsconsole/tui"


class AreaApp(TonedApp):
    CSS_PATH = [  # noqa: RUF012 - as Textual has it
        SHEETS / "widgets/tones.tcss", SHEETS / "screens/editor/screen.tcss",
    ]  # fmt: skip

    def compose(self) -> ComposeResult:
        yield ScriptArea(id="text")


async def showing(pilot: Pilot[Any], text: str | bytes, language: str = "bash", locked: bool = False) -> ScriptArea:
    area = pilot.app.query_one(ScriptArea)
    data = text if isinstance(text, bytes) else text.encode()
    area.show_text(ScriptText.of(data).text, BY_ID[language], locked=locked)
    area.focus()
    await pilot.pause()
    return area


def styles(area: ScriptArea, row: int) -> dict[str, Any]:
    """Text of each run of one style on a row, without its gutter → the style."""
    return {segment.text: segment.style for segment in area.render_line(row)}


async def test_editing_by_line() -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        area = await showing(pilot, "if a; then\n  b\n\n  c\nfi\n")
        area.selection = Selection((1, 0), (4, 0))
        await pilot.press("tab")
        assert area.text == "if a; then\n    b\n\n    c\nfi\n"
        await pilot.press("shift+tab", "shift+tab", "shift+tab")
        assert area.text == "if a; then\nb\n\nc\nfi\n"
        area.undo()
        assert area.text == "if a; then\n  b\n\n  c\nfi\n"
        area.selection = Selection((1, 1), (3, 2))
        area.toggle_comment("#")
        assert area.text == "if a; then\n  # b\n\n  # c\nfi\n"
        area.toggle_comment("#")
        assert area.text == "if a; then\n  b\n\n  c\nfi\n"
        area.move_cursor((3, 3))
        await pilot.press("enter", "d")
        assert area.text == "if a; then\n  b\n\n  c\n  d\nfi\n"
        await pilot.press("home")
        assert area.cursor_location == (4, 2)
        await pilot.press("home")
        assert area.cursor_location == (4, 0)
        await pilot.press("tab", "x")
        assert area.document.get_line(4) == "  x  d"
        await pilot.press("ctrl+z", "ctrl+underscore")
        assert area.document.get_line(4) == "  d"
        await pilot.press("ctrl+y")
        assert area.document.get_line(4).startswith("  ")


async def test_several_changes_are_one_step_for_undo() -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        area = await showing(pilot, "rm $A\nls\nrm $B\n")
        area.replace_all([((2, 3), (2, 5), '"$B"'), ((0, 3), (0, 5), '"$A"')])
        assert area.text == 'rm "$A"\nls\nrm "$B"\n'
        area.undo()
        assert area.text == "rm $A\nls\nrm $B\n"


async def test_what_is_typed_and_pasted_is_held() -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        area = await showing(pilot, b"\x1b[31m\xff \xe2\x80\xae end\n")
        area.insert("a\x1b]0;x\x07\r\nb\rc\u202e")
        await pilot.pause()
        written = ScriptText("").encoded(area.text)
        assert written == "a\x1b]0;x\x07\nb\nc\u202e".encode() + b"\x1b[31m\xff \xe2\x80\xae end\n"
        drawn = "".join(lines_of(pilot))
        assert "a␛]0;x␇" in drawn
        assert "c�␛[31m� � end" in drawn
        assert not any(ord(one) < 32 or 127 <= ord(one) < 160 or one == "\u202e" for one in drawn)
        assert "\x1b" not in pilot.app.export_screenshot()


async def test_colours_findings_cursor_selection_and_brackets() -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        area = await showing(pilot, '# why\nif [ -e "$A" ]; then\n  rm -rf $A/*\nfi\n')
        area.move_cursor((3, 0))
        assert styles(area, 0)["# why"].italic
        assert styles(area, 1)["if"].bold
        area.show_painted([Painted(2, 9, 2, 13, "bad", "✗", "said"), Painted(0, 0, 0, 1, "warning", "!", "also")])
        await pilot.pause()
        assert styles(area, 2)["$A"].underline
        row = area.render_line(2).text
        assert row.startswith("✗ 3 ")
        assert area.render_line(0).text.startswith("! 1 ")
        area.move_cursor((1, 3))
        await pilot.pause()
        assert area.matching_bracket_location == (1, 13)
        area.selection = Selection((1, 0), (2, 3))
        await pilot.pause()
        chosen = area.get_component_rich_style("text-area--selection").bgcolor
        assert {segment.style.bgcolor for segment in area.render_line(1)} & {chosen}
        area.move_cursor((3, 0))
        area.show_found("RM")
        await pilot.pause()
        assert styles(area, 2)["rm"].underline


async def test_wide_characters_and_tabs_stand_where_the_cursor_stands() -> None:
    async with AreaApp().run_test(size=(40, 10)) as pilot:
        area = await showing(pilot, "\tx\n日本 x\n" + "y" * 100 + "\n", "applescript")
        assert area.render_line(0).text[:9].rstrip() == "  1" + " " * 5 + "x"
        assert area.render_line(1).text.startswith("  2 日本 x")
        assert all(area.render_line(row).cell_length == area.size.width for row in range(10))
        area.move_cursor((2, 100))
        await pilot.pause()
        assert area.scroll_offset.x > 0
        row = area.render_line(2).text
        assert row.startswith("  3…yyyy")
        assert area.render_line(2).cell_length == area.size.width


async def test_what_terminals_draw_in_one_cell_or_in_two_is_drawn_in_one() -> None:
    async with AreaApp().run_test(size=(40, 10)) as pilot:
        area = await showing(pilot, "\u26a0\ufe0f x \u2764\ufe0e y\n")
        assert area.render_line(0).text.rstrip() == "  1 \u26a0 x \u2764 y"
        assert area.render_line(0).cell_length == area.size.width
        area.move_cursor((0, 3))
        assert area.cursor_screen_offset == (4 + 2, 0)
        assert ScriptText.of(b"").encoded(area.text).decode() == "\u26a0\ufe0f x \u2764\ufe0e y\n"


async def test_marks_move_with_the_text_until_the_next_review() -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        area = await showing(pilot, "a\nrm $A\nrm $B\n")
        area.show_painted([Painted(1, 3, 1, 5, "bad", "✗", "A"), Painted(2, 3, 2, 5, "bad", "✗", "B")])
        area.move_cursor((0, 1))
        await pilot.press("enter")
        assert [one.row for one in area.painted] == [2, 3]
        area.move_cursor((2, 4))
        await pilot.press("x")
        assert [one.message for one in area.painted] == ["B"]
        area.undo()
        area.undo()
        assert [(one.row, one.message) for one in area.painted] == [(2, "B")]


async def test_a_long_text_is_plain_and_a_language_can_be_changed() -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        area = await showing(pilot, "if x; then y; fi\n" * HIGHLIGHTED_LINES)
        assert not area.coloured
        assert not styles(area, 2).get("if", None)
        area = await showing(pilot, "if x: pass\n")
        await pilot.press("end", "z")
        area.speak(BY_ID["python"])
        await pilot.pause()
        assert area.coloured
        assert area.cursor_location == (0, 11)
        assert styles(area, 0)["pass"] if "pass" in styles(area, 0) else styles(area, 0)["if"].bold
        area.undo()
        assert area.text == "if x: pass\n"


async def test_only_lines_that_look_different_are_drawn_again() -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        area = await showing(pilot, "echo -n \"$b ${a}\" 'c' && ls # why\n" * 15)
        await pilot.pause()
        drawn: list[Any] = []
        plain = type(area).render_line

        def counted(y: int) -> Any:
            drawn.append(y)
            return plain(area, y)

        area.render_line = counted  # type: ignore[method-assign]
        area.move_cursor((3, 32))
        await until(pilot, lambda: drawn)
        drawn.clear()
        await pilot.press("x")
        await until(pilot, lambda: drawn)
        assert set(drawn) == {3}
        drawn.clear()
        await pilot.press("down")
        await until(pilot, lambda: drawn)
        assert set(drawn) == {3, 4}


async def test_what_is_locked_cannot_be_typed_in() -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        area = await showing(pilot, "a\n", locked=True)
        await pilot.press("x", "enter", "backspace", "ctrl+k", "tab", "shift+tab", "ctrl+x", "ctrl+w")
        area.indent()
        assert area.text == "a\n"


async def test_finding() -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        area = await showing(pilot, "one\nTwo one\nthree\n")
        assert area.count_of("ONE") == 2
        assert area.seek("one", (0, 0))
        assert area.selected_text == "one"
        assert area.seek("one", area.after_cursor)
        assert area.selection == Selection((1, 4), (1, 7))
        assert area.seek("one", area.after_cursor)
        assert area.selection == Selection((0, 0), (0, 3))
        assert area.seek("two", (2, 0))
        assert not area.seek("four", (0, 0))
        assert not area.seek("", (0, 0))


class HearingApp(AreaApp):
    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def on_script_area_refused(self, event: ScriptArea.Refused) -> None:
        self.refused.append(event.why)


async def test_what_cannot_be_written_back_is_not_taken_in() -> None:
    app = HearingApp()
    async with app.run_test(size=(60, 20)) as pilot:
        area = await showing(pilot, "x")
        for text in ("A\U000f0041B", "\U000f0401", "\U0010001b[31m", "\U0010d800", "\ud800", "\udc80"):
            area.post_message(events.Paste(text))
        area.post_message(events.Key("x", "\U000f0041"))
        await pilot.pause()
        assert area.text == "x"
        assert len(app.refused) == 7
        assert app.refused[2] == "it has U+10001B, which could not be written back exactly"
        area.post_message(events.Paste("\x1b[31m\u202e\U000e0041\r\n\ue0b0"))
        area.post_message(events.Key("zero_width_joiner", "\u200d"))
        await pilot.pause()
        written = "\x1b[31m\u202e\U000e0041\n\ue0b0\u200dx"
        assert ScriptText.of(b"").encoded(area.text).decode() == written
        await pilot.press("alt+a", "ctrl+c")
        assert app.clipboard == "\u241b[31m\ufffd\ufffd\n\ue0b0\ufffdx"
        await pilot.press("ctrl+x", "ctrl+v", "ctrl+v")
        assert ScriptText.of(b"").encoded(area.text).decode() == written * 2
        assert len(app.refused) == 7


async def test_a_line_of_a_megabyte_is_edited_and_drawn_where_it_is_seen() -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        long = "a\t\u4e2d$(b) " * (1 << 15)
        area = await showing(pilot, f"first\n{long}\nlast (\n" + "(" * 50_000)
        assert not area.coloured
        assert area.plain_because == "a line above 10,000 characters"
        area.show_painted([Painted(1, 0, 1, 200_000, "bad", "\u2717", "long")])
        area.show_found("$(b)")
        area.move_cursor((1, len(long)))
        await pilot.press("x", "y", "left")
        assert area.document.get_line(1) == long + "xy"
        assert area.scroll_offset.x > 250_000
        row = area.render_line(1)
        assert row.cell_length == area.scrollable_content_region.width
        assert row.text.rstrip().endswith("$(b) xy")
        first, end = area._seen(long, 0)
        assert end - first == row.cell_length
        assert all(len(look.text) < 100 for look, _ in area._strips), "each key would keep all of it"
        assert not area.painted, "it was edited within"
        await pilot.press("up", "down")
        assert area.cursor_location[0] == 1
        area.move_cursor((3, 0))
        await pilot.press("home")
        assert area.matching_bracket_location is None


async def test_colours_go_when_the_text_grows_too_large_and_undo_stays() -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        area = await showing(pilot, "if true; then\n")
        assert area.coloured
        await pilot.press("ctrl+end", "z")
        area.post_message(events.Paste("x" * 10_000))
        await pilot.pause()
        assert not area.coloured
        assert len(area.text) == 10_015
        await pilot.press("ctrl+z")
        assert area.text == "if true; then\nz"
        area.speak(BY_ID["bash"])
        assert area.coloured


@given(st.text(st.sampled_from("ab\t\u4e2d\u0301\U0010001b"), max_size=40), st.integers(1, 8), st.integers(1, 5))
def test_places_in_a_long_line_are_those_of_a_short_one(text: str, tab: int, piece: int) -> None:
    begins = [0]
    for character in text:
        wide = {"\t": tab - begins[-1] % tab, "\u4e2d": 2, "\u0301": 0}.get(character, 1)
        begins.append(begins[-1] + wide)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(long_lines, "_PIECE", piece)
        assert [long_lines.cells_before(text, at, tab) for at in range(len(text) + 1)] == begins
        for cell in range(begins[-1] + 2):
            column, begin = long_lines.column_at(text, cell, tab)
            assert begin == begins[column] <= cell
            assert column == len(text) or begins[column + 1] > cell


@pytest.mark.parametrize("line", ["x" * 300, "\t" + "\u4e2d" * 150, "y" * (1 << 20)], ids=["plain", "wide", "long"])
async def test_where_a_line_goes_on_beyond_an_edge_there_is_a_sign(line: str) -> None:
    async with AreaApp().run_test(size=(60, 20)) as pilot:
        area = await showing(pilot, f"{line}\nshort\n{'z' * (60 - 2)}\n")
        area.move_cursor((1, 0))
        await pilot.pause()
        rows = [area.render_line(y) for y in range(3)]
        assert rows[0].text.rstrip(" ").endswith("…") and rows[0].cell_length == rows[1].cell_length
        assert "…" not in rows[1].text
        area.move_cursor((0, 100))
        await pilot.pause()
        assert area.scroll_offset.x > 0
        number, _, rest = area.render_line(0).text.partition("…")
        assert number.strip() == "1" and rest.rstrip(" ").endswith("…")
        area.move_cursor((0, len(line)))
        await pilot.pause()
        assert area.render_line(0).text.count("…") == 1, "at its end it goes on at the left only"


def test_the_sign_of_an_edge_never_hides_the_cursor_nor_takes_a_cell() -> None:
    base = dict.fromkeys(("base", "gutter", "cursor-gutter", "cursor-line", "cursor"), Style())
    for text in ("a" * 40, "\u4e2d" * 20, "\t" * 9):
        for scroll in range(12):
            for cursor in (None, 3, 12, 15):
                look = Look(text, "1", ("", ""), (), (), None, (), (), cursor, False)
                strip = draw(look, Frame(20, scroll, 4, 4), base)
                assert strip.cell_length == 20
    look = Look("a" * 40, "1", ("", ""), (), (), None, (), (), 15, False)
    assert not draw(look, Frame(20, 0, 4, 4), base).text.endswith("…")
    assert draw(look._replace(cursor=14), Frame(20, 0, 4, 4), base).text.endswith("…")
    assert not draw(look._replace(text="a" * 16, cursor=None), Frame(20, 0, 4, 4), base).text.endswith("…")
    wide = look._replace(text="\u4e2d" * 8, cursor=None)
    assert not draw(wide, Frame(20, 0, 4, 4), base).text.endswith("…")
    assert draw(wide._replace(text="\u4e2d" * 9), Frame(20, 0, 4, 4), base).text.endswith("…")
