"""A graph of the last minutes: time runs to the right edge, two columns of dots a cell (braille), gaps left blank."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.glyphs import GlyphSet, glyphs_of
from opsconsole.tui.widgets.bare_lines import BareLines
from opsconsole.tui.widgets.cells import Cell, fit_path
from opsconsole.tui.widgets.plot import NEVER, Columns, Limits, Stretch, rows_of

__all__ = ["SPAN_S", "Graph", "Stretch"]

SPAN_S = 300
"""At least so much is shown, at the narrowest."""
_KEPT = 1200
_SECOND_US = 1_000_000
_LEAST_SUBJECT = 4
_BINARY = re.compile(r" ([KMGTPE])iB")
"""Is cut down to its letter, as tables have it, rather than cut off."""


class Graph(BareLines, Widget):
    """`top` is the value at the upper edge; 0: the largest value shown, but no less than `least`.

    A column shows the largest value of its time, from `warn` and `bad` on in their colours; a value of 0 has a dot, so
    that it is not taken for a gap. At `threshold` is a faint line; `scale` puts a value for people, and with it the
    heading says the largest one shown, where there is room.
    """

    def __init__(
        self, title: str, *, top: float = 100.0, least: float = 1.0, warn: float = NEVER, bad: float = NEVER,
        threshold: float | None = None, scale: Callable[[float], str] | None = None, short: str = "",
        id: str | None = None,
    ) -> None:  # fmt: skip
        """`short`: the title where the longer one leaves no room for the value."""
        super().__init__(id=id)
        self._title, self._short = title, short or title
        self._nothing = "no data"
        self._top, self._least = top, least
        self._limits = Limits(warn, bad, threshold)
        self._scale = scale
        self._recorded: list[Stretch] = []
        self._live: deque[Stretch] = deque(maxlen=_KEPT)
        self._now_us = 0
        self._added_us = 0
        self._late_us = 0
        self._now = ""
        self._subject: tuple[str, str] | None = None
        self._extra: Sequence[str] = ()
        self._mark: Cell | None = None
        self._columns: Columns | None = None
        self._plotted: tuple[object, list[list[Cell]]] | None = None
        self._drawn: tuple[tuple[int, int, str], list[list[Cell]]] | None = None

    # -- what it shows

    def about(self, key: str, name: str) -> None:
        """Of which of its kind it is: a harmless path, shortened where the value finds no room. Another `key`: what was
        drawn of the one before is dropped."""
        before, self._subject = self._subject, (key, name)
        if before is not None and before != self._subject:
            self._recorded = []
            self._live.clear()
            self._now, self._extra = "", ()
            self._redraw()

    def fill(self, recorded: Iterable[Stretch]) -> None:
        """What was recorded; what was added live goes before it."""
        self._recorded = list(recorded)
        self._redraw()

    def add(self, time_us: int, seconds: float, value: float | None, now: str, extra: Sequence[str] = ()) -> None:
        """The newest value (None: a gap), which held for so many seconds before `time_us`, as it is put for people,
        and more harmless words, of which as many are shown as there is room for."""
        length = max(1, int(seconds * _SECOND_US))
        stretch = None if value is None else Stretch(time_us - length, time_us, value)
        if stretch is not None:
            self._live.append(stretch)
        if time_us < self._added_us:
            self._go_back(time_us)
        self._added_us = time_us
        self._now_us, self._late_us = max(self._now_us, time_us), time_us + 2 * length + _SECOND_US
        self._now, self._extra = now, extra
        if self._columns is not None:
            self._columns.put(stretch, max(0, self._now_us - 1) // self._columns.step_us)
        self._show_changes()

    def pass_time(self, now_us: int) -> None:
        """Nothing new: once the next value is late, the graph moves on and the gap is seen."""
        if now_us <= self._late_us:
            return
        if now_us < self._now_us:
            self._go_back(now_us)
        before, self._now_us = self._now_us, now_us
        step = self.step_us
        if before // step != now_us // step or self._now:
            self._now, self._extra = "", ()
            self._show_changes()

    def _go_back(self, now_us: int) -> None:
        """The clock was set back: what was to be after now is not drawn, and the rest moves on from here."""
        self._recorded = [one for one in self._recorded if one.until_us <= now_us]
        kept = [one for one in self._live if one.until_us <= now_us]
        self._live.clear()
        self._live.extend(kept)
        self._now_us, self._columns = now_us, None

    def mark(self, cell: Cell | None) -> None:
        """The sign of what is wrong with it."""
        if cell != self._mark:
            self._mark = cell
            self._show_changes()

    def limit(self, threshold: float | None) -> None:
        """Where the faint line is."""
        self._limits = self._limits._replace(rule=threshold)
        self._show_changes()

    @property
    def glyphs(self) -> GlyphSet:
        """What the console draws with."""
        return glyphs_of(self.app)

    @property
    def step_us(self) -> int:
        """The time of one column: a whole number of seconds."""
        return _step_us(self.glyphs.columns * self.size.width)

    @property
    def values(self) -> list[float | None]:
        """The columns as they are drawn, the newest last."""
        return self._values(self.size.width)

    def _values(self, width: int) -> list[float | None]:
        count = self.glyphs.columns * width
        step = _step_us(count)
        newest = max(0, self._now_us - 1) // step
        known = self._columns
        if known is None or (known.count, known.step_us) != (count, step):
            known = self._columns = Columns(self._recorded, self._live, newest, count, step)
        known.put(None, newest)
        return known.shown

    @property
    def most(self) -> float | None:
        """The largest value shown."""
        return max((value for value in self.values if value is not None), default=None)

    @property
    def text(self) -> str:
        """Its heading."""
        return "".join(cell.text for cell in self._heading(self.size.width))

    def _redraw(self) -> None:
        self._columns = None
        self._show_changes()

    def _show_changes(self) -> None:
        """Over a slow line every cell counts: only lines that have changed are drawn again."""
        before, self._drawn = self._drawn, None
        if not self._is_laid_out():
            return  # it is drawn when it comes back, and then as a whole
        if before is None or not self.is_attached:
            self.refresh()
            return
        key, lines = self._picture()
        if key != before[0]:
            self.refresh()
            return
        changed = [y for y, (old, new) in enumerate(zip(before[1], lines, strict=True)) if old != new]
        if changed:
            self.refresh(*(Region(0, y, key[0], 1) for y in changed))

    def _is_laid_out(self) -> bool:
        """Without asking the compositor, which arranges all there is to find what is hidden."""
        parent = self.parent
        return bool(self.display) and (not isinstance(parent, Widget) or bool(parent.display))

    # -- drawing

    def render_line(self, y: int) -> Strip:
        base = self.base
        (width, _, _), lines = self._picture()
        segments = [Segment(cell.text, base + self.tone(cell.tone)) for cell in (lines[y] if y < len(lines) else ())]
        return Strip(segments).adjust_cell_length(width, base)

    def _picture(self) -> tuple[tuple[int, int, str], list[list[Cell]]]:
        """Every line as cells, and what they were made for."""
        width, height = self.size
        key = width, height, self.glyphs.name
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = key, [self._heading(width), *self._rows(width, height - 1)]
        return self._drawn

    def _rows(self, width: int, rows: int) -> list[list[Cell]]:
        values = self._values(width)
        known = [value for value in values if value is not None]
        if known:
            top = self._top or max(self._least, *known)
            what = values, rows, top, self.glyphs.name, self._limits
            if self._plotted is None or self._plotted[0] != what:
                self._plotted = what, list(rows_of(values, rows, top, self.glyphs, self._limits))
            return self._plotted[1]
        empty: list[list[Cell]] = [[] for _ in range(rows)]
        if rows > 0:
            empty[rows // 2] = [Cell(self._nothing.center(width), "faint")]
        return empty

    def _heading(self, width: int) -> list[Cell]:
        cells = [Cell(f"{self._mark.text} ", self._mark.tone)] if self._mark else []
        cells.append(Cell(f"{self._title} ", "muted"))
        now, extra = self._now or "–", self._extra
        first = cell_len(extra[0]) + 2 if extra else 0
        mark, named = sum(cell_len(cell.text) for cell in cells[:-1]), cell_len(self._title) + 1
        if mark + named + cell_len(now) > width:
            cells[-1] = Cell(f"{self._short} ", "muted")
            named = cell_len(self._short) + 1
        if self._subject is None and mark + named + cell_len(now) + first > width:
            now, extra = _BINARY.sub(r"\1", now), [_BINARY.sub(r"\1", one) for one in extra]
        if self._subject is not None:
            room = width - sum(cell_len(cell.text) for cell in cells) - cell_len(now) - 1
            if room >= _LEAST_SUBJECT:
                cells.append(Cell(f"{fit_path(self._subject[1], room)} ", "strong"))
        cells.append(Cell(now, "strong" if self._now else "faint"))
        room = width - sum(cell_len(cell.text) for cell in cells)
        for words in extra:
            room -= cell_len(words) + 2
            if room < 0:
                break
            cells.append(Cell(f"  {words}", "muted"))
        used = sum(cell_len(cell.text) for cell in cells)
        count = self.glyphs.columns * width
        span = f"{count * _step_us(count) // (60 * _SECOND_US)} min"
        for said in (f"{self._extremes(width)}{span}", span):
            if used + cell_len(said) + 3 <= width:
                return [*cells, Cell(" " * (width - used - cell_len(said)) + said, "faint")]
        return cells

    def _extremes(self, width: int) -> str:
        known = [value for value in self._values(width) if value is not None] if self._scale else []
        return f"most {self._scale(max(known))}  " if self._scale and known else ""


def _step_us(count: int) -> int:
    """The time of one of so many columns."""
    return max(1, -(-SPAN_S // max(1, count))) * _SECOND_US
