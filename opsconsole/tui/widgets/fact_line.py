"""Lines of short facts side by side: the first ones first, and only whole ones."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.widgets.bare_lines import BareLines
from opsconsole.tui.widgets.cells import Cell

_APART = 3

Phrase = Sequence[Cell]
"""Cells that stay together, a space between them."""


class FactLine(BareLines, Widget):
    """A line each of phrases; a line without any takes no room."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Sequence[Phrase]] = []

    def show(self, *lines: Sequence[Phrase]) -> None:
        found = [line for line in lines if line]
        if found != self._lines:
            grown = len(found) != len(self._lines)
            self._lines = found
            self.refresh(layout=grown)

    @property
    def text(self) -> str:
        return "\n".join("   ".join(" ".join(cell.text for cell in phrase) for phrase in line) for line in self._lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._lines))

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.base
        segments: list[Segment] = []
        used = 0
        for phrase in self._lines[y] if y < len(self._lines) else ():
            length = sum(cell_len(cell.text) + 1 for cell in phrase) - 1
            if used and used + _APART + length > width:
                break
            if used:
                segments.append(Segment(" " * _APART, base))
                used += _APART
            for number, cell in enumerate(phrase):
                segments.append(Segment(" " * bool(number) + cell.text, base + self.tone(cell.tone)))
            used += length
        return Strip(segments).adjust_cell_length(width, base)
