"""What is to be said of the selected row: paragraphs of toned words, folded at the edge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Region
from textual.strip import Strip

from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.widgets import folding
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.line_view import ReadingView
from opsconsole.tui.widgets.tones import Toned

Paragraph = Sequence[Cell]
"""Cells one after the other; none: an empty line."""
_LABEL = 10


def fact(label: str, text: str, tone: str = "plain") -> Paragraph:
    """A word in front, and what it is."""
    return (Cell(label.ljust(_LABEL) if len(label) < _LABEL else f"{label}  ", "faint"), Cell(text, tone))


class Prose(Toned, ReadingView, can_focus=True, inherit_bindings=False):
    """The first line is a title. Texts must be harmless. Moving scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = Cell("", "strong")
        self._paragraphs: list[Paragraph] = []
        self._lines: list[list[Cell]] = []
        self._width = 0

    def show(self, title: Cell, paragraphs: Iterable[Paragraph]) -> None:
        """Another title begins at the top again."""
        found = list(paragraphs)
        if (title, found) == (self._title, self._paragraphs):
            return
        if title != self._title:
            self.jump(y=0)
        self._title, self._paragraphs = title, found
        self._fold()

    @property
    def text(self) -> str:
        """All of it, without colours."""
        said = ("".join(cell.text for cell in one) for one in self._paragraphs)
        return "\n".join([self._title.text, *said])

    def on_resize(self) -> None:
        if self.size.width != self._width:
            self._fold()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def _fold(self) -> None:
        self._width = self.size.width
        room = max(10, self._width - 3)
        lines = [line for one in ((self._title,), *self._paragraphs) for line in folded(one, room)]
        before, self._lines = self._lines, lines
        self.set_extent(1, len(lines))
        top = self.scroll_offset.y
        for y in range(self.size.height):
            if before[top + y : top + y + 1] != lines[top + y : top + y + 1]:
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        base, at = self.rich_style, y + self.scroll_offset.y
        line = self._lines[at] if at < len(self._lines) else []
        edge = self.edge(y, base, self.tone("accent"))
        segments = [edge, *(Segment(cell.text, base + self.tone(cell.tone)) for cell in line)]
        return Strip(Segment.simplify(segments)).adjust_cell_length(self.size.width, base)


def folded(paragraph: Paragraph, width: int) -> list[list[Cell]]:
    """Lines of at most `width` cells. A label in front (`fact`) leaves its room free on the lines below it."""
    hang = cell_len(paragraph[0].text) if len(paragraph) > 1 and paragraph[0].tone == "faint" else 0
    return folding.folded(paragraph, width, hang)
