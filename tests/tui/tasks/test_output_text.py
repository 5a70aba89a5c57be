"""Lines of output by themselves."""

from __future__ import annotations

from textual.app import ComposeResult

from opsconsole.tui.transcript import Line, Lines
from opsconsole.tui.widgets.output_view import OutputView
from opsconsole.tui.widgets.tones import TonedApp
from tests.tui.waiting import until


class OneOutput(TonedApp):
    def __init__(self) -> None:
        super().__init__()
        self.output = OutputView()

    def compose(self) -> ComposeResult:
        yield self.output


async def test_what_is_below_the_text_is_the_same_with_and_without_any() -> None:
    """It is not drawn again when the first line comes: a picture would tell which came first."""
    app = OneOutput()
    async with app.run_test(size=(40, 6)) as pilot:
        await until(pilot, lambda: app.output.size.area)
        app.output.say_empty("Nothing printed yet.")
        assert "Nothing printed yet." in app.output.render_line(0).text
        without = app.output.render_line(3)
        app.output._take(Lines(False, [Line("stdout", "the first line")]))
        assert app.output.render_line(3) == without
