"""/proc/stat: where the time of all cores went since the last look. Linux only."""

from __future__ import annotations

import os
from typing import NamedTuple

from opsconsole.monitoring.sampling.counters import counter, per_second
from opsconsole.monitoring.sampling.kept import KeptFile
from opsconsole.samples import Cpu

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class CpuLook(NamedTuple):
    """`busy_s`: CPU seconds that processes got since the last look: user, nice and system, not interrupts or steal."""

    cpu: Cpu
    busy_s: float | None
    forks_per_s: float | None
    runnable: int | None
    blocked: int | None


class _Times:
    """One line of /proc/stat in clock ticks. Guest time is in user and nice already, as the kernel has it."""

    __slots__ = ("idle", "interrupts", "iowait", "steal", "system", "total", "user")

    def __init__(self, fields: list[bytes]) -> None:
        user, nice, system, idle, iowait, irq, softirq, *newer = map(int, fields[1:9])
        self.user = user + nice
        self.system = system
        self.interrupts = irq + softirq
        self.idle = idle
        self.iowait = iowait
        self.steal = newer[0] if newer else 0
        self.total = self.user + system + idle + iowait + irq + softirq + self.steal

    def busy_percent(self, before: _Times) -> float | None:
        """None: no tick has passed, or the counters went back (a core came back)."""
        # A core's idle and iowait are estimates that may go back a little; that is no time at all.
        waited = max(self.idle - before.idle, 0) + max(self.iowait - before.iowait, 0)
        busy = self.total - self.idle - self.iowait - before.total + before.idle + before.iowait
        return 100.0 * busy / (busy + waited) if busy >= 0 and busy + waited > 0 else None


class CpuTimes:
    def __init__(self, proc: str) -> None:
        self._file = KeptFile(f"{proc}/stat", whole=True)
        self._all: _Times | None = None
        self._each: dict[int, _Times] = {}
        self._forks = 0

    def look(self, elapsed_s: float | None) -> CpuLook:
        """Raises OSError, ValueError."""
        data = self._file.read()
        lines = data[: data.index(b"\nintr") if b"\nintr" in data else len(data)].split(b"\n")
        now, before = _Times(lines[0].split()), self._all
        each = self._cores(lines)
        forks = counter(data, b"\nprocesses ")
        forks_per_s = busy_s = None
        cpu = Cpu(cores=float(len(self._each) or 1))
        if before is not None and elapsed_s and now.total > before.total:
            share = 100.0 / (now.total - before.total)
            busy = now.user + now.system - before.user - before.system
            busy_s = max(busy, 0) / _TICKS
            cpu = Cpu(
                percent=now.busy_percent(before),
                per_core=tuple(each[number] for number in range(max(each) + 1)) if each else (),
                user=_part(share * (now.user - before.user)),
                system=_part(share * (now.system + now.interrupts - before.system - before.interrupts)),
                iowait=_part(share * (now.iowait - before.iowait)),
                steal=_part(share * (now.steal - before.steal)),
                cores=float(len(self._each) or 1),
            )
        if before is not None and elapsed_s and forks is not None:
            forks_per_s = per_second(forks, self._forks, elapsed_s)
        self._all, self._forks = now, forks or 0
        return CpuLook(cpu, busy_s, forks_per_s, counter(data, b"\nprocs_running "), counter(data, b"\nprocs_blocked "))

    def _cores(self, lines: list[bytes]) -> dict[int, float]:
        """The share of each core by the kernel's number; 0 for one that is off or has just come."""
        each: dict[int, _Times] = {}
        shares: dict[int, float] = {}
        for line in lines[1:]:
            if not line.startswith(b"cpu"):
                break
            fields = line.split()
            number = int(fields[0][3:])
            before = self._each.get(number)
            each[number] = times = _Times(fields)
            share = times.busy_percent(before) if before is not None else None
            shares[number] = share if share is not None else 0.0
        self._each = each
        for number in range(max(each, default=-1) + 1):
            shares.setdefault(number, 0.0)
        return shares

    def close(self) -> None:
        self._file.close()


def _part(percent: float) -> float:
    return min(max(percent, 0.0), 100.0)
