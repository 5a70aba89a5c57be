"""A page of lines by itself."""

from __future__ import annotations

from textual.app import ComposeResult

from opsconsole.tui.screens.history.sheet import Sheet
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.tones import TonedApp


class OneSheet(TonedApp):
    def __init__(self) -> None:
        super().__init__()
        self.sheet, self.widths = Sheet(), list[int]()

    def compose(self) -> ComposeResult:
        yield self.sheet

    def on_sheet_resized(self) -> None:
        self.widths.append(self.sheet.size.width)


async def test_rows_made_while_it_was_hidden_are_asked_for_again_when_it_comes_back_as_wide_as_before() -> None:
    app = OneSheet()
    async with app.run_test(size=(80, 24)) as pilot:
        app.sheet.show([[Cell("for 80 columns", "plain")]])
        app.sheet.display = False
        await pilot.pause()
        app.widths.clear()
        app.sheet.show([[Cell("for none", "plain")]])
        app.sheet.display = True
        await pilot.pause()
        assert app.widths == [80]
