"""The nouns of monitoring: what a host, its processes and a run looked like at one moment.

Shares are percent (0–100), sizes bytes, rates per second, times microseconds since the epoch (UTC) unless a name says
otherwise. A figure that this host or this moment does not have is None, never 0: the first sample has no rates.
Standard-library dataclasses: a tick builds them a thousand times an hour.
"""

from __future__ import annotations

from opsconsole.values import dataclass


@dataclass(frozen=True, slots=True)
class Cpu:
    """`percent` of what this host or container may use; `cores` is that much, in cores. `per_core` as the kernel
    counts them. The parts (user … steal) are percent of all cores. `source`: host or cgroup."""

    percent: float | None = None
    per_core: tuple[float, ...] = ()
    user: float | None = None
    system: float | None = None
    iowait: float | None = None
    steal: float | None = None
    cores: float = 1.0
    source: str = "host"
    throttled_percent: float | None = None
    """Of the time: a container held back by its CPU limit."""


@dataclass(frozen=True, slots=True)
class Memory:
    """`used` is total − available, as free(1) has it. `source`: host, or cgroup where a container's limit is lower."""

    percent: float
    total: int
    used: int
    available: int
    cached: int = 0
    source: str = "host"


@dataclass(frozen=True, slots=True)
class Swap:
    percent: float
    total: int
    used: int
    in_bps: float | None = None
    out_bps: float | None = None


@dataclass(frozen=True, slots=True)
class Pressure:
    """PSI: percent of the time since the last sample in which some, or all, non-idle tasks waited (Δ `total`)."""

    cpu_some: float | None = None
    memory_some: float | None = None
    memory_full: float | None = None
    io_some: float | None = None
    io_full: float | None = None
    source: str = "host"


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted file system. `percent` as df has it: used of what a user may have. Inodes are None where the file
    system has none to run out of. `drive` is the Drive it lies on, where there is one."""

    mount: str
    device: str
    kind: str
    total: int
    used: int
    free: int
    percent: float
    inodes_total: int | None = None
    inodes_used: int | None = None
    inodes_percent: float | None = None
    read_only: bool = False
    drive: str | None = None


@dataclass(frozen=True, slots=True)
class Drive:
    """A block device. `busy` percent of the time with a request under way; `latency_ms` mean of the requests that
    ended since the last sample (None: none ended)."""

    name: str
    read_bps: float | None = None
    write_bps: float | None = None
    read_iops: float | None = None
    write_iops: float | None = None
    busy: float | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface; errors and drops are of both directions together."""

    name: str
    rx_bps: float | None = None
    tx_bps: float | None = None
    rx_pps: float | None = None
    tx_pps: float | None = None
    errors_ps: float | None = None
    drops_ps: float | None = None
    rx_bytes: int = 0
    tx_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """A process; (pid, start_time) is who it is. `start_time`: seconds since the epoch, as psutil's create_time.

    `start_ticks`: field 22 of /proc/N/stat, the exact half of the identity (0 where there is none). `cpu_percent` of
    one core since the last sample (0.0 at the first). `state` is the kernel's letter (R S D Z T t I X). `name` and
    `cmdline` are hostile text."""

    pid: int
    ppid: int
    start_time: float
    name: str
    state: str
    uid: int
    cpu_percent: float
    rss_bytes: int
    threads: int = 1
    start_ticks: int = 0
    cpu_time_s: float = 0.0
    user: str = ""
    cmdline: str = ""
    cgroup: str = ""
    nice: int = 0

    @property
    def identity(self) -> tuple[int, int]:
        return (self.pid, self.start_ticks or int(self.start_time * 100))


