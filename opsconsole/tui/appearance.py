"""How the console looks on this terminal: theme, glyphs, and what every line passes on its way out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import CompositorUpdate
from textual._styles_cache import StylesCache
from textual.color import Color
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import Screen
from textual.style import Style as VisualStyle

from opsconsole.tui.frame_changes import Frame
from opsconsole.tui.glyphs import GlyphSet, choose
from opsconsole.tui.look_alikes import LookAlikes, wanted
from opsconsole.tui.spare_strips import make_spare
from opsconsole.tui.theming import SIXTEEN_THEME, LoadedThemes, has_sixteen_colours, load_themes, theme_for
from opsconsole.tui.widgets.tones import TonedApp


class StyleFilter(LineFilter):
    """Looks at the styles of a line only, and at each for itself."""

    BY_STYLE: ClassVar[bool] = True


class Colourless(StyleFilter):
    """Bold, dim, reverse and underlined stay; no colour is sent, not even the terminal's default one."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text, None if style is None else _without_colour(style), control)
            for text, style, control in segments
        ]


class Sixteen(StyleFilter):
    """The terminal's own colours only, whatever widgets that bring colours of their own, as editors do, ask for."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text, None if style is None else _in_sixteen(style), control) for text, style, control in segments
        ]


@lru_cache(2048)
def _in_sixteen(style: Style) -> Style:
    colours = [one and one.downgrade(ColorSystem.STANDARD) for one in (style.color, style.bgcolor)]
    return style if colours == [style.color, style.bgcolor] else style + Style.from_color(*colours)


class Rounded(StyleFilter):
    """A theme of many colours where there are sixteen: two that round to one, or nearly, stay two."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text, None if style is None else rounded(style), control) for text, style, control in segments]


_READABLE = {15: {7: 8, 15: 8}, 7: {7: 0, 8: 0, 15: 0}, 8: {7: 15, 8: 15}, 0: {0: 7}}
"""Background → foreground → what is read on it, by the terminal's numbers (7 and 15 white, 8 bright black)."""


@lru_cache(2048)
def rounded(style: Style) -> Style:
    """As sixteen colours have it, and to be read."""
    if style.color is None or style.bgcolor is None:
        return style
    ink, paper = (one.downgrade(ColorSystem.STANDARD).number for one in (style.color, style.bgcolor))
    if ink is None or paper is None:
        return style
    readable = _READABLE.get(paper, {paper: 15}).get(ink)
    return style if readable is None else style + Style(color=RichColor.from_ansi(readable))


class Undimmed(StyleFilter):
    """What is dim and reversed, as quiet words under the cursor are in the terminal's own colours, cannot be read."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if not any(style is not None and style.dim and style.reverse for _, style, _ in segments):
            return segments
        return [
            Segment(text, style + _UNDIMMED if style is not None and style.reverse else style, control)
            for text, style, control in segments
        ]


_UNDIMMED = Style(dim=False)


@lru_cache(2048)
def _without_colour(style: Style) -> Style:
    return style.without_color


def _inner_outer(_: type[StylesCache], base: Color, ground: Color) -> tuple[VisualStyle, VisualStyle]:
    return VisualStyle(background=base + ground), VisualStyle(background=base)


StylesCache.get_inner_outer = classmethod(lru_cache(1024)(_inner_outer))  # type: ignore[assignment,arg-type]
"""As Textual means it. Its own is no class method, though it is written as one: its cache has the widget's drawn lines
in its keys, and keeps those of the last thousand widgets, which may be hundreds of dialogs."""

make_spare()


class DressedApp(TonedApp):
    """An app with our themes, the operator's, and glyphs that its terminal can show."""

    def __init__(
        self, *, folders: Iterable[Path], theme: str, graphs: str, encoding: str,
        environ: Mapping[str, str] = os.environ, driver: Any = None,
    ) -> None:  # fmt: skip
        """`theme` empty: what suits the terminal; `graphs`: one of GLYPH_CHOICES."""
        self._without_colours = "NO_COLOR" in environ
        super().__init__(driver_class=driver, ansi_color=True if self._without_colours else None)
        self._filters = [one for one in self._filters if not isinstance(one, NoColor | Monochrome)]
        self._frame = Frame()
        self._colourless = Colourless(enabled=False)
        self._sixteen = Sixteen(enabled=False)
        self._rounded = Rounded(enabled=False)
        self._filters += [Undimmed(), self._sixteen, self._rounded, self._colourless]
        self._environ, self._encoding = environ, encoding
        self._look_alikes: LookAlikes | None = None
        self.glyphs: GlyphSet = choose(graphs, environ, encoding)
        """What graphs, sparks and bars are drawn with."""
        self.use_graphs(graphs)
        self._folders = tuple(folders)
        self.loaded_themes = LoadedThemes()
        self.reload_themes()
        self.theme, problem = theme_for(environ, theme, self.available_themes)
        self.theme_problems: tuple[str, ...] = (
            *self.loaded_themes.failures, *self.loaded_themes.notes, *((problem,) if problem else ()),
        )  # fmt: skip
        """What is to be said about themes at the start."""
        self.watch_theme()

    def forget_frame(self) -> None:
        """The terminal was cleared, or somebody else has drawn on it."""
        self._frame.forget()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate):
            renderable = self._frame.changes(renderable)
        super()._display(screen, renderable)

    def refresh_css(self, animate: bool = True) -> None:
        """Before there is a screen, sheets are only told the colours: they are read once, when there is one."""
        if self._screen_stack:
            super().refresh_css(animate)
        else:
            self.stylesheet.set_variables(self.get_css_variables())

    def reload_themes(self) -> LoadedThemes:
        """Read the folders anew; a theme that is shown is shown as it is now."""
        self.loaded_themes = load_themes(self._folders)
        for one in self.loaded_themes.themes:
            self.register_theme(one)
        if self._running:
            self._watch_theme(self.theme)
            self.watch_theme()
        return self.loaded_themes

    def use_graphs(self, setting: str) -> None:
        """Draw with other glyphs from now on."""
        self.glyphs = choose(setting, self._environ, self._encoding)
        self._filters = [one for one in self._filters if one is not self._look_alikes]
        self._look_alikes = wanted(setting, self._environ, self._encoding)
        if self._look_alikes is not None:
            self._filters.append(self._look_alikes)
        self._draw_anew()

    def watch_theme(self) -> None:
        """Also called by Textual, when the theme has changed."""
        self._sixteen.enabled = self.theme == SIXTEEN_THEME
        self._rounded.enabled = self.theme != SIXTEEN_THEME and has_sixteen_colours(self._environ)
        self._colourless.enabled = self._without_colours or self.theme in self.loaded_themes.colourless
        self._draw_anew()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What themes of the terminal's own colours lack; Textual's sheets refer to it, and would not load."""
        lacking = ("ansi-background", "ansi-foreground", "surface-active")
        return {"foreground-disabled": "ansi_default 50%", **dict.fromkeys(lacking, "ansi_default")}

    def _draw_anew(self) -> None:
        """Lines that were drawn are kept by the widgets; with other filters or glyphs they are others."""
        if self._running:
            for screen in self.screen_stack:
                for widget in (screen, *screen.query("*")):
                    widget.notify_style_update()
                    widget.refresh()
