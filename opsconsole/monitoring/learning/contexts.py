"""How rarely this value followed the last two: counts of coarse symbols, with back-off to shorter contexts."""

from __future__ import annotations

from typing import ClassVar

from opsconsole.monitoring.learning.record import FINE, fading

WINDOW = 2000
"""Values the symbols are cut from, and learned again from when the range has moved."""
TRUST = 10.0
"""Sightings of a context at which it is believed half."""
SLOW = 500
"""Samples the mean surprise looks back."""
FULL = 255
NEAR = 0.2
"""Weight of the newest surprise in the smoothed one."""
LEAST = 0.01
"""Chances below it are all alike: never seen."""
FLOOR = 1.5
"""A surprise counts against at least this many times the mean surprise."""


class Contexts:
    """Surprise of the newest symbol, 1/chance; counts of one, two and three symbols in one bytearray, saturating.

    Indexed directly and not by a hash: (bins + 2)**3 bytes are few enough, and nothing collides.
    """

    __slots__ = ("before", "bins", "counts", "fade", "last", "mean", "record", "seen", "side", "smooth", "told")
    NUMBERS: ClassVar[tuple[str, ...]] = ("before", "fade", "last", "mean", "record", "seen", "smooth", "told")

    def __init__(self, bins: int) -> None:
        self.bins = bins
        self.fade = fading(FINE)
        self.side = bins + 2  # one below the range, one above
        self.counts = bytearray(self.side + self.side**2 + self.side**3)
        self.last = self.before = 0  # the two symbols before
        self.seen = 0  # symbols counted
        self.smooth = self.mean = self.record = 0.0
        self.told = 0

    def symbol(self, value: float, low: float, scale: float) -> int:
        """1 … bins inside the range, 0 below, bins + 1 above; `scale` is 1/(high - low), 0 for no range at all."""
        if scale <= 0.0:
            return 1 if value == low else 0 if value < low else self.side - 1
        part = (value - low) * scale
        if part < 0.0:
            return 0
        return int(part * self.bins) + 1 if part < 1.0 else self.side - 1

    def count(self, symbol: int) -> None:
        """Learn one symbol; nothing is judged. For learning again from the window."""
        self._add(*self._places(symbol))
        self.before, self.last = self.last, symbol

    def update(self, symbol: int, learn: bool) -> float:
        """The smoothed surprise against the highest it ever was."""
        counts, side = self.counts, self.side
        places = one, two, three = self._places(symbol)
        known = counts[self.last]
        known_pair = counts[side + self.last * side + self.before]
        chance = (counts[one] + 0.5) / (min(self.seen, 4 * FULL) + 0.5 * side)
        chance = (counts[two] + TRUST * chance) / (known + TRUST)
        chance = (counts[three] + TRUST * chance) / (known_pair + TRUST)
        smooth = self.smooth = self.smooth + NEAR * (1.0 / ((chance if chance < 1.0 else 1.0) + LEAST) - self.smooth)
        self.before, self.last = self.last, symbol
        record = FLOOR * self.mean
        if self.record > record:
            record = self.record
        if learn:
            self._add(*places)
            self.record *= self.fade
            if smooth > self.record:
                self.record = smooth
            self.told += 1
            self.mean += (smooth - self.mean) / (self.told if self.told < SLOW else SLOW)
        return smooth / record if record else 0.0

    def _places(self, symbol: int) -> tuple[int, int, int]:
        side = self.side
        pair = side + symbol * side + self.last
        return symbol, pair, pair * side + side + self.before

    def _add(self, one: int, two: int, three: int) -> None:
        counts = self.counts
        if counts[one] < FULL:
            counts[one] += 1
        if counts[two] < FULL:
            counts[two] += 1
        if counts[three] < FULL:
            counts[three] += 1
        self.seen += 1
