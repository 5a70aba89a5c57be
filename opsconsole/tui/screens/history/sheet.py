"""A page of lines to read and to search: facts, scripts, outputs, pictures made of characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.widgets.bare_lines import BareLines
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.line_view import ReadingView

Row = Sequence[Cell]
"""Cells beside each other; their texts are harmless and already as wide as they are to be."""


class Sheet(BareLines, ReadingView, can_focus=True):
    """Shows rows, and where in them a text stands."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"sheet--match"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    @dataclass
    class Resized(Message):
        """Rows are made for a width: it is another one now."""

        sheet: Sheet

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()
        self._wanted = ""
        self._matches: list[int] = []
        self._at = -1
        self._width = 0  # which the rows were made for: before it is laid out there is none

    # -- what it shows

    @property
    def rows(self) -> Sequence[Row]:
        return self._rows

    @property
    def text(self) -> str:
        """What it says, without colours."""
        return "\n".join(text_of(row).rstrip() for row in self._rows)

    @property
    def room(self) -> tuple[int, int]:
        """Columns and lines there are, without the scrollbar's."""
        return max(10, self.size.width - 2), max(1, self.size.height)

    def show(self, rows: Sequence[Row], *, again: bool = False) -> None:
        """`again`: the same page, which stays where it was scrolled to and searched."""
        self._rows, self._width = rows, self.size.width
        if not again:
            self._wanted, self._at = "", -1
        self._match()
        self.set_extent(1, len(rows))
        if not again:
            self.jump(y=0)
        self.refresh()

    # -- searching

    @property
    def matches(self) -> int:
        """Lines that have what is searched for."""
        return len(self._matches)

    @property
    def match(self) -> int:
        """Which of them is looked at, from 1; 0: none."""
        return self._at + 1

    def find(self, text: str) -> None:
        """Mark it wherever it stands, in any case, and go to the first place from here on."""
        self._wanted, self._at = text.casefold(), -1
        self._match()
        if self._matches:
            top = self.scroll_offset.y
            self._at = next((at for at, line in enumerate(self._matches) if line >= top), 0)
            self._reveal()
        self.refresh()

    def step(self, by: int) -> None:
        """To the next place, or the one before; from the last to the first."""
        if self._matches:
            self._at = (self._at + by) % len(self._matches)
            self._reveal()
            self.refresh()

    def _match(self) -> None:
        wanted = self._wanted
        self._matches = [y for y, row in enumerate(self._rows) if wanted in text_of(row).casefold()] if wanted else []
        self._at = min(self._at, len(self._matches) - 1)

    def _reveal(self) -> None:
        line, top, height = self._matches[self._at], self.scroll_offset.y, self.size.height
        if not top <= line < top + height:
            self.jump(y=max(0, line - height // 3))

    def on_resize(self) -> None:
        if self._width != self.size.width:
            self._width = self.size.width
            self.post_message(self.Resized(self))

    # -- drawing

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.base
        line = y + self.scroll_offset.y
        if line >= len(self._rows):
            return Strip.blank(width, base)
        segments = [self.edge(y, base, self.tone("accent"))]
        found = self._at >= 0 and bool(self._matches) and self._matches[self._at] == line
        for text, tone in self._rows[line]:
            segments += self._marked(text, base + self.tone(tone) if tone else base, found)
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, base)

    def _marked(self, text: str, style: Style, here: bool) -> list[Segment]:
        wanted, folded = self._wanted, text.casefold()
        if not wanted or wanted not in folded or len(folded) != len(text):
            return [Segment(text, style)]
        mark = self.get_component_rich_style("sheet--match")
        mark = mark if here else Style(color=mark.color, underline=True, bold=True, bgcolor=style.bgcolor)
        segments, at = [], 0
        while (place := folded.find(wanted, at)) >= 0:
            segments += [Segment(text[at:place], style), Segment(text[place : place + len(wanted)], mark)]
            at = place + len(wanted)
        return [*segments, Segment(text[at:], style)]


def text_of(row: Row) -> str:
    return "".join(cell.text for cell in row)
