"""All cores at once: a lane each where there is room, a cell each where there are many, groups of them beyond that."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import groupby

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.glyphs import BRAILLE, GlyphSet, level
from opsconsole.tui.widgets.bare_lines import BareLines
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.spark import spark_cells

WARN, BAD = 85.0, 95.0
_KEPT = 400
_LEAST_LANE = 11
_MOST_LANE = 60

Cores = Sequence[float]
"""Percent of each core at one moment."""


class CoreLanes(BareLines, Widget):
    """The first line says how many they are and which one is busiest."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._seen: deque[Cores] = deque(maxlen=_KEPT)
        self._drawn: list[list[Cell]] = []
        self._drawn_at = Size(0, 0)

    @property
    def seen(self) -> Sequence[Cores]:
        """The newest last."""
        return self._seen

    def fill(self, earlier: Sequence[Cores]) -> None:
        """What was before the first of them, the newest last."""
        self._seen = deque([*earlier, *self._seen], maxlen=_KEPT)
        self.refresh()

    def add(self, cores: Cores) -> None:
        """The newest values."""
        self._seen.append(cores)
        if not self.display or not self.is_attached:
            return
        lines = self._lines()
        if len(lines) != len(self._drawn) or self._drawn_at != self.size:
            self.refresh()
            return
        changed = [y for y, (old, new) in enumerate(zip(self._drawn, lines, strict=True)) if old != new]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.base
        if y == 0 or self._drawn_at != self.size:
            self._drawn_at = self.size
        self._drawn = lines = self._lines()
        segments = [Segment(cell.text, base + self.tone(cell.tone)) for cell in (lines[y] if y < len(lines) else ())]
        return Strip(segments).adjust_cell_length(width, base)

    def _lines(self) -> list[list[Cell]]:
        found = getattr(self.app, "glyphs", BRAILLE)
        glyphs = found if isinstance(found, GlyphSet) else BRAILLE
        width, height = self.size
        return [heading(self._seen, width), *core_rows(self._seen, width, height - 1, glyphs)]


def heading(seen: Sequence[Cores], width: int) -> list[Cell]:
    """How many, and the busiest of them; what has no room goes by whole words, and that it has gone is seen."""
    now = seen[-1] if seen else ()
    if not now:
        return [Cell("Cores ", "muted"), Cell("–", "faint")]
    most = max(range(len(now)), key=lambda at: now[at])
    busy = sum(value >= WARN for value in now)
    parts = [f"  busiest {most}: {now[most]:.0f} %", *([f"  {busy} above {WARN:.0f} %"] if busy > 1 else [])]
    count, title = str(len(now)), "Cores "
    words = _in_words(parts, width - len(title) - len(count))
    return [Cell(title, "muted"), Cell(count, "strong"), Cell(words, "muted")]


def _in_words(parts: Sequence[str], room: int) -> str:
    """As many of the parts as there is room for: a figure without what it counts says nothing."""
    for last in range(len(parts), -1, -1):
        said = "".join(parts[:last]) + (" …" if last < len(parts) else "")
        if len(said) <= room:
            return said
    return ""


def core_rows(seen: Sequence[Cores], width: int, rows: int, glyphs: GlyphSet = BRAILLE) -> list[list[Cell]]:
    """At most `rows` lines of `width` cells; what does not fit is folded: a group's busiest."""
    now = seen[-1] if seen else ()
    if not now or rows <= 0 or width <= 0:
        return []
    per_line = -(-len(now) // rows)
    lane = min(_MOST_LANE, (width + 1) // per_line - 1)
    if lane >= _LEAST_LANE:
        return _lanes(seen, lane, per_line, glyphs)
    return _heat(now, width, rows, glyphs)


def _lanes(seen: Sequence[Cores], lane: int, per_line: int, glyphs: GlyphSet) -> list[list[Cell]]:
    """Number, graph and percent of each, side by side if need be."""
    count = len(seen[-1])
    label = len(str(count - 1))
    graph = lane - label - 5
    recent = list(seen)[-graph * glyphs.columns :]
    lines = []
    for first in range(0, count, per_line):
        cells: list[Cell] = []
        for core in range(first, min(first + per_line, count)):
            values = [each[core] if core < len(each) else None for each in recent]
            now = seen[-1][core]
            cells.append(Cell(f"{' ' if cells else ''}{core:>{label}} ", "faint"))
            cells += spark_cells(values, graph, glyphs, WARN, BAD, top=100.0)
            cells.append(Cell(f"{now:4.0f}", tone_of(now, "muted")))
        lines.append(cells)
    return lines


def _heat(now: Cores, width: int, rows: int, glyphs: GlyphSet) -> list[list[Cell]]:
    """As many groups of neighbours as there are cells, at the most; a group is as busy as its busiest."""
    group = -(-len(now) // (width * rows))
    shares = [max(now[at : at + group]) for at in range(0, len(now), group)]
    per_line = min(width, -(-len(shares) // rows)) if len(shares) > rows else len(shares)
    per_line = min(width, max(per_line, 1))
    lines = []
    for first in range(0, len(shares), per_line):
        drawn = [(_glyph(value, glyphs), tone_of(value, "graph")) for value in shares[first : first + per_line]]
        lines.append([
            Cell("".join(char for char, _ in same), tone) for tone, same in groupby(drawn, key=lambda one: one[1])
        ])  # fmt: skip
    return lines[:rows]


def _glyph(value: float, glyphs: GlyphSet) -> str:
    height = level(value, 100.0, 1, 0, glyphs)
    return glyphs.cell(height, height)


def tone_of(value: float, otherwise: str) -> str:
    return "bad" if value >= BAD else "warning" if value >= WARN else otherwise
