"""Everything about the host but its processes, on Linux: /proc and /sys, read in one go."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.sampling.cgroup import Cgroup
from opsconsole.monitoring.sampling.cpu import CpuLook, CpuTimes
from opsconsole.monitoring.sampling.disks import Disks, Statvfs
from opsconsole.monitoring.sampling.drives import DriveFiles
from opsconsole.monitoring.sampling.kept import KeptFile
from opsconsole.monitoring.sampling.memory import MemoryFiles, MemoryLook, memory_of
from opsconsole.monitoring.sampling.mounts import MountTable
from opsconsole.monitoring.sampling.network import NetworkFiles
from opsconsole.monitoring.sampling.pressure import PressureFiles
from opsconsole.monitoring.sampling.temperatures import Temperatures
from opsconsole.samples import Cpu, Disk, Drive, Interface, Memory, Pressure, Swap

T = TypeVar("T")


@dataclass(slots=True)
class HostLook:
    """The host's part of a Sample, with the same names. `busy_s`: CPU seconds that all processes got since
    the last look (user, nice and system)."""

    cpu: Cpu = field(default_factory=Cpu)
    load: tuple[float, float, float] = (0.0, 0.0, 0.0)
    memory: Memory = field(default_factory=lambda: memory_of(0, 0, 0))
    swap: Swap = field(default_factory=lambda: Swap(0.0, 0, 0))
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
    limit_kills: int | None = None
    temperatures: tuple[tuple[str, float], ...] = ()
    uptime_s: float | None = None
    busy_s: float | None = None
    notes: list[str] = field(default_factory=list)


class LinuxHost:
    """Looks at the host through files that stay open. `elapsed_s`, the time since the last look, is None at the first;
    a file that cannot be read costs its own figures and leaves a note."""

    def __init__(
        self, settings: MonitorSettings, *, proc: str = "/proc", sys: str = "/sys", statvfs: Statvfs = os.statvfs
    ) -> None:
        self._cpu = CpuTimes(proc)
        self._load = KeptFile(f"{proc}/loadavg", whole=True)
        self._memory = MemoryFiles(proc)
        self._pressure = PressureFiles(f"{proc}/pressure")
        self._mounts = MountTable(proc, sys, settings.ignore_mounts)
        self._disks = Disks(statvfs)
        self._drives = DriveFiles(proc, sys)
        self._network = NetworkFiles(proc)
        self._open_files = KeptFile(f"{proc}/sys/fs/file-nr", whole=True)
        self._uptime = KeptFile(f"{proc}/uptime", whole=True)
        self._temperatures = Temperatures(sys)
        self._cgroup = Cgroup(proc, sys)
        self._sees_all = os.geteuid() == 0

    def look(self, monotonic_s: float, elapsed_s: float | None) -> HostLook:
        found = HostLook()
        self._look_at_cpu(found, elapsed_s)
        self._look_at_memory(found, elapsed_s)
        notes = found.notes
        self._limit(found, monotonic_s, elapsed_s)
        if found.pressure is None:
            found.pressure = _try(lambda: self._pressure.look(elapsed_s), notes, "pressure")
            if found.pressure is None:
                notes.append("no pressure figures: this kernel has no PSI, or it is switched off (psi=1 at boot)")
        found.load = _try(self._loads, notes, "load") or found.load
        mounts = _try(lambda: self._mounts.look(monotonic_s), notes, "mounts") or ()
        found.disks = self._disks.look(mounts, monotonic_s)
        notes += self._disks.notes
        mounted = {mount.drive for mount in mounts if mount.drive is not None}
        found.drives = _try(lambda: self._drives.look(elapsed_s, mounted), notes, "drives") or ()
        found.interfaces = _try(lambda: self._network.look(elapsed_s), notes, "network") or ()
        if self._network.left_out:
            notes.append(f"{self._network.left_out} host ends of containers' interfaces are left out")
        files = _try(self._file_counts, notes, "open files")
        if files is not None:
            found.open_files, found.open_files_max = files
        found.uptime_s = _try(lambda: float(self._uptime.read().split()[0]), notes, "uptime")
        found.temperatures = self._temperatures.look(monotonic_s)
        if self._mounts.hides_processes and not self._sees_all:
            notes.append("processes of other users cannot be seen: /proc is mounted with hidepid")
        return found

    def _look_at_cpu(self, found: HostLook, elapsed_s: float | None) -> None:
        look: CpuLook | None = _try(lambda: self._cpu.look(elapsed_s), found.notes, "CPU")
        if look is not None:
            found.cpu, found.busy_s = look.cpu, look.busy_s
            found.forks_per_s, found.runnable, found.blocked = look.forks_per_s, look.runnable, look.blocked

    def _look_at_memory(self, found: HostLook, elapsed_s: float | None) -> None:
        look: MemoryLook | None = _try(lambda: self._memory.look(elapsed_s), found.notes, "memory")
        if look is not None:
            found.memory, found.swap, found.oom_kills, found.limit_kills = look

    def _limit(self, found: HostLook, monotonic_s: float, elapsed_s: float | None) -> None:
        """Put a container's own figures in the place of the host's."""
        group, notes = self._cgroup, found.notes
        _try(lambda: group.refresh(monotonic_s, found.cpu.cores, found.memory.total), notes, "cgroup")
        usage = _try(lambda: group.cpu(elapsed_s), notes, "CPU of the cgroup")
        if usage is not None:
            percent = None
            if usage.used_s is not None and elapsed_s:
                percent = min(100.0 * usage.used_s / (elapsed_s * usage.cores), 100.0)
            found.cpu = replace(
                found.cpu,
                percent=percent,
                cores=usage.cores,
                source="cgroup",
                throttled_percent=usage.throttled_percent,
            )
        memory = _try(group.memory, notes, "memory of the cgroup")
        if memory is not None:
            found.memory, (found.oom_kills, found.limit_kills) = memory, group.kills()
        if (pressure := group.pressure) is not None:
            found.pressure = _try(lambda: pressure.look(elapsed_s), notes, "pressure of the cgroup")

    def _loads(self) -> tuple[float, float, float]:
        one, five, fifteen, _ = self._load.read().split(None, 3)
        return float(one), float(five), float(fifteen)

    def _file_counts(self) -> tuple[int, int]:
        allocated, free, most = map(int, self._open_files.read().split())
        return allocated - free, most

    def close(self) -> None:
        for part in (
            self._cpu, self._load, self._memory, self._pressure, self._mounts, self._drives, self._network,
            self._open_files, self._uptime, self._cgroup,
        ):  # fmt: skip
            part.close()


def _try(read: Callable[[], T], notes: list[str], what: str) -> T | None:
    try:
        return read()
    except OSError as error:
        notes.append(f"{what}: {error.strerror or error}")
    except (ValueError, IndexError) as error:
        notes.append(f"{what}: the kernel's text is not understood ({error})")
    return None
