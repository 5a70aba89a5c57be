"""In a container the control group's limits are the 100 %: cgroup v1, v2, and both at once. Linux only.

Which group counts: the innermost one that we and process 1 are both in. In a container that is its own; on a
plain host it is the root, so that the limits of the service this program runs in are not taken for the host's.
"""

from __future__ import annotations

from typing import NamedTuple

from opsconsole.monitoring.sampling.cgroup_tree import Groups, Limit
from opsconsole.monitoring.sampling.counters import counter, since
from opsconsole.monitoring.sampling.kept import KeptFile
from opsconsole.monitoring.sampling.memory import memory_of
from opsconsole.monitoring.sampling.pressure import PressureFiles
from opsconsole.samples import Memory

READ_LIMITS_EVERY_S = 10.0


class CpuUsage(NamedTuple):
    """`used_s`: CPU seconds of the group since the last look. `throttled_percent` of the time."""

    cores: float
    used_s: float | None
    throttled_percent: float | None


class Cgroup:
    """The limits that bind everything we can see, read every READ_LIMITS_EVERY_S; usage at each look."""

    def __init__(self, proc: str, sys: str) -> None:
        self._proc, self._sys = proc, sys
        self._read_at = float("-inf")
        self._cpu: _Cpu | None = None
        self._memory: _Memory | None = None
        self._pressure_of = ""
        self.pressure: PressureFiles | None = None
        """The limited group's own pressure; cgroup v2 only."""

    def refresh(self, monotonic_s: float, host_cores: float, host_memory: int) -> None:
        """Look for limits lower than what the host has, if it is time to. Raises ValueError."""
        if monotonic_s - self._read_at < READ_LIMITS_EVERY_S:
            return
        self._read_at = monotonic_s
        groups = Groups(self._proc, self._sys)
        cpu, memory = groups.cpu_limit(), groups.memory_limit()
        cpu = cpu if cpu is not None and cpu.amount < host_cores else None
        memory = memory if memory is not None and memory.amount < host_memory else None
        if cpu != (self._cpu.limit if self._cpu else None):
            _close(self._cpu)
            self._cpu = _Cpu(cpu, groups.accounting(cpu)) if cpu else None
        if memory != (self._memory.limit if self._memory else None):
            _close(self._memory)
            self._memory = _Memory(memory) if memory else None
        narrow = next((limit for limit in (memory, cpu) if limit is not None and limit.unified), None)
        folder = narrow.folder if narrow else ""
        if folder != self._pressure_of:
            _close(self.pressure)
            self.pressure = PressureFiles(folder, ".pressure", "cgroup") if folder else None
            self._pressure_of = folder

    def cpu(self, elapsed_s: float | None) -> CpuUsage | None:
        """None: there is no limit below the host's cores. Raises OSError, ValueError."""
        return self._cpu.look(elapsed_s) if self._cpu is not None else None

    def memory(self) -> Memory | None:
        """None: there is no limit below the host's memory. Raises OSError, ValueError."""
        return self._memory.look() if self._memory is not None else None

    def kills(self) -> tuple[int | None, int | None]:
        """Processes of the limited group that the OOM killer ended since the last call: for want of its memory or of
        the host's, and within a lower limit of a group in it. None: not known."""
        return self._memory.kills() if self._memory is not None else (None, None)

    def close(self) -> None:
        for part in (self._cpu, self._memory, self.pressure):
            _close(part)


class _Cpu:
    def __init__(self, limit: Limit, accounting: str) -> None:
        self.limit = limit
        self._usage = KeptFile(accounting, whole=True)
        self._stat = KeptFile(f"{limit.folder}/cpu.stat", whole=True)
        self._used_ns: int | None = None
        self._throttled: int | None = None

    def look(self, elapsed_s: float | None) -> CpuUsage:
        used_s = self._used_s()
        throttled = since_before = None
        if self.limit.period_us:
            throttled = counter(b"\n" + self._stat.read(), b"\nnr_throttled ")
            since_before = since(throttled, self._throttled)
        self._throttled = throttled
        percent = None
        if since_before is not None and elapsed_s:
            percent = min(since_before * self.limit.period_us / (elapsed_s * 1e4), 100.0)
        return CpuUsage(self.limit.amount, used_s if elapsed_s else None, percent)

    def _used_s(self) -> float | None:
        if self.limit.unified:
            microseconds = counter(b"\n" + self._usage.read(), b"\nusage_usec ")
            used_ns = None if microseconds is None else 1000 * microseconds
        else:
            used_ns = int(self._usage.read())
        used = since(used_ns, self._used_ns)
        self._used_ns = used_ns
        return None if used is None else used / 1e9

    def close(self) -> None:
        self._usage.close()
        self._stat.close()


class _Memory:
    """`used` leaves out page cache that nobody touched lately: the kernel takes it back before anything is killed."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        unified = limit.unified
        self._usage = KeptFile(f"{limit.folder}/memory.{'current' if unified else 'usage_in_bytes'}", whole=True)
        self._stat = KeptFile(f"{limit.folder}/memory.stat", whole=True)
        self._events = KeptFile(f"{limit.folder}/memory.{'events' if unified else 'oom_control'}", whole=True)
        self._inactive, self._cached = (
            (b"\ninactive_file ", b"\nfile ") if unified else (b"\ntotal_inactive_file ", b"\ntotal_cache ")
        )
        self._own = KeptFile(f"{limit.folder}/memory.events.local", whole=True) if unified else None
        self._killed: int | None = None
        self._reached: tuple[int | None, int | None] = (None, None)

    def look(self) -> Memory:
        stat = b"\n" + self._stat.read()
        inactive = counter(stat, self._inactive) or 0
        total = int(self.limit.amount)
        used = max(int(self._usage.read()) - inactive, 0)
        return memory_of(total, total - used, counter(stat, self._cached) or 0, "cgroup")

    def kills(self) -> tuple[int | None, int | None]:
        """v1 counts what was ended in the group itself, v2 in those within it too: where one of them has reached its
        limit, and this one has not, it was that one's."""
        try:
            events = b"\n" + self._events.read()
        except OSError:
            return None, None
        before, self._killed = self._killed, counter(events, b"\noom_kill ")
        (any_before, own_before), self._reached = self._reached, (counter(events, b"\noom "), self._own_limit())
        killed = since(self._killed, before)
        anywhere, here = since(self._reached[0], any_before), since(self._reached[1], own_before)
        return (0, killed) if killed and anywhere and here == 0 else (killed, 0)

    def _own_limit(self) -> int | None:
        """How often the group itself has reached its limit. None: not told, as before Linux 5.2 and in v1."""
        if self._own is None:
            return None
        try:
            return counter(b"\n" + self._own.read(), b"\noom ")
        except OSError:
            return None

    def close(self) -> None:
        for file in (self._usage, self._stat, self._events, *([self._own] if self._own else [])):
            file.close()


def _close(part: _Cpu | _Memory | PressureFiles | None) -> None:
    if part is not None:
        part.close()
