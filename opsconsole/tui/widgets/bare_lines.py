"""Widgets that draw whole lines of their own, on the short way to the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.style import Style
from textual.color import Color
from textual.geometry import Region
from textual.strip import Strip

from opsconsole.tui.widgets.tones import Toned

if TYPE_CHECKING:
    from textual.css.styles import RenderStyles


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
            for one in filters:
                strip = strip.apply_filter(one, ground.background)
            strips.append(strip)
        kept._dirty_lines.difference_update(crop.line_range)
        if crop.column_span != (0, width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

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


def _is_bare(styles: RenderStyles) -> bool:
    return (
        not styles.gutter.height
        and not any(edge for edge, _ in styles.outline)
        and not styles.tint.a
        and styles.text_opacity == 1.0
        and (not styles.has_rule("hatch") or styles.hatch == "none")
    )
