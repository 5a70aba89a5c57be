"""The graphs of a host: CPU, memory, disks, network, and what tasks wait for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.widget import Widget

from opsconsole.anomalies import Anomaly
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample, Sample
from opsconsole.tui.screens.overview import figures as say
from opsconsole.tui.screens.overview.cores import BAD, WARN, CoreLanes, Cores
from opsconsole.tui.severities import worst_mark
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.fact_line import FactLine
from opsconsole.tui.widgets.graph import Graph, Stretch
from opsconsole.tui.wording import size

if TYPE_CHECKING:
    from opsconsole.monitoring.station import Station

_FILLED_US = 600 * 1_000_000
_FILLED_POINTS = 600
_MOST_DRIVES = 8
_LEAST_TRAFFIC = 10_000.0
_SWAP_FROM = 8
"""So many lines has a graph, with its foot, before swap has one of its own below memory's; else it is a word there."""
_PRESSURES = ("pressure_cpu", "pressure_memory", "pressure_io")
Recorded = dict[str, list[Stretch]]
"""By the name of the graph."""
NAMES = ("cpu", "memory", "disk", "network", "pressure")
"""The graphs, in their order."""
_CATEGORIES = {"cpu": ("cpu",), "memory": ("memory", "swap"), "disk": ("disk", "io"), "network": ("network",)}


class GraphCell(Vertical):
    """A graph, and beneath it, where there is room, who is busiest. The cores can stand in its place."""

    def __init__(self, name: str, graph: Graph, *instead: Widget) -> None:
        super().__init__(id=f"graph-{name}")
        self.graph = graph
        self.foot = FactLine(id=f"foot-{name}")
        self._instead = instead

    def compose(self) -> ComposeResult:
        yield self.graph
        yield from self._instead
        yield self.foot

    def say(self, words: Sequence[str]) -> None:
        """Who is busiest."""
        self.foot.show([[Cell(one, "muted")] for one in words] or [[Cell("", "faint")]])


class HostGraphs(Container):
    """Colours begin where the kinds of anomaly begin by default; a graph's sign says what is really open."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.cores = CoreLanes(id="cores")
        self.cores.display = False
        self._cores_since: int | None = None
        self.swap = Graph("Swap", warn=50, bad=80, id="swap")
        self.swap.display = False
        self._swap_fits = self._has_swap = False
        self.cells = {
            "cpu": GraphCell("cpu", Graph("CPU", warn=WARN, bad=BAD), self.cores),
            "memory": GraphCell("memory", Graph("Memory", warn=90, bad=95), self.swap),
            "disk": GraphCell("disk", Graph("Disk", top=0, least=_LEAST_TRAFFIC)),
            "network": GraphCell("network", Graph("Network", top=0, least=_LEAST_TRAFFIC)),
            "pressure": GraphCell("pressure", Graph("Waiting for", warn=40, bad=70)),
        }
        self.feet = True
        self._found: Sequence[Anomaly] = ()

    def compose(self) -> ComposeResult:
        yield from self.cells.values()

    @property
    def graphs(self) -> list[Graph]:
        return [*(cell.graph for cell in self.cells.values()), self.swap]

    def set_out(self, per_row: int, shown: Sequence[str], *, feet: bool, lines: int = 0) -> None:
        """Which of them are seen, how many side by side, whether they have feet, and of how many lines together."""
        for name, cell in self.cells.items():
            cell.display = name in shown
            cell.foot.display = feet
        self.feet = feet
        self.styles.grid_size_columns = per_row
        rows = self.styles.grid_size_rows = max(1, -(-len(shown) // per_row))
        self._swap_fits = lines // rows >= _SWAP_FROM
        self.swap.display = self._has_swap and self._swap_fits

    def toggle_cores(self) -> bool:
        """One graph of all cores, or a small one each; whether it is each now."""
        self.cores.display = not self.cores.display
        self.cells["cpu"].graph.display = not self.cores.display
        return bool(self.cores.display)

    def missing_cores(self) -> int | None:
        """Until when the lanes of the cores lack what is on record; None: they have it, or nobody has looked. It is
        asked once."""
        until, self._cores_since = self._cores_since, 0
        return until or None

    def show(self, sample: Sample, processes: Sequence[ProcessSample]) -> None:
        """The newest values, and the figures beside the titles."""
        when = sample.time_us, sample.interval_s or 1.0
        self._show_cpu(sample, when, say.busiest(processes))
        self._show_memory(sample, when, say.largest(processes))
        self._show_disk(sample, when)
        down, up = say.traffic(sample)
        both = None if down is None else down + (up or 0)
        self._add("network", when, both, f"↓ {say.rate(down)}", [f"↑ {say.rate(up)}"], say.interface_words(sample))
        waits = say.waits(sample)
        words = [f"{name} {value:.0f} %" for name, value in waits]
        first = words[0] if words else "–" if sample.pressure else "this kernel does not say"
        self._add("pressure", when, waits[0][1] if waits else None, first, words[1:], [])

    def _show_cpu(self, sample: Sample, when: tuple[int, float], who: Sequence[str]) -> None:
        cpu, pressure = sample.cpu, sample.pressure
        more = say.waiting(pressure.cpu_some if pressure else None)
        lost = (("steal", cpu.steal), ("iowait", cpu.iowait))
        rest = [f"{name} {value:.0f} %" for name, value in lost if value and value >= 1]
        rest.append(f"{cpu.cores:g} {'core' if cpu.cores == 1 else 'cores'}")
        self._add("cpu", when, cpu.percent, say.percent(cpu.percent), more, who, rest)
        self.cores.add(cpu.per_core)
        if self._cores_since is None and cpu.per_core:
            self._cores_since = sample.time_us

    def _show_memory(self, sample: Sample, when: tuple[int, float], who: Sequence[str]) -> None:
        memory, pressure = sample.memory, sample.pressure
        more = say.waiting(pressure.memory_some if pressure else None)
        swap = sample.swap
        self._has_swap |= swap.total > 0  # also when it is switched off: panes stay where they are
        self.swap.display = self._swap_fits and self._has_swap
        if swap.used and not self.swap.display:
            more.append(f"swap {say.percent(swap.percent)}")
        rest = [f"{size(memory.used)} of {size(memory.total)}"]
        if not swap.total:
            self.swap.add(*when, None, "off")
        else:
            moved = [f"{way} {say.rate(rate)}" for way, rate in (("in", swap.in_bps), ("out", swap.out_bps)) if rate]
            of = f"{size(swap.used)} of {size(swap.total)}"
            self.swap.add(*when, swap.percent, say.percent(swap.percent), [*moved, of])
        self._add("memory", when, memory.percent, say.percent(memory.percent), more, who, rest)

    def _show_disk(self, sample: Sample, when: tuple[int, float]) -> None:
        now, more = say.disk_words(sample, self._found)
        more += say.waiting(sample.pressure.io_some if sample.pressure else None)
        read, written = say.drive_traffic(sample)
        both = None if read is None else read + (written or 0)
        foot = [f"r {say.rate(read)}  w {say.rate(written)}"] if both is not None else []
        if (drive := say.busiest_drive(sample)) is not None and (drive.busy or 0) >= 1:
            foot.append(f"{sanitise_name(drive.name, limit=16)} {say.percent(drive.busy)} busy")
        self._add("disk", when, both, now, more, foot)

    def _add(
        self, name: str, when: tuple[int, float], value: float | None, now: str, more: Sequence[str],
        who: Sequence[str], rest: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Without a foot the heading says who it is, where there is room."""
        cell = self.cells[name]
        cell.say(who)
        cell.graph.add(*when, value, now, [*more, *([] if self.feet else who[:2]), *rest])

    def pass_time(self, now_us: int) -> None:
        """Whatever is late leaves a gap."""
        for graph in self.graphs:
            graph.pass_time(now_us)

    def fill(self, found: Recorded) -> None:
        """The last minutes, as they were recorded."""
        for name, stretches in found.items():
            (self.swap if name == "swap" else self.cells[name].graph).fill(stretches)

    def mount_of(self, sample: Sample | None) -> str | None:
        """The file system the disk's graph is about."""
        return say.shown_mount(sample, self._found)

    def mark(self, found: Sequence[Anomaly], sample: Sample | None) -> None:
        """The sign of the worst open anomaly on its graph; of file systems, of the one that is shown."""
        from opsconsole.monitoring.detection.kinds import KINDS

        self._found = found
        if sample is not None:
            self._show_disk(sample, (sample.time_us, sample.interval_s or 1.0))
        mount = self.mount_of(sample)
        others = {one.id for one in say.disk_trouble(found) if one.subject != mount}
        categories = [(one, KINDS[one.kind].category) for one in found if one.kind in KINDS and one.id not in others]
        for name, wanted in _CATEGORIES.items():
            self.cells[name].graph.mark(worst_mark(one for one, of in categories if of in wanted))


