"""One of a few, on one line: ← and → choose, nothing opens and nothing hides the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.widgets.tones import Toned


class Choice(Toned, Widget, can_focus=True):
    """`value` is the chosen one's text."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--chosen"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "the one before", show=False),
        Binding("right,l,space", "step(1)", "the next one", show=False),
    ]

    @dataclass
    class Changed(Message):
        """Another one was chosen."""

        choice: Choice

    def __init__(self, options: list[str], value: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._options = options
        self._chosen = options.index(value)

    @property
    def value(self) -> str:
        return self._options[self._chosen]

    def action_step(self, by: int) -> None:
        self._choose((self._chosen + by) % len(self._options))

    def _choose(self, index: int) -> None:
        if index != self._chosen:
            self._chosen = index
            self.refresh()
            self.post_message(self.Changed(self))

    def on_click(self, event: events.Click) -> None:
        x = 0
        for index, option in enumerate(self._options):
            x += cell_len(option) + 3
            if event.x < x:
                self._choose(index)
                return

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        chosen = self.get_component_rich_style("choice--chosen")
        segments = []
        for index, option in enumerate(self._options):
            style = chosen if index == self._chosen else base + self.tone("muted")
            shown = f"[{option}]" if index == self._chosen else f" {option} "  # without colours, too
            segments += [Segment(shown, style), Segment(" ", base)]
        return Strip(segments).adjust_cell_length(self.size.width, base)
