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
from opsconsole.tui.widgets.cells import Cell, fit_path
from opsconsole.tui.widgets.fact_line import FactLine
from opsconsole.tui.widgets.graph import Graph, Stretch
from opsconsole.tui.wording import size

if TYPE_CHECKING:
    from opsconsole.monitoring.station import Station

_FILLED_US = 600 * 1_000_000
_FILLED_POINTS = 600
_MOST_DRIVES = 8
_LEAST_TRAFFIC = 10_000.0
_LONGEST_MOUNT = 20
_TWO_FROM = 8
"""So many lines has a graph, with its foot, before swap has one of its own below memory's, and what goes through the
drives below how full they are; else these are words there."""
_PRESSURES = ("pressure_cpu", "pressure_memory", "pressure_io")
Recorded = dict[str, list[Stretch]]
"""By the name of the graph; how full a file system is, by its series."""
_UNBOUNDED = frozenset({"network"})
"""Graphs whose upper edge is what they show most of."""
NAMES = ("cpu", "memory", "disk", "network", "pressure")
"""The graphs, in their order."""
_CATEGORIES = {"cpu": "cpu", "memory": "memory", "swap": "memory", "disk": "disk", "io": "io", "network": "network"}
"""Of a kind of anomaly → the graph that has its sign."""


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

    def say(self, words: Sequence[str], most: str = "") -> None:
        """Who is busiest, and what the upper edge stands for."""
        phrases = [*([Cell(one, "muted")] for one in words), *([[Cell(most, "faint")]] if most else [])]
        self.foot.show(phrases or [[Cell("", "faint")]])


