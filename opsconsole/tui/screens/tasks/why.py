"""What a single key does at once, done with a reason: first why, then what."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.widgets.answers import Answer, Answers
from opsconsole.tui.widgets.why_line import WhyLine

_NOTHING = Answer("", "n", "Nothing", "esc does this")


class WhyScreen(Modal[str]):
    """`answers` are what can be done to the `subject`, the first one marked; the result is its value, empty: nothing.
    What was said is the `reason`. Texts must be harmless.
    """

    BINDINGS = [("escape", "nothing", "Nothing")]  # noqa: RUF012 - as Textual has it

    def __init__(self, subject: str, answers: Sequence[Answer]) -> None:
        super().__init__()
        self._subject = subject
        self._why = WhyLine()
        self._answers = Answers(*answers, _NOTHING)

    @property
    def reason(self) -> str | None:
        """None: nothing was said."""
        return self._why.text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content("Why, and what?")
            yield Static(Text(self._subject, style="bold"), id="confirm-subject")
            yield self._why
            yield self._answers

    def on_mount(self) -> None:
        self._why.begin()

    def on_why_line_left(self) -> None:
        self.set_focus(self._answers)

    def on_answers_given(self, event: Answers.Given) -> None:
        self.dismiss(event.value)

    def action_nothing(self) -> None:
        self.dismiss("")
