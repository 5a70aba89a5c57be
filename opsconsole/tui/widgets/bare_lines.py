"""Widgets that draw whole lines of their own, on the short way to the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.dom import NoScreen
from textual.filter import ANSIToTruecolor
from textual.geometry import Region
from textual.strip import Strip

from opsconsole.tui.widgets.tones import Toned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.css.styles import RenderStyles
    from textual.filter import LineFilter
    from textual.screen import Screen


_MOST_STYLES = 200


class _Ground(NamedTuple):
    """What a widget stands on, and the styles that it was worked out from."""

    key: tuple[tuple[int, int], ...]
    base: Style
    background: Color
    bare: bool
    left: int
    right: int
    """Columns of edges and padding, which are the same on every line."""


class BareLines(Toned):
    """Its lines are `render_line`'s, between edges at the left and at the right if there are any, as long as no sheet
    gives it more than that: edges above and beneath, or a veil.

    Textual asks for a dozen of styles for each line; here that is done once for a set of styles.
    """

    _ground: _Ground | None = None
    _edges: tuple[int, Strip, Strip] | None = None
    _known_styles: tuple[Sequence[LineFilter], Color, dict[int, Style | None]] | None = None
    """Filters, background, and styles that are not changed by any of them, by their ids."""

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """As Textual's; but the screen is told at once, where that takes two messages to find out the same."""
        screen = self._screen_to_tell() if repaint and not (layout or recompose) else None
        if screen is None:
            return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        self._layout_cache.clear()
        self._set_dirty(*regions)
        self.clear_cached_dimensions()
        self._rich_style_cache.clear()
        if self.display and screen in screen._compositor:
            screen._dirty_widgets.add(self)
            screen.check_idle()
        return self

    def _screen_to_tell(self) -> Screen[Any] | None:
        """None: there is more to be done than to draw it, or nothing yet."""
        waits = self._layout_required or self._scroll_required or self._refresh_styles_required
        if waits or not self._is_mounted or self._closing or self._parent is None:
            return None
        try:
            return self.screen
        except NoScreen:
            return None

    @property
    def base(self) -> Style:
        """What all it draws lies on: `rich_style`, remembered for as long as no style above it changes."""
        return self._grounded().base

    def render_lines(self, crop: Region) -> list[Strip]:
        ground = self._grounded()
        if not (ground.bare and crop.height):
            return super().render_lines(crop)
        width, filters, kept = self.region.width, self.get_line_filters(), self._styles_cache
        if width != kept._width:
            kept.clear()
            kept._width = width
        strips = []
        for y in crop.line_range:
            if kept.is_dirty(y) or y not in kept._cache:
                kept._cache[y] = self._edged(y, ground, width)
            strip = kept._cache[y]
            if filters and not self._passes(strip, filters, ground.background):
                for one in filters:
                    strip = strip.apply_filter(one, ground.background)
            strips.append(strip)
        kept._dirty_lines.difference_update(crop.line_range)
        if crop.column_span != (0, width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def _passes(self, strip: Strip, filters: Sequence[LineFilter], background: Color) -> bool:
        """Whether it is the same behind all filters; what is known of a style need not be found out again."""
        if self._known_styles is None or self._known_styles[0] != filters or self._known_styles[1] != background:
            self._known_styles = filters, background, {}
        known = self._known_styles[2]
        for _, style, _ in strip._segments:
            if id(style) in known:
                continue
            if style is not None and not _is_seen_as_it_is(style, filters, background):
                return False
            if len(known) > _MOST_STYLES:
                known.clear()
            known[id(style)] = style  # held, so that its id stays its own
        return True

    def _edged(self, y: int, ground: _Ground, width: int) -> Strip:
        """With what stands beside it."""
        if not (ground.left or ground.right):
            return self.render_line(y)
        if self._edges is None or self._edges[0] != width:
            super().render_lines(Region(0, y, width, 1))
            line = self._styles_cache._cache[y]
            self._edges = width, line.crop(0, ground.left), line.crop(width - ground.right, width)
            return line
        _, left, right = self._edges
        return Strip.join([left, self.render_line(y), right])

    def _grounded(self) -> _Ground:
        key = tuple([(id(styles), styles._cache_key) for styles in [one.styles for one in self.ancestors_with_self]])
        if self._ground is None or self._ground.key != key:
            self._styles_cache.clear()
            styles, self._edges = self.styles, None
            gutter = styles.gutter
            bare = _is_bare(styles) and self.opacity == 1.0
            self._ground = _Ground(key, self.rich_style, self.background_colors[1], bare, gutter.left, gutter.right)
        return self._ground

    def notify_style_update(self) -> None:
        """Another theme, too: the styles are the same then, and their colours are others."""
        self._ground = None
        super().notify_style_update()


def _is_seen_as_it_is(style: Style, filters: Sequence[LineFilter], background: Color) -> bool:
    """Only of filters that look at nothing but the style."""
    return all(
        (isinstance(one, ANSIToTruecolor) or getattr(one, "BY_STYLE", False))
        and one.apply([Segment("x", style)], background)[0].style == style
        for one in filters
    )


def _is_bare(styles: RenderStyles) -> bool:
    return (
        not styles.gutter.height
        and not any(edge for edge, _ in styles.outline)
        and not styles.tint.a
        and styles.text_opacity == 1.0
        and (not styles.has_rule("hatch") or styles.hatch == "none")
    )
