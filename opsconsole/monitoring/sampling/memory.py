"""/proc/meminfo and /proc/vmstat: memory, swap and what the OOM killer ended. Linux only.

The kernel counts all that the OOM killer ends in one number, also what it ends in a control group that has reached a
limit of its own. Before it kills for want of the host's memory, though, somebody who asked for a page had to search for
one: that is counted in `allocstall_*`, where searching within a group is not.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from opsconsole.monitoring.sampling.counters import counter, per_second, since
from opsconsole.monitoring.sampling.kept import KeptFile
from opsconsole.samples import Memory, Swap

SEARCHED_S = 10.0
"""For so long a search for memory may have been under way that ends in a kill."""
_SEARCHES = re.compile(rb"\nallocstall\w* (\d+)")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class MemoryLook(NamedTuple):
    memory: Memory
    swap: Swap
    oom_kills: int | None
    limit_kills: int | None


class _Events(NamedTuple):
    """Of /proc/vmstat, since the start; None: not told."""

    paged_in: int | None = None
    paged_out: int | None = None
    killed: int | None = None
    searches: int | None = None


class MemoryFiles:
    def __init__(self, proc: str) -> None:
        self._meminfo = KeptFile(f"{proc}/meminfo", whole=True)
        self._vmstat = KeptFile(f"{proc}/vmstat")
        self._before = _Events()
        self._searched_s = 0.0

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
        now, before = self._events(), self._before
        self._before = now
        in_bps = out_bps = None
        if elapsed_s and None not in (now.paged_in, before.paged_in, now.paged_out, before.paged_out):
            in_bps = per_second(_PAGE * (now.paged_in or 0), _PAGE * (before.paged_in or 0), elapsed_s)
            out_bps = per_second(_PAGE * (now.paged_out or 0), _PAGE * (before.paged_out or 0), elapsed_s)
        swap = Swap(100.0 * swap_used / swap_total if swap_total else 0.0, swap_total, swap_used, in_bps, out_bps)
        return MemoryLook(memory, swap, *self._kills(now, before, elapsed_s or 0.0))

    def _kills(self, now: _Events, before: _Events, elapsed_s: float) -> tuple[int | None, int | None]:
        """For want of the host's memory, and within a limit. Where nothing is told of searches, all are the host's."""
        killed, searches = since(now.killed, before.killed), since(now.searches, before.searches)
        if now.searches is None or searches:
            self._searched_s = SEARCHED_S
        else:
            self._searched_s = max(0.0, self._searched_s - elapsed_s)
        if killed is None:
            return None, None
        return (killed, 0) if self._searched_s > 0 else (0, killed)

    def _events(self) -> _Events:
        try:
            data = b"\n" + self._vmstat.read()
        except OSError:
            return _Events()
        return _Events(
            counter(data, b"\npswpin "),
            counter(data, b"\npswpout "),
            counter(data, b"\noom_kill "),
            _searches(data),
        )

    def close(self) -> None:
        self._meminfo.close()
        self._vmstat.close()


def memory_of(total: int, available: int, cached: int, source: str = "host") -> Memory:
    used = min(max(total - available, 0), total)
    return Memory(100.0 * used / total if total else 0.0, total, used, total - used, cached, source)


def _searches(vmstat: bytes) -> int | None:
    """By zone of the memory; before Linux 4.8 in one number."""
    found = _SEARCHES.findall(vmstat)
    return sum(map(int, found)) if found else None


def _bytes(data: bytes, name: bytes) -> int:
    """A line of meminfo, in bytes; 0 where this kernel has no such line (no swap, no slab counters)."""
    at = data.find(name)
    if at < 0:
        return 0
    start = at + len(name)
    return 1024 * int(data[start : data.index(b"kB", start)])
