"""The line below the output in which one types what to look for."""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from opsconsole.tui.widgets.text_field import TextField


class FindLine(Horizontal):
    """Hidden while nobody types. Enter searches, escape leaves the output as it is."""

    @dataclass
    class Asked(Message):
        """The operator pressed enter; empty: no search any more. None: escape."""

        text: str | None

    BINDINGS = [("escape", "leave", "leave it")]  # noqa: RUF012 - as Textual has it

    def compose(self) -> ComposeResult:
        yield Static("search", id="output-find-sign", markup=False)
        yield TextField(placeholder="words of a line; a capital letter makes case count", id="output-find-text")

    def begin(self) -> None:
        """Show it and type."""
        self.add_class("-typing")
        field = self.query_one(Input)
        field.value = ""
        self.screen.set_focus(field)  # now: the next key may be here already

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._leave(event.value)

    def action_leave(self) -> None:
        self._leave(None)

    def _leave(self, text: str | None) -> None:
        self.remove_class("-typing")
        self.post_message(self.Asked(text))
