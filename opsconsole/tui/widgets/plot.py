"""Values as rows of cells: what a graph draws. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from opsconsole.tui.glyphs import GlyphSet, level
from opsconsole.tui.widgets.cells import Cell

NEVER = 1e30
_RULE = "┈"


class Stretch(NamedTuple):
    """A value that held from `since_us` up to `until_us`."""

    since_us: int
    until_us: int
    value: float


class Limits(NamedTuple):
    """From `warn` and `bad` on values have their colours; at `rule` a faint line is drawn where nothing else is."""

    warn: float = NEVER
    bad: float = NEVER
    rule: float | None = None


NO_LIMITS = Limits()


def columns_of(stretches: Iterable[Stretch], newest: int, count: int, step_us: int) -> list[float | None]:
    """The largest value of each of `count` columns; `newest` (in steps since the epoch) is the last of them."""
    first = newest - count + 1
    found: list[float | None] = [None] * count
    for since_us, until_us, value in stretches:
        for at in range(max(0, since_us // step_us - first), min(count, (until_us - 1) // step_us - first + 1)):
            known = found[at]
            found[at] = value if known is None else max(known, value)
    return found


def rows_of(
    values: Sequence[float | None], rows: int, top: float, glyphs: GlyphSet, limits: Limits = NO_LIMITS
) -> Iterator[list[Cell]]:
    """The upper row first; gaps are blank, and a value of 0 has a dot, so that it is not taken for one."""
    groups = [tuple(values[at : at + glyphs.columns]) for at in range(0, len(values), glyphs.columns)]
    tones = [_tone(group, limits) for group in groups]
    ruled = rule_row(limits.rule, top, rows)
    for row in range(rows):
        floor = (rows - 1 - row) * glyphs.levels
        chars = [glyphs.cell(*(level(value, top, rows, floor, glyphs) for value in group)) for group in groups]
        yield list(_runs(chars, tones, ruled=row == ruled))


def rule_row(value: float | None, top: float, rows: int) -> int:
    """The row a value lies in; -1: in none."""
    if value is None or top <= 0 or not 0 <= value <= top:
        return -1
    return rows - 1 - min(rows - 1, int(value / top * rows))


def _tone(group: Sequence[float | None], limits: Limits) -> str:
    value = max((one for one in group if one is not None), default=0.0)
    return "bad" if value >= limits.bad else "warning" if value >= limits.warn else "graph"


def _runs(chars: Sequence[str], tones: Sequence[str], *, ruled: bool) -> Iterator[Cell]:
    """Runs of one tone; blanks go with what stands before them, since a change of colour costs more than they do."""
    drawn: list[tuple[str, str]] = []
    for char, tone in zip(chars, tones, strict=True):
        if char != " ":
            drawn.append((char, tone))
        elif ruled:
            drawn.append((_RULE, "faint"))
        else:
            drawn.append((char, drawn[-1][1] if drawn else tone))
    for tone, same in groupby(drawn, key=lambda one: one[1]):
        yield Cell("".join(char for char, _ in same), tone)
