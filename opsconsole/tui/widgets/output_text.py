"""Lines that a run printed, on a screen: folded or cut, with their times, and with what is looked for marked."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from opsconsole.tui.output_find import Needle
from opsconsole.tui.transcript import Line, fold
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.line_view import LineView
from opsconsole.tui.widgets.tones import Toned

_GUTTER = 2
_TIME = 11
_MARKED = Style(reverse=True)


@dataclass(slots=True, eq=False)
class Kept:
    """A line that is held, and how many rows it takes."""

    line: Line
    rows: int


@dataclass(frozen=True, slots=True)
class Row:
    """A piece of a line; `first` of it."""

    kept: Kept
    piece: str | Text
    first: bool


class OutputText(Toned, LineView, can_focus=True):
    """What is drawn. Which lines there are, an heir says."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"output--note"}

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.wrapping = True
        self.timed = False
        """Each line says when it came."""
        self.started_at: int | None = None
        """Of the run, in microseconds since the epoch."""
        self.needle: Needle | None = None
        self.hit: Kept | None = None
        """The line that was found last."""
        self._empty = ""
        self._lines: deque[Kept] = deque()
        self._rows: deque[Row] = deque()
        self._characters = 0
        self._folded_at = 0

    @property
    def line_count(self) -> int:
        """Lines held."""
        return len(self._lines)

    @property
    def text(self) -> str:
        """All lines held."""
        return "\n".join(_plain(kept.line.body) for kept in self._lines)

    def say_empty(self, text: str) -> None:
        """What stands here while there is no output; it must be harmless."""
        if text != self._empty:
            self._empty = text
            if not self._rows:
                self.refresh()

    # -- lines come and go

    def _append(self, line: Line) -> None:
        if not self.size.width:
            self._folded_at = 0  # it has just been hidden: there is no width to fold for until it comes back
        pieces = fold(line.body, self._text_width) if self.wrapping else [line.body]
        kept = Kept(line, len(pieces))
        self._lines.append(kept)
        self._rows.extend(Row(kept, piece, not number) for number, piece in enumerate(pieces))
        self._characters += len(line.body)

    def _drop_last(self) -> None:
        kept = self._lines.pop()
        self._characters -= len(kept.line.body)
        for _ in range(kept.rows):
            self._rows.pop()

    def _drop_first(self) -> None:
        kept = self._lines.popleft()
        self._characters -= len(kept.line.body)
        for _ in range(kept.rows):
            self._rows.popleft()

    def _clear(self) -> None:
        self._lines.clear()
        self._rows.clear()
        self._characters = 0
        self.hit = None

    # -- size

    @property
    def _margin(self) -> int:
        return _GUTTER + (_TIME if self.timed else 0)

    @property
    def _text_width(self) -> int:
        return max(10, self.size.width - self._margin - 1)  # a column for the scrollbar, whether it is there or not

    def _resize(self) -> None:
        width = 1 if self.wrapping else self._margin + max((_cells(row.piece) for row in self._rows), default=0)
        self.set_extent(width, len(self._rows))

    def on_resize(self) -> None:
        if self._folded_at != self._text_width:
            self._fold_again()
        self._resize()

    def _fold_again(self) -> None:
        self._folded_at = self._text_width
        top = self._rows[self.scroll_offset.y].kept if self.scroll_offset.y < len(self._rows) else None
        lines, hit = list(self._lines), self.hit
        self._clear()
        for kept in lines:
            self._append(kept.line)
            if kept is hit:
                self.hit = self._lines[-1]
            if kept is top:
                top = self._lines[-1]
        self._resize()
        if top is not None:
            self._show_line(top)
        self.refresh()

    def toggle_wrapping(self) -> None:
        """Long lines are folded, or run out of the picture."""
        self.wrapping = not self.wrapping
        self.styles.overflow_x = "hidden" if self.wrapping else "auto"
        self.jump(x=0)
        self._fold_again()

    def _row_of(self, wanted: Kept) -> int:
        return next((at for at, row in enumerate(self._rows) if row.kept is wanted), 0)

    def _show_line(self, kept: Kept) -> None:
        self.jump(y=min(self._row_of(kept), self.max_scroll_y))

    # -- finding, in what is held

    def _hit_below(self, row: int) -> Kept | None:
        """The next line that holds the needle, from this row on."""
        if self.needle is None:
            return None
        rows = list(self._rows)[max(0, row) :]
        return next((one.kept for one in rows if one.first and self._holds(one.kept)), None)

    def _hit_above(self, row: int) -> Kept | None:
        """The last one before this row."""
        if self.needle is None:
            return None
        rows = list(self._rows)[: max(0, row)]
        return next((one.kept for one in reversed(rows) if one.first and self._holds(one.kept)), None)

    def _holds(self, kept: Kept) -> bool:
        return kept.line.kind != "note" and self.needle is not None and self.needle.within(_plain(kept.line.body))

    @property
    def hits(self) -> int:
        """Lines held that hold the needle."""
        return sum(map(self._holds, self._lines)) if self.needle is not None else 0

    # -- drawing

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        index = y + self.scroll_offset.y
        if not self._rows and y == 0:
            return Strip([Segment("  " + self._empty, base + self.tone("muted"))]).adjust_cell_length(width, base)
        if index >= len(self._rows):
            return Strip.blank(width, base)
        row = self._rows[index]
        if row.kept.line.kind == "note":
            note = self.get_component_rich_style("output--note")
            return Strip([Segment("  " + str(row.piece), note)]).adjust_cell_length(width, note)
        body = self._body(row.piece, base)
        left = self.scroll_offset.x
        body = body.crop(left, left + width - self._margin)
        return Strip([*self._before(row, base), *body]).adjust_cell_length(width, base)

    def _before(self, row: Row, base: Style) -> list[Segment]:
        """When it came, and from where."""
        found = []
        if self.timed:
            found.append(Segment(self._time(row).ljust(_TIME), base + self.tone("faint")))
        marks = [Cell("▌", "bad")] if row.kept.line.kind == "stderr" else []
        marks += [Cell("›", "accent")] if row.kept is self.hit else []
        found += [Segment(mark.text, base + self.tone(mark.tone)) for mark in marks]
        return [*found, Segment(" " * (_GUTTER - len(marks)), base)]

    def _time(self, row: Row) -> str:
        at = row.kept.line.at
        if not row.first or at is None:
            return ""
        if self.started_at is None:
            return f"+{at:.1f}"
        moment = datetime.fromtimestamp(self.started_at / 1e6 + at)
        return f"{moment:%H:%M:%S}.{moment.microsecond // 100_000}"

    def _body(self, piece: str | Text, base: Style) -> Strip:
        spans = self.needle.spans(_plain(piece)) if self.needle is not None else []
        if spans:
            piece = Text(piece) if isinstance(piece, str) else piece.copy()
            for start, end in spans:
                piece.stylize(_MARKED, start, end)
        if isinstance(piece, str):
            return Strip([Segment(piece, base)])
        return Strip([segment for segment in piece.render(self.app.console) if segment.text]).apply_style(base)


def _plain(body: str | Text) -> str:
    return body if isinstance(body, str) else body.plain


def _cells(piece: str | Text) -> int:
    plain = _plain(piece)
    return len(plain) if plain.isascii() else cell_len(plain)
