"""A share of a whole as a bar of one line."""

from __future__ import annotations

from opsconsole.tui.glyphs import BRAILLE, GlyphSet
from opsconsole.tui.widgets.cells import Cell


def bar_cells(
    fraction: float | None, width: int, glyphs: GlyphSet = BRAILLE, tone: str = "graph", rest: str = "faint"
) -> list[Cell]:
    """`width` cells together, `fraction` (0–1) of them in the tone; what is there at all has half a cell, and what is
    not all leaves one. None: nobody knows, and all of it is empty."""
    full, half, empty = glyphs.bar
    halves = 0
    if fraction is not None and fraction > 0 and width > 0:
        halves = max(1, min(2 * width, round(fraction * 2 * width)))
        if fraction < 1 and width > 1:
            halves = min(halves, 2 * width - 1)
    filled = full * (halves // 2) + half * (halves % 2)
    left = empty * (width - len(filled))
    return [Cell(text, each) for text, each in ((filled, tone), (left, rest)) if text]
