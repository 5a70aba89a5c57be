"""Values as rows of cells: what a graph draws. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, zip_longest
from typing import NamedTuple

from opsconsole.tui.glyphs import GlyphSet
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


class Columns:
    """The columns of a graph that goes on: what is known of them is moved, and not made again each second.

    `recorded` gives way to what was put in live. `newest` and `step_us` as `columns_of` has them.
    """

    def __init__(
        self, recorded: Sequence[Stretch], live: Iterable[Stretch], newest: int, count: int, step_us: int
    ) -> None:
        self.newest, self.count, self.step_us = newest, count, step_us
        self._recorded = recorded
        self._ends = max((one.until_us for one in recorded), default=0)
        self._live = columns_of(live, newest, count, step_us)
        self._before = columns_of(recorded, newest, count, step_us)
        self.shown = self._merged()

    def put(self, stretch: Stretch | None, newest: int) -> None:
        """One more, and how far the graph goes now; it never goes back."""
        gone = min(newest - self.newest, self.count)
        self.newest = newest
        if gone:
            fresh: list[float | None] = [None] * gone
            if (newest - gone + 1) * self.step_us < self._ends:
                fresh = columns_of(self._recorded, newest, gone, self.step_us)
            self._before = self._before[gone:] + fresh
            self._live = [*self._live[gone:], *[None] * gone]
        if stretch is not None:
            first, last = newest - self.count + 1, (stretch.until_us - 1) // self.step_us
            for at in range(max(0, stretch.since_us // self.step_us - first), min(self.count, last - first + 1)):
                known = self._live[at]
                self._live[at] = stretch.value if known is None else max(known, stretch.value)
        if gone or stretch is not None:
            self.shown = self._merged()

    def _merged(self) -> list[float | None]:
        return [old if new is None else new for old, new in zip(self._before, self._live, strict=True)]


def rows_of(
    values: Sequence[float | None], rows: int, top: float, glyphs: GlyphSet, limits: Limits = NO_LIMITS
) -> Iterator[list[Cell]]:
    """The upper row first; gaps are blank, and a value of 0 has a dot, so that it is not taken for one."""
    columns, levels = glyphs.columns, glyphs.levels
    lefts, rights = values[::columns], values[1::2] if columns == 2 else ()
    tones = [_tone(group, limits) for group in zip_longest(lefts, rights)]
    heights = [_height(value, top, rows, levels) for value in values]
    pairs = list(zip_longest(heights[::columns], heights[1::2] if columns == 2 else (), fillvalue=0))
    ruled = rule_row(limits.rule, top, rows)
    for row in range(rows):
        floor = (rows - 1 - row) * levels
        here = [min(levels, max(0, height - floor)) for height in range(rows * levels + 1)]
        drawn = {pair: glyphs.cell(here[pair[0]], here[pair[1]]) for pair in set(pairs)}
        yield list(_runs([drawn[pair] for pair in pairs], tones, ruled=row == ruled))


def _height(value: float | None, top: float, rows: int, levels: int) -> int:
    """How many levels a value takes of all rows; what is there at all has one."""
    if value is None:
        return 0
    return max(1, round(min(1.0, max(0.0, value) / top) * rows * levels)) if top > 0 else 1


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
    if not ruled and len(set(tones)) == 1:
        yield Cell("".join(chars), tones[0])
        return
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
