"""A list with a cursor whose lines have columns: as many as fit, one of them as wide as there is room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from opsconsole.tui.widgets.bare_lines import BareLines
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.cursor_list import CursorList


@dataclass(frozen=True, slots=True)
class Column:
    """`width` 0 takes what is left; a table narrower than `from_width` leaves the column out."""

    key: str
    title: str
    width: int
    right: bool = False
    from_width: int = 0


Content = dict[str, Cell]
"""A line: column's key → what stands there."""


class ColumnList(BareLines, CursorList):
    """An heir says what stands in a line; what is drawn already and reads the same is not drawn again."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--heading", "table--cursor"}
    COLUMNS: ClassVar[tuple[Column, ...]]
    LEAST: ClassVar[int] = 4
    """The column that takes what is left is never narrower."""
    _drawn: dict[int, tuple[Content | None, bool]]
    _empty: tuple[str, ...] = ()

    def _content(self, line: int) -> Content | None:
        """Of one of its lines; None: it is not there yet."""
        raise NotImplementedError

    @property
    def cursor_text(self) -> str:
        """The current line's columns that are shown, each in full where the screen may have cut it."""
        content = self._content(self._cursor) if self._count else None
        if content is None:
            return ""
        values = (content[column.key].text.strip() for column, _ in self._spans())
        return "  ".join(value for value in values if value)

    def _tag(self, content: Content) -> str:
        """What stands before a line in place of the cursor's mark; empty: nothing."""
        return ""

    def say_empty(self, *lines: str) -> None:
        """What stands in the middle while it has no line."""
        if lines != self._empty:
            self._empty = lines
            if not self._count:
                self.refresh()

    def _draw_changes(self) -> None:
        if not self._count:
            return
        for y in range(1, self.size.height):
            if self._drawn.get(y) != self._line(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def _line(self, y: int) -> tuple[Content | None, bool]:
        line = y - 1 + self.scroll_offset.y
        if not 0 <= line < self._count:
            return None, False
        return self._content(line), line == self._cursor

    def _spans(self) -> list[tuple[Column, int]]:
        """The columns that fit, with their widths."""
        total = self.size.width - 1  # a column for the scrollbar, whether it is there or not
        shown = self._shown(total)
        left = max(self.LEAST, total - 2 - sum(column.width + 1 for column in shown))
        return [(column, column.width or left) for column in shown]

    def _shown(self, total: int) -> list[Column]:
        """The columns for so many cells."""
        return [column for column in self.COLUMNS if total >= column.from_width]

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.base
        if not self._count:
            line = y - (self.size.height - len(self._empty)) // 2
            text = self._empty[line] if 0 <= line < len(self._empty) else ""
            said = Segment(text.center(width), base + self.tone("muted" if line else "plain"))
            return Strip([said]).adjust_cell_length(width, base)
        if y == 0:
            heading = self.get_component_rich_style("table--heading")
            return self._strip({c.key: Cell(c.title, "") for c in self.COLUMNS}, " ", heading, heading)
        content, cursor = self._drawn[y] = self._line(y)
        if content is None:
            return Strip.blank(width, base)
        tag = self._tag(content)
        if not cursor:
            return self._strip(content, tag or " ", base, base + self.tone("accent") if tag else base)
        style = self.get_component_rich_style("table--cursor")
        return self._strip(content, tag or ("▌" if self.has_focus else " "), style, self.over(style, "accent"))

    def _strip(self, content: Content, mark: str, base: Style, marked: Style) -> Strip:
        segments = [Segment(mark, marked)]
        for column, cell_width in self._spans():
            text, tone = content[column.key]
            style = self.over(base, tone) if tone else base
            segments += [Segment(fit(text, cell_width, right=column.right), style), Segment(" ", base)]
        return Strip(Segment.simplify(segments)).adjust_cell_length(self.size.width, base)
