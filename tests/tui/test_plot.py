"""Values as rows of cells: what is drawn is what each cell for itself would be."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest

from opsconsole.tui.glyphs import ASCII, BLOCK, BRAILLE, HALF_BLOCK, GlyphSet
from opsconsole.tui.widgets.plot import Limits, rows_of, rule_row
from opsconsole.tui.widgets.shades import shade_of


def each(
    values: Sequence[float | None], rows: int, top: float, glyphs: GlyphSet, limits: Limits
) -> list[list[tuple[str, str]]]:
    """A character and its tone for every cell, by the shortest words."""

    def height(value: float | None) -> int:
        if value is None:
            return 0
        return max(1, round(min(1.0, max(0.0, value) / top) * rows * glyphs.levels)) if top > 0 else 1

    def tone(group: Sequence[float | None]) -> str:
        value = max((one for one in group if one is not None), default=0.0)
        return "bad" if value >= limits.bad else "warning" if value >= limits.warn else "graph"

    groups = [values[at : at + glyphs.columns] for at in range(0, len(values), glyphs.columns)]
    ruled, found = rule_row(limits.rule, top, rows), []
    for row in range(rows):
        floor = (rows - 1 - row) * glyphs.levels
        line: list[tuple[str, str]] = []
        for group in groups:
            levels = [min(glyphs.levels, max(0, height(one) - floor)) for one in (*group, None)][:2]
            char = glyphs.cell(*levels) if glyphs.columns == 2 else glyphs.cell(levels[0])
            if char != " ":
                line.append((char, tone(group)))
            elif row == ruled:
                line.append(("┈", "faint"))
            else:
                line.append((char, line[-1][1] if line else tone(group)))
        found.append(line)
    return found


def whole(tone: str) -> str:
    """Without its shade."""
    return tone.partition("@")[0]


@pytest.mark.parametrize("glyphs", [BRAILLE, BLOCK, HALF_BLOCK, ASCII], ids=["braille", "block", "half", "ascii"])
@pytest.mark.parametrize(
    "limits", [Limits(), Limits(85, 95), Limits(85, 95, 50.0), Limits(rule=100.0), Limits(10, 5, 3.0)]
)
def test_rows_are_what_their_cells_are(glyphs: GlyphSet, limits: Limits) -> None:
    of = random.Random(5)
    for _ in range(150):
        values = [
            of.choice([None, 0.0, of.random() * 120, of.random() * 20, 100.0])
            for _ in range(of.choice((0, 1, 2, 9, 40)))
        ]  # fmt: skip
        rows, top = of.choice((0, 1, 2, 5)), of.choice((100.0, 0.0, 1.0, 50.5))
        drawn = list(rows_of(values, rows, top, glyphs, limits))
        cells = [[(char, whole(one.tone)) for one in line for char in one.text] for line in drawn]
        assert cells == each(values, rows, top, glyphs, limits)
        assert all(one.tone != other.tone for line in drawn for one, other in pairwise(line))
        for row, line in enumerate(drawn):
            assert {one.tone for one in line} <= {shade_of(whole(one.tone), row, rows) for one in line}


def test_the_upper_row_has_the_tone_whole_and_each_row_below_another_shade() -> None:
    rows = list(rows_of([100.0] * 8, 5, 100.0, BRAILLE))
    tones = [[cell.tone for cell in row] for row in rows]
    assert tones == [["graph"], ["graph@9"], ["graph@6"], ["graph@3"], ["graph@0"]]
    assert [row[0].tone for row in rows_of([100.0] * 8, 1, 100.0, BRAILLE)] == ["graph"]
    assert [row[0].tone for row in rows_of([90.0, 90.0], 2, 100.0, BRAILLE, Limits(85, 95))] == ["warning", "warning@9"]
