"""One look at the host and its processes: what the monitor takes at each tick."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from opsconsole import host
from opsconsole.clock import SYSTEM, Clock
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.sampling.disks import Statvfs
from opsconsole.monitoring.sampling.gaps import Timeline, suspended_s
from opsconsole.monitoring.sampling.host import HostLook, LinuxHost
from opsconsole.samples import ProcessSample, Sample


class ProcessSource(Protocol):
    """Who samples the processes; as `processes.ProcessSampler` does."""

    @property
    def threads(self) -> int: ...

    @property
    def zombies(self) -> int: ...

    def sample(self) -> list[ProcessSample]: ...

    def short_lived_percent(self, system_busy_delta_s: float, interval_s: float | None, /) -> float | None: ...

    def close(self) -> None: ...


class HostSource(Protocol):
    def look(self, monotonic_s: float, elapsed_s: float | None) -> HostLook: ...

    def close(self) -> None: ...


class Sampler:
    """Takes samples; for one thread. `portable`: through psutil, the only way where there is no /proc.
    `suspended` gives the seconds this system has slept so far, `statvfs` how full a file system is."""

    def __init__(
        self,
        settings: MonitorSettings,
        clock: Clock = SYSTEM,
        *,
        proc: str = "/proc",
        sys: str = "/sys",
        processes: ProcessSource | None = None,
        portable: bool = not host.LINUX,
        suspended: Callable[[], float] = suspended_s,
        statvfs: Statvfs = os.statvfs,
    ) -> None:
        self._timeline = Timeline(clock, suspended)
        self._host: HostSource
        if portable:
            from opsconsole.monitoring.sampling.portable_host import PortableHost

            self._host = PortableHost(settings)
        else:
            self._host = LinuxHost(settings, proc=proc, sys=sys, statvfs=statvfs)
        if processes is None:
            from opsconsole.monitoring.sampling.processes import ProcessSampler

            processes = ProcessSampler(proc, clock=clock)
        self._processes: ProcessSource = processes

    def take(self, expected_s: float | None = None) -> tuple[Sample, tuple[ProcessSample, ...]]:
        """`expected_s`: when this sample was due after the last one; far later, it says so (`gap`). Rates are over the
        real interval in any case. Never raises for what the host does not show: that is in `notes`."""
        moment = self._timeline.next(expected_s)
        look = self._host.look(moment.monotonic_s, moment.elapsed_s)
        processes = tuple(self._processes.sample())
        short_lived_percent = None
        if look.busy_s is not None:
            short_lived_percent = self._processes.short_lived_percent(look.busy_s, moment.elapsed_s)
        sample = Sample(
            time_us=moment.time_us,
            monotonic_s=moment.monotonic_s,
            interval_s=moment.interval_s,
            cpu=look.cpu,
            load=look.load,
            memory=look.memory,
            swap=look.swap,
            pressure=look.pressure,
            disks=look.disks,
            drives=look.drives,
            interfaces=look.interfaces,
            open_files=look.open_files,
            open_files_max=look.open_files_max,
            forks_per_s=look.forks_per_s,
            runnable=look.runnable,
            blocked=look.blocked,
            oom_kills=look.oom_kills,
            limit_kills=look.limit_kills,
            temperatures=look.temperatures,
            uptime_s=look.uptime_s,
            processes=len(processes),
            threads=self._processes.threads,
            zombies=self._processes.zombies,
            short_lived_percent=short_lived_percent,
            gap=moment.gap,
            clock_jump_s=moment.clock_jump_s,
            notes=tuple(look.notes),
        )
        return sample, processes

    def close(self) -> None:
        """Close the kept files. The sampler is not used again."""
        self._host.close()
        self._processes.close()
