"""All that is known of one episode, with the graph of what it was about; it scrolls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.binding import BindingType
from textual.strip import Strip

from opsconsole.anomalies import Anomaly
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.glyphs import glyphs_of
from opsconsole.tui.screens.anomalies import facts as say
from opsconsole.tui.screens.anomalies import graph
from opsconsole.tui.screens.anomalies.facts import Line, Plot
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.graph import Stretch
from opsconsole.tui.widgets.line_view import ReadingView
from opsconsole.tui.widgets.tones import Toned


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was read for an episode: the series around it, and what ran at its peak. Texts are harmless."""

    episode_id: int
    plot: Plot | None = None
    span: tuple[int, int] = (0, 1)
    recorded: tuple[Stretch, ...] = ()
    runs: tuple[str, ...] = ()
    problem: str = ""
    read_at: int = 0
    """When, in microseconds since the epoch: what happened since is not in it."""


class EpisodeDetail(Toned, ReadingView, can_focus=True, inherit_bindings=False):
    """`harmless` takes secrets and controls out of what people wrote."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.harmless: Callable[[str], str] = sanitise_name
        self._episode: Anomaly | None = None
        self._around: Surroundings | None = None
        self._now = 0
        self._values: Mapping[str, float] | None = None
        self._lines: list[Line] = []

    def show(
        self, episode: Anomaly | None, around: Surroundings | None, now: int, values: Mapping[str, float] | None = None
    ) -> None:
        """`around`: as far as it has been read, of whichever episode. `values`: the newest of `samples.series`."""
        if episode is None or self._episode is None or episode.id != self._episode.id:
            self.jump(y=0)
        self._episode, self._now, self._values = episode, now, values
        self._around = around if around is not None and episode and around.episode_id == episode.id else None
        self._build()

    @property
    def text(self) -> str:
        return "\n".join("".join(cell.text for cell in line) for line in self._lines)

    def on_resize(self) -> None:
        self._build()

    def _build(self) -> None:
        before = self._lines
        self._lines = list(self._made(max(10, self.size.width - 3))) if self.size.width else []
        self.set_extent(1, len(self._lines))
        if self._lines != before:
            self.refresh()

    def _made(self, width: int) -> Sequence[Line]:
        one, around, now = self._episode, self._around, self._now
        if one is None:
            return ()
        lines = list(say.wrapped(say.heading(one, now, self._values), width))
        if around is None:
            lines.append((Cell("reading the record …", "faint"),))
        elif around.problem:
            lines += say.wrapped([(Cell(around.problem, "bad"),)], width)
        elif around.plot is not None:
            rows = max(2, min(14, self.size.height // 5))
            recorded, span, glyphs = around.recorded, around.span, glyphs_of(self.app)
            lines += [(), *graph.lines_of(one, around.plot, recorded, span, now, width, rows, glyphs)]
        lines.append(())
        runs = around.runs if around else ()
        rest = [*say.facts(one, now, self._values), *say.company(one, runs), *say.said(one, now, self.harmless)]
        return [*lines, *say.wrapped(rest, width)]

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        line = y + self.scroll_offset.y
        cells = self._lines[line] if line < len(self._lines) else ()
        if self._episode is None and y == self.size.height // 2:
            cells = (Cell("no episode is selected".center(max(0, width - 2)), "faint"),)
        edge = self.edge(y, base, self.tone("accent"))
        segments = [edge, *(Segment(cell.text, base + self.tone(cell.tone)) for cell in cells)]
        return Strip(segments).adjust_cell_length(width, base)
