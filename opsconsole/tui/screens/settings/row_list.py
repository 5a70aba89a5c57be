"""A page's list: rows under headings, and a cursor that is on a row, not on a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.cursor_list import CursorList
from opsconsole.tui.widgets.tones import Toned


class Column(NamedTuple):
    """`width` 0 takes what is left; it is shown where the list is at least `from_width` wide."""

    title: str
    width: int
    right: bool = False
    from_width: int = 0


class Row(NamedTuple):
    """`id` tells it from the others; none: it is a heading. `search`: more words that a filter finds it by."""

    id: str
    cells: tuple[Cell, ...]
    search: str = ""

    def matches(self, words: Sequence[str]) -> bool:
        text = " ".join((*(cell.text for cell in self.cells), self.search)).casefold()
        return all(word in text for word in words)


def heading(text: str) -> Row:
    return Row("", (Cell(text, "muted"),))


def filtered(rows: Sequence[Row], text: str) -> list[Row]:
    """The rows with all these words; a heading stays where a row of it does."""
    words = text.casefold().split()
    found: list[Row] = []
    for row in rows:
        if not row.id:
            if found and not found[-1].id:
                found.pop()
            found.append(row)
        elif row.matches(words):
            found.append(row)
    while found and not found[-1].id:
        found.pop()
    return found


class RowList(Toned, CursorList, can_focus=True, inherit_bindings=False):
    """Line 0 is the columns' titles; the cursor skips headings."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--heading", "table--cursor"}
    ALIKE: ClassVar[bool] = False
    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    @dataclass
    class Moved(Message):
        """The cursor is on another row; the first time, too."""

        list: RowList
        id: str

    def __init__(self, columns: Sequence[Column], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._columns = columns
        self._rows: list[Row] = []
        self._cursor = 0
        self._empty: tuple[str, ...] = ()
        self._drawn: dict[int, tuple[Row | None, bool]] = {}

    # -- what it shows

    @property
    def rows(self) -> Sequence[Row]:
        return self._rows

    @property
    def selected(self) -> str:
        """The row's id; empty: there is none."""
        return self._rows[self._cursor].id if self._cursor < len(self._rows) else ""

    @property
    def at_end(self) -> bool:
        return self._cursor >= len(self._rows) - 1

    def show(self, rows: list[Row], *empty: str) -> None:
        """The cursor stays on its row; `empty` stands in the middle where there is none."""
        before = self.selected
        if bool(rows) != bool(self._rows) or (not rows and empty != self._empty):
            self.refresh()
        self._rows, self._empty = rows, empty
        was, self._cursor = self._cursor, self._selectable(max(0, min(self._cursor, len(rows) - 1)), 1)
        self._stay(before or None, lambda wanted: next((at for at, row in enumerate(rows) if row.id == wanted), None))
        self.set_extent(1, len(rows) + 1)
        if self._cursor != was:
            self._reveal()
        self._draw_changes()
        if before != self.selected:
            self.post_message(self._moved_to())

    def select(self, row_id: str) -> None:
        for at, row in enumerate(self._rows):
            if row_id and row.id == row_id:
                self._go(at)
                return

    # -- moving

    @property
    def _count(self) -> int:
        return len(self._rows)

    @property
    def _whose(self) -> str | None:
        return self.selected or None

    def _moved_to(self) -> Message:
        return self.Moved(self, self.selected)

    def _go(self, line: int) -> None:
        line = max(0, min(line, self._count - 1))
        super()._go(self._selectable(line, -1 if line < self._cursor else 1))

    def _selectable(self, line: int, by: int) -> int:
        """The nearest row that is no heading, first in the direction of `by`."""
        for step in (by, -by):
            at = line
            while 0 <= at < len(self._rows):
                if self._rows[at].id:
                    return at
                at += step
        return 0

    def _reveal(self) -> None:
        if self._cursor == self._selectable(0, 1):
            self.jump(y=0)  # with the heading over it
        else:
            super()._reveal()

    # -- drawing

    def _draw_changes(self) -> None:
        for y in range(1, self.size.height) if self._rows else ():
            if self._drawn.get(y) != self._line(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def _line(self, y: int) -> tuple[Row | None, bool]:
        line = y - 1 + self.scroll_offset.y
        if not 0 <= line < len(self._rows):
            return None, False
        return self._rows[line], line == self._cursor

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if not self._rows:
            line = y - (self.size.height - len(self._empty)) // 2
            text = self._empty[line] if 0 <= line < len(self._empty) else ""
            said = Segment(text.center(width), base + self.tone("muted" if line else "plain"))
            return Strip([said]).adjust_cell_length(width, base)
        if y == 0:
            style = self.get_component_rich_style("table--heading")
            return self._strip(tuple(Cell(one.title, "") for one in self._columns), " ", style, style)
        row, cursor = self._drawn[y] = self._line(y)
        if row is None:
            return Strip.blank(width, base)
        if not row.id:
            tone = base + self.tone(row.cells[0].tone)
            return Strip([Segment(" " + row.cells[0].text, tone)]).adjust_cell_length(width, base)
        if not cursor:
            return self._strip(row.cells, " ", base, base)
        style = self.get_component_rich_style("table--cursor")
        return self._strip(row.cells, "▌" if self.has_focus else " ", style, self.over(style, "accent"))

    def _strip(self, cells: Sequence[Cell], mark: str, base: Style, marked: Style) -> Strip:
        total = self.size.width - 1  # a column for the scrollbar, whether it is there or not
        shown = [(cell, one) for cell, one in zip(cells, self._columns, strict=False) if total >= one.from_width]
        left = max(4, total - 2 - sum(one.width + 1 for _, one in shown if one.width))
        segments = [Segment(mark, marked)]
        for (text, tone), column in shown:
            fitted = fit(text, column.width or left, right=column.right)
            segments += [Segment(fitted, self.over(base, tone) if tone else base), Segment(" ", base)]
        return Strip(Segment.simplify(segments)).adjust_cell_length(self.size.width, base)
