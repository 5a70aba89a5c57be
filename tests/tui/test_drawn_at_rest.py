"""That tests read once and draw late hides nothing: what cannot be drawn fails, and other colours are others."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.color import Color
from textual.css.stylesheet import Stylesheet
from textual.strip import Strip
from textual.widgets import Static

from opsconsole.tui import theming
from opsconsole.tui.theming import ThemeError
from tests.tui.waiting import shown


class Counted(Static):
    """Counts how often it is drawn, and breaks when it is told to."""

    drawn = 0
    broken = False

    def render_line(self, y: int) -> Strip:
        if self.broken:
            raise ValueError("it cannot be drawn")
        return super().render_line(y)

    def render(self) -> str:
        self.drawn += 1
        return f"drawn {self.drawn}"


class Small(App[None]):
    def compose(self) -> ComposeResult:
        yield Counted()


async def test_what_cannot_be_drawn_ends_the_app_although_nobody_looks() -> None:
    with pytest.raises(ValueError, match="it cannot be drawn"):
        async with Small().run_test(size=(20, 3)) as pilot:
            widget = pilot.app.query_one(Counted)
            widget.broken = True
            widget.refresh()
            await pilot.pause()


async def test_what_has_changed_is_drawn_at_the_next_rest() -> None:
    async with Small().run_test(size=(20, 3)) as pilot:
        await pilot.pause()
        widget = pilot.app.query_one(Counted)
        before = widget.drawn
        widget.refresh()
        await pilot.pause()
        assert widget.drawn == before + 1
        assert f"drawn {widget.drawn}" in shown(pilot)


def test_a_sheet_has_the_colours_of_its_theme() -> None:
    found = []
    for colour in ("red", "blue", "red"):
        sheet = Stylesheet(variables={"ink": colour})
        sheet.add_source("Static { color: $ink; }", read_from=("here", ""))
        found.append(sheet.rules[0].styles.color)
    assert found == [Color.parse("red"), Color.parse("blue"), Color.parse("red")]


def test_a_theme_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    for colour in ("#ff0000", "#0000ff"):
        file.write_text(f'[colours]\nprimary = "{colour}"\n')
        assert theming.read_theme(file).theme.primary == colour
    file.write_text('[colours]\nprimary = "no colour"\n')
    for _ in range(2):
        with pytest.raises(ThemeError):
            theming.read_theme(file)
