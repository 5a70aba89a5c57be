"""The last minutes of every series in memory, a place a second, for graphs that move."""

from __future__ import annotations

import math
import threading
from array import array
from collections.abc import Mapping

SECONDS = 900
MOST_SERIES = 500

_NAN = float("nan")


class Ring:
    """One thread adds, any other reads. 3.6 KB a series at 15 minutes; at most `most` series.

    Times are the monotonic clock's. A sample stands for the time since the one before, `interval_s`, because that is
    what its figures were measured over; so samples 30 s apart make a line and not dots. Where none does, there is NaN.
    A sample without an interval (the first, or one after a gap) stands for its own second, with a hole before it.
    Within one second the last one counts.
    """

    def __init__(self, seconds: int = SECONDS, most: int = MOST_SERIES) -> None:
        self.seconds = seconds
        self._most = most
        self._lock = threading.Lock()
        self._series: dict[str, array[float]] = {}
        self._seen: dict[str, int] = {}
        self._begin_s = 0.0
        self._last = -1

    def add(self, monotonic_s: float, values: Mapping[str, float], interval_s: float | None) -> None:
        with self._lock:
            if self._last < 0:
                self._begin_s = monotonic_s
            place = self._place(monotonic_s)
            if interval_s is None and self._last >= 0 and place < self._last + 2:
                self._begin_s -= self._last + 2 - place  # a gap that the clock slept through
                place = self._last + 2
            place = max(place, self._last, 0)
            first = place if interval_s is None else max(place - max(0, round(interval_s) - 1), self._last + 1)
            if interval_s is not None and self._last >= 0 and first - self._last <= 1 + round(0.5 * interval_s):
                first = self._last + 1  # a sample a little late is no hole
            first = min(first, place)
            self._forget(place)
            for name, value in values.items():
                ring = self._series.get(name)
                if ring is None:
                    ring = self._room(name, place)
                    if ring is None:
                        continue
                self._seen[name] = place
                ring[place % self.seconds] = value
                for filled in range(max(first, place - self.seconds + 1), place):
                    ring[filled % self.seconds] = value
            self._last = place

    def names(self) -> list[str]:
        """Series with a value in the last minutes, sorted."""
        with self._lock:
            return sorted(name for name, seen in self._seen.items() if self._last - seen < self.seconds)

    def values(self, series: str, seconds: int | None = None, now_s: float | None = None) -> list[float]:
        """One value a second, the oldest first, NaN where there is none; exactly `seconds` of them (default: all that
        is kept). The last is the newest sample's second, or that of `now_s`."""
        wanted = self.seconds if seconds is None else seconds
        with self._lock:
            ring = self._series.get(series)
            if ring is None or self._last < 0:
                return [_NAN] * wanted
            end = self._last if now_s is None else max(self._last, self._place(now_s))
            oldest = max(0, self._last - self.seconds + 1)
            return [
                ring[place % self.seconds] if oldest <= place <= self._last else _NAN
                for place in range(end - wanted + 1, end + 1)
            ]

    def latest(self, series: str) -> float | None:
        """Of the newest sample; None: it has none."""
        with self._lock:
            ring = self._series.get(series)
            value = _NAN if ring is None or self._last < 0 else ring[self._last % self.seconds]
        return None if math.isnan(value) else value

    def clear(self) -> None:
        with self._lock:
            self._series.clear()
            self._seen.clear()
            self._last = -1

    def _place(self, monotonic_s: float) -> int:
        return round(monotonic_s - self._begin_s)

    def _forget(self, place: int) -> None:
        """What stood on the places up to this one a round ago; in every series, since this sample may lack some."""
        passed = place - self._last if self._last >= 0 else 0
        if passed >= self.seconds:
            for name in self._series:
                self._series[name] = self._empty()
            return
        for filled in range(place - passed + 1, place + 1):
            at = filled % self.seconds
            for ring in self._series.values():
                ring[at] = _NAN

    def _room(self, name: str, place: int) -> array[float] | None:
        """A ring for a new series, in place of one not seen for a whole round; None: there is no room."""
        if len(self._series) >= self._most:
            gone = [one for one, seen in self._seen.items() if place - seen >= self.seconds]
            if not gone:
                return None
            for one in gone:
                del self._series[one], self._seen[one]
        ring = self._series[name] = self._empty()
        return ring

    def _empty(self) -> array[float]:
        return array("f", [_NAN]) * self.seconds
