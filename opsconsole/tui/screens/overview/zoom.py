"""One resource over the whole body, over minutes or over a day: what of it was recorded, graph under graph."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import Sample
from opsconsole.tui.glyphs import BRAILLE, GlyphSet
from opsconsole.tui.screens.overview import figures as say
from opsconsole.tui.screens.overview.cores import core_rows
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.plot import NO_LIMITS, Limits, Stretch, columns_of, rows_of
from opsconsole.tui.widgets.tones import Toned

if TYPE_CHECKING:
    from opsconsole.monitoring.station import Station

_SECOND_US = 1_000_000
SPANS = (("10 min", 600), ("1 h", 3600), ("6 h", 6 * 3600), ("24 h", 86_400))
"""What a graph can show, in seconds."""
FIRST_SPAN = 1
_LABELS = 11
_LEAST_ROWS = 4


class Plot(NamedTuple):
    """One graph of several. `names` are series, added up; `top` 0: the largest value is on top."""

    title: str
    names: tuple[str, ...]
    top: float = 100.0
    put: Callable[[float | None], str] = say.percent
    limits: Limits = NO_LIMITS


class Reading(NamedTuple):
    """What was recorded for the plots of a zoomed graph, and when that was asked."""

    graph: str
    span: int
    now_us: int
    found: tuple[tuple[Plot, list[Stretch]], ...]


def plots_of(graph: str, sample: Sample | None, mount: str | None) -> list[Plot]:
    """What belongs to it, the most telling first; the sample names drives and interfaces. `mount`: the file system."""
    drives = [one.name for one in say.drives(sample)[:8]] if sample is not None else []
    cards = say.busiest_interfaces(sample) if sample is not None else []
    busy, waits = Limits(85, 95), Limits(40, 70)
    of: dict[str, list[Plot | None]] = {
        "cpu": [
            Plot("used", ("cpu",), limits=busy), Plot("some task waits for CPU", ("pressure_cpu",), limits=waits),
            Plot("load", ("load1",), 0.0, lambda value: "–" if value is None else f"{value:.2f}"),
        ],
        "memory": [
            Plot("used", ("memory",), limits=Limits(90, 95)), Plot("swap", ("swap",)),
            Plot("some task waits for memory", ("pressure_memory",), limits=waits),
        ],
        "disk": [
            Plot(f"{say.mount_name(mount)} used", (f"disk:{mount}",), limits=Limits(90, 95))
            if mount else None,
            Plot("read", tuple(f"drive_read:{name}" for name in drives), 0.0, say.rate),
            Plot("written", tuple(f"drive_write:{name}" for name in drives), 0.0, say.rate),
        ],
        "network": [
            Plot("↓ received", tuple(f"net_rx:{name}" for name in cards), 0.0, say.rate),
            Plot("↑ sent", tuple(f"net_tx:{name}" for name in cards), 0.0, say.rate),
        ],
        "pressure": [
            Plot(f"some task waits for {what}", (f"pressure_{name}",), limits=waits)
            for what, name in (("CPU", "cpu"), ("memory", "memory"), ("I/O", "io"))
        ],
    }  # fmt: skip
    return [one for one in of[graph] if one is not None]


def reread_s(span: int, columns: int) -> int:
    """How often a zoomed graph is read again: as often as it can look different, and not more than every 2 s."""
    return max(2, SPANS[span][1] // max(1, columns))


def read(
    station: Station, graph: str, span: int, points: int, sample: Sample | None, mount: str | None
) -> Reading:  # fmt: skip
    """In a thread: a day of many interfaces takes a moment. Raises StorageError."""
    now = station.now()
    since = now - SPANS[span][1] * _SECOND_US
    found = [(plot, _series(station, plot.names, since, now, points)) for plot in plots_of(graph, sample, mount)]
    return Reading(graph, span, now, tuple(found))


def _series(station: Station, names: Sequence[str], since: int, now: int, points: int) -> list[Stretch]:
    total: dict[int, Stretch] = {}
    for name in names:
        found = station.graph(name, since, now, max(2, points))
        step = getattr(found, "step_us", max(_SECOND_US, (now - since) // max(2, points)))
        for point in found:
            if point is not None:
                known = total.get(point.time_us)
                value = point.mean + (0.0 if known is None else known.value)
                total[point.time_us] = Stretch(point.time_us, point.time_us + step, value)
    return list(total.values())


class ZoomView(Toned, Widget):
    """Time runs to the right edge; the values at the upper and lower edge stand at the left."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = ""
        self._hints: Sequence[tuple[str, str]] = ()
        self._reading: Reading | None = None
        self._cores: Sequence[Sequence[float]] | None = None
        self._problem = ""
        self._lines: list[list[Cell]] | None = None

    def begin(self, title: str, hints: Sequence[tuple[str, str]]) -> None:
        """Another graph or span; what is shown stays until the record has been read."""
        self._title, self._hints, self._problem = title, hints, ""
        self._redraw()

    def show(self, reading: Reading, cores: Sequence[Sequence[float]] | None = None) -> None:
        """`cores`: each core's newest values, shown beneath the first graph."""
        self._reading, self._cores, self._problem = reading, cores, ""
        self._redraw()

    def say(self, problem: str) -> None:
        """The record cannot be read."""
        self._problem = sanitise_name(problem)
        self._redraw()

    @property
    def columns(self) -> int:
        """Of dots, beside the labels."""
        return max(2, (self.size.width - _LABELS) * self._glyphs.columns)

    @property
    def _glyphs(self) -> GlyphSet:
        found = getattr(self.app, "glyphs", BRAILLE)
        return found if isinstance(found, GlyphSet) else BRAILLE

    def _redraw(self) -> None:
        self._lines = None
        self.refresh()

    def on_resize(self) -> None:
        self._redraw()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if self._lines is None:
            self._lines = self._picture(width, self.size.height)
        cells = self._lines[y] if y < len(self._lines) else []
        return Strip([Segment(one.text, base + self.tone(one.tone)) for one in cells]).adjust_cell_length(width, base)

    def _picture(self, width: int, height: int) -> list[list[Cell]]:
        lines = [self._heading(width)]
        reading = self._reading
        if self._problem:
            return [*lines, [], [Cell(f"✗ {self._problem}", "bad")]]
        if reading is None:
            return [*lines, [], [Cell("Reading the record …", "muted")]]
        room = height - 2
        plots = reading.found
        room -= sum(not found for _, found in plots)  # what was never recorded is said in one line
        while (parts := sum(bool(found) for _, found in plots) + (self._cores is not None)) > 1:
            if room // parts >= _LEAST_ROWS:
                break
            plots = plots[:-1]
        share, rest = divmod(max(0, room), max(1, parts))
        for number, (plot, found) in enumerate(plots):
            lines += self._plot(plot, found, reading, width, share + (rest if not number else 0) if found else 1)
            if not number and self._cores is not None and share > 1:
                lines.append([Cell("each core", "strong")])
                rows = core_rows(self._cores, width, share - 1, self._glyphs)
                lines += [*rows, *([[]] * (share - 1 - len(rows)))]
        lines += [[]] * (height - 1 - len(lines))
        return [*lines, self._times(reading, width)]

    def _heading(self, width: int) -> list[Cell]:
        cells = [Cell(f"{self._title} ", "accent")]
        room = width - cell_len(self._title) - 2
        for key, label in self._hints:
            room -= len(key) + len(label) + 3
            if room < 0:
                break
            cells += [Cell(f" {key} ", "accent"), Cell(f"{label} ", "faint")]
        return [*cells, Cell("─" * max(0, room), "faint")]

    def _plot(self, plot: Plot, found: list[Stretch], reading: Reading, width: int, height: int) -> list[list[Cell]]:
        """A heading and rows of dots."""
        columns = self.columns
        step = max(1, SPANS[reading.span][1] * _SECOND_US // columns)
        values = columns_of(found, reading.now_us // step, columns, step)
        known = [value for value in values if value is not None]
        name = sanitise_name(plot.title, limit=60)
        if not known:
            return [[Cell(f"{name} ", "muted"), Cell("nothing was recorded", "faint")], *([[]] * (height - 1))]
        top = plot.top or max(known) or 1.0
        figures = f"{plot.put(known[-1])}"
        head = [Cell(f"{name} ", "muted"), Cell(figures, "strong")]
        head.append(Cell(f"   most {plot.put(max(known))}   mean {plot.put(sum(known) / len(known))}", "muted"))
        rows = list(rows_of(values, height - 1, top, self._glyphs, plot.limits))
        nothing = plot.put(0.0) if plot.top else "0"  # of a rate or a load the unit of it would be another one
        labels = {height - 2: nothing, 0: plot.put(top)}
        drawn = [[Cell(f"{labels.get(at, ''):>{_LABELS - 1}} ", "faint"), *row] for at, row in enumerate(rows)]
        return [head, *drawn]

    def _times(self, reading: Reading, width: int) -> list[Cell]:
        """From when to now, with the middle of it."""
        seconds = SPANS[reading.span][1]
        now = reading.now_us / 1e6
        marks = [time.strftime("%H:%M", time.localtime(now - seconds * part / 4)) for part in (4, 3, 2, 1)]
        quarter = max(6, (width - _LABELS) // 4)
        text = "".join(mark.ljust(quarter) for mark in marks)
        room = max(0, width - _LABELS - 4)
        return [Cell(" " * _LABELS + set_cell_size(text, room) + " now", "faint")]
