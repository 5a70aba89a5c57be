"""How fast a file system fills, and when it will be full: robust against bursts, quick for a small tmpfs."""

from __future__ import annotations

import statistics
from collections import deque
from itertools import combinations, pairwise
from typing import NamedTuple

POINTS = 13
LEAST_POINTS = 5
STEPS_S = (2.0, 20.0, 300.0)
"""A window holds POINTS points at least so far apart: 24 s, 4 min and an hour at the shortest."""
BELIEVED = 8.0
"""A trend is believed for so many times as long as it has been seen: a copy of one minute does not fill a disk in a
day."""
GROWING = 1 / 3
"""Share of the intervals in which it must have grown: one big file is no trend."""
CLEANED = 0.5
"""Share of what a window has seen it grow that must go at once for the trend to be over."""
TEETH, TOOTH_S = 2, 12 * 3600.0
"""After so many falls from about the same height within that time, what grows up to that height is known to fall: a log
that is rotated every hour. One fall may be somebody who has made room, and it fills on."""
TOOTH = 0.02
"""Share of the file system that growth and fall must have, to count."""
ALIKE, DRIFT = 0.15, 0.05
"""How far heights may differ, and how much more may stay each time, as shares of the fall."""
SLOW_S = 600.0
"""What falls more often is no rotation; trends see through it, and more may stay each time than one could tell."""
FASTER = 3.0
"""What grows so many times as fast as it does usually is something else."""
RECENT_S = 60.0
NEVER_S = 30 * 86400.0
"""What is further away than this, or not filling at all."""


class _Window:
    """The slope is the median of the slopes between all pairs of points (Theil and Sen)."""

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._points: deque[tuple[float, int]] = deque(maxlen=POINTS)
        self._slope: float | None = None

    def add(self, at_s: float, used: int) -> None:
        points = self._points
        if points and at_s - points[-1][0] < self._step_s * 0.9:
            return
        if points and points[-1][1] - used > CLEANED * (max(used for _, used in points) - points[0][1]) > 0:
            points.clear()  # what had filled it was deleted: that trend is over
            self._slope = 0.0
        points.append((at_s, used))
        if len(points) >= LEAST_POINTS:
            self._slope = self._trend()

    def _trend(self) -> float:
        points = self._points
        growing = sum(later[1] > earlier[1] for earlier, later in pairwise(points))
        if growing < GROWING * (len(points) - 1):
            return 0.0
        return max(0.0, statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2)))

    def eta_s(self, free: int) -> float | None:
        """Until it is full; NEVER_S when that is beyond belief; None: too little was seen."""
        if self._slope is None:
            return None
        if self._slope <= 0:
            return NEVER_S
        eta = free / self._slope
        return eta if eta <= BELIEVED * (self._points[-1][0] - self._points[0][0]) else NEVER_S


class _Tooth(NamedTuple):
    """Growth and fall: from `low` up to `height`, at `rate` bytes a second, and down by `fall` at that time."""

    at_s: float
    low: int
    height: int
    fall: int
    rate: float


class _Teeth:
    """What grows and falls again and again."""

    def __init__(self) -> None:
        self._teeth: deque[_Tooth] = deque(maxlen=TEETH)
        self._low: tuple[float, int] | None = None
        self._high = (0.0, 0)

    def add(self, at_s: float, used: int, total: int) -> None:
        low, (high_s, high) = self._low, self._high
        if low is not None and used > high:
            self._high = (at_s, used)
            return
        grown = 0 if low is None else high - low[1]
        fell = grown >= TOOTH * total and high - used > CLEANED * grown
        if fell and low is not None:
            self._teeth.append(_Tooth(at_s, low[1], high, high - used, grown / max(high_s - low[0], 1.0)))
        if fell or low is None or used < low[1]:
            self._low = self._high = (at_s, used)

    def explain(self, at_s: float, used: int, rate: float) -> bool:
        """Whether this growth is what has fallen again the last times: not as high yet, and not faster."""
        teeth = self._teeth
        if len(teeth) < TEETH or at_s - teeth[0].at_s > TOOTH_S or self._low is None:
            return False
        if any(later.at_s - earlier.at_s < SLOW_S for earlier, later in pairwise(teeth)):
            return False
        heights, lows = [tooth.height for tooth in teeth], [*(tooth.low for tooth in teeth), self._low[1]]
        least = min(tooth.fall for tooth in teeth)
        if max(heights) - min(heights) > ALIKE * least or used > max(heights) + ALIKE * least:
            return False
        if any(later - earlier > DRIFT * least for earlier, later in pairwise(lows)):
            return False
        return rate <= FASTER * max(tooth.rate for tooth in teeth)


class FillTrend:
    """Of one file system. Constant memory, some microseconds every two seconds."""

    def __init__(self) -> None:
        self._teeth = _Teeth()
        self._windows = [_Window(step) for step in STEPS_S]
        self._last: tuple[float, int] | None = None
        self._rate = 0.0
        self._changed_s = 0.0

    def add(self, at_s: float, used: int, total: int = 0) -> None:
        """Bytes in use at a monotonic time; `total`: of the file system, 0 where that does not matter."""
        if self._last is not None:
            before_s, before = self._last
            if at_s <= before_s:
                return
            if used != before:
                self._rate, self._changed_s = (used - before) / (at_s - before_s), at_s
        self._last = (at_s, used)
        if total > 0:
            self._teeth.add(at_s, used, total)
        for window in self._windows:
            window.add(at_s, used)

    def eta_s(self, free: int) -> float | None:
        """Seconds until it is full by the soonest trend that is believed; None: too little was seen."""
        found = [eta for window in self._windows if (eta := window.eta_s(free)) is not None]
        if not found or self._last is None:
            return None
        eta = min(min(found), NEVER_S)
        known = eta < NEVER_S and self._teeth.explain(*self._last, free / max(eta, 1.0))
        return NEVER_S if known else eta

    def rough_eta_s(self, free: int) -> float | None:
        """The same by the last change alone, where there is no trend yet; None: it does not grow."""
        eta = self.eta_s(free)
        if eta is not None and eta < NEVER_S:
            return eta
        recent = self._last is not None and self._last[0] - self._changed_s <= RECENT_S
        return min(free / self._rate, NEVER_S) if recent and self._rate > 0 else None
