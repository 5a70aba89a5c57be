"""The four graphs of a host: CPU, memory, what tasks wait for, network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container

from opsconsole.anomalies import Anomaly
from opsconsole.samples import Sample
from opsconsole.tui import host_rows as say
from opsconsole.tui.widgets.graph import Graph, Stretch
from opsconsole.tui.wording import size

if TYPE_CHECKING:
    from opsconsole.monitoring.station import Station

_FILLED_US = 600 * 1_000_000
_FILLED_POINTS = 600
_LEAST_TRAFFIC = 10_000.0
_PRESSURES = ("pressure_cpu", "pressure_memory", "pressure_io")


class HostGraphs(Container):
    """Colours begin where the kinds of anomaly begin by default; a graph's sign says what is really open."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.cpu = Graph("CPU", warn=85, bad=95)
        self.memory = Graph("Memory", warn=90, bad=95)
        self.waiting = Graph("Waiting for", warn=40, bad=70)
        self.network = Graph("Network", top=0, least=_LEAST_TRAFFIC)

    def compose(self) -> ComposeResult:
        yield from (self.cpu, self.memory, self.waiting, self.network)

    def show(self, sample: Sample) -> None:
        """The newest values, and the figures beside the titles."""
        cpu, memory = sample.cpu, sample.memory
        when = sample.time_us, sample.interval_s or 1.0
        more = [f"load {sample.load[0]:.2f}", f"{cpu.cores:g} {'core' if cpu.cores == 1 else 'cores'}"]
        lost = (("steal", cpu.steal), ("iowait", cpu.iowait))
        more += [f"{name} {value:.0f} %" for name, value in lost if value and value >= 1]
        self.cpu.add(*when, cpu.percent, say.percent(cpu.percent), more)
        of = f"{size(memory.used)} of {size(memory.total)}"
        self.memory.add(*when, memory.percent, say.percent(memory.percent), [of])
        waits = say.waits(sample)
        words = [f"{name} {value:.0f} %" for name, value in waits]
        first = words[0] if words else "–" if sample.pressure else "this kernel does not say"
        self.waiting.add(*when, waits[0][1] if waits else None, first, words[1:])
        down, up = say.traffic(sample)
        both = None if down is None else down + (up or 0)
        self.network.add(*when, both, f"↓ {say.rate(down)}", [f"↑ {say.rate(up)}"])

    def pass_time(self, now_us: int) -> None:
        """Whatever is late leaves a gap."""
        for graph in (self.cpu, self.memory, self.waiting, self.network):
            graph.pass_time(now_us)

    def fill(self, station: Station, sample: Sample | None) -> None:
        """The last minutes, from the record; the sample names the interfaces. Raises StorageError."""
        self.cpu.fill(_recorded(station, "cpu"))
        self.memory.fill(_recorded(station, "memory"))
        self.waiting.fill(stretch for name in _PRESSURES for stretch in _recorded(station, name))
        if sample is not None:
            self.network.fill(_traffic(station, sample))

    def mark(self, found: list[Anomaly]) -> None:
        """The sign of the worst open anomaly on the graph it belongs to."""
        from opsconsole.monitoring.detection.kinds import KINDS

        by_category = (
            (self.cpu, "cpu"), (self.memory, "memory"), (self.waiting, "io"), (self.network, "network"),
        )  # fmt: skip
        categories = [(one, KINDS[one.kind].category) for one in found if one.kind in KINDS]
        for graph, category in by_category:
            graph.mark(say.worst_mark(one for one, of in categories if of == category))


def _recorded(station: Station, name: str) -> list[Stretch]:
    now = station.now()
    found = station.graph(name, now - _FILLED_US, now, _FILLED_POINTS)
    step = getattr(found, "step_us", _FILLED_US // _FILLED_POINTS)
    return [Stretch(point.time_us, point.time_us + step, point.mean) for point in found if point is not None]


def _traffic(station: Station, sample: Sample) -> list[Stretch]:
    """Down and up together, of the interfaces there are now."""
    total: dict[int, Stretch] = {}
    for name in say.busiest_interfaces(sample):
        for direction in ("net_rx", "net_tx"):
            for one in _recorded(station, f"{direction}:{name}"):
                known = total.get(one.since_us)
                total[one.since_us] = one if known is None else one._replace(value=one.value + known.value)
    return list(total.values())
