"""What the anomalies' mode asks: for how long to be silent, and a note."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.widgets.answers import Answer, Answers
from opsconsole.tui.widgets.text_field import TextField

SILENCES = (("m", 1800, "30 minutes"), ("h", 7200, "2 hours"), ("e", 28800, "8 hours"), ("d", 86400, "1 day"))
"""Key, seconds, and how it is called."""


class SilenceScreen(Modal[int | None]):
    """Seconds, or None: not at all. `subject` must be harmless."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "No")]

    def __init__(self, subject: str) -> None:
        super().__init__()
        self._subject = subject
        self._answers = Answers(
            *(Answer(str(seconds), key, f"Tell nobody for {words}") for key, seconds, words in SILENCES),
            Answer("", "n", "No, go on telling", "esc does this"),
        )

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content("Silence its alerts?")
            yield Static(Text(self._subject, style="bold"), id="silence-subject")
            yield Static(Text("It is still watched and shown; no alert of its kind and subject is sent."))
            yield self._answers

    def on_mount(self) -> None:
        self.set_focus(self._answers)

    def on_answers_given(self, event: Answers.Given) -> None:
        self.dismiss(int(event.value) if event.value else None)

    def action_leave(self) -> None:
        self.dismiss(None)


class NoteScreen(Modal[str | None]):
    """What was typed, or None. `subject` must be harmless."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "No note")]

    def __init__(self, subject: str) -> None:
        super().__init__()
        self._subject = subject

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content("A note to this episode")
            dialog.border_subtitle = "enter keeps it, esc drops it"
            yield Static(Text(self._subject, style="bold"), id="note-subject")
            yield TextField(placeholder="what you know, what you did", id="note-text")

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#note-text", Input))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip() or None)

    def action_leave(self) -> None:
        self.dismiss(None)


class WhichScreen(Modal[int | None]):
    """The place of what was chosen, or None. Texts must be harmless."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Stay here")]

    def __init__(self, title: str, answers: Sequence[Answer]) -> None:
        super().__init__()
        self._title = title
        self._answers = Answers(*answers, Answer("", "n", "Stay here", "esc does this"))

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self._title)
            yield self._answers

    def on_mount(self) -> None:
        self.set_focus(self._answers)

    def on_answers_given(self, event: Answers.Given) -> None:
        self.dismiss(int(event.value) if event.value else None)

    def action_leave(self) -> None:
        self.dismiss(None)
