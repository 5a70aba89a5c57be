"""One graph on the whole body, and back; each core by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsconsole.errors import OpsError
from opsconsole.tui.keys import keys_of
from opsconsole.tui.screens.overview import zoom
from opsconsole.tui.screens.overview.commands import OverviewCommands
from opsconsole.tui.screens.overview.graphs import NAMES, HostGraphs, recorded_cores

if TYPE_CHECKING:
    from opsconsole.samples import Sample


class OverviewZoom(OverviewCommands):
    """The part of the overview that shows one resource over hours."""

    graphs: HostGraphs

    def __init__(self) -> None:
        super().__init__()
        self.zoomed = zoom.ZoomView(id="zoomed")
        self._zoom = ""
        self._span = zoom.FIRST_SPAN
        self._reads = 0
        """Readings that are under way."""

    @property
    def newest(self) -> Sample | None:
        """The last look at the host."""
        raise NotImplementedError

    def action_graph_cores(self) -> None:
        each = self.graphs.toggle_cores()
        if self._zoom == "cpu":
            self._read_zoomed()
        elif each and not self.graphs.display:
            self.app.tell("There is no room for graphs here.")
        if each and self.begun and self.graphs.cores.seen and (until := self.graphs.missing_cores()) is not None:
            self.run_worker(self._read_cores(len(self.graphs.cores.seen[-1]), until), group="cores")
        self.show_keys()

    async def _read_cores(self, count: int, until_us: int) -> None:
        """The minutes before the console looked, from the record."""
        try:
            found = await asyncio.to_thread(recorded_cores, self.engine.monitoring, count, until_us)
        except OpsError as error:
            self.fail(error)
            return
        if self.is_attached:
            self.graphs.cores.fill(found)

    def action_zoom_graph(self) -> None:
        if self._zoom:
            self._unzoom()
        elif self.begun:
            self._zoom_on("cpu")

    def action_longer_span(self) -> None:
        self._change_span(1)

    def action_shorter_span(self) -> None:
        self._change_span(-1)

    def _change_span(self, by: int) -> None:
        wanted = self._span + by
        if self._zoom and 0 <= wanted < len(zoom.SPANS):
            self._span = wanted
            self._zoom_on(self._zoom)

    def _zoom_on(self, name: str) -> None:
        self._zoom = name
        self.zoomed.display = True
        self.query_one("#overview").display = False
        keys = keys_of(self.app)
        hints: Sequence[tuple[str, str]] = [
            (keys[one][0], label)
            for one, label in (
                ("longer_span", "longer"), ("shorter_span", "shorter"), ("next_pane", "next graph"),
                ("zoom_graph", "all graphs"),
            )
        ]  # fmt: skip
        title = {"cpu": "CPU", "pressure": "Waiting"}.get(name, name.capitalize())
        self.zoomed.begin(f"{title}, last {zoom.SPANS[self._span][0]}", hints)
        self.call_after_refresh(self._read_zoomed)
        self.show_keys()

    def _unzoom(self) -> None:
        self._zoom = ""
        self.zoomed.display = False
        self.query_one("#overview").display = True
        self.set_focus(self.trouble)
        self.show_keys()

    def _step_graph(self, by: int) -> None:
        self._zoom_on(NAMES[(NAMES.index(self._zoom) + by) % len(NAMES)])

    def tick_zoomed(self) -> None:
        """A second has passed: the record is read again as often as a column is wide."""
        due = self._now() // 1_000_000 % zoom.reread_s(self._span, self.zoomed.columns) == 0
        if self._zoom and due and not self._reads:  # a slow disk is not asked again before it has answered
            self._read_zoomed()

    def _now(self) -> int:
        return self.engine.monitoring.now() if self.begun else self.clock()

    def _read_zoomed(self) -> None:
        if self._zoom and self.looks:
            self.run_worker(self._read_zoom(), group="zoom")

    async def _read_zoom(self) -> None:
        name, span = self._zoom, self._span
        sample, columns = self.newest, self.zoomed.columns
        self._reads += 1
        try:
            mount = self.graphs.mount_of(sample)
            reading = await asyncio.to_thread(zoom.read, self.engine.monitoring, name, span, columns, sample, mount)
        except OpsError as error:
            if (name, span) == (self._zoom, self._span):
                self.zoomed.say(error.message)
            return
        finally:
            self._reads -= 1
        if self.is_attached and (reading.graph, reading.span) == (self._zoom, self._span):
            each = name == "cpu" and self.graphs.cores.display
            self.zoomed.show(reading, self.graphs.cores.seen if each else None)
