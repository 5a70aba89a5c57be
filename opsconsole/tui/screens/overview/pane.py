"""A pane of the overview: a line that says what it is, how to act on it and how much of it there is, then a list."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.widgets.bare_lines import BareLines
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.cursor_list import CursorList

T = TypeVar("T")

Column = tuple[tuple[Cell, ...], int]
"""Cells that belong together, and their width: 0 takes what is left (at most one does), a negative one is
right-aligned."""
Row = tuple[Column, ...]
_MARK, _GAP, _SCROLLBAR = 1, 1, 1
_REMEMBERED = 500
"""Columns as they were drawn: in a second most of a line stays."""


def column(text: str, tone: str, width: int) -> Column:
    """A column of one cell."""
    return (Cell(text, tone),), width


class Pane(BareLines, CursorList, Generic[T], can_focus=True):
    """Rows are made when they are drawn, so that a long list costs no more than a short one.

    `key` says who an item is: the cursor stays on it when others move. `row` is how it looks in so many cells.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--heading", "table--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)
    HOLDS_FIRST: ClassVar[bool] = True
    """The cursor goes with the first item, too, when another one takes its place; else it stays on the first line."""

    @dataclass
    class Moved(Message):
        """The cursor is on another item."""

        pane: Pane[object]

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Pane.Moved) and message.pane is self.pane

    def __init__(
        self, title: str, key: Callable[[T], Hashable], row: Callable[[T, int], Row], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._title = title
        self._key = key
        self._row = row
        self._all: Sequence[T] = ()
        self._items: Sequence[T] = ()
        self._needle = ""
        self._cursor = 0
        self._hints: Sequence[tuple[str, str]] = ()
        self._calm: Sequence[Cell] = ()
        self._note: Sequence[Cell] = ()
        self._drawn: dict[int, tuple[Hashable, Row, bool] | None] = {}
        self._head: list[Cell] = []
        self._made: dict[object, list[Segment]] = {}
        self._made_on = Style.null()

    # -- what it shows

    @property
    def selected(self) -> T | None:
        """The item under the cursor."""
        return self._items[self._cursor] if self._items else None

    @property
    def items(self) -> Sequence[T]:
        """All there are, whatever is left of them by a filter."""
        return self._all

    @property
    def found(self) -> int:
        """So many are shown."""
        return len(self._items)

    @property
    def title(self) -> str:
        return self._title

    def narrow(self, text: str) -> None:
        """Show those lines only that hold this text, in any case; empty: all."""
        self._needle = text.casefold()
        self.show(self._all, note=self._note, calm=self._calm)
        if not text and self._returns:
            self._held = None  # or it has ended

    def _passing(self, items: Sequence[T]) -> Sequence[T]:
        return [one for one in items if self._needle in self._text_of(one)] if self._needle else items

    def _text_of(self, one: T) -> str:
        width = self._room
        return " ".join("".join(cell.text for cell in cells) for cells, _ in self._row(one, width)).casefold()

    def show(
        self, items: Sequence[T], *, note: Sequence[Cell] = (), calm: Sequence[Cell] = (), title: str | None = None
    ) -> None:
        """`note` stands at the right end of the first line; `calm` is said in it while there is no item."""
        before, was = self.selected, self._cursor
        self._all, self._note, self._calm = items, note, calm
        items = self._items = self._passing(items)
        self._title = self._title if title is None else title
        self._cursor = max(0, min(was, len(items) - 1))
        stays = before is not None and (was or self.HOLDS_FIRST)
        self._stay(
            self._key_of(before) if stays else None,
            lambda wanted: next((at for at, one in enumerate(items) if self._key(one) == wanted), None),
        )
        self.set_extent(1, len(items) + 1)
        if self._cursor != was:
            self._reveal()
        self.redraw()
        if self._key_of(before) != self._key_of(self.selected):
            self.post_message(self._moved_to())

    def hint(self, hints: Sequence[tuple[str, str]]) -> None:
        """Keys and what they do here."""
        if hints != self._hints:
            self._hints = hints
            self.redraw()

    def redraw(self) -> None:
        """Draw what reads differently now."""
        self._draw_changes()

    @property
    def text(self) -> str:
        """All of it, without colours."""
        width = self._room
        rows = [" ".join(cell.text for cells, _ in self._row(one, width) for cell in cells) for one in self._items]
        return "\n".join(["".join(cell.text for cell in self._heading()), *rows])

    def _key_of(self, item: T | None) -> Hashable:
        return None if item is None else self._key(item)

    # -- moving

    @property
    def _count(self) -> int:
        return len(self._items)

    @property
    def _whose(self) -> Hashable | None:
        return self._key_of(self.selected)

    def _moved_to(self) -> Message:
        return self.Moved(self)  # type: ignore[arg-type]

    def on_focus(self) -> None:
        self._reveal()
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # -- drawing

    def notify_style_update(self) -> None:
        self._made.clear()
        super().notify_style_update()

    @property
    def _room(self) -> int:
        """For cells; the scrollbar's column is kept free, whether it is there or not."""
        return max(0, self.size.width - _MARK - (0 if self.show_vertical_scrollbar else _SCROLLBAR))

    def _draw_changes(self) -> None:
        width = self.size.width
        if not width or not self.is_attached:
            return
        head = self._heading()
        if head != self._head:
            self.refresh(_changed_region(self._head, head, width))
        room, top = self._room, self.scroll_offset.y
        for y in range(1, self.size.height):
            now, drawn = self._line(y, room, top), self._drawn.get(y)
            if now == drawn and y in self._drawn:
                continue
            if now is None or drawn is None or now[0] != drawn[0] or now[2] != drawn[2] or not _alike(now[1], drawn[1]):
                self.refresh(Region(0, y, width, 1))
                continue
            spans = _spans(now[1], room)
            for old, new, (x, cells) in zip(drawn[1], now[1], spans, strict=True):
                if old != new:
                    self.refresh(Region(x + _MARK, y, cells, 1))

    def _line(self, y: int, room: int, top: int) -> tuple[Hashable, Row, bool] | None:
        at = y - 1 + top
        if not 0 <= at < len(self._items):
            return None
        one = self._items[at]
        return self._key(one), self._row(one, room), at == self._cursor and self.has_focus

    def _heading(self) -> list[Cell]:
        """As much as there is room for: what it is, how it stands, how to act on it, how much there is."""
        width = self.size.width
        edge = "▌" if self.has_focus and not self._items else " "  # else the bar of a line says so
        left = [Cell(f"{edge}{self._title} ", "accent" if self.has_focus else "strong")]
        if self._needle:
            left += [Cell(f" /{self._needle} ", "accent")]
        if not self._all:
            left += [Cell(" ", "faint"), *self._calm]
        elif not self._items:
            left += [Cell("  no line passes: esc shows all", "muted")]
        right = list(self._note)
        below = len(self._items) - (self.size.height - 1) - self.scroll_offset.y
        if below > 0 and self.size.height > 1:
            right.append(Cell(f"  {below} more ↓", "muted"))
        room = width - _length(left) - _length(right) - 3
        while right and room < 0:
            room += cell_len(right.pop().text)
        if self._items:
            for key, label in self._hints:
                room -= len(key) + len(label) + 3
                if room < 0:
                    break
                left += [Cell(f" {key} ", "accent" if self.has_focus else "muted"), Cell(f"{label} ", "faint")]
        rule = width - _length(left) - _length(right) - 2 - bool(right)
        return [*left, Cell(" " + "─" * rule + " ", "faint"), *right, Cell(" " * bool(right), "faint")]

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.base
        if y == 0:
            self._head = self._heading()
            return Strip([Segment(cell.text, base + self.tone(cell.tone)) for cell in self._head]).adjust_cell_length(
                width, base
            )
        whole = self._room
        now = self._drawn[y] = self._line(y, whole, self.scroll_offset.y)
        if now is None:
            return Strip.blank(width, base)
        style = self.get_component_rich_style("table--cursor") if now[2] else base
        if len(self._made) > _REMEMBERED or self._made_on != base:
            self._made, self._made_on = {}, base
        segments = [Segment("▌" if now[2] else " ", self.over(style, "accent") if now[2] else style)]
        for (cells, size), (_, room) in zip(now[1], _spans(now[1], whole), strict=True):
            what = cells, room, size < 0, now[2]
            if (made := self._made.get(what)) is None:
                gap = Segment(" " * _GAP, style)
                made = self._made[what] = [*self._cells(cells, room, style, right=size < 0), gap]
            segments += made
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, style)

    def _cells(self, cells: Sequence[Cell], room: int, style: Style, *, right: bool) -> list[Segment]:
        segments, left = list[Segment](), room
        for cell in cells:
            length = cell_len(cell.text)
            text = cell.text if length <= left else set_cell_size(cell.text, max(0, left - 1)) + "…" * (left > 0)
            left -= min(length, left)
            segments.append(Segment(text, self.over(style, cell.tone)))
        pad = Segment(" " * left, style)
        return [pad, *segments] if right else [*segments, pad]


def _spans(row: Row, room: int) -> list[tuple[int, int]]:
    """Where each column begins, and how wide it is."""
    fixed = sum(abs(size) + _GAP for _, size in row if size)
    rest = max(0, room - fixed - _GAP)
    spans, x = [], 0
    for _, size in row:
        width = abs(size) or rest
        spans.append((x, width))
        x += width + _GAP
    return spans


def _alike(one: Row, other: Row) -> bool:
    """The same columns."""
    return [size for _, size in one] == [size for _, size in other]


def _length(cells: Sequence[Cell]) -> int:
    return sum(cell_len(cell.text) for cell in cells)


def _changed_region(before: Sequence[Cell], now: Sequence[Cell], width: int) -> Region:
    """From the first column that differs to the last one."""
    old = [(char, cell.tone) for cell in before for char in cell.text]
    new = [(char, cell.tone) for cell in now for char in cell.text]
    wide = any(cell_len(cell.text) != len(cell.text) for cell in (*before, *now))
    if wide or len(old) != len(new):
        return Region(0, 0, width, 1)
    found = [at for at, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
    return Region(found[0], 0, found[-1] - found[0] + 1, 1) if found else Region(0, 0, width, 1)
