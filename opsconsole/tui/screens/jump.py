"""Jump mode: a letter on everything that can take the focus; the letter goes there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.widgets.tones import Toned

if TYPE_CHECKING:
    from opsconsole.tui.app import ConsoleApp

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
_EDGES = " ▌▏│┃"


class Overlay(Toned, Widget):
    """Draws the screen below, dimmed, with a letter in the corner of each target."""

    def __init__(self, below: list[Strip], targets: dict[str, Widget]) -> None:
        super().__init__()
        self._texts = ["".join(segment.text for segment in line) for line in below]
        self._at = {_place(target.region, self._texts): letter for letter, target in targets.items()}

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        faint = base + self.tone("faint")
        text = self._texts[y] if y < len(self._texts) else ""
        strip = Strip([Segment(text, faint)]).adjust_cell_length(width, base)
        for (x, row), letter in sorted(self._at.items()):
            if row == y:
                label = Strip([Segment(letter, base + self.tone("accent") + Style(reverse=True))])
                strip = Strip.join([strip.crop(0, x), label, strip.crop(x + 1, width)])
        return strip


def _place(region: Region, lines: Sequence[str]) -> tuple[int, int]:
    """Where in the first line of a pane a letter hides least: over a blank or a bar at its edge, else at its end."""
    line = Strip([Segment(lines[region.y] if 0 <= region.y < len(lines) else "")])
    for x in (region.x, region.x - 1, region.right - 1):
        if x >= 0 and line.crop(x, x + 1).text.strip(_EDGES) == "":
            return x, region.y
    return region.right - 1, region.y


class JumpScreen(Modal[None]):
    """Every other key closes it."""

    CSS_PATH = "jump.tcss"
    BINDINGS: ClassVar[list[BindingType]] = []
    app: ConsoleApp

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._targets = targets_of(screen)
        self._below = screen._compositor.render_strips()

    def compose(self) -> ComposeResult:
        yield Overlay(self._below, self._targets)

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        target, mode = self._targets.get(event.key), event.key
        if self._dismissed:
            return
        self.dismiss()
        if target is not None:
            target.focus()
        elif mode.isdigit():
            self.app.call_later(self.app.simulate_key, mode)

    def on_resize(self, event: events.Resize) -> None:
        if self._below and event.size.width != self._below[0].cell_length:
            self.dismiss()


def targets_of(screen: Screen[Any]) -> dict[str, Widget]:
    """Letter → what it goes to, from the top left on."""
    seen = [one for one in screen.focus_chain if one.region and screen.region.overlaps(one.region)]
    seen.sort(key=lambda one: (one.region.y, one.region.x))
    return dict(zip(LETTERS, seen, strict=False))
