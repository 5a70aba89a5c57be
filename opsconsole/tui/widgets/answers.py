"""The answers of a question, each with its key; enter takes the marked one, and the harmless one is marked first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.widgets.task_table import fit
from opsconsole.tui.widgets.tones import TONE_CLASSES, Toned


class Answer(NamedTuple):
    """`value` comes back; `consequence` is said in a dimmer tone."""

    value: str
    key: str
    text: str
    consequence: str = ""
    dangerous: bool = False


class Answers(Toned, Widget, can_focus=True):
    """One line for each answer. Texts must be harmless. `ends`: beyond the last is the next field, not the first."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES | {"answers--marked"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,left,k,shift+tab", "move(-1)", "the one before", show=False),
        Binding("down,right,j,tab", "move(1)", "the next one", show=False),
        Binding("enter", "take", "take the marked answer", show=False),
    ]

    @dataclass
    class Given(Message):
        """An answer was given."""

        value: str

    def __init__(self, *answers: Answer, ends: bool = False) -> None:
        super().__init__()
        self._answers = answers
        self._marked = 0
        self._ends = ends

    def action_move(self, by: int) -> None:
        moved = self._marked + by
        if self._ends and not 0 <= moved < len(self._answers):
            self.screen.focus_next() if moved > 0 else self.screen.focus_previous()
            return
        self._marked = moved % len(self._answers)
        self.refresh()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def action_take(self) -> None:
        self.post_message(self.Given(self._answers[self._marked].value))

    def on_key(self, event: events.Key) -> None:
        for answer in self._answers:
            if event.character == answer.key or event.key == answer.key:
                event.stop()
                self.post_message(self.Given(answer.value))

    def on_click(self, event: events.Click) -> None:
        if event.y < len(self._answers):
            self.post_message(self.Given(self._answers[event.y].value))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._answers)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._answers):
            return Strip.blank(width, self.rich_style)
        answer, marked = self._answers[y], y == self._marked and self.has_focus
        base = self.get_component_rich_style("answers--marked") if marked else self.rich_style
        text = max(len(other.text) for other in self._answers) + 2
        return Strip(
            [
                Segment("▌ " if marked else "  ", base + self.tone("accent")),
                Segment(fit(answer.key, 4), base + self.tone("accent")),
                Segment(fit(answer.text, text), base + self.tone("bad" if answer.dangerous else "strong")),
                Segment(fit(answer.consequence, max(1, width - text - 6)), base + self.tone("muted")),
            ]
        ).adjust_cell_length(width, base)
