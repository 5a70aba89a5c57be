"""A line to type in, that sends no bytes while nobody types."""

from __future__ import annotations

from textual.widgets import Input


class TextField(Input):
    """One line high; its cursor does not blink, since over SSH each blink is traffic."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str) -> None:
        super().__init__(value, placeholder=placeholder, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False
