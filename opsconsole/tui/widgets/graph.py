"""A graph of the last minutes: time runs to the right edge, two columns of four dots a cell, gaps left blank."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.widgets.task_table import Cell
from opsconsole.tui.widgets.tones import TONE_CLASSES, Toned

SPAN_S = 300
"""At least so much is shown, at the narrowest."""
_KEPT = 1200
_LEFT = (0x00, 0x40, 0x44, 0x46, 0x47)
_RIGHT = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
_LEVELS = 4
_SECOND_US = 1_000_000


class Stretch(NamedTuple):
    """A value that held from `since_us` up to `until_us`."""

    since_us: int
    until_us: int
    value: float


class Graph(Toned, Widget):
    """`top` is the value at the upper edge; 0: the largest value shown, but no less than `least`.

    A column shows the largest value of its time, from `warn` and `bad` on in their colours; a value of 0 has a dot, so
    that it is not taken for a gap.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES

    def __init__(
        self, title: str, *, top: float = 100.0, least: float = 1.0, warn: float = 1e30, bad: float = 1e30
    ) -> None:
        super().__init__()
        self._title = title
        self._top, self._least = top, least
        self._warn, self._bad = warn, bad
        self._recorded: list[Stretch] = []
        self._live: deque[Stretch] = deque(maxlen=_KEPT)
        self._now_us = 0
        self._late_us = 0
        self._now = ""
        self._extra: Sequence[str] = ()
        self._mark: Cell | None = None
        self._drawn: tuple[int, int, list[float | None]] | None = None

    # -- what it shows

    def fill(self, recorded: Iterable[Stretch]) -> None:
        """What was recorded; what was added live goes before it."""
        self._recorded = list(recorded)
        self._redraw()

    def add(self, time_us: int, seconds: float, value: float | None, now: str, extra: Sequence[str] = ()) -> None:
        """The newest value (None: a gap), which held for so many seconds before `time_us`, as it is put for people,
        and more harmless words, of which as many are shown as there is room for."""
        length = max(1, int(seconds * _SECOND_US))
        if value is not None:
            self._live.append(Stretch(time_us - length, time_us, value))
        self._now_us, self._late_us = max(self._now_us, time_us), time_us + 2 * length + _SECOND_US
        self._now, self._extra = now, extra
        self._redraw()

    def pass_time(self, now_us: int) -> None:
        """Nothing new: once the next value is late, the graph moves on and the gap is seen."""
        if now_us <= self._late_us:
            return
        before, self._now_us = self._now_us, now_us
        step = self.step_us
        if before // step != now_us // step or self._now:
            self._now, self._extra = "", ()
            self._redraw()

    def mark(self, cell: Cell | None) -> None:
        """The sign of what is wrong with it."""
        if cell != self._mark:
            self._mark = cell
            self.refresh()

    @property
    def step_us(self) -> int:
        """The time of one column of dots: a whole number of seconds."""
        return max(1, -(-SPAN_S // max(1, 2 * self.size.width))) * _SECOND_US

    @property
    def values(self) -> list[float | None]:
        """The columns as they are drawn, the newest last."""
        step, width = self.step_us, self.size.width
        newest = max(0, self._now_us - 1) // step
        if self._drawn is not None and self._drawn[:2] == (newest, width):
            return self._drawn[2]
        recorded = _columns(self._recorded, newest, 2 * width, step)
        live = _columns(self._live, newest, 2 * width, step)
        shown = [old if new is None else new for old, new in zip(recorded, live, strict=True)]
        self._drawn = (newest, width, shown)
        return shown

    @property
    def text(self) -> str:
        """Its heading."""
        return "".join(cell.text for cell in self._heading(self.size.width))

    def _redraw(self) -> None:
        before = self._drawn
        self._drawn = None
        if before is None or self.values != before[2]:
            self.refresh()
        else:
            self.refresh(Region(0, 0, self.size.width, 1))

    # -- drawing

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if y == 0:
            cells = self._heading(width)
        elif any(value is not None for value in self.values):
            cells = self._row(y - 1, self.size.height - 1)
        elif y == (self.size.height + 1) // 2:
            cells = [Cell("no data".center(width), "faint")]
        else:
            cells = []
        return Strip([Segment(cell.text, base + self.tone(cell.tone)) for cell in cells]).adjust_cell_length(
            width, base
        )

    def _heading(self, width: int) -> list[Cell]:
        cells = [Cell(f"{self._mark.text} ", self._mark.tone)] if self._mark else []
        cells += [Cell(f"{self._title} ", "muted"), Cell(self._now or "–", "strong" if self._now else "faint")]
        room = width - sum(cell_len(cell.text) for cell in cells)
        for words in self._extra:
            room -= cell_len(words) + 2
            if room < 0:
                break
            cells.append(Cell(f"  {words}", "muted"))
        span = f"{2 * width * self.step_us // (60 * _SECOND_US)} min"
        used = sum(cell_len(cell.text) for cell in cells)
        if used + len(span) + 3 <= width:
            cells += [Cell(" " * (width - used - len(span)), "faint"), Cell(span, "faint")]
        return cells

    def _row(self, row: int, rows: int) -> list[Cell]:
        """Row 0 is the upper one."""
        shown = self.values
        top = self._top or max(self._least, *(value for value in shown if value is not None))
        floor = (rows - 1 - row) * _LEVELS
        dots = [
            (_dots(left, right, top, rows, floor), self._tone(left, right))
            for left, right in zip(shown[::2], shown[1::2], strict=True)
        ]
        return [
            Cell("".join(char for char, _ in same), tone) for tone, same in groupby(dots, key=lambda column: column[1])
        ]

    def _tone(self, left: float | None, right: float | None) -> str:
        value = max(left or 0.0, right or 0.0)
        return "bad" if value >= self._bad else "warning" if value >= self._warn else "graph"


def _columns(stretches: Iterable[Stretch], newest: int, count: int, step_us: int) -> list[float | None]:
    first = newest - count + 1
    found: list[float | None] = [None] * count
    for since_us, until_us, value in stretches:
        for at in range(max(0, since_us // step_us - first), min(count, (until_us - 1) // step_us - first + 1)):
            known = found[at]
            found[at] = value if known is None else max(known, value)
    return found


def _dots(left: float | None, right: float | None, top: float, rows: int, floor: int) -> str:
    dots = _LEFT[_level(left, top, rows, floor)] | _RIGHT[_level(right, top, rows, floor)]
    return chr(0x2800 + dots) if dots else " "


def _level(value: float | None, top: float, rows: int, floor: int) -> int:
    """Dots of the column in this row: 0–4. What is there at all has one dot."""
    if value is None:
        return 0
    height = max(1, round(min(1.0, max(0.0, value) / top) * rows * _LEVELS))
    return max(0, min(_LEVELS, height - floor))
