"""Contexts at two resolutions over one sliding range."""

from __future__ import annotations

from array import array
from typing import ClassVar

from opsconsole.monitoring.learning.contexts import WINDOW, Contexts

COARSE, FINE = 16, 20
"""Symbols of the two resolutions."""
EDGE = 0.002
"""Part of the window that lies below the range, and above it."""
LOOK = WINDOW // 16
"""Samples between two looks at the range."""
MOVED = 0.2
"""Part of its own width by which an end of the range moves before the symbols are cut anew."""
FIRST = 60
"""Values before the first range."""
PACE = 300
"""Old values learned again per new one: all of them at once would take 4 ms of one tick."""


class Novelty:
    """Both resolutions, the window of values (16 KB), and the pair being learned anew.

    The window is not rounded to float32: values at the edge of a symbol would fall into another one. When the range
    has moved, a second pair learns the window again, `PACE` values a sample, and then takes over.
    """

    __slots__ = ("fresh", "learned", "low", "next_low", "next_scale", "pair", "scale", "seen", "window")
    NUMBERS: ClassVar[tuple[str, ...]] = ("learned", "low", "next_low", "next_scale", "scale", "seen")

    def __init__(self) -> None:
        self.window = array("d", bytes(8 * WINDOW))  # value n is at n % WINDOW
        self.seen = 0
        self.low = self.scale = 0.0  # lower end of the range, 1/width
        self.next_low = self.next_scale = 0.0
        self.learned = -1  # value learned next by the fresh pair; -1: none is
        self.pair = (Contexts(COARSE), Contexts(FINE))
        self.fresh = (Contexts(COARSE), Contexts(FINE))

    def update(self, value: float, learn: bool) -> float:
        """Mean ratio of both resolutions: what one of them only sees since a value lies at its edge counts half."""
        if learn:
            if self.seen % LOOK == 0 or self.seen == FIRST:
                self._look()
            if self.learned >= 0:
                self._learn_again(PACE)
            self.window[self.seen % WINDOW] = value
            self.seen += 1
        if self.seen <= FIRST:
            return 0.0
        low, scale = self.low, self.scale
        coarse, fine = self.pair
        rare = coarse.update(coarse.symbol(value, low, scale), learn)
        return 0.5 * (rare + fine.update(fine.symbol(value, low, scale), learn))

    def _look(self) -> None:
        if self.seen < FIRST or self.learned >= 0:
            return
        values = sorted(self.window[: self.seen])
        low, high = values[int(EDGE * (len(values) - 1))], values[int((1.0 - EDGE) * (len(values) - 1))]
        old_low = self.low
        old_high = old_low + (1.0 / self.scale if self.scale else 0.0)
        most = MOVED * max(old_high - old_low, high - low)
        if self.seen > FIRST and abs(low - old_low) <= most and abs(high - old_high) <= most:
            return
        self.next_low = low
        self.next_scale = 1.0 / (high - low) if high > low else 0.0
        for each in self.fresh:
            each.counts[:] = bytes(len(each.counts))
            each.seen = each.last = each.before = 0
        self.learned = max(0, self.seen - WINDOW)
        if self.seen == FIRST:
            self._learn_again(FIRST)

    def _learn_again(self, pace: int) -> None:
        window = self.window
        oldest = self.seen - WINDOW
        first = max(self.learned, oldest)
        last = min(first + pace, self.seen)
        for each in self.fresh:
            for place in range(first, last):
                each.count(each.symbol(window[place % WINDOW], self.next_low, self.next_scale))
        self.learned = last
        if last == self.seen:
            self._take_over()

    def _take_over(self) -> None:
        for old, new in zip(self.pair, self.fresh, strict=True):
            new.smooth, new.mean, new.record, new.told = old.smooth, old.mean, old.record, old.told
        self.pair, self.fresh = self.fresh, self.pair
        self.low, self.scale = self.next_low, self.next_scale
        self.learned = -1
