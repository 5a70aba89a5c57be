"""A panel that shows what a theme does: tones, severities, a graph, a selection, a dialog."""

from __future__ import annotations

import math
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.anomalies import Severity
from opsconsole.tui.glyphs import BRAILLE, GlyphSet, level, pairs
from opsconsole.tui.screens.settings.prose import Paragraph, folded
from opsconsole.tui.severities import GLYPHS, TONES, WORDS
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.shades import shade_of
from opsconsole.tui.widgets.tones import Toned

_WAVE = [50 + 42 * math.sin(at / 7) + 7 * math.sin(at / 2) for at in range(240)]
_ROWS = (
    (Cell("▶", "good"), "reindex-orders", "HIGH", Cell("3m12s", "plain")),
    (Cell("✗", "bad"), "sync-assets", "", Cell("exit 3", "bad")),
    (Cell("‖", "warning"), "warm-cdn", "", Cell("paused", "warning")),
    (Cell("✔", "good"), "rotate-logs", "", Cell("ok", "good")),
)
_SEVERITIES = tuple(
    (f"{GLYPHS[one]} {WORDS[one]}", TONES[one]) for one in sorted(Severity, reverse=True) if one is not Severity.INFO
)
_GRAPH_ROWS = 4
_TONES = ("plain", "strong", "muted", "faint", "accent", "good", "warning", "bad")


class Sample(Toned, Widget):
    """Drawn from top to bottom, as much of it as there is room for."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "sample--cursor", "sample--resting", "sample--dialog", "sample--edge", "sample--title",
    }  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title: list[Paragraph] = []
        self._glyphs: GlyphSet = BRAILLE

    def show(self, title: list[Paragraph], glyphs: GlyphSet) -> None:
        """What stands over the sample, and what its graph is drawn with."""
        if (title, glyphs) != (self._title, self._glyphs):
            self._title, self._glyphs = title, glyphs
            self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    @property
    def text(self) -> str:
        return "\n".join(strip.text for strip in (self.render_line(y) for y in range(self.size.height)))

    def render_line(self, y: int) -> Strip:
        lines = self._lines(max(10, self.size.width - 2))
        segments = lines[y] if y < len(lines) else []
        base = self.rich_style
        return Strip([Segment(" ", base), *segments]).adjust_cell_length(self.size.width, base)

    def _lines(self, width: int) -> list[list[Segment]]:
        lines = [self._toned(line) for paragraph in self._title for line in folded(paragraph, width)]
        lines += [
            [],
            self._toned([Cell(f"{word}  ", word) for word in _TONES[:5]]),
            self._toned([Cell(f"{word}  ", word) for word in _TONES[5:]]),
            self._toned([cell for word, tone in _SEVERITIES for cell in (Cell(word, tone), Cell("  ", "plain"))]),
            [],
            *self._graph(width),
            [],
            *self._table(width),
            [],
            *self._dialog(min(width, 54)),
        ]
        return lines

    def _toned(self, line: list[Cell]) -> list[Segment]:
        base = self.rich_style
        return [Segment(cell.text, base + self.tone(cell.tone)) for cell in line]

    def _graph(self, width: int) -> list[list[Segment]]:
        """Its newest third is over a threshold."""
        newest = width // 3
        room = width * self._glyphs.columns
        values = [_WAVE[at % len(_WAVE)] for at in range(room)]
        values = [value if at > room * 2 // 3 else value * 0.6 for at, value in enumerate(values)]
        rows = [[Cell("CPU ", "strong"), Cell("71 %", "warning"), Cell("   load 3.2", "muted")]]
        for row in reversed(range(_GRAPH_ROWS)):
            floor = row * self._glyphs.levels
            heights = [level(value, 100, _GRAPH_ROWS, floor, self._glyphs) for value in values]
            line = "".join(self._glyphs.cell(*pair) for pair in pairs(heights, self._glyphs))
            tones = [shade_of(tone, _GRAPH_ROWS - 1 - row, _GRAPH_ROWS) for tone in ("graph", "warning")]
            rows.append([Cell(line[:-newest], tones[0]), Cell(line[-newest:], tones[1])])
        return [self._toned(row) for row in rows]

    def _table(self, width: int) -> list[list[Segment]]:
        cursor = self.get_component_rich_style("sample--cursor")
        resting = self.get_component_rich_style("sample--resting")
        styles = (cursor, resting, self.rich_style, self.rich_style)
        heading = self._toned([Cell(fit("  NAME", width), "faint")])
        return [heading, *(self._row(row, style, width) for row, style in zip(_ROWS, styles, strict=True))]

    def _row(self, row: tuple[Cell, str, str, Cell], style: Style, width: int) -> list[Segment]:
        glyph, name, priority, state = row
        middle = fit(f" {name}", max(8, width - 20))
        said = [(glyph.text, glyph.tone), (middle, "plain"), (fit(priority, 6), "accent")]
        segments = [Segment(text, style + self.tone(tone)) for text, tone in said]
        return [*segments, Segment(fit(state.text, 13, right=True), style + self.tone(state.tone))]

    def _dialog(self, width: int) -> list[list[Segment]]:
        edge = self.get_component_rich_style("sample--edge")
        inside = self.get_component_rich_style("sample--dialog")
        title = self.get_component_rich_style("sample--title")
        marked = self.get_component_rich_style("sample--cursor")
        room = width - 4

        def line(text: str, style: Style) -> list[Segment]:
            return [Segment("│ ", edge), Segment(fit(text, room), style), Segment(" │", edge)]

        top = " Cancel task 14? "
        return [
            [Segment("╭─", edge), Segment(top, title), Segment("─" * max(0, width - len(top) - 3) + "╮", edge)],
            line("reindex-orders has run for 3 minutes.", inside + self.tone("strong")),
            line("Its whole tree is ended.", inside + self.tone("muted")),
            line("▌ n   Keep it", marked),
            line("  y   Cancel it", inside + self.tone("bad")),
            [Segment("╰" + "─" * (width - 2) + "╯", edge)],
        ]
