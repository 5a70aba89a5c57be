"""Lines of output by themselves."""

from __future__ import annotations

from textual.app import ComposeResult

from opsconsole.tui.transcript import Line
from opsconsole.tui.widgets.output_text import OutputText
from opsconsole.tui.widgets.tones import TonedApp
from tests.tui.waiting import until


class OneOutput(TonedApp):
    def __init__(self) -> None:
        super().__init__()
        self.output = OutputText()

    def compose(self) -> ComposeResult:
        yield self.output


async def test_what_came_while_it_was_hidden_is_as_wide_as_the_rest_when_it_comes_back() -> None:
    app = OneOutput()
    async with app.run_test(size=(80, 24)) as pilot:
        app.output._append(Line("stdout", "x" * 60))
        assert len(app.output._rows) == 1
        app.output.display = False
        await until(pilot, lambda: not app.output.size.width)
        app.output._append(Line("stdout", "y" * 60))
        app.output.display = True
        await until(pilot, lambda: app.output.size.width and len(app.output._rows) == 2)
