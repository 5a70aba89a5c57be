"""What a run's tree uses, as graphs over its own time: CPU, memory, input and output, processes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise, zip_longest
from math import ceil, floor, log2, log10
from typing import NamedTuple

from rich.cells import cell_len

from opsconsole.samples import RunUsage
from opsconsole.tui.glyphs import GlyphSet
from opsconsole.tui.screens.tasks.page_view import Line
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.plot import Limits, Stretch, columns_of, rows_of
from opsconsole.tui.wording import duration, rate, short_size, size

_SECOND_US = 1_000_000
_BESIDE = 96
"""From so many columns on, two graphs stand side by side."""
_GAP = 3
_MOST_ROWS = 9
"""More rows tell no more of one figure over time, and what is even becomes a wall."""
_AIR = 1.25
"""Above the largest figure, so that the edge of what was used is seen."""
_SCALE, _SCALED = 7, 40
"""Columns of the figures beside a graph, and from how many on it has any."""
_SOURCES = {
    "cgroup": "measured by the cgroup once a second",
    "sampled": "its processes added up once a second: what came and went between two looks is not in it",
}
_NOTHING_YET = "Nothing was measured yet: the first figures come after a second or two."
_NOTHING = "Nothing was measured: it ended within its first second, or this host cannot measure runs."


class Curve(NamedTuple):
    """One graph: `limit` is a line in it."""

    title: str
    stretches: Sequence[Stretch]
    said: Callable[[float], str]
    limit: float | None = None
    least: float = 1.0
    short: Callable[[float], str] = short_size
    """As the scale has it."""
    base: int = 1024


def curves(series: Sequence[RunUsage], limits: Mapping[str, float]) -> list[Curve]:
    """The four of them; `limits` by name."""
    cores = limits.get("cpu")
    return [
        Curve(
            "CPU", _values(series, "cpu_percent"), lambda v: f"{v:.0f} %", cores and cores * 100, 10.0,
            lambda v: f"{v:g} %", 10,
        ),
        Curve("memory", _values(series, "rss_bytes"), size, limits.get("memory"), 1024**2),
        Curve("read + written", _rates(series), rate, None, 1024, lambda v: f"{short_size(v)}/s"),
        Curve(
            "processes", _values(series, "processes"), lambda v: f"{v:.0f}", limits.get("pids"), 2.0,
            lambda v: f"{v:g}", 10,
        ),
    ]  # fmt: skip


def usage_lines(
    series: Sequence[RunUsage], limits: Mapping[str, float], span: tuple[int, int], live: bool, glyphs: GlyphSet,
    width: int, height: int, ran_s: float | None = None, unbegun: str = "",
) -> Iterator[Line]:  # fmt: skip
    """`span`: from when to when, in microseconds; `live`: the end is now; `ran_s`: how long it ran, if not all that;
    `unbegun`: what to say of one that did not run."""
    if not series:
        yield ()
        yield (Cell(unbegun or (_NOTHING_YET if live else _NOTHING), "muted"),)
        return
    beside = width >= _BESIDE
    each = (width - _GAP) // 2 if beside else width
    rows = max(3, min(_MOST_ROWS, (height - 1) // (2 if beside else 4) - 2))
    drawn = [list(_graph(one, span, live, glyphs, each, rows)) for one in curves(series, limits)]
    if not beside:
        for graph in drawn:
            yield from graph
    else:
        for left, right in zip(drawn[::2], drawn[1::2], strict=True):
            for one, other in zip_longest(left, right, fillvalue=()):
                yield (*one, Cell(" " * (each + _GAP - _width(one)), ""), *other)
    lasted = (span[1] - span[0]) / _SECOND_US if ran_s is None else ran_s
    yield _times(lasted, live, width, series[-1].source)


def _graph(curve: Curve, span: tuple[int, int], live: bool, glyphs: GlyphSet, width: int, rows: int) -> Iterator[Line]:
    since, until = span
    beside = _SCALE if width >= _SCALED else 0
    count = (width - beside) * glyphs.columns
    step = max(_SECOND_US, -(-(until - since) // count))
    values = columns_of(curve.stretches, max(0, until - 1) // step, count, step)
    known = [value for value in values if value is not None]
    most = max(known, default=0.0)
    top = _round_top(max(most * _AIR, curve.least), curve.base)
    if curve.limit is not None and most > curve.limit / 3:
        top = max(top, float(curve.limit))
    now = curve.stretches[-1].value if curve.stretches else None
    head = [Cell(f"{curve.title} ", "muted")]
    if live and now is not None:
        head.append(Cell(f"{curve.said(now)}  ", "strong"))
    head.append(Cell(f"most {curve.said(most)}" if known else "no figures", "muted" if live else "strong"))
    if curve.limit is not None:
        head.append(Cell(f"  limit {curve.said(float(curve.limit))}", "bad" if most >= float(curve.limit) else "faint"))
    yield head
    limit = None if curve.limit is None else float(curve.limit)
    marks = Limits(rule=limit) if limit is None else Limits(limit * 0.9, limit, limit)
    scale = {0: curve.short(top), rows - 1: "0"}
    for at, line in enumerate(rows_of(values, rows, top, glyphs, marks)):
        yield (Cell(fit(scale.get(at, ""), beside - 1, right=True) + " ", "faint"), *line) if beside else line
    begins = width - min(width - beside, -(-(until - since) // (step * glyphs.columns)))
    yield (_axis("now" if live else duration((until - since) / _SECOND_US), begins, width),)


def _axis(ends: str, begins: int, width: int) -> Cell:
    """From where the run begins to the right edge, below the graph."""
    room = width - begins - cell_len(ends)
    return Cell((" " * begins + "0s").ljust(width - len(ends)) + ends if room > 2 else ends.rjust(width), "faint")


def _round_top(value: float, base: int) -> float:
    """The next round figure: 1, 2 or 5 times a power of ten; of bytes a power of two."""
    if base == 1024:
        return float(2 ** ceil(log2(value)))
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)


def _times(lasted: float, live: bool, width: int, source: str) -> Line:
    length = f"{duration(lasted, ticking=live)} {'so far' if live else 'in all'}"
    return (Cell(fit(f"{length}, {_SOURCES.get(source, source)}", width), "faint"),)


def _values(series: Sequence[RunUsage], name: str) -> list[Stretch]:
    """Each figure held since the one before it."""
    found = []
    for before, one in pairwise((None, *series)):
        value = getattr(one, name)
        if one is not None and value is not None:
            since = before.time_us if before is not None else one.time_us - _SECOND_US
            found.append(Stretch(since, one.time_us, float(value)))
    return found


def _rates(series: Sequence[RunUsage]) -> list[Stretch]:
    found = []
    for before, one in pairwise(series):
        was, now = _io(before), _io(one)
        if was is not None and now is not None and one.time_us > before.time_us:
            rate = max(0.0, now - was) / ((one.time_us - before.time_us) / _SECOND_US)
            found.append(Stretch(before.time_us, one.time_us, rate))
    return found


def _io(one: RunUsage) -> int | None:
    if one.read_bytes is None and one.write_bytes is None:
        return None
    return (one.read_bytes or 0) + (one.write_bytes or 0)


def _width(line: Line) -> int:
    return sum(cell_len(cell.text) for cell in line)
