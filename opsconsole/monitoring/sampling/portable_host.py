"""Everything about the host but its processes, through psutil: for systems without /proc."""

from __future__ import annotations

import fnmatch
import os
import time
from collections.abc import Iterator
from typing import Any

from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.sampling.counters import per_second
from opsconsole.monitoring.sampling.host import HostLook
from opsconsole.monitoring.sampling.memory import memory_of
from opsconsole.monitoring.sampling.temperatures import READ_EVERY_S
from opsconsole.samples import Cpu, Disk, Drive, Interface, Swap

_LIST_MOUNTS_EVERY_S = 30.0
_BENEATH = ("/proc/", "/sys/", "/System/Volumes/", "/private/var/vm")


class PortableHost:
    """What psutil knows of this system: no pressure, no forks, no cgroup, no file descriptors. A file system whose
    server does not answer holds it up."""

    def __init__(self, settings: MonitorSettings) -> None:
        import psutil

        self._psutil = psutil
        self._ignored = settings.ignore_mounts
        self._mounts: list[Any] = []
        self._mounts_at = self._heat_at = float("-inf")
        self._heat: tuple[tuple[str, float], ...] = ()
        self._times: Any = None
        self._each: list[Any] = []
        self._swapped = (0, 0)
        self._drives: dict[str, Any] = {}
        self._cards: dict[str, Any] = {}

    def look(self, monotonic_s: float, elapsed_s: float | None) -> HostLook:
        psutil, found = self._psutil, HostLook()
        found.cpu, found.busy_s = self._cpu(elapsed_s)
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        found.memory = memory_of(memory.total, memory.available, getattr(memory, "cached", 0))
        in_bps = out_bps = None
        if elapsed_s:
            in_bps = per_second(swap.sin, self._swapped[0], elapsed_s)
            out_bps = per_second(swap.sout, self._swapped[1], elapsed_s)
        self._swapped = (swap.sin, swap.sout)
        share = 100.0 * swap.used / swap.total if swap.total else 0.0
        found.swap = Swap(share, swap.total, swap.used, in_bps, out_bps)
        found.load = psutil.getloadavg()
        found.disks = tuple(self._disks(monotonic_s, found.notes))
        found.drives = tuple(self._drive_rates(elapsed_s))
        found.interfaces = tuple(self._interface_rates(elapsed_s))
        found.temperatures = self._temperatures(monotonic_s)
        found.uptime_s = time.time() - psutil.boot_time()
        found.notes.append("through psutil: no pressure, forks, open files or cgroup limits")
        return found

    def _cpu(self, elapsed_s: float | None) -> tuple[Cpu, float | None]:
        each = self._psutil.cpu_times(percpu=True)
        now, before = self._psutil.cpu_times(), self._times
        before_each, self._times, self._each = self._each, now, each
        if before is None or not elapsed_s or (percent := _busy_percent(now, before)) is None:
            return Cpu(cores=float(len(each) or 1)), None
        total = _total(now) - _total(before)

        def share(*names: str) -> float | None:
            parts = [getattr(now, name) - getattr(before, name) for name in names if hasattr(now, name)]
            return min(max(100.0 * sum(parts) / total, 0.0), 100.0) if parts else None

        shares = [_busy_percent(core, was) or 0.0 for core, was in zip(each, before_each, strict=False)]
        cpu = Cpu(
            percent=percent,
            per_core=tuple(shares),
            user=share("user", "nice"),
            system=share("system", "irq", "softirq", "interrupt", "dpc"),
            iowait=share("iowait"),
            steal=share("steal"),
            cores=float(len(each) or 1),
        )
        busy = (cpu.user or 0.0) + (share("system") or 0.0)
        return cpu, busy * total / 100.0

    def _disks(self, monotonic_s: float, notes: list[str]) -> Iterator[Disk]:
        if monotonic_s - self._mounts_at >= _LIST_MOUNTS_EVERY_S:
            self._mounts, self._mounts_at = self._watched(), monotonic_s
        for mount in self._mounts:
            try:
                usage = self._psutil.disk_usage(mount.mountpoint)
                inodes = os.statvfs(mount.mountpoint) if hasattr(os, "statvfs") else None
            except OSError as error:
                notes.append(f"{mount.mountpoint} cannot be read: {error.strerror or error}")
                continue
            total = used = percent = None
            if inodes is not None and inodes.f_files:
                total, used = inodes.f_files, inodes.f_files - inodes.f_ffree
                usable = used + inodes.f_favail
                percent = 100.0 * used / usable if usable else None
            usable_bytes = usage.used + usage.free
            yield Disk(
                mount.mountpoint,
                mount.device,
                mount.fstype,
                usage.total,
                usage.used,
                usage.free,
                100.0 * usage.used / usable_bytes if usable_bytes else 0.0,
                total,
                used,
                percent,
                "ro" in mount.opts.split(","),
            )

    def _watched(self) -> list[Any]:
        """One mount of each device: that with the shortest path."""
        chosen: dict[str, Any] = {}
        for mount in sorted(self._psutil.disk_partitions(all=False), key=lambda mount: len(mount.mountpoint)):
            ignored = any(fnmatch.fnmatchcase(mount.mountpoint, pattern) for pattern in self._ignored)
            if mount.fstype and not ignored and not mount.mountpoint.startswith(_BENEATH):
                chosen.setdefault(mount.device, mount)
        return [mount for mount in chosen.values() if mount.fstype not in ("squashfs", "iso9660", "udf", "cd9660")]

    def _drive_rates(self, elapsed_s: float | None) -> Iterator[Drive]:
        now = self._psutil.disk_io_counters(perdisk=True) or {}
        before, self._drives = self._drives, now
        for name, new in now.items():
            old = before.get(name)
            if not new.read_count and not new.write_count:
                continue
            if old is None or not elapsed_s or new.read_count < old.read_count or new.write_count < old.write_count:
                yield Drive(name)
                continue
            ended = new.read_count + new.write_count - old.read_count - old.write_count
            spent_ms = new.read_time + new.write_time - old.read_time - old.write_time
            busy = per_second(new.busy_time, old.busy_time, elapsed_s) if hasattr(new, "busy_time") else None
            yield Drive(
                name,
                per_second(new.read_bytes, old.read_bytes, elapsed_s),
                per_second(new.write_bytes, old.write_bytes, elapsed_s),
                (new.read_count - old.read_count) / elapsed_s,
                (new.write_count - old.write_count) / elapsed_s,
                None if busy is None else min(busy / 10.0, 100.0),
                spent_ms / ended if ended > 0 and spent_ms >= 0 else None,
            )

    def _interface_rates(self, elapsed_s: float | None) -> Iterator[Interface]:
        now = self._psutil.net_io_counters(pernic=True, nowrap=False)
        before, self._cards = self._cards, now
        for name, new in now.items():
            old = before.get(name)
            if not new.bytes_recv and not new.bytes_sent:
                continue
            if old is None or not elapsed_s or any(a < b for a, b in zip(new, old, strict=True)):
                yield Interface(name, rx_bytes=new.bytes_recv, tx_bytes=new.bytes_sent)
                continue
            yield Interface(
                name,
                per_second(new.bytes_recv, old.bytes_recv, elapsed_s),
                per_second(new.bytes_sent, old.bytes_sent, elapsed_s),
                per_second(new.packets_recv, old.packets_recv, elapsed_s),
                per_second(new.packets_sent, old.packets_sent, elapsed_s),
                per_second(new.errin + new.errout, old.errin + old.errout, elapsed_s),
                per_second(new.dropin + new.dropout, old.dropin + old.dropout, elapsed_s),
                new.bytes_recv,
                new.bytes_sent,
            )

    def _temperatures(self, monotonic_s: float) -> tuple[tuple[str, float], ...]:
        ask = getattr(self._psutil, "sensors_temperatures", None)  # not on every system
        if ask is not None and monotonic_s - self._heat_at >= READ_EVERY_S:
            self._heat_at = monotonic_s
            self._heat = tuple(
                (f"{chip} {sensor.label or f'temp{number}'}", float(sensor.current))
                for chip, sensors in ask().items()
                for number, sensor in enumerate(sensors, 1)
            )
        return self._heat

    def close(self) -> None:
        """Nothing is kept open."""


def _total(times: Any) -> float:
    """All of the time; guest time is in user and nice already."""
    return float(sum(times)) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)


def _busy_percent(now: Any, before: Any) -> float | None:
    total = _total(now) - _total(before)
    waited = now.idle - before.idle + getattr(now, "iowait", 0.0) - getattr(before, "iowait", 0.0)
    return min(max(100.0 * (total - waited) / total, 0.0), 100.0) if total > 0 else None
