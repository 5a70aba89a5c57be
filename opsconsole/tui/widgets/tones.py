"""The few tones everything is drawn in: severity has colours, the rest is brighter or dimmer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style

if TYPE_CHECKING:
    from textual.widget import Widget as _Base
else:
    _Base = object

TONES = frozenset({"plain", "strong", "muted", "faint", "good", "warning", "bad", "alarm", "accent", "graph"})
TONE_CLASSES = {f"tone--{tone}" for tone in TONES}


class Toned(_Base):
    """A widget that draws its own lines; its COMPONENT_CLASSES must include `TONE_CLASSES`.

    Not a widget itself: Textual collects component classes along one line of bases only.
    """

    def tone(self, name: str) -> Style:
        """Foreground and attributes of a tone; the background is that of where it is drawn."""
        style = self.get_component_rich_style(f"tone--{name}")
        return Style(color=style.color, bold=style.bold, dim=style.dim, reverse=style.reverse)
