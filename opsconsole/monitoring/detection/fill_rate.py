"""How fast a file system fills, and when it will be full: robust against bursts, quick for a small tmpfs."""

from __future__ import annotations

import statistics
from collections import deque
from itertools import combinations, pairwise

POINTS = 13
LEAST_POINTS = 5
STEPS_S = (2.0, 20.0, 300.0)
"""A window holds POINTS points at least so far apart: 24 s, 4 min and an hour at the shortest."""
BELIEVED = 8.0
"""A trend is believed for so many times as long as it has been seen: a copy of one minute does not fill a disk in a
day."""
GROWING = 1 / 3
"""Share of the intervals in which it must have grown: one big file is no trend."""
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
        points.append((at_s, used))
        self._slope = self._trend() if len(points) >= LEAST_POINTS else None

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


class FillTrend:
    """Of one file system. Constant memory, some microseconds every two seconds."""

    def __init__(self) -> None:
        self._windows = [_Window(step) for step in STEPS_S]
        self._last: tuple[float, int] | None = None
        self._rate = 0.0
        self._changed_s = 0.0

    def add(self, at_s: float, used: int) -> None:
        """Bytes in use at a monotonic time."""
        if self._last is not None:
            before_s, before = self._last
            if at_s <= before_s:
                return
            if used != before:
                self._rate, self._changed_s = (used - before) / (at_s - before_s), at_s
        self._last = (at_s, used)
        for window in self._windows:
            window.add(at_s, used)

    def eta_s(self, free: int) -> float | None:
        """Seconds until it is full by the soonest trend that is believed; None: too little was seen."""
        found = [eta for window in self._windows if (eta := window.eta_s(free)) is not None]
        return min(min(found), NEVER_S) if found else None

    def rough_eta_s(self, free: int) -> float | None:
        """The same by the last change alone, where there is no trend yet; None: it does not grow."""
        eta = self.eta_s(free)
        if eta is not None and eta < NEVER_S:
            return eta
        recent = self._last is not None and self._last[0] - self._changed_s <= RECENT_S
        return min(free / self._rate, NEVER_S) if recent and self._rate > 0 else None
