"""Lines of cells that scroll: the pages of a run that are read, not followed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Region
from textual.strip import Strip

from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.folding import in_lines
from opsconsole.tui.widgets.line_view import ReadingView
from opsconsole.tui.widgets.tones import Toned

_DEEP = 4

Line = Sequence[Cell]
Lines = Callable[[int, int], Iterable[Line]]
"""Makes the page for a width and a height; texts are harmless."""


class PageView(Toned, ReadingView, can_focus=True, inherit_bindings=False):
    """`show` is cheap when nothing changed; only lines that differ are drawn again."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._made: Lines = lambda width, height: ()
        self._lines: list[Line] = []
        self._subject: object = None

    def show(self, subject: object, lines: Lines) -> None:
        """Another `subject` begins at its top."""
        if subject != self._subject:
            self._subject = subject
            self.jump(y=0)
        self._made = lines
        self._build()

    @property
    def text(self) -> str:
        return "\n".join("".join(cell.text for cell in line) for line in self._lines)

    def on_resize(self) -> None:
        self._build()

    def _build(self) -> None:
        if not self.size.width:
            return
        before = self._lines
        self._lines = list(wrapped(self._made(self._room, self.size.height), self._room))
        self.set_extent(1, len(self._lines))
        if len(before) != len(self._lines):
            self.refresh()
            return
        top = self.scroll_offset.y
        changed = [at - top for at, (old, new) in enumerate(zip(before, self._lines, strict=True)) if old != new]
        if seen := [y for y in changed if 0 <= y < self.size.height]:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in seen))

    @property
    def _room(self) -> int:
        return max(10, self.size.width - 3)

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        line = y + self.scroll_offset.y
        cells = self._lines[line] if line < len(self._lines) else ()
        segments = [Segment(" ", base), *(Segment(cell.text, base + self.tone(cell.tone or "plain")) for cell in cells)]
        return Strip(segments).adjust_cell_length(width, base)


def wrapped(lines: Iterable[Line], width: int) -> Iterator[Line]:
    """Lines no wider than `width`: the last cell goes on below itself."""
    for line in lines:
        if sum(cell_len(cell.text) for cell in line) <= width:
            yield line
            continue
        *before, last = line
        indent = sum(cell_len(cell.text) for cell in before)
        if before and indent > width // 2:  # the rest begins on a line of its own
            yield tuple(before)
            before, indent = [Cell(" " * _DEEP, "")], _DEEP
        parts = in_lines(last.text, width - indent) or [""]
        for number, part in enumerate(parts):
            yield (*before, Cell(part, last.tone)) if not number else (Cell(" " * indent, ""), Cell(part, last.tone))