@dataclass(frozen=True, slots=True)
class RunUsage:
    """What the tree of one run uses at a moment, with where the figures come from: `cgroup` or `sampled`.

    `cpu_percent` of one core; bytes of I/O are totals so far; `connections` is None where nobody counted."""

    execution_id: str
    time_us: int
    cpu_percent: float | None
    rss_bytes: int
    peak_rss_bytes: int
    processes: int
    threads: int
    read_bytes: int | None = None
    write_bytes: int | None = None
    connections: int | None = None
    cpu_time_s: float | None = None
    source: str = "sampled"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the host.

    `monotonic_s` is the one clock; `time_us` is for people. `interval_s` is the time since the last sample, None at the
    first and after a gap. `gap` says why there is one: "late" (missed ticks), "suspend", "clock" (the wall clock
    jumped by `clock_jump_s`; rates are right all the same)."""

    time_us: int
    monotonic_s: float
    interval_s: float | None
    cpu: Cpu
    load: tuple[float, float, float]
    memory: Memory
    swap: Swap
    pressure: Pressure | None = None
    disks: tuple[Disk, ...] = ()
    drives: tuple[Drive, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    open_files: int | None = None
    open_files_max: int | None = None
    forks_per_s: float | None = None
    runnable: int | None = None
    blocked: int | None = None
    oom_kills: int | None = None
    """Processes the kernel's OOM killer ended since the last sample for want of the host's memory; in a container, for
    want of the container's."""
    limit_kills: int | None = None
    """Those it ended in a control group that had reached a limit of its own, while there was memory: a run's, say."""
    temperatures: tuple[tuple[str, float], ...] = ()
    uptime_s: float | None = None
    processes: int | None = None
    threads: int | None = None
    zombies: int | None = None
    short_lived_percent: float | None = None
    """Percent of one core that went into processes no sample saw alive at its end and start."""
    gap: str | None = None
    clock_jump_s: float | None = None
    notes: tuple[str, ...] = ()
    """What could not be read, for people: "no PSI: the kernel was built without it"."""


def series(sample: Sample) -> dict[str, float]:
    """The sample as named numbers, `metric` or `metric:subject`: what is recorded, watched and drawn.

    Names: cpu cpu_user cpu_system cpu_iowait cpu_steal core:N load1 load5 load15 memory memory_used swap swap_in
    swap_out pressure_cpu pressure_memory pressure_memory_full pressure_io pressure_io_full disk:MOUNT inodes:MOUNT
    drive_read:NAME drive_write:NAME drive_busy:NAME drive_latency:NAME net_rx:NAME net_tx:NAME net_errors:NAME
    net_drops:NAME open_files forks processes blocked zombies short_lived temperature:NAME. None is left out.
    """
    cpu, swap, pressure = sample.cpu, sample.swap, sample.pressure
    found: dict[str, float | None] = {
        "cpu": cpu.percent, "cpu_user": cpu.user, "cpu_system": cpu.system, "cpu_iowait": cpu.iowait,
        "cpu_steal": cpu.steal, "load1": sample.load[0], "load5": sample.load[1], "load15": sample.load[2],
        "memory": sample.memory.percent, "memory_used": sample.memory.used, "swap": swap.percent,
        "swap_in": swap.in_bps, "swap_out": swap.out_bps, "open_files": sample.open_files,
        "forks": sample.forks_per_s, "processes": sample.processes, "blocked": sample.blocked,
        "zombies": sample.zombies, "short_lived": sample.short_lived_percent,
    }  # fmt: skip
    if pressure is not None:
        found["pressure_cpu"] = pressure.cpu_some
        found["pressure_memory"] = pressure.memory_some
        found["pressure_memory_full"] = pressure.memory_full
        found["pressure_io"] = pressure.io_some
        found["pressure_io_full"] = pressure.io_full
    for number, share in enumerate(cpu.per_core):
        found[f"core:{number}"] = share
    for disk in sample.disks:
        found[f"disk:{disk.mount}"] = disk.percent
        found[f"inodes:{disk.mount}"] = disk.inodes_percent
    for drive in sample.drives:
        found[f"drive_read:{drive.name}"] = drive.read_bps
        found[f"drive_write:{drive.name}"] = drive.write_bps
        found[f"drive_busy:{drive.name}"] = drive.busy
        found[f"drive_latency:{drive.name}"] = drive.latency_ms
    for card in sample.interfaces:
        found[f"net_rx:{card.name}"] = card.rx_bps
        found[f"net_tx:{card.name}"] = card.tx_bps
        found[f"net_errors:{card.name}"] = card.errors_ps
        found[f"net_drops:{card.name}"] = card.drops_ps
    for name, degrees in sample.temperatures:
        found[f"temperature:{name}"] = degrees
    return {name: value for name, value in found.items() if value is not None}
