"""The line below the list: what it is filtered by, typed here, and how much of the record it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.cursor_list import CursorList
from opsconsole.tui.widgets.folding import folded
from opsconsole.tui.widgets.text_field import TextField

_NOTE = 0.6
"""Of the line, as its style sheet has it."""
_BELOW = 2


class FilterLine(Horizontal):
    """Hidden while there is nothing to say. Enter keeps the filter, escape drops it."""

    @dataclass
    class Changed(Message):
        """The operator typed."""

        text: str

    @dataclass
    class Left(Message):
        """Typing is over; `kept` or dropped."""

        kept: bool

    HINT: ClassVar[str] = "words, failed, state:running, exit:3, by:deploy, #17"
    """What can be typed."""
    _said = "", False
    _stands: tuple[str, bool] | None = None
    _list: CursorList | None = None
    BINDINGS = [("escape", "leave(False)", "drop the filter")]  # noqa: RUF012 - as Textual has it

    def compose(self) -> ComposeResult:
        yield Static("/", id="filter-sign", markup=False)
        yield TextField(placeholder=self.HINT, id="filter-text")
        yield Static("", id="filter-note", markup=False)

    @property
    def text(self) -> str:
        """Empty before there is anything to type in, which what was read in a thread may come before."""
        return "".join(field.value for field in self.query(Input))

    def begin(self, narrows: CursorList | None = None) -> None:
        """Show it and type. The cursor of the list that it `narrows` comes back when the filter is dropped."""
        self._list = narrows
        if narrows is not None:
            narrows.hold()
        self.add_class("-typing")
        self.screen.set_focus(self.query_one(Input))  # now: the next key may be here already

    def clear(self) -> None:
        self.query_one(Input).value = ""

    def fill(self, text: str) -> None:
        self.query_one(Input).value = text

    def note(self, text: str, *, wrong: bool = False) -> None:
        """What stands at the end of the line: a count, or what is wrong with the filter, which has up to two lines
        below where it is long. It must be harmless. What stands there is not said again: the whole screen would be laid
        out for it."""
        self._said = text, wrong
        if self._said != self._stands:
            self._show_note()

    def on_resize(self) -> None:
        if self._said[0]:
            self._show_note()

    def _show_note(self) -> None:
        """What has no room ends in an ellipsis."""
        text, wrong = self._said
        width = self.size.width or self.app.size.width  # hidden so far
        lines, room = [text], max(2, int(width * _NOTE) - 2)
        below = wrong and cell_len(text) > room
        if below:
            room = max(2, width - 2)
            lines = ["".join(cell.text for cell in line).rstrip() for line in folded([Cell(text, "")], room)]
            lines[_BELOW - 1 :] = [" ".join(lines[_BELOW - 1 :])] * (len(lines) >= _BELOW)
        for line in self.query("#filter-note").results(Static):  # none: the screen comes, or goes, just now
            line.set_class(wrong, "-wrong")
            line.update("\n".join(one if cell_len(one) <= room else fit(one, room).rstrip() for one in lines))
            self._stands = self._said
        self.set_class(bool(text), "-noted")
        self.set_class(below, "-below")
        self.set_class(below and len(lines) > 1, "-twice")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.set_class(bool(event.value), "-filled")
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_leave(True)

    def action_leave(self, kept: bool) -> None:
        if self._list is not None:
            (self._list.let_go if kept else self._list.give_back)()
        if not kept:
            self.clear()
        self.remove_class("-typing")
        self.post_message(self.Left(kept))
