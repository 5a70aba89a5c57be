"""The lines above and below the text: what is open and how it stands, and what is wrong where the cursor is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.tones import Toned


class OneLine(Toned, Widget):
    """Cells from the left, and a note at the right end that gives way. Texts must be harmless."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._cells: Sequence[Cell] = ()
        self._note = Cell("", "faint")

    def show(self, cells: Sequence[Cell], note: Cell) -> None:
        if (cells, note) != (self._cells, self._note):
            self._cells, self._note = cells, note
            self.refresh()

    @property
    def text(self) -> str:
        """What it says, without colours."""
        return " ".join([*(cell.text for cell in self._cells), self._note.text])

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        segments, room = [Segment(" ", base)], width - 2
        for cell in self._cells:
            if room < 4:
                break
            text = cell.text if cell_len(cell.text) <= room else fit(cell.text, room)
            segments.append(Segment(text + " ", base + self.tone(cell.tone)))
            room -= cell_len(text) + 1
        if self._note.text and cell_len(self._note.text) <= room:
            segments.append(Segment(" " * (room - cell_len(self._note.text)), base))
            segments.append(Segment(self._note.text, base + self.tone(self._note.tone)))
        return Strip(segments).adjust_cell_length(width, base)
