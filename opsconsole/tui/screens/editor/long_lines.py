"""Lines of a megabyte, measured without reading all of them at each key."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len
from textual.document._document import Location
from textual.document._wrapped_document import WrappedDocument
from textual.geometry import Offset

from opsconsole.tui.screens.editor.languages import COLOURED_LINE

_PIECE = 1024


def is_long(line: str) -> bool:
    return len(line) > COLOURED_LINE


@lru_cache(4096)
def _end_of(piece: str, start: int, tab: int) -> int:
    """The cell after a piece that begins in cell `start`, which is below `tab`."""
    if piece.isascii():
        return len((" " * start + piece).expandtabs(tab))
    cell = start
    for character in piece:
        cell = _after(character, cell, tab)
    return cell


def _after(character: str, cell: int, tab: int) -> int:
    if character == "\t":
        return cell + tab - cell % tab
    return cell + (1 if character.isascii() else cell_len(character))


def cells_before(line: str, column: int, tab: int) -> int:
    """How many cells lie to the left of a column. Pieces are known again, wherever they stand."""
    cell = 0
    for at in range(0, min(column, len(line)), _PIECE):
        begin = cell % tab
        cell += _end_of(line[at : min(at + _PIECE, column)], begin, tab) - begin
    return cell


def column_at(line: str, cell: int, tab: int) -> tuple[int, int]:
    """The column whose character covers this cell, and the cell in which it begins."""
    here = column = 0
    while column < len(line):
        begin = here % tab
        after = here + _end_of(line[column : column + _PIECE], begin, tab) - begin
        if after > cell:
            break
        here, column = after, min(len(line), column + _PIECE)
    while column < len(line) and (after := _after(line[column], here, tab)) <= cell:
        here, column = after, column + 1
    return column, here


class Unwrapped(WrappedDocument):
    """A document in which each line is one row: what Textual finds out of a line's text is known without it."""

    def wrap(self, width: int, tab_width: int | None = None) -> None:
        self._width = 0
        self._tab_width = tab_width or self._tab_width
        count = self.document.line_count
        self._wrap_offsets = [[] for _ in range(count)]
        self._tab_width_cache = [[] for _ in range(count)]
        self._offset_to_line_info = [(row, 0) for row in range(count)]
        self._line_index_to_offsets = [[row] for row in range(count)]

    def wrap_range(self, start: Location, old_end: Location, new_end: Location) -> None:
        if self.document.line_count != len(self._wrap_offsets):
            self.wrap(0)

    def get_sections(self, line_index: int) -> list[str]:
        return [self.document[line_index]]

    def offset_to_location(self, offset: Offset) -> Location:
        row = min(max(0, offset.y), len(self._wrap_offsets) - 1)
        line = self.document[row]
        if is_long(line):
            return row, column_at(line, max(0, offset.x), self._tab_width)[0]
        return super().offset_to_location(offset)

    def location_to_offset(self, location: Location) -> Offset:
        row, column = location
        line = self.document[row]
        if is_long(line):
            return Offset(cells_before(line, column, self._tab_width), row)
        return super().location_to_offset(location)

    def get_target_document_column(self, line_index: int, x_offset: int, y_offset: int) -> int:
        line = self.document[line_index]
        if is_long(line):
            return column_at(line, x_offset, self._tab_width)[0]
        return super().get_target_document_column(line_index, x_offset, y_offset)
