"""What a run's tree uses, as graphs over its own time: CPU, memory, input and output, processes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise, zip_longest
from typing import NamedTuple

from rich.cells import cell_len

from opsconsole.samples import RunUsage
from opsconsole.tui.glyphs import GlyphSet
from opsconsole.tui.screens.tasks.page_view import Line
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.plot import Limits, Stretch, columns_of, rows_of
from opsconsole.tui.wording import duration, rate, size

_SECOND_US = 1_000_000
_BESIDE = 96
"""From so many columns on, two graphs stand side by side."""
_GAP = 3
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


def curves(series: Sequence[RunUsage], limits: Mapping[str, float]) -> list[Curve]:
    """The four of them; `limits` by name."""
    cores = limits.get("cpu")
    return [
        Curve("CPU", _values(series, "cpu_percent"), lambda v: f"{v:.0f} %", cores and cores * 100, 10.0),
        Curve("memory", _values(series, "rss_bytes"), size, limits.get("memory"), 1024**2),
        Curve("read + written", _rates(series), rate, None, 1024),
        Curve("processes", _values(series, "processes"), lambda v: f"{v:.0f}", limits.get("pids"), 2.0),
    ]


def usage_lines(
    series: Sequence[RunUsage], limits: Mapping[str, float], span: tuple[int, int], live: bool, glyphs: GlyphSet,
    width: int, height: int, ran_s: float | None = None,
) -> Iterator[Line]:  # fmt: skip
    """`span`: from when to when, in microseconds; `live`: the end is now; `ran_s`: how long it ran, if not all that."""
    if not series:
        yield ()
        yield (Cell(_NOTHING_YET if live else _NOTHING, "muted"),)
        return
    beside = width >= _BESIDE
    each = (width - _GAP) // 2 if beside else width
    rows = max(3, min(20, (height - 1) // (2 if beside else 4) - 2))
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
    count = width * glyphs.columns
    step = max(_SECOND_US, -(-(until - since) // count))
    values = columns_of(curve.stretches, max(0, until - 1) // step, count, step)
    known = [value for value in values if value is not None]
    most = max(known, default=0.0)
    top = max(most, curve.least)
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
    yield from rows_of(values, rows, top, glyphs, marks)
    yield ()


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
