"""Whether a size keeps growing: a leak, and not a start, a cache that fills, or a garbage collector's saw.

What has been seen so far cannot tell a slow cache from a leak, so the surer it can still afford to become, the longer
it waits: half of the time until memory would be used up, between 10 and 30 minutes.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

MIB = 1024 * 1024
POINT_S = 30.0
WINDOW_S = 3600.0
MOST_POINTS = 130
LEAST_SPAN_S, ENOUGH_SPAN_S = 600.0, 1800.0
LEAST_GROWTH = 16 * MIB

_LEAST_POINTS = 12
_BLOCKS = 24
_TROUGH = 0.25
"""Share of the whole range that a fall must have, and the rise after it, to be a tooth of a saw."""
_TEETH = 5
"""A saw leaks when this many troughs each lie higher than the one before (by chance: 1 in 120)."""


class Growth(NamedTuple):
    """Bytes per second; seconds until nothing is left at that rate; what it rests on."""

    slope_bps: float
    eta_s: float
    span_s: float
    grew_bytes: float


class History:
    """A size over the last hour: at most 130 points, about 2 KB."""

    __slots__ = ("_sizes", "_times", "ceiling")

    def __init__(self) -> None:
        self._times = array("d")
        self._sizes = array("d")
        self.ceiling = 0.0
        """The largest of what is too old to be in it: what only comes back to that has not grown."""

    def add(self, at_s: float, size: float) -> None:
        times, sizes = self._times, self._sizes
        times.append(at_s)
        sizes.append(size)
        old = 0
        while times[old] < at_s - WINDOW_S or len(times) - old > MOST_POINTS:
            self.ceiling = max(self.ceiling, sizes[old])
            old += 1
        if old:
            del times[:old], sizes[:old]

    @property
    def span_s(self) -> float:
        return self._times[-1] - self._times[0] if self._times else 0.0

    @property
    def grew(self) -> float:
        return self._sizes[-1] - self._sizes[0] if self._sizes else 0.0

    def growth(self, available: float, least: float = LEAST_GROWTH, *, known: bool = False) -> Growth | None:
        """None: it does not keep growing, or cannot be told yet. `available` bytes are left, growth below `least`
        bytes is none. `known`: it was growing before, and less is asked of it to go on.
        """
        times, sizes = self._times, self._sizes
        if len(times) < _LEAST_POINTS or self.span_s < LEAST_SPAN_S:
            return None
        low, high = min(sizes), max(sizes)
        if high - low < least or high <= self.ceiling:
            return None
        troughs = _troughs(sizes, _TROUGH * (high - low))
        if troughs:
            found = _rising_troughs(times, sizes, troughs, 0.2 * (high - low))
        else:
            found = _steady(times, sizes, least, ratio=0.4 if known else 0.75, steps=0.4 if known else 0.6)
        if found is None:
            return None
        slope, grew = found
        eta = max(available, 0.0) / slope
        if not known and self.span_s < min(max(eta / 2, LEAST_SPAN_S), ENOUGH_SPAN_S):
            return None
        return Growth(slope, eta, self.span_s, grew)


def _steady(
    times: Sequence[float], sizes: Sequence[float], least: float, *, ratio: float, steps: float
) -> tuple[float, float] | None:
    """Slope and growth of what rises most of the time, and in its last third nearly as fast as in all: a cache that
    fills becomes slower.
    """
    at, floor = _blocks(times, sizes)
    grew = floor[-1] - floor[0]
    if grew < least:
        return None
    noise = 0.1 * grew / (len(floor) - 1)
    up = sum(after - before > noise for before, after in pairwise(floor))
    if up < steps * (len(floor) - 1):
        return None
    slope = theil_sen(at, floor)
    third = len(at) - max(len(at) // 3, 4)
    if slope <= 0 or theil_sen(at[third:], floor[third:]) < ratio * slope:
        return None
    return slope, grew


def _blocks(times: Sequence[float], sizes: Sequence[float]) -> tuple[list[float], list[float]]:
    """The time and the size of the smallest point in each of a few parts: what a short-lived peak does not touch."""
    count = len(times)
    parts = min(_BLOCKS, count)
    edges = [part * count // parts for part in range(parts + 1)]
    least = [min(range(begin, end), key=sizes.__getitem__) for begin, end in pairwise(edges)]
    return [times[index] for index in least], [sizes[index] for index in least]


def _rising_troughs(
    times: Sequence[float], sizes: Sequence[float], troughs: list[int], least: float
) -> tuple[float, float] | None:
    low = [sizes[index] for index in troughs]
    if len(low) < _TEETH or any(after <= before for before, after in pairwise(low)):
        return None
    grew = low[-1] - low[0]
    return None if grew < least else (theil_sen([times[index] for index in troughs], low), grew)


def _troughs(sizes: Sequence[float], least: float) -> list[int]:
    """The lowest points after a fall of `least`; the last one too, when it has not risen again by as much."""
    found: list[int] = []
    peak, lowest = sizes[0], -1  # lowest: where the present fall is at its deepest; -1: it rises
    for index, size in enumerate(sizes):
        if lowest < 0:
            if size >= peak:
                peak = size
            elif peak - size >= least:
                lowest = index
        elif size <= sizes[lowest]:
            lowest = index
        elif size - sizes[lowest] >= least:
            found.append(lowest)
            peak, lowest = size, -1
    if lowest >= 0:
        found.append(lowest)
    return found


def theil_sen(x: Sequence[float], y: Sequence[float]) -> float:
    """The median of the slopes between every two points (Theil 1950, Sen 1968); 29 % of outliers do not matter."""
    slopes = [
        (y[later] - y[earlier]) / (x[later] - x[earlier])
        for earlier in range(len(x))
        for later in range(earlier + 1, len(x))
        if x[later] > x[earlier]
    ]
    return median(slopes) if slopes else 0.0
