"""A question before something that cannot be undone: what exactly, with which consequence; No is the default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from opsconsole.tui.widgets.answers import Answer, Answers


class ConfirmScreen(ModalScreen[bool]):
    """`subject` names the target exactly. Texts must be harmless."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "answer(False)", "No")]

    def __init__(self, title: str, subject: str, consequences: Sequence[str], *, yes: str, no: str) -> None:
        super().__init__()
        self._title = title
        self._subject = subject
        self._consequences = consequences
        self._answers = Answers(Answer("no", "n", no, "enter and esc do this"), Answer("yes", "y", yes, dangerous=True))

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -danger") as dialog:
            dialog.border_title = Content(self._title)
            yield Static(Text(self._subject, style="bold"), id="confirm-subject")
            for line in self._consequences:
                yield Static(Text(line), classes="confirm-consequence")
            yield self._answers

    def on_mount(self) -> None:
        self.set_focus(self._answers)

    def on_answers_given(self, event: Answers.Given) -> None:
        self.dismiss(event.value == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
