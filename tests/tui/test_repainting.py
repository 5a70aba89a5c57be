"""What is drawn of a screen that changed in places is what Textual would have drawn there."""

from __future__ import annotations

import random
from typing import Any

import pytest
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor
from textual.app import App, ComposeResult
from textual.color import Color
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.filter import LineFilter
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from opsconsole.tui.appearance import Colourless, Undimmed
from opsconsole.tui.repainting import SparingCompositor
from opsconsole.tui.widgets.bare_lines import BareLines
from opsconsole.tui.widgets.tones import TonedApp
from tests.tui.waiting import lines_of, until

Cells = dict[tuple[int, int], tuple[str, object]]


class Numbered(BareLines, Widget):
    """A line says which one it is, and is as wide as it likes."""

    asked: list[int]

    def render_line(self, y: int) -> Strip:
        self.__dict__.setdefault("asked", []).append(y)
        return Strip([Segment(f"{self.id} line {y} " * 5, self.base)]).adjust_cell_length(self.size.width, self.base)


class Styled(Widget):
    """The same by Textual's way."""

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        return Strip([Segment(f"{self.id} line {y} " * 5, base)]).adjust_cell_length(self.size.width, base)


class Sparing(Screen[None]):
    def __init__(self, kind: type[Widget]) -> None:
        super().__init__()
        self._compositor = SparingCompositor()
        self._kind = kind

    def compose(self) -> ComposeResult:
        kind = self._kind
        with Horizontal():
            yield kind(id="left")
            with Vertical():
                yield kind(id="edged")
                yield kind(id="boxed")
        yield kind(id="over")


class Screened(TonedApp):
    CSS = """
    Horizontal { height: 1fr; background: #102030; }
    #left { width: 40%; background: #304050; color: #ffffff; }
    #edged { height: 50%; border-left: vkey red; padding: 0 2; background: #203040 60%; }
    #boxed { height: 50%; border: solid green; }
    #over { layer: above; dock: bottom; width: 20; height: 4; offset: 10 -3; background: #550000; }
    Screen { layers: below above; }
    """

    def __init__(self, kind: type[Widget] = Numbered) -> None:
        super().__init__()
        self._kind = kind

    def on_mount(self) -> None:
        self.push_screen(Sparing(self._kind))


def cells_of(update: object) -> Cells:
    """What is sent, a cell each."""
    assert isinstance(update, ChopsUpdate)
    found: Cells = {}
    for y, x1, x2 in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=True):
            if end <= x1 or x >= x2:
                continue
            assert strip is not None, f"nothing was drawn at {x}, {y}"
            cells = [(char, segment.style) for segment in strip for char in segment.text]
            found |= {(y, x + at): cell for at, cell in enumerate(cells) if x1 <= x + at < x2}
    return found


def drawn(app: App[None], how: type[Compositor], regions: set[Region]) -> Cells:
    compositor = app.screen._compositor
    compositor._dirty_regions = set(regions)
    return cells_of(how.render_partial_update(compositor))


@pytest.mark.parametrize("seed", range(8))
async def test_the_same_is_drawn(seed: int) -> None:
    of = random.Random(seed)
    app = Screened()
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        places = [(of.randrange(50), of.randrange(18)) for _ in range(of.randrange(1, 6))]
        regions = {Region(x, y, of.randrange(1, 60 - x), of.randrange(1, 20 - y)) for x, y in places}
        assert drawn(app, SparingCompositor, regions) == drawn(app, Compositor, regions)


async def test_lines_of_their_own_look_as_by_the_long_way() -> None:
    whole = {Region(0, 0, 60, 19)}  # the whole of it is no change in places
    both = []
    for kind in (Numbered, Styled):
        app = Screened(kind)
        async with app.run_test(size=(60, 20)) as pilot:
            await pilot.pause()
            both.append(drawn(app, SparingCompositor, whole))
    assert both[0] == both[1]


async def test_a_refresh_is_told_at_once_and_means_the_same() -> None:
    """As Textual has it when its two messages have come through."""
    regions = [Region(0, 2, 5, 1), Region(3, 4, 2, 2)]
    found = []
    for kind in (Numbered, Styled):
        app = Screened(kind)
        async with app.run_test(size=(60, 20)) as pilot:
            await pilot.pause()
            screen = app.screen
            shown: list[Cells] = []
            compositor = screen._compositor
            real = compositor.render_update

            def render(shown: list[Cells] = shown, real: Any = real, **options: Any) -> Any:
                update = real(**options)
                shown.append(cells_of(update) if isinstance(update, ChopsUpdate) else {})
                return update

            compositor.render_update = render  # type: ignore[method-assign,assignment]
            left, edged = screen.query_one("#left", kind), screen.query_one("#edged", kind)
            left.refresh(*regions)
            edged.refresh()
            if kind is Numbered:
                assert {left, edged} <= screen._dirty_widgets, "no message is waited for"
            await until(pilot, lambda: shown and not screen._dirty_widgets)  # noqa: B023
            found.append({place: cell for update in shown for place, cell in update.items()})
    assert found[0] == found[1] and found[0]


