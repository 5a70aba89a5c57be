"""The line of a question where one may say why: nobody has to, and it is not there until it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from opsconsole.tui.widgets.text_field import TextField


class WhyLine(Horizontal):
    """Enter keeps what was typed, escape drops it; shown while there is something in it."""

    @dataclass
    class Left(Message):
        """Typing is over."""

    BINDINGS = [("escape", "leave(False)", "drop the reason")]  # noqa: RUF012 - as Textual has it

    text: str | None = None
    """What was typed, also when the question is gone; None: nothing."""

    def compose(self) -> ComposeResult:
        yield Static("why", id="why-label", markup=False)
        yield TextField(placeholder="kept with what is done, for whoever asks later", id="why-text")

    def begin(self) -> None:
        """Show it and type."""
        self.add_class("-open")
        self.screen.set_focus(self.query_one(Input))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.text = event.value.strip() or None

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_leave(True)

    def action_leave(self, kept: bool) -> None:
        field = self.query_one(Input)
        if not kept:
            field.value = ""
        self.set_class(bool(field.value.strip()), "-open")
        self.post_message(self.Left())
