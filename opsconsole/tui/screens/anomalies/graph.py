"""The recorded series around an episode, as lines of cells: its span in its colour and under a bar. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len

from opsconsole.anomalies import Anomaly
from opsconsole.tui.episodes import amount
from opsconsole.tui.glyphs import BRAILLE, GlyphSet, level, pairs
from opsconsole.tui.screens.anomalies.facts import Line, Plot
from opsconsole.tui.severities import TONES
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.plot import Stretch, rule_row
from opsconsole.tui.widgets.shades import shade_of
from opsconsole.tui.wording import quantity, time_of_day

_LEAST_US = 5 * 60 * 1_000_000
_LABEL_SHARE = 3
"""Of the width: where the labels of the axis would take more, there are none."""
_AIR = 0.02
"""Of the largest value: what moves less is drawn as a line, and not as a mountain range."""


def span_around(one: Anomaly, now: int) -> tuple[int, int]:
    """The episode and half as much on either side, at least five minutes; nothing that has not been yet."""
    end = _end(one, now)
    margin = _margin(one, end)
    return one.began_at - margin, max(min(now, end + margin), one.began_at + 1)


def is_whole(one: Anomaly, read_at: int) -> bool:
    """Whether all that belongs around it was there when it was read."""
    end = _end(one, read_at)
    return not one.state.is_open and read_at >= end + _margin(one, end)


def _end(one: Anomaly, now: int) -> int:
    return now if one.state.is_open else max(one.closed_at or one.last_at, one.began_at)


def _margin(one: Anomaly, end: int) -> int:
    return max(_LEAST_US, (end - one.began_at) // 2)


def lines_of(
    one: Anomaly,
    plot: Plot,
    recorded: Sequence[Stretch],
    span: tuple[int, int],
    now: int,
    width: int,
    rows: int,
    glyphs: GlyphSet = BRAILLE,
) -> Iterator[Line]:
    """A heading, `rows` of the graph with the values of its edges before them, the bar of the episode, the times."""
    since_us, until_us = span
    known = [one.value for one in recorded if one.until_us > since_us and one.since_us < until_us]
    heading = [Cell(f"{plot.title} ", "muted")]
    if not known:
        yield (*heading, Cell("nothing was recorded then", "faint"))
        return
    limit = one.threshold if plot.has_threshold else None
    base, top = _axis([*known, *([] if limit is None else [limit])], plot.top)
    heading += [Cell(f"most {_said(one, plot, max(known))}", "strong")]
    heading += [Cell(f"  least {_said(one, plot, min(known))}", "muted")]
    if limit is not None:
        heading.append(Cell(f"  ┈ {_said(one, plot, limit)}", "muted"))
    yield heading
    labels = [_said(one, plot, top), _said(one, plot, base) if base or plot.top else "0"]
    aside = max(map(cell_len, labels)) + 1
    if aside > width // _LABEL_SHARE:
        labels, aside = ["", ""], 0
    width -= aside
    values = _columns(recorded, since_us, until_us, glyphs.columns * width)
    values = [None if value is None else value - base for value in values]
    first, last = _cell(one.began_at, span, width), width - 1
    if not one.state.is_open:
        last = _cell(one.closed_at or one.last_at, span, width)
    last = max(first, last)
    tone = {"alarm": "bad", "plain": "strong", "muted": "strong"}.get(TONES[one.severity], TONES[one.severity])
    line = rule_row(None if limit is None else limit - base, top - base, rows)
    for row in range(rows):
        edge = labels[0] if not row else labels[1] if row == rows - 1 else ""
        drawn = _row(values, row, rows, top - base, glyphs, (first, last, tone), ruled=row == line)
        yield [*([Cell(f"{edge:>{aside - 1}} ", "faint")] if aside else []), *drawn]
    margin = [Cell(" " * aside, "faint")] if aside else []
    peak = None if one.peak_at is None else _cell(one.peak_at, span, width)
    yield [*margin, *_bar(first, last, one, peak, tone)]
    begin, end = time_of_day(since_us, now), time_of_day(until_us, now)
    yield [*margin, Cell(begin + end.rjust(max(1, width - len(begin))), "faint")]


def _axis(values: Sequence[float], most: float) -> tuple[float, float]:
    """The values at the lower and the upper edge. From 0, but where all would be a full block: there around them.

    `most`: beyond which there is nothing; 0: nobody knows.
    """
    low, high = min(values), max(values)
    if low <= high / 2:
        return 0.0, most or max(high, 1e-9)
    air = max(high - low, high * _AIR) / 2
    return max(0.0, low - air), min(most or high + air, high + air)


def _said(one: Anomaly, plot: Plot, value: float) -> str:
    return amount(one, value) if plot.has_threshold else quantity(value, plot.unit)


def _row(
    values: Sequence[float | None],
    row: int,
    rows: int,
    top: float,
    glyphs: GlyphSet,
    inside: tuple[int, int, str],
    *,
    ruled: bool,
) -> Line:
    first, last, tone = inside
    drawn: list[tuple[str, str]] = []
    floor = (rows - 1 - row) * glyphs.levels
    heights = [level(value, top, rows, floor, glyphs) for value in values]
    for at, pair in enumerate(pairs(heights, glyphs)):
        char = glyphs.cell(*pair)
        if char != " ":
            drawn.append((char, tone if first <= at <= last else "graph"))
        else:
            drawn.append(("┈" if ruled else " ", "faint"))
    runs = groupby(drawn, key=lambda one: one[1])
    return [Cell("".join(char for char, _ in same), shade_of(each, row, rows)) for each, same in runs]


def _bar(first: int, last: int, one: Anomaly, peak: int | None, tone: str) -> Line:
    bar = ["─"] * (last - first + 1)
    bar[0] = "├"
    bar[-1] = "▶" if one.state.is_open else "┤" if last > first else "│"
    if peak is not None and first < peak < last:
        bar[peak - first] = "▲"
    return [Cell(" " * first, "faint"), Cell("".join(bar), tone)]


def _cell(time_us: int, span: tuple[int, int], width: int) -> int:
    return max(0, min(width - 1, (time_us - span[0]) * width // max(1, span[1] - span[0])))


def _columns(recorded: Sequence[Stretch], since_us: int, until_us: int, count: int) -> list[float | None]:
    """The largest value of each column."""
    found: list[float | None] = [None] * count
    length = max(1, until_us - since_us)
    for begin, end, value in recorded:
        first = max(0, (begin - since_us) * count // length)
        for at in range(first, min(count, max(first + 1, -(-(end - since_us) * count // length)))):
            known = found[at]
            found[at] = value if known is None else max(known, value)
    return found
