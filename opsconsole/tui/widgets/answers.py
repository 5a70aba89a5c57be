"""The answers of a question, each with its key; enter takes the marked one, and the harmless one is marked first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.widgets.cells import fit
from opsconsole.tui.widgets.tones import Toned


class Answer(NamedTuple):
    """`value` comes back; `consequence` is said in a dimmer tone."""

    value: str
    key: str
    text: str
    consequence: str = ""
    dangerous: bool = False


class Answers(Toned, Widget, can_focus=True):
    """One line for each answer. Texts must be harmless.

    With `typed` they end a form: beyond the last is the next field, not the first, and letters may be meant for a
    field. A letter then only marks its answer and enter takes it; any other text goes to `typed`, with the letters
    before it. Without focus the first answer is what enter does in a field.

    `before` has each key first, and says whether it was for it.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"answers--marked"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,left,k,shift+tab", "move(-1)", "the one before", show=False),
        Binding("down,right,j,tab", "move(1)", "the next one", show=False),
        Binding("enter", "take", "take the marked answer", show=False),
    ]

    @dataclass
    class Given(Message):
        """An answer was given."""

        value: str

    @dataclass
    class Marked(Message):
        """Another answer is marked, in a form."""

        value: str

    def __init__(
        self, *answers: Answer, typed: Callable[[str], object] | None = None,
        before: Callable[[events.Key], bool] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._answers = answers
        self._marked = 0
        self._typed, self._before = typed, before
        self._letters = ""

    @property
    def marked(self) -> Answer:
        """What enter takes."""
        return self._answers[self._marked]

    def show(self, *answers: Answer) -> None:
        """Others than before; the mark stays on its answer, if that is still there."""
        if answers == self._answers:
            return
        values, was = [answer.value for answer in answers], self.marked.value
        self._marked = values.index(was) if was in values else 0
        taller = len(answers) != len(self._answers)
        self._answers = answers
        self.refresh(layout=taller)

    def mark(self, value: str) -> None:
        """Go to an answer."""
        self._mark([answer.value for answer in self._answers].index(value))

    def action_move(self, by: int) -> None:
        moved = self._marked + by
        if self._typed is not None and not 0 <= moved < len(self._answers):
            self.screen.focus_next() if moved > 0 else self.screen.focus_previous()
            return
        self._mark(moved % len(self._answers))

    def _mark(self, index: int) -> None:
        self._marked = index
        self.refresh()
        if self._typed is not None:
            self.post_message(self.Marked(self.marked.value))

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self._letters = ""
        self._marked = 0 if self._typed is not None else self._marked  # in a field enter does the first
        self.refresh()

    def action_take(self) -> None:
        self.post_message(self.Given(self._answers[self._marked].value))

    def on_key(self, event: events.Key) -> None:
        if self._before is not None and self._before(event):
            event.stop()
            event.prevent_default()
            return
        if self._typed is not None:
            self._type(event, self._typed)
            return
        for answer in self._answers:
            if event.character == answer.key or event.key == answer.key:
                event.stop()
                self.post_message(self.Given(answer.value))

    def _type(self, event: events.Key, typed: Callable[[str], object]) -> None:
        if event.character is None or not event.is_printable:
            self._letters = ""
            return
        event.stop()
        event.prevent_default()
        keys = [answer.key for answer in self._answers]
        self._letters += event.character
        if event.character in keys and len(self._letters) == 1:
            self._mark(keys.index(event.character))
        else:
            text, self._letters = self._letters, ""
            typed(text)

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
        consequence = answer.consequence
        if self._typed is not None and y == (self._marked if self.has_focus else 0):
            consequence = "enter"
        text = max(len(other.text) for other in self._answers) + 2
        return Strip(
            [
                Segment("▌ " if marked else "  ", base + self.tone("accent")),
                Segment(fit(answer.key, 4), base + self.tone("accent")),
                Segment(fit(answer.text, text), base + self.tone("bad" if answer.dangerous else "strong")),
                Segment(fit(consequence, max(1, width - text - 6)), base + self.tone("muted")),
            ]
        ).adjust_cell_length(width, base)