class HostGraphs(Container):
    """Colours begin where the kinds of anomaly begin by default, at the faint line; a graph's sign says what is really
    open."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.cores = CoreLanes(id="cores")
        self.cores.display = False
        self._cores_since: int | None = None
        self.swap = Graph("Swap", warn=50, bad=80, threshold=50, id="swap")
        self.swap.display = False
        self._two_fit = self._has_swap = False
        self.io = Graph("I/O", top=0, least=_LEAST_TRAFFIC, id="io")
        self.io.display = False
        self._io_is_worse = self._has_io = False
        self._disk = say.DiskShown()
        self._disk_is_new = False
        self.cells = {
            "cpu": GraphCell("cpu", Graph("CPU", warn=WARN, bad=BAD, threshold=WARN), self.cores),
            "memory": GraphCell("memory", Graph("Memory", warn=90, bad=95, threshold=90), self.swap),
            "disk": GraphCell("disk", Graph("Disk", warn=90, bad=95, threshold=90), self.io),
            "network": GraphCell("network", Graph("Network", top=0, least=_LEAST_TRAFFIC)),
            "pressure": GraphCell("pressure", Graph("Waiting for", warn=40, bad=70, threshold=40)),
        }
        self.feet = True
        self._found: Sequence[Anomaly] = ()

    def compose(self) -> ComposeResult:
        yield from self.cells.values()

    @property
    def graphs(self) -> list[Graph]:
        return [*(cell.graph for cell in self.cells.values()), self.swap, self.io]

    def set_out(self, per_row: int, shown: Sequence[str], *, feet: bool, lines: int = 0) -> None:
        """Which of them are seen, how many side by side, whether they have feet, and of how many lines together."""
        for name, cell in self.cells.items():
            cell.display = name in shown
            cell.foot.display = feet
        self.feet = feet
        self.styles.grid_size_columns = per_row
        rows = self.styles.grid_size_rows = max(1, -(-len(shown) // per_row))
        self._two_fit = lines // rows >= _TWO_FROM
        self.swap.display = self._has_swap and self._two_fit
        self._share_disk()

    def _share_disk(self) -> None:
        """Both graphs of the disks, or that in which more is wrong."""
        alone = self._io_is_worse and self._has_io and not self._two_fit
        self.io.set_class(alone, "-alone")
        self.io.display = alone or (self._two_fit and self._has_io)
        self.cells["disk"].graph.display = not alone

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
        self.swap.display = self._two_fit and self._has_swap
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
        """How full the one is that matters, and what goes through all drives: never the one under the other's name."""
        before, disk = self._disk, say.disk_shown(sample, self._found)
        self._disk = disk
        if disk.series != before.series:
            self._disk_is_new = bool(before.series)
            if disk.mount:
                self.cells["disk"].graph.about(disk.series, say.mount_name(disk.mount))
        waits = say.waiting(sample.pressure.io_some if sample.pressure else None)
        read, written = say.drive_traffic(sample)
        both = None if read is None else read + (written or 0)
        said = f"r {say.rate(read)}  w {say.rate(written)}" if both is not None else ""
        busy = []
        if (drive := say.busiest_drive(sample)) is not None and (drive.busy or 0) >= 1:
            busy.append(f"{sanitise_name(drive.name, limit=16)} {say.percent(drive.busy)} busy")
        self._has_io |= both is not None
        self._share_disk()
        words, foot = [*disk.more, *waits], [*([said] if said else []), *busy]
        if self.io.display:
            shown = f"{fit_path(say.mount_name(disk.mount), _LONGEST_MOUNT)} {disk.words}"
            beside = self.cells["disk"].graph.display
            words, foot = [*disk.more], [*waits, *busy] if beside else [shown, *disk.more, *waits]
        self.io.add(*when, both, said, foot if not self.feet else ())
        self._add("disk", when, disk.value, disk.words, words, foot)

    def _add(
        self, name: str, when: tuple[int, float], value: float | None, now: str, more: Sequence[str],
        who: Sequence[str], rest: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Without a foot the heading says who it is, where there is room."""
        cell = self.cells[name]
        cell.graph.add(*when, value, now, [*more, *([] if self.feet else who[:2]), *rest])
        most = cell.graph.most if name in _UNBOUNDED and self.feet else None
        cell.say(who, f"most {say.rate(most)}" if most else "")

    def pass_time(self, now_us: int) -> None:
        """Whatever is late leaves a gap."""
        for graph in self.graphs:
            graph.pass_time(now_us)

    def fill(self, found: Recorded) -> None:
        """The last minutes, as they were recorded."""
        of = {name: cell.graph for name, cell in self.cells.items() if name != "disk"}
        of |= {"swap": self.swap, "io": self.io, self._disk.series: self.cells["disk"].graph}
        for name, stretches in found.items():
            if (graph := of.get(name)) is not None:  # a file system may be another one by now
                graph.fill(stretches)

    def mount_of(self, sample: Sample | None) -> str | None:
        """The file system the disk's graph is about."""
        return say.shown_mount(sample, self._found)

    @property
    def disk_series(self) -> str:
        """What of the record the disk's graph shows; empty: there is no file system."""
        return self._disk.series

    def lacks_record(self) -> bool:
        """The disk's graph is about another file system than before; it is asked once."""
        found, self._disk_is_new = self._disk_is_new, False
        return found

    def mark(self, found: Sequence[Anomaly], sample: Sample | None) -> None:
        """The sign of the worst open anomaly on its graph; of file systems, of the one that is shown."""
        from opsconsole.monitoring.detection.kinds import KINDS

        self._found = found
        if sample is not None:
            self._show_disk(sample, (sample.time_us, sample.interval_s or 1.0))
        mount = self.mount_of(sample)
        of: dict[str, list[Anomaly]] = {name: [] for name in _CATEGORIES.values()}
        for one in found:
            kind = KINDS.get(one.kind)
            name = _CATEGORIES.get("" if kind is None else kind.category, "")
            if name == "disk" and kind is not None and kind.subject != "mount":
                name = "io"  # it is a drive that fails
            if name and (name != "disk" or one.subject == mount):
                of[name].append(one)
        for name, own in of.items():
            (self.io if name == "io" else self.cells[name].graph).mark(worst_mark(own))
        full, slow = (max((one.severity for one in of[name]), default=-1) for name in ("disk", "io"))
        self._io_is_worse = slow > full
        self._share_disk()


def read_recorded(station: Station, sample: Sample | None, disk: str = "") -> Recorded:
    """The last minutes of each graph; the sample names drives and interfaces, `disk` is the series of the disk's. For
    a thread. Raises StorageError."""
    found = {name: recorded(station, name) for name in ("cpu", "memory")}
    found["pressure"] = [stretch for name in _PRESSURES for stretch in recorded(station, name)]
    if sample is not None:
        if sample.swap.total:
            found["swap"] = recorded(station, "swap")
        drives = [one.name for one in say.drives(sample)[:_MOST_DRIVES]]
        found["network"] = summed(station, ("net_rx", "net_tx"), say.busiest_interfaces(sample))
        found["io"] = summed(station, ("drive_read", "drive_write"), drives)
    if disk:
        found[disk] = recorded(station, disk)
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