async def test_a_widget_that_is_hidden_or_is_to_be_laid_out_goes_the_long_way() -> None:
    app = Screened()
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        left, edged = app.screen.query_one("#left", Numbered), app.screen.query_one("#edged", Numbered)
        left.display = False
        await until(pilot, lambda: not app.screen._dirty_widgets and not app.screen._layout_required)
        left.refresh()
        assert left not in app.screen._dirty_widgets
        edged.refresh(layout=True)
        assert edged._layout_required and edged not in app.screen._dirty_widgets


class Coloured(Numbered):
    """Styles that filters change, and such as they do not."""

    def render_line(self, y: int) -> Strip:
        styles = ("red", "dim #aabbcc on #102030", "#aabbcc on #102030", "dim reverse", "bold", "on blue")
        segments = [Segment(f"{self.id}{y} ", self.base + Style.parse(one)) for one in styles[y % 3 :]]
        return Strip(segments).adjust_cell_length(self.size.width, self.base)


class StyledColours(Coloured):
    """By Textual's way."""

    def render_lines(self, crop: Region) -> list[Strip]:
        return Widget.render_lines(self, crop)


class Shouting(LineFilter):
    """Looks at the text, whatever its style."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text.upper(), style, control) for text, style, control in segments]


@pytest.mark.parametrize("filters", [(), (Undimmed(),), (Undimmed(), Colourless()), (Shouting(),)])
async def test_filters_change_what_they_are_to_change(filters: tuple[LineFilter, ...]) -> None:
    whole, both = {Region(0, 0, 60, 19)}, []
    for kind in (Coloured, StyledColours):
        app = Screened(kind)
        async with app.run_test(size=(60, 20)) as pilot:
            await pilot.pause()
            app._filters += filters
            for widget in app.screen.query(Numbered):
                widget.notify_style_update()
                widget._styles_cache.clear()
            drawn(app, SparingCompositor, whole)  # what is known of a style from the first time is used the second time
            for widget in app.screen.query(Numbered):
                widget._styles_cache.clear()
            both.append(drawn(app, SparingCompositor, whole))
    assert both[0] == both[1]


async def test_only_lines_that_have_changed_are_asked_for() -> None:
    app = Screened()
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        left, over = app.screen.query_one("#left", Numbered), app.screen.query_one("#over", Numbered)
        left._styles_cache.clear()
        left.asked.clear()
        over.asked.clear()
        drawn(app, SparingCompositor, {Region(0, 2, 5, 1), Region(0, 5, 5, 2)})
        assert left.asked == [2, 5, 6] and over.asked == []


async def test_another_colour_above_is_seen() -> None:
    app = Screened()
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        edged = app.screen.query_one("#edged", Numbered)
        before = edged.base
        app.screen.query_one(Horizontal).styles.background = "white"
        assert edged.base != before and edged.base == edged.rich_style


def test_stretches_end_where_lines_are_left_out() -> None:
    from opsconsole.tui.repainting import _stretches

    assert list(_stretches([1, 2, 3, 7, 9, 10])) == [(1, 4), (7, 8), (9, 11)]
    assert list(_stretches([])) == []


class Growing(BareLines, Widget):
    """Keeps what it has drawn until it is told that it has another size, as who draws much does."""

    DEFAULT_CSS = "Growing { height: auto; }"
    lines = 2

    def __init__(self, **known: Any) -> None:
        super().__init__(**known)
        self._kept: list[Strip] = []

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self.lines

    def on_resize(self) -> None:
        self._kept.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        if y >= len(self._kept):
            self._kept[y:] = [self._line(at) for at in range(len(self._kept), self.size.height)]
        return self._kept[y]

    def _line(self, y: int) -> Strip:
        return Strip([Segment(f"{y + 1} of {self.size.height}", self.base)]).adjust_cell_length(self.size.width)


class Scrolls(Screen[None]):
    CSS = "#page { height: 1fr; } #long { height: 200; } #under { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._compositor = SparingCompositor()

    def compose(self) -> ComposeResult:
        yield Growing(id="growing")
        yield Static("under", id="under")
        with VerticalScroll(id="page"):
            yield Numbered(id="long")


class Grows(TonedApp):
    def on_mount(self) -> None:
        self.push_screen(Scrolls())


async def test_who_grows_is_told_so_though_somebody_looked_at_the_new_places_before() -> None:
    async with Grows().run_test(size=(40, 12)) as pilot:
        await until(pilot, lambda: lines_of(pilot)[:3] == [f"{words:40}" for words in ("1 of 2", "2 of 2", "under")])
        screen = pilot.app.screen
        screen.query_one("#page").scroll_to(y=3, animate=False)
        await until(pilot, lambda: "line 3" in lines_of(pilot)[3])
        growing = screen.query_one(Growing)
        growing.lines = 4
        growing.refresh(layout=True)
        growing._check_refresh()  # the screen will hear that it is to be laid out, and has not yet
        screen._compositor._full_map_invalidated = True
        assert screen._compositor.full_map[growing].region.height == 4  # somebody asks where things are
        await until(pilot, lambda: growing.size.height == 4)
        assert [line.strip() for line in lines_of(pilot)[:5]] == [*(f"{y} of 4" for y in (1, 2, 3, 4)), "under"]
        assert "line 3" in lines_of(pilot)[5]
