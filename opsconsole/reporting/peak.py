"""The most memory a run had: one figure for every report, and whether it is one or only a bound of it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from opsconsole.models import ExecutionResult
from opsconsole.wording import size


class Peak(NamedTuple):
    """`bytes` None: nobody measured it. Without a cgroup the kernel tells a small run no less than what started it had:
    that is a `bound` only, and what samples saw is better where there are any."""

    bytes: int | None = None
    bound: bool = False
    sampled: bool = False

    @property
    def known(self) -> int | None:
        """What may be compared with another run's."""
        return None if self.bound else self.bytes

    @property
    def said(self) -> str:
        """`3.24 MiB`, `≤ 11.9 MiB`, `4.60 MiB as sampled`."""
        return f"{'≤ ' if self.bound else ''}{size(self.bytes)}{' as sampled' if self.sampled else ''}"


def peak_of(result: ExecutionResult, folder: Path) -> Peak:
    """`folder`: the run's, where samples of it were kept."""
    metrics = result.metrics
    if tree := metrics.get("memory_peak_bytes"):
        return Peak(int(tree))
    largest = metrics.get("max_rss_bytes")
    if largest is None:
        return Peak()
    if not metrics.get("max_rss_is_upper_bound"):
        return Peak(int(largest))
    from opsconsole.monitoring.sampling.runs import read_series

    if series := read_series(folder):
        return Peak(series[-1].peak_rss_bytes, sampled=True)
    return Peak(int(largest), bound=True)
