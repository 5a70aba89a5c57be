"""The worst class of question: it is answered by typing what is about to be done."""

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
from opsconsole.tui.widgets.text_field import TextField


class PhraseScreen(Modal[bool]):
    """True only when `phrase` was typed. `subject` names the target exactly. Texts must be harmless."""

    GRAVE = True
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Back")]

    def __init__(self, title: str, subject: str, consequences: Sequence[str], phrase: str) -> None:
        super().__init__()
        self._title = title
        self._subject = subject
        self._consequences = consequences
        self._phrase = phrase

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -danger") as dialog:
            dialog.border_title = Content(self._title)
            dialog.border_subtitle = "esc goes back and does nothing"
            yield Static(Text(self._subject, style="bold"), id="phrase-subject")
            for line in self._consequences:
                yield Static(Text(line), classes="phrase-consequence")
            yield Static(Text(f"To do it all the same, type {self._phrase}"), classes="phrase-consequence")
            yield TextField(id="phrase")
            yield Static("", id="phrase-problem", markup=False)

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#phrase", Input))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() == self._phrase:
            self.dismiss(True)
        else:
            self.query_one("#phrase-problem", Static).update(Text("that is not it: nothing was done"))

    def action_leave(self) -> None:
        self.dismiss(False)
