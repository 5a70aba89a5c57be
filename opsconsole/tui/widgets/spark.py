"""A graph of one line, for a column of a table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from opsconsole.tui.glyphs import BRAILLE, GlyphSet, levels, pairs
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.plot import NEVER


def spark_cells(
    values: Sequence[float | None], width: int, glyphs: GlyphSet = BRAILLE, warn: float = NEVER, bad: float = NEVER,
    top: float = 0.0, tone: str = "graph",
) -> list[Cell]:  # fmt: skip
    """The newest values, `width` cells together; from `warn` and `bad` on in their tones. `top` 0: the largest is
    at the upper edge.

    Cells of one tone are one `Cell`: over a slow line each change of colour costs as much as a word.
    """
    room = width * glyphs.columns
    newest = values[-room:] if room > 0 else []
    shown: list[float | None] = [*[None] * (room - len(newest)), *newest]
    drawn: list[tuple[str, str]] = []
    for at, heights in enumerate(pairs(levels(shown, width, glyphs, top), glyphs)):
        here = shown[at * glyphs.columns : (at + 1) * glyphs.columns]
        most = max((value for value in here if value is not None), default=None)
        drawn.append((glyphs.cell(*heights), _tone(most, warn, bad, tone, drawn)))
    return [Cell("".join(char for char, _ in same), each) for each, same in groupby(drawn, key=lambda one: one[1])]


def _tone(value: float | None, warn: float, bad: float, tone: str, drawn: list[tuple[str, str]]) -> str:
    if value is None:
        return drawn[-1][1] if drawn else tone  # nothing is drawn there
    return "bad" if value >= bad else "warning" if value >= warn else tone
