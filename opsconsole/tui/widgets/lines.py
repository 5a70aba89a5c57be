"""A list that is looked at, not moved in: a title or headings, and rows of cells, cut to the room there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.widgets.task_table import Cell
from opsconsole.tui.widgets.tones import TONE_CLASSES, Toned

GAP = 1

Row = Sequence[tuple[Cell, int]]
"""Cells with their widths: 0 takes what is left, a negative width is right-aligned."""


class Lines(Toned, Widget):
    """The first line is a title with a note beside it, or the headings of the columns with the note at the right end.

    Rows that find no room are counted in the last line, unless they are `cut`.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES

    def __init__(self, title: str = "", *, id: str | None = None, cut: bool = False) -> None:
        super().__init__(id=id)
        self._head: Row = ((Cell(title, "strong"), cell_len(title)),)
        self._titled = bool(title)
        self._cut = cut
        self._note = Cell("", "faint")
        self._rows: list[Row] = []
        self._empty: Sequence[Cell] = ()

    def show(
        self, rows: list[Row], note: Cell | str = "", empty: Sequence[Cell] = (), headings: Row | None = None
    ) -> None:
        """`empty` stands in place of no rows, a line each."""
        head = self._head if headings is None else headings
        note = Cell(note, "muted") if isinstance(note, str) else note
        before, first = self._rows, (self._head, self._note)
        grown = max(len(rows), 1) != max(len(before), 1)
        same_shape = len(rows) == len(before) and (rows or empty == self._empty)
        self._rows, self._note, self._empty, self._head = rows, note, empty, head
        if not same_shape:
            self.refresh(layout=grown and self.styles.is_auto_height)
            return
        changed = [y for y, (old, new) in enumerate(zip(before, rows, strict=True), 1) if old != new]
        if first != (head, note):
            changed.append(0)
        if changed:  # over a slow line every cell counts
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    @property
    def room(self) -> int:
        """Rows that can be seen."""
        return max(0, self.size.height - 1)

    @property
    def text(self) -> str:
        """What it says, without colours."""
        rows = [" ".join(cell.text for cell, _ in row) for row in self._rows] or [cell.text for cell in self._empty]
        return "\n".join([" ".join([*(cell.text for cell, _ in self._head), self._note.text]), *rows])

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1 + max(len(self._rows), len(self._empty), 1)

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        at, room = y - 1, self.room
        segments: list[Segment] = []
        if y == 0:
            segments = self._first_line(width)
        elif not self._rows:
            if at < len(self._empty):
                segments = [Segment(self._empty[at].text, base + self.tone(self._empty[at].tone))]
        elif at == room - 1 and len(self._rows) > room and not self._cut:
            segments = [Segment(f"… and {len(self._rows) - at} more", base + self.tone("faint"))]
        elif at < len(self._rows):
            segments = self._cells(self._rows[at], width)
        return Strip(segments).adjust_cell_length(width, base)

    def _first_line(self, width: int) -> list[Segment]:
        base, note = self.rich_style, self._note
        said = Segment(note.text, base + self.tone(note.tone))
        if self._titled:
            return [*self._cells(self._head, width), Segment(" ", base), said]
        fixed = sum(abs(size) + GAP if size else cell_len(cell.text) + GAP for cell, size in self._head)
        if not note.text or fixed + cell_len(note.text) + GAP > width:
            return self._cells(self._head, width)
        return [*self._cells(self._head, width - cell_len(note.text)), said]

    def _cells(self, row: Row, width: int) -> list[Segment]:
        base = self.rich_style
        fixed = sum(abs(size) + GAP for _, size in row if size)
        rest = max(0, width - fixed - GAP)
        segments: list[Segment] = []
        for cell, size in row:
            room = abs(size) or rest
            text = cell.text
            if cell_len(text) > room:
                text = set_cell_size(text, max(0, room - 1)) + "…"
            pad = " " * max(0, room - cell_len(text))
            text = pad + text if size < 0 else text + pad
            style = base + self.tone(cell.tone)
            if style.reverse:
                segments += [Segment(text, style), Segment(" " * GAP, base)]
            else:
                segments.append(Segment(text + " " * GAP, style))
        return list(Segment.simplify(segments))  # each change of colour costs as much as a word
