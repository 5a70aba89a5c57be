"""/proc/meminfo and /proc/vmstat: memory, swap and what the OOM killer ended. Linux only."""

from __future__ import annotations

import os
from typing import NamedTuple

from opsconsole.monitoring.sampling.counters import counter, per_second, since
from opsconsole.monitoring.sampling.kept import KeptFile
from opsconsole.samples import Memory, Swap

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class MemoryLook(NamedTuple):
    memory: Memory
    swap: Swap
    oom_kills: int | None


class MemoryFiles:
    def __init__(self, proc: str) -> None:
        self._meminfo = KeptFile(f"{proc}/meminfo", whole=True)
        self._vmstat = KeptFile(f"{proc}/vmstat")
        self._before: tuple[int | None, int | None, int | None] = (None, None, None)

    def look(self, elapsed_s: float | None) -> MemoryLook:
        """Raises OSError, ValueError."""
        data = self._meminfo.read()
        total = _bytes(data, b"MemTotal:")
        cached = _bytes(data, b"\nCached:") + _bytes(data, b"\nSReclaimable:")
        if b"MemAvailable:" in data:
            available = _bytes(data, b"MemAvailable:")
        else:  # before Linux 3.14
            available = _bytes(data, b"MemFree:") + _bytes(data, b"Buffers:") + cached
        memory = memory_of(total, available, cached)
        swap_total, swap_free = _bytes(data, b"SwapTotal:"), _bytes(data, b"SwapFree:")
        swap_used = max(swap_total - swap_free, 0)
        paged_in, paged_out, killed = self._events()
        before_in, before_out, before_killed = self._before
        self._before = (paged_in, paged_out, killed)
        in_bps = out_bps = None
        if elapsed_s and None not in (paged_in, before_in, paged_out, before_out):
            in_bps = per_second(_PAGE * (paged_in or 0), _PAGE * (before_in or 0), elapsed_s)
            out_bps = per_second(_PAGE * (paged_out or 0), _PAGE * (before_out or 0), elapsed_s)
        swap = Swap(100.0 * swap_used / swap_total if swap_total else 0.0, swap_total, swap_used, in_bps, out_bps)
        return MemoryLook(memory, swap, since(killed, before_killed))

    def _events(self) -> tuple[int | None, int | None, int | None]:
        try:
            data = b"\n" + self._vmstat.read()
        except OSError:
            return None, None, None
        return counter(data, b"\npswpin "), counter(data, b"\npswpout "), counter(data, b"\noom_kill ")

    def close(self) -> None:
        self._meminfo.close()
        self._vmstat.close()


def memory_of(total: int, available: int, cached: int, source: str = "host") -> Memory:
    used = min(max(total - available, 0), total)
    return Memory(100.0 * used / total if total else 0.0, total, used, total - used, cached, source)


def _bytes(data: bytes, name: bytes) -> int:
    """A line of meminfo, in bytes; 0 where this kernel has no such line (no swap, no slab counters)."""
    at = data.find(name)
    if at < 0:
        return 0
    start = at + len(name)
    return 1024 * int(data[start : data.index(b"kB", start)])
