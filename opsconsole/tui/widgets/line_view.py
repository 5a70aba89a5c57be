"""A scrolling list of lines that tells the screen no more than what changed."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.widget import Widget


class LineView(ScrollView):
    """Base of what draws its own lines and scrolls by lines, at once and without animation."""

    def set_extent(self, width: int, height: int) -> None:
        """How much there is to scroll over.

        Set the ordinary way, `virtual_size` lays the whole screen out again, and all of it goes down the wire.
        """
        extent = Size(width, height)
        if extent != self.virtual_size:
            self.set_reactive(Widget.virtual_size, extent)
            self._scroll_update(extent)
            self._draw_scrollbars_too()

    def _draw_scrollbars_too(self) -> None:
        """In the same frame as the lines that have changed: a scrollbar that tells the screen by itself comes in one of
        its own, and a list that grows and shrinks each second is drawn twice."""
        for shown, bar in (
            (self.show_vertical_scrollbar, self._vertical_scrollbar),
            (self.show_horizontal_scrollbar, self._horizontal_scrollbar),
        ):
            if not shown or bar is None or not bar._repaint_required or not bar._is_mounted or not bar.display:
                continue
            if bar._layout_required or bar._scroll_required or bar._refresh_styles_required:
                continue  # there is more to be done than to draw it
            if bar not in (screen := self.screen)._compositor:
                continue
            bar._repaint_required = False
            screen._dirty_widgets.add(bar)
            screen.check_idle()

    def jump(self, *, x: int | None = None, y: int | None = None) -> None:
        """Scroll there now, also when the scrollbar has not come up yet."""
        self.scroll_to(x=x, y=y, animate=False, immediate=True, force=True)

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        if shown:
            self.call_after_refresh(self._place_scrollbar)

    def _place_scrollbar(self) -> None:
        """A scrollbar that has just come does not know yet how far it was scrolled without it."""
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = self.scroll_y


class ReadingView(LineView):
    """Lines without a cursor: the keys of moving scroll. An heir draws its `edge` first in each line."""

    def on_focus(self) -> None:
        self.refresh(Region(0, 0, self.size.width, 1))

    def on_blur(self) -> None:
        self.refresh(Region(0, 0, self.size.width, 1))

    def edge(self, y: int, base: Style, accent: Style) -> Segment:
        """One cell, which says in the first line whether the keys go here."""
        return Segment("▌", base + accent) if y == 0 and self.has_focus else Segment(" ", base)

    def scroll_by(self, lines: int) -> None:
        """Down by so many lines, or up; no further than to its ends."""
        self.jump(y=max(0, min(self.scroll_offset.y + lines, self.virtual_size.height - self.size.height)))

    def action_up(self) -> None:
        self.scroll_by(-1)

    def action_down(self) -> None:
        self.scroll_by(1)

    def action_page_up(self) -> None:
        self.scroll_by(-max(1, self.size.height - 1))

    def action_page_down(self) -> None:
        self.scroll_by(max(1, self.size.height - 1))

    def action_top(self) -> None:
        self.jump(y=0)

    def action_bottom(self) -> None:
        self.scroll_by(self.virtual_size.height)
