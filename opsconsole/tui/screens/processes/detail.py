"""One process closely: what it used since it was selected, and everything the kernel says of it."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.geometry import Region
from textual.strip import Strip

from opsconsole import wording
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.screens.processes.facts import Line
from opsconsole.tui.screens.processes.listing import Identity
from opsconsole.tui.widgets.bare_lines import BareLines
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.fact_line import FactLine, Phrase
from opsconsole.tui.widgets.folding import folded
from opsconsole.tui.widgets.graph import Graph
from opsconsole.tui.widgets.line_view import ReadingView
from opsconsole.tui.wording import size

_LEAST_RSS = 1024**2
_LEAST_IO = 10 * 1024
_LEAST_ROOM = 12
_HANG = 4
_LOOKING = "looking …"
_NO_DATA = "no data"


class ProcessGraph(Graph):
    """A graph that can begin anew; until something is known it says that somebody looks, or that there is nothing."""

    def begin(self) -> None:
        if self._live or self._now or self._nothing != _LOOKING:
            self._live.clear()
            self._now, self._extra, self._nothing = "", (), _LOOKING
            self._redraw()

    def give_up(self) -> None:
        """There is nothing to wait for."""
        if self._nothing != _NO_DATA:
            self._nothing = _NO_DATA
            self._redraw()


class FactView(BareLines, ReadingView, can_focus=True):
    """Lines of cells to scroll over; what is too long goes on below, under the beginning of its last cell."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._folded: list[Line] = []

    def show(self, lines: list[Line]) -> None:
        if lines != self._lines:
            self._lines = lines
            self._fold()

    @property
    def text(self) -> str:
        return "\n".join("".join(cell.text for cell in line) for line in self._lines)

    def _fold(self) -> None:
        before, width = self._folded, max(_LEAST_ROOM, self.size.width - 1)
        self._folded = [folded for line in self._lines for folded in _folded(line, width)]
        self.set_extent(1, len(self._folded))
        top = self.scroll_offset.y
        seen = [(old, new) for old, new in zip(before[top:], self._folded[top:], strict=False)][: self.size.height]
        if len(before) != len(self._folded):
            self.refresh()
            return
        for y, (old, new) in enumerate(seen):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))

    def on_resize(self) -> None:
        self._fold()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        base, at = self.base, y + self.scroll_offset.y
        line = self._folded[at] if at < len(self._folded) else ()
        return Strip([Segment(cell.text, base + self.tone(cell.tone)) for cell in line]).adjust_cell_length(
            self.size.width, base
        )


def _folded(line: Line, width: int) -> list[Line]:
    indent = sum(cell_len(cell.text) for cell in line[:-1])
    return [tuple(found) for found in folded(line, width, indent if indent <= width // 2 else _HANG)]


class ProcessDetail(Vertical):
    """`show` names the process and forgets the one before; `add`, `add_transfer` and `say` bring what is known of it.

    The line in the graph of its CPU is one whole core.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = FactLine(id="process-title")
        self._cpu = ProcessGraph("CPU", top=0, least=100.0, threshold=100.0, scale=lambda value: f"{value:.0f} %")
        self._rss = ProcessGraph("Memory", top=0, least=_LEAST_RSS, scale=size, short="Mem")
        self._io = ProcessGraph("I/O", top=0, least=_LEAST_IO, scale=wording.rate)
        self.facts = FactView(id="process-facts")
        self._shown: tuple[Identity | None, str] = (None, "")

    def compose(self) -> ComposeResult:
        yield self._title
        with Container(id="process-graphs"):
            yield self._cpu
            yield self._rss
            yield self._io
        yield self.facts

    @property
    def identity(self) -> Identity | None:
        """Of the process it shows."""
        return self._shown[0]

    def show(self, process: ProcessSample | None, run: str = "") -> None:
        """`run`: whose it is, of our own; harmless."""
        identity = None if process is None else process.identity
        if (identity, run) == self._shown:
            return
        anew, self._shown = identity != self._shown[0], (identity, run)
        self._title.show(*([_titled(process, run)] if process else []))
        if not anew:
            return
        for graph in (self._cpu, self._rss, self._io):
            graph.begin()
        self.facts.show([])
        self.facts.jump(y=0)

    def add(self, process: ProcessSample, time_us: int, seconds: float | None) -> None:
        """It used so much for so many seconds before `time_us`; None: nothing is known of its CPU."""
        if process.identity != self.identity:
            return
        if seconds is not None:
            self._cpu.add(time_us, seconds, process.cpu_percent, f"{process.cpu_percent:.1f} %")
        self._rss.add(time_us, seconds or 1.0, process.rss_bytes, size(process.rss_bytes))

    def add_transfer(self, identity: Identity, time_us: int, seconds: float, rate: float) -> None:
        """It moved so many bytes a second from and to storage, for so many seconds before `time_us`."""
        if identity == self.identity:
            self._io.add(time_us, seconds, rate, wording.rate(rate))

    def say(self, identity: Identity, lines: list[Line], *, ended: bool = False, moves: bool = True) -> None:
        """`moves`: what it moves from and to storage is known, or soon will be."""
        if identity != self.identity:
            return
        self.facts.show(lines)
        for graph in (self._cpu, self._rss, self._io) if ended else () if moves else (self._io,):
            graph.give_up()


def _titled(process: ProcessSample, run: str) -> list[Phrase]:
    name, user = sanitise_name(process.name, limit=60), sanitise_name(process.user or str(process.uid), limit=32)
    whose: list[Phrase] = [(Cell("run", "faint"), Cell(run, "accent"))] if run else []
    return [
        (Cell(name, "strong"), Cell(str(process.pid), "muted")), *whose, (Cell(user, "muted"),),
        (Cell("parent", "faint"), Cell(str(process.ppid), "muted")),
    ]  # fmt: skip