def read_recorded(station: Station, sample: Sample | None) -> Recorded:
    """The last minutes of each graph; the sample names drives and interfaces. For a thread. Raises StorageError."""
    found = {name: recorded(station, name) for name in ("cpu", "memory")}
    found["pressure"] = [stretch for name in _PRESSURES for stretch in recorded(station, name)]
    if sample is not None:
        if sample.swap.total:
            found["swap"] = recorded(station, "swap")
        drives = [one.name for one in say.drives(sample)[:_MOST_DRIVES]]
        found["network"] = summed(station, ("net_rx", "net_tx"), say.busiest_interfaces(sample))
        found["disk"] = summed(station, ("drive_read", "drive_write"), drives)
    return found


def recorded_cores(station: Station, count: int, until_us: int) -> list[Cores]:
    """All cores over the minutes before, where each of them was recorded. For a thread. Raises StorageError."""
    series = [recorded(station, f"core:{number}", until_us) for number in range(count)]
    moments = [{one.since_us: one.value for one in stretches} for stretches in series]
    common = set(moments[0]).intersection(*moments[1:]) if moments else set[int]()
    return [[values[at] for values in moments] for at in sorted(common) if at < until_us]


def recorded(station: Station, name: str, until_us: int | None = None) -> list[Stretch]:
    """A series over the last minutes."""
    now = station.now() if until_us is None else until_us
    found = station.graph(name, now - _FILLED_US, now, _FILLED_POINTS)
    step = getattr(found, "step_us", _FILLED_US // _FILLED_POINTS)
    return [Stretch(point.time_us, point.time_us + step, point.mean) for point in found if point is not None]


def summed(station: Station, metrics: Sequence[str], subjects: Sequence[str]) -> list[Stretch]:
    """Several series added up."""
    total: dict[int, Stretch] = {}
    for name in subjects:
        for metric in metrics:
            for one in recorded(station, f"{metric}:{name}"):
                known = total.get(one.since_us)
                total[one.since_us] = one if known is None else one._replace(value=one.value + known.value)
    return list(total.values())
