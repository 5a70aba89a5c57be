"""The few tones everything is drawn in: severity has colours, the rest is brighter or dimmer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.style import Style
from textual.app import App
from textual.color import Color

from opsconsole.tui.widgets.shades import SHADED, shaded

if TYPE_CHECKING:
    from textual.widget import Widget as _Base
else:
    _Base = object

TONES = frozenset({"plain", "strong", "muted", "faint", "good", "warning", "bad", "alarm", "accent", "graph"})


class TonedApp(App[None]):
    """Knows the tones for all its widgets: as component classes of each of them they doubled the styling at the start.

    Its sheets must include `tones.tcss`.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone}" for tone in TONES}

    def tone(self, name: str) -> Style:
        """Foreground and attributes of a tone, or of a shade of it; empty until there are sheets."""
        known = self.__dict__.setdefault("_tones_drawn", {})
        whole, _, step = name.partition("@")
        source = self._component_styles.get(f"tone--{whole}")
        if source is None:
            return Style.null()
        if name not in known or known[name][0] is not source:  # another theme brings other objects
            known[name] = source, self._shaded(whole, int(step)) if step else self._toned(whole)
        found: Style = known[name][1]
        return found

    def _toned(self, name: str) -> Style:
        style = self.get_component_styles(f"tone--{name}").rich_style
        return Style(color=style.color, bold=style.bold, dim=style.dim, reverse=style.reverse)

    def _shaded(self, name: str, step: int) -> Style:
        """The tone itself where shades would be rounded to a few colours, and of colours that are the terminal's."""
        whole = self.tone(name)
        if whole.color is None or whole.color.triplet is None or self.console.color_system not in (None, "truecolor"):
            return whole
        variables = self.theme_variables
        foot, ground = variables.get(SHADED[name]), Color.parse(variables["background"])
        colour = shaded(Color(*whole.color.triplet), Color.parse(foot) if foot else None, ground, step)
        return whole + Style(color=colour.rich_color)


class Toned(_Base):
    """A widget that draws its own lines, in an app that is a TonedApp.

    Not a widget itself: Textual collects component classes along one line of bases only.
    """

    def tone(self, name: str) -> Style:
        """Foreground and attributes of a tone; the background is that of where it is drawn."""
        return cast("TonedApp", self.app).tone(name)

    def over(self, style: Style, name: str) -> Style:
        """A tone on a cursor's line: where that is made by reversing, colours would be patches of another ground."""
        tone = self.tone(name)
        return style + (Style(bold=tone.bold) if style.reverse else tone)
