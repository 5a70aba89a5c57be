"""A list that grows and shrinks while somebody looks."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from textual import messages
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip

from opsconsole.tui.widgets.line_view import LineView
from tests.tui.waiting import until


class Numbers(LineView):
    def render_line(self, y: int) -> Strip:
        return Strip([Segment(f"line {y + self.scroll_offset.y}")]).adjust_cell_length(self.size.width)


class Shown(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []
        """Who has told the screen by itself that it is to be drawn."""

    def compose(self) -> ComposeResult:
        yield Numbers()

    @property
    def numbers(self) -> Numbers:
        return self.query_one(Numbers)

    def column(self) -> list[str]:
        """What the scrollbar looks like."""
        bar = self.numbers.vertical_scrollbar
        lines = bar.render_lines(Region(0, 0, *bar.size))
        return [repr([(text, style) for text, style, _ in line]) for line in lines]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Shown:
    app, send = Shown(), LineView.post_message

    def post(self: object, message: object) -> bool:
        if isinstance(message, messages.Update):
            app.told.append(message.widget)
        return send(self, message)  # type: ignore[arg-type]

    monkeypatch.setattr("textual.screen.Screen.post_message", post)
    return app


async def test_its_scrollbar_is_drawn_with_the_lines_and_not_a_frame_later(app: Shown) -> None:
    async with app.run_test(size=(40, 12)) as pilot:
        app.numbers.set_extent(1, 24)
        await until(pilot, lambda: app.numbers.show_vertical_scrollbar and not app.screen._dirty_widgets)
        await pilot.pause()
        before = app.column()
        app.told.clear()
        app.numbers.set_extent(1, 240)
        assert app.numbers.vertical_scrollbar in app.screen._dirty_widgets
        await until(pilot, lambda: not app.screen._dirty_widgets)
        await pilot.pause()
        assert app.told == []
        now = app.column()
        assert now != before
        app.numbers.vertical_scrollbar._styles_cache.clear()
        assert app.column() == now


async def test_a_scrollbar_comes_and_goes_as_the_lines_do(app: Shown) -> None:
    async with app.run_test(size=(40, 12)) as pilot:
        for count in (24, 3, 240, 12, 13, 0):
            app.numbers.set_extent(1, count)
            await until(pilot, lambda: app.numbers.show_vertical_scrollbar == (count > 12))  # noqa: B023
            assert (app.numbers.virtual_size.height, app.numbers.scroll_offset.y) == (count, 0)


async def test_before_it_is_laid_out_nobody_is_told(app: Shown) -> None:
    numbers = Numbers()
    async with app.run_test(size=(40, 12)) as pilot:
        numbers.display = False
        await app.screen.mount(numbers)
        numbers.set_extent(1, 100)
        numbers.set_extent(1, 200)
        numbers.display = True
        app.numbers.display = False
        await until(pilot, lambda: numbers.show_vertical_scrollbar and numbers.size.height == 12)
