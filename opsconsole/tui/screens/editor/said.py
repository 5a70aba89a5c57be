"""Lines that are written for the width there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.folding import in_lines
from opsconsole.tui.widgets.tones import Toned

Lines = Sequence[Sequence[Cell]]
Write = Callable[[int], Lines]
"""The lines for a width. All texts must be harmless."""


class Said(Toned, Widget):
    """As high as what it says; nothing said takes no room."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._write: Write = lambda _: []
        self._lines: Lines = []
        self._width = 0

    def say(self, write: Write) -> None:
        self._write = write
        before = self._lines
        self._lines = write(self._width) if self._width else []
        if not self._width or len(before) != len(self._lines):
            self.refresh(layout=True)
        elif before != self._lines:
            self.refresh()

    @property
    def text(self) -> str:
        return "\n".join("".join(cell.text for cell in line) for line in self._lines)

    def height_at(self, width: int) -> int:
        """How many lines it needs."""
        return len(self._write(width)) if width else 0

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        self._fit(width)
        return len(self._lines)

    def _fit(self, width: int) -> None:
        if width != self._width:
            self._width = width
            self._lines = self._write(width)

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        self._fit(width)
        segments, room = [], width
        for text, tone in self._lines[y] if y < len(self._lines) else ():
            if room <= 0:
                break
            shown = text if cell_len(text) <= room else fit(text, room)
            segments.append(Segment(shown, base + self.tone(tone) if tone else base))
            room -= cell_len(shown)
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, base)


def folded(text: str, width: int, most: int, tone: str, indent: str = " ") -> list[list[Cell]]:
    """Harmless text over at most so many lines; the last ends in an ellipsis where there is more."""
    lines = in_lines(text, max(8, width - len(indent) - 1))
    if len(lines) > most:
        lines = [*lines[: most - 1], fit(lines[most - 1] + " " + lines[most], max(8, width - len(indent) - 1))]
    return [[Cell(indent + line, tone)] for line in lines]
