"""Values as rows of cells: what a graph draws. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, repeat, zip_longest
from typing import NamedTuple

from opsconsole.tui.glyphs import GlyphSet
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.shades import shade_of

NEVER = 1e30
_RULE = "┈"
_REMEMBERED = 4000

_Span = tuple[int, int, str]
"""First and one past the last cell of a tone."""


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
    """The upper row first; gaps are blank, and a value of 0 has a dot, so that it is not taken for one.

    Rows have shades of their tones, the same all along: a change of colour within a row still says that a limit was
    passed, and costs no more than it did.
    """
    columns = glyphs.columns
    most = max((value for value in values if value is not None), default=0.0)
    lefts, rights = values[::columns], values[1::2] if columns == 2 else ()
    spans = [(0, len(lefts), "graph")]
    if most >= min(limits.warn, limits.bad):
        spans = list(_tone_spans(zip_longest(lefts, rights), limits))
    heights = _heights(values, top, rows, glyphs.levels)
    pairs = list(zip_longest(heights[::columns], heights[1::2] if columns == 2 else (), fillvalue=0))
    piles = _piles(glyphs, rows)
    for pair in set(pairs) - piles.keys():
        piles[pair] = _pile(*pair, rows, glyphs)
    ruled = rule_row(limits.rule, top, rows)
    lines = map("".join, zip(*[piles[pair] for pair in pairs], strict=True)) if pairs else repeat("", rows)
    for row, line in enumerate(lines):
        runs = _ruled_runs(line, spans) if row == ruled else _runs(line, spans)
        yield [Cell(text, shade_of(tone, row, rows)) for text, tone in runs]


def _heights(values: Sequence[float | None], top: float, rows: int, levels: int) -> list[int]:
    """How many levels each takes of all rows. A second later most of them are there again."""
    known = _known_heights(top, rows, levels)
    if len(known) > _REMEMBERED:
        known.clear()
    found = []
    for value in values:
        if (height := known.get(value)) is None:
            height = known[value] = _height(value, top, rows, levels)
        found.append(height)
    return found


@lru_cache(16)
def _known_heights(top: float, rows: int, levels: int) -> dict[float | None, int]:
    return {}


def _height(value: float | None, top: float, rows: int, levels: int) -> int:
    """How many levels a value takes of all rows; what is there at all has one."""
    if value is None:
        return 0
    return max(1, round(min(1.0, max(0.0, value) / top) * rows * levels)) if top > 0 else 1


def _pile(left: int, right: int, rows: int, glyphs: GlyphSet) -> str:
    """The cells of one column, the upper one first, of so many levels in its halves."""
    levels = glyphs.levels
    floors = range((rows - 1) * levels, -1, -levels)
    return "".join(
        [glyphs.cell(*(min(levels, max(0, height - floor)) for height in (left, right))) for floor in floors]
    )


@lru_cache(8)
def _piles(glyphs: GlyphSet, rows: int) -> dict[tuple[int, int], str]:
    """Columns by what they are made of: there are few of them in a graph."""
    return {}


def rule_row(value: float | None, top: float, rows: int) -> int:
    """The row a value lies in; -1: in none."""
    if value is None or top <= 0 or not 0 <= value <= top:
        return -1
    return rows - 1 - min(rows - 1, int(value / top * rows))


def _tone_spans(groups: Iterable[tuple[float | None, float | None]], limits: Limits) -> Iterator[_Span]:
    """Cells side by side that have one tone, that of the larger value in each."""
    begins, before = 0, ""
    at = 0
    for left, right in groups:
        value = left if right is None or (left is not None and left > right) else right
        tone = "graph" if value is None or value < limits.warn else "warning"
        if value is not None and value >= limits.bad:
            tone = "bad"
        if tone != before:
            if at:
                yield begins, at, before
            begins, before = at, tone
        at += 1
    if at:
        yield begins, at, before


def _runs(line: str, spans: Sequence[_Span]) -> Iterator[Cell]:
    """Runs of one tone; blanks go with what stands before them, since a change of colour costs more than they do."""
    begins, before = 0, spans[0][2] if spans else ""
    for first, last, tone in spans:
        drawn = line[first:last].lstrip(" ")
        if drawn and tone != before:
            if (at := last - len(drawn)) > begins:
                yield Cell(line[begins:at], before)
            begins, before = at, tone
    if line[begins:]:
        yield Cell(line[begins:], before)


def _ruled_runs(line: str, spans: Sequence[_Span]) -> Iterator[Cell]:
    """The same, where the line of the rule is seen in the gaps."""
    drawn: list[tuple[str, str]] = []
    for first, last, tone in spans:
        drawn += [(_RULE, "faint") if char == " " else (char, tone) for char in line[first:last]]
    for tone, same in groupby(drawn, key=lambda one: one[1]):
        yield Cell("".join(char for char, _ in same), tone)
