"""A sample as Prometheus reads it: text format 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/ — written at each scrape from what is there now, so that
nothing that has gone leaves a dead series. Labels are names, never pids; processes are the top few by name. Names come
from the host and are hostile: made harmless for a terminal, then escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from opsconsole import __version__
from opsconsole.anomalies import Anomaly
from opsconsole.models import Status
from opsconsole.monitoring.export.families import FAMILIES
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import Cpu, Disk, Drive, Interface, Memory, Pressure, ProcessSample, Sample, Swap

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TOP = 5

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_HELP_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n"})

Labels = tuple[tuple[str, str], ...]


class Exposition:
    """Figures by family. What is None is left out; of two with the same labels the first stays."""

    def __init__(self) -> None:
        self._found: dict[str, dict[Labels, float]] = {}

    def add(self, name: str, value: float | None, scale: float = 1.0, /, **labels: str) -> None:
        """Raises KeyError for a name that is not in `FAMILIES`."""
        if value is None:
            return
        FAMILIES[name]
        key = tuple((label, _harmless(text)) for label, text in labels.items())
        self._found.setdefault(name, {}).setdefault(key, value * scale if scale != 1.0 else value)

    def text(self) -> str:
        lines = []
        for name, family in FAMILIES.items():
            figures = self._found.get(name)
            if figures is None:
                continue
            lines.append(f"# HELP {name} {family.help.translate(_HELP_ESCAPES)}")
            lines.append(f"# TYPE {name} {family.type}")
            for labels, value in figures.items():
                inside = ",".join(f'{label}="{text.translate(_ESCAPES)}"' for label, text in labels)
                lines.append(f"{name}{{{inside}}} {_number(value)}" if inside else f"{name} {_number(value)}")
        return "\n".join(lines) + "\n"


def exposition(
    sample: Sample | None,
    processes: Sequence[ProcessSample] = (),
    anomalies: Iterable[Anomaly] = (),
    tasks: Mapping[str, int] | None = None,
    *,
    top: int = TOP,
) -> str:
    """The whole text. `anomalies` are the open ones, `tasks` the numbers by status (an open one that is missing has
    none; None: nobody counted); without a sample there is only what is known without one."""
    found = Exposition()
    found.add("opsconsole_build_info", 1, version=__version__)
    if sample is not None:
        _host(found, sample)
    _processes(found, processes, top)
    _anomalies(found, anomalies)
    if tasks is not None:
        counts = {str(status): number for status, number in tasks.items()}
        for status in Status:  # an ended status nobody counted is not known; an open one has none
            number = counts.get(status.value, 0 if status.is_open else None)
            found.add("opsconsole_tasks", number, status=status.value)
    return found.text()


def _host(found: Exposition, sample: Sample) -> None:
    add = found.add
    add("opsconsole_sample_timestamp_seconds", sample.time_us, 1e-6)
    add("opsconsole_sample_interval_seconds", sample.interval_s)
    _cpu(found, sample.cpu)
    for name, value in zip(("node_load1", "node_load5", "node_load15"), sample.load, strict=True):
        add(name, value)
    if sample.pressure is not None:
        _pressure(found, sample.pressure)
    _memory(found, sample.memory, sample.swap)
    for disk in sample.disks:
        _disk(found, disk)
    for drive in sample.drives:
        _drive(found, drive)
    for interface in sample.interfaces:
        _interface(found, interface)
    add("node_filefd_allocated", sample.open_files)
    add("node_filefd_maximum", sample.open_files_max)
    add("node_procs_running", sample.runnable)
    add("node_procs_blocked", sample.blocked)
    if sample.uptime_s is not None:
        add("node_boot_time_seconds", round(sample.time_us / 1e6 - sample.uptime_s))
    add("opsconsole_forks_per_second", sample.forks_per_s)
    add("opsconsole_processes", sample.processes)
    add("opsconsole_threads", sample.threads)
    add("opsconsole_zombie_processes", sample.zombies)
    add("opsconsole_short_lived_cpu_ratio", sample.short_lived_percent, 0.01)
    for sensor, degrees in sample.temperatures:
        add("opsconsole_temperature_celsius", degrees, sensor=sensor)


def _cpu(found: Exposition, cpu: Cpu) -> None:
    found.add("opsconsole_cpu_usage_ratio", cpu.percent, 0.01)
    for mode in ("user", "system", "iowait", "steal"):
        found.add("opsconsole_cpu_mode_ratio", getattr(cpu, mode), 0.01, mode=mode)
    for number, percent in enumerate(cpu.per_core):
        found.add("opsconsole_cpu_core_usage_ratio", percent, 0.01, cpu=str(number))
    found.add("opsconsole_cpu_cores", cpu.cores)
    found.add("opsconsole_cpu_throttled_ratio", cpu.throttled_percent, 0.01)


def _pressure(found: Exposition, pressure: Pressure) -> None:
    for resource, kind in (
        ("cpu", "some"), ("memory", "some"), ("memory", "full"), ("io", "some"), ("io", "full"),
    ):  # fmt: skip
        value = getattr(pressure, f"{resource}_{kind}")
        found.add("opsconsole_pressure_ratio", value, 0.01, resource=resource, kind=kind)


def _memory(found: Exposition, memory: Memory, swap: Swap) -> None:
    add = found.add
    add("opsconsole_memory_used_ratio", memory.percent, 0.01)
    add("opsconsole_memory_total_bytes", memory.total)
    add("opsconsole_memory_available_bytes", memory.available)
    add("opsconsole_memory_cached_bytes", memory.cached)
    if memory.source == "host":  # a container's limit is not what node_exporter would say
        add("node_memory_MemTotal_bytes", memory.total)
        add("node_memory_MemAvailable_bytes", memory.available)
    add("node_memory_SwapTotal_bytes", swap.total)
    add("node_memory_SwapFree_bytes", swap.total - swap.used)
    add("opsconsole_swap_in_bytes_per_second", swap.in_bps)
    add("opsconsole_swap_out_bytes_per_second", swap.out_bps)


def _disk(found: Exposition, disk: Disk) -> None:
    where = {"device": disk.device, "fstype": disk.kind, "mountpoint": disk.mount}
    found.add("node_filesystem_size_bytes", disk.total, **where)
    found.add("node_filesystem_free_bytes", disk.total - disk.used, **where)
    found.add("node_filesystem_avail_bytes", disk.free, **where)
    if disk.inodes_total is not None and disk.inodes_used is not None:
        found.add("node_filesystem_files", disk.inodes_total, **where)
        found.add("node_filesystem_files_free", disk.inodes_total - disk.inodes_used, **where)
    found.add("node_filesystem_readonly", int(disk.read_only), **where)


def _drive(found: Exposition, drive: Drive) -> None:
    found.add("opsconsole_drive_read_bytes_per_second", drive.read_bps, device=drive.name)
    found.add("opsconsole_drive_write_bytes_per_second", drive.write_bps, device=drive.name)
    found.add("opsconsole_drive_reads_per_second", drive.read_iops, device=drive.name)
    found.add("opsconsole_drive_writes_per_second", drive.write_iops, device=drive.name)
    found.add("opsconsole_drive_busy_ratio", drive.busy, 0.01, device=drive.name)
    found.add("opsconsole_drive_latency_seconds", drive.latency_ms, 0.001, device=drive.name)


def _interface(found: Exposition, card: Interface) -> None:
    found.add("node_network_receive_bytes_total", card.rx_bytes, device=card.name)
    found.add("node_network_transmit_bytes_total", card.tx_bytes, device=card.name)
    found.add("opsconsole_network_receive_packets_per_second", card.rx_pps, device=card.name)
    found.add("opsconsole_network_transmit_packets_per_second", card.tx_pps, device=card.name)
    found.add("opsconsole_network_errors_per_second", card.errors_ps, device=card.name)
    found.add("opsconsole_network_drops_per_second", card.drops_ps, device=card.name)


def _processes(found: Exposition, processes: Sequence[ProcessSample], top: int) -> None:
    """The `top` names by CPU and the `top` by memory, each name with all its processes."""
    cpu: Counter[str] = Counter()
    memory: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for process in processes:
        cpu[process.name] += process.cpu_percent  # type: ignore[assignment]
        memory[process.name] += process.rss_bytes
        count[process.name] += 1
    chosen = {name for order in (cpu, memory) for name, value in order.most_common(top) if value > 0}
    for name in sorted(chosen, key=lambda one: (-cpu[one], one)):
        found.add("opsconsole_process_cpu_ratio", cpu[name], 0.01, name=name)
        found.add("opsconsole_process_resident_memory_bytes", memory[name], name=name)
        found.add("opsconsole_process_count", count[name], name=name)


def _anomalies(found: Exposition, anomalies: Iterable[Anomaly]) -> None:
    counts = Counter((one.kind, one.severity.word) for one in anomalies if one.state.is_open)
    found.add("opsconsole_anomalies_open", counts.total())
    for (kind, severity), number in sorted(counts.items()):
        found.add("opsconsole_anomalies", number, kind=kind, severity=severity)


def _harmless(text: str) -> str:
    """One line of valid UTF-8 that a terminal may show."""
    if text.isascii() and text.isprintable():
        return text
    return sanitise_name(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _number(value: float) -> str:
    """As Go's ParseFloat reads it."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value) if isinstance(value, int) else repr(round(value, 9))
