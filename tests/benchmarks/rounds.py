"""Peer and ours in turn, so that a noisy minute hits both."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path


def folder() -> Path:
    """A new folder on the disk to be measured; left in place, since deleting disturbs the next round."""
    return Path(tempfile.mkdtemp(prefix="bench-", dir=os.environ.get("BENCH_DIR")))


def compare(
    what: str, ours: Callable[[], float], peer: Callable[[], float], *, rounds: int, target: str, unit: str
) -> None:
    """Print medians, the ratio ours/peer of each round (median and best), and the target."""
    mine, theirs = [], []
    for _ in range(rounds):
        theirs.append(peer())
        mine.append(ours())
    ratios = sorted(own / other for own, other in zip(mine, theirs, strict=True))
    print(
        f"{what}: ours {statistics.median(mine):.4g} {unit}, peer {statistics.median(theirs):.4g} {unit}; "
        f"ratio median {statistics.median(ratios):.2f}, all {' '.join(f'{ratio:.2f}' for ratio in ratios)}; "
        f"target {target}",
        flush=True,
    )
