"""Which rows the lines of the text take: one each, or as many as they need where long lines are wrapped."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from textual.document._document import Location
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.geometry import Offset

from opsconsole.tui.screens.editor.long_lines import after, cells_before, column_at, is_long, width_of
from opsconsole.tui.screens.editor.marks import change_between


def breaks(line: str, width: int, tab: int) -> list[int]:
    """The columns at which another row of at most `width` cells begins, after a blank where there is one.

    A tab goes to the next stop of its own row. A line that is too long to be looked through after each key is broken
    by the count of its characters: as many as fit, whatever they are.
    """
    plain = line.isascii() and "\t" not in line
    if plain and len(line) <= width:
        return []
    if is_long(line):
        widest = 1 if plain else max(2, tab if "\t" in line else 2)
        step = max(1, width // widest)
        return list(range(step, len(line), step))
    found: list[int] = []
    first = 0
    while (end := _fitting(line, first, width, tab)) < len(line):
        if line[end] == " ":
            end += end + 1 < len(line)  # it hangs over into the cell that the cursor has at the end of a line
        else:
            blank = max(line.rfind(" ", first, end), line.rfind("\t", first, end)) + 1
            if blank > first and not line[first:blank].isspace():
                end = blank
        found.append(end)
        first = end
    return found


def _fitting(line: str, first: int, width: int, tab: int) -> int:
    """The column after the last one that fits into a row; at least one does."""
    piece = line[first : first + width]
    if piece.isascii() and "\t" not in piece:
        return first + len(piece)
    cell, column = 0, first
    while column < len(line) and (cell := after(line[column], cell, tab)) <= width:
        column += 1
    return max(column, first + 1)


class Rows(WrappedDocument):
    """What Textual finds out of a line's text is known without it, and looked at again only where a line changed."""

    _known: list[str]
    _widths: list[int]
    """Without wrapping, the cells of each line."""
    _tops: list[int]
    """With wrapping, the first row of each line, and after the last one how many there are."""

    def wrap(self, width: int, tab_width: int | None = None) -> None:
        """`width` 0: each line is one row."""
        self._width = width
        self._tab_width = tab = tab_width or self._tab_width
        lines = self.document.lines
        self._known = list(lines)
        self._wrap_offsets, self._tops, self._widths = [], [0], []
        if width:
            self._wrap_offsets = [breaks(line, width, tab) for line in lines]
            self._count()
        else:
            self._widths = [width_of(line, tab) for line in lines]

    def rewrap(self, width: int, tab_width: int) -> None:
        """Only where it makes a difference."""
        if (width, tab_width) != (self._width, self._tab_width):
            self.wrap(width, tab_width)

    def wrap_range(self, start: Location, old_end: Location, new_end: Location) -> None:
        """What has changed is found out: several edits that are undone at once say it in places of different texts."""
        lines, tab = self.document.lines, self._tab_width
        change = change_between(self._known, lines)
        if change is None:
            return
        self._known = list(lines)
        old, new = slice(change.first, change.last + 1), lines[change.first : change.new_last + 1]
        if not self._width:
            self._widths[old] = [width_of(line, tab) for line in new]
            return
        found = [breaks(line, self._width, tab) for line in new]
        same = [len(one) for one in self._wrap_offsets[old]] == [len(one) for one in found]
        self._wrap_offsets[old] = found
        if not same:
            self._count()

    def _count(self) -> None:
        self._tops = list(accumulate((len(one) + 1 for one in self._wrap_offsets), initial=0))

    @property
    def height(self) -> int:
        return self._tops[-1] if self._width else len(self._known)

    @property
    def width(self) -> int:
        """Of the longest line, where none is wrapped; 0 where they are."""
        return max(self._widths, default=0)

    def row_at(self, y: int) -> tuple[int, int]:
        """Which line a row shows, and the how manieth row of it that is. Rows beyond the text are its last."""
        y = min(max(0, y), self.height - 1)
        if not self._width:
            return y, 0
        line = bisect_right(self._tops, y) - 1
        return line, y - self._tops[line]

    def span(self, line: int, section: int) -> tuple[int, int]:
        """The columns of a line that one of its rows shows, the end exclusive."""
        begins = self.get_offsets(line)
        if section < 0:
            section += len(begins) + 1
        length = len(self.document[line])
        first = min(begins[section - 1], length) if section else 0
        return first, min(begins[section], length) if section < len(begins) else length

    def get_offsets(self, line_index: int) -> list[int]:
        return self._wrap_offsets[line_index] if self._width else []

    def get_sections(self, line_index: int) -> list[str]:
        line = self.document[line_index]
        ends = [*self.get_offsets(line_index), len(line)]
        return [line[first:end] for first, end in zip([0, *ends], ends, strict=False)]

    def offset_to_location(self, offset: Offset) -> Location:
        line, section = self.row_at(offset.y)
        return line, self.get_target_document_column(line, max(0, offset.x), section)

    def location_to_offset(self, location: Location) -> Offset:
        line, column = location
        section = bisect_right(self.get_offsets(line), column)
        first, _ = self.span(line, section)
        text = self.document[line]
        if first:
            text, column = text[first:column], column - first
        top = self._tops[line] if self._width else line
        return Offset(cells_before(text, column, self._tab_width), top + section)

    def get_target_document_column(self, line_index: int, x_offset: int, y_offset: int) -> int:
        first, end = self.span(line_index, y_offset)
        text = self.document[line_index]
        column = first + column_at(text[first:end] if first or end < len(text) else text, x_offset, self._tab_width)[0]
        return column if end == len(text) else min(column, end - 1)  # the place after it is on the next row


class RowNavigator(DocumentNavigator):
    """Up and down are by row, at the cell in which the cursor was; home and end are those of the line, so that a key
    does the same to the text however it is shown.
    """

    _wrapped_document: Rows

    def get_location_above(self, location: Location) -> Location:
        x, y = self._wrapped_document.location_to_offset(location)
        return self._at(x, y - 1) if y else (0, 0)

    def get_location_below(self, location: Location) -> Location:
        x, y = self._wrapped_document.location_to_offset(location)
        return self._at(x, y + 1) if y + 1 < self._wrapped_document.height else self._document.end

    def _at(self, x: int, y: int) -> Location:
        return self._wrapped_document.offset_to_location(Offset(max(x, self.last_x_offset), y))

    def get_location_end(self, location: Location) -> Location:
        return location[0], len(self._document[location[0]])

    def get_location_home(self, location: Location, smart_home: bool = False) -> Location:
        """The first character that is not blank; from there, and from before it, the margin."""
        row, column = location
        if not smart_home:
            return row, 0
        line = self._document[row]
        first = len(line) - len(line.lstrip()) if not line.isspace() else 0
        return row, first if column == 0 or column > first else 0
