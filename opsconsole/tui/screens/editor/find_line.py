"""The line below the text in which is typed what to find, or which line to go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from opsconsole.tui.widgets.text_field import TextField

Purpose = Literal["find", "line"]


class FindLine(Horizontal):
    """Hidden but while it is typed in. Enter goes on, escape leaves; the field remembers what was found last."""

    @dataclass
    class Typed(Message):
        """Look for this, from where the search began."""

        purpose: Purpose
        text: str

    @dataclass
    class Entered(Message):
        """Enter: to the next one, or to the line."""

        purpose: Purpose
        text: str

    @dataclass
    class Left(Message):
        """Escape."""

    BINDINGS = [("escape", "leave", "back to the text")]  # noqa: RUF012 - as Textual has it

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.purpose: Purpose = "find"
        self.words = ""

    def compose(self) -> ComposeResult:
        yield Static("", id="find-sign", markup=False)
        yield TextField(id="find-text")
        yield Static("", id="find-note", markup=False)

    def begin(self, purpose: Purpose) -> None:
        """Show it and type."""
        self.purpose = purpose
        self.query_one("#find-sign", Static).update("find" if purpose == "find" else "line")
        field = self.query_one(Input)
        with self.prevent(Input.Changed):
            field.value = self.words if purpose == "find" else ""
        field.cursor_position = len(field.value)
        self.note("")
        self.add_class("-typing")
        self.screen.set_focus(field)

    def note(self, text: str, *, wrong: bool = False) -> None:
        """At the end of the line; it must be harmless."""
        line = self.query_one("#find-note", Static)
        line.set_class(wrong, "-wrong")
        line.update(text)

    def hide(self) -> None:
        self.remove_class("-typing")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.purpose == "find":
            self.words = event.value
        self.post_message(self.Typed(self.purpose, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered(self.purpose, event.value))

    def action_leave(self) -> None:
        self.hide()
        self.post_message(self.Left())
