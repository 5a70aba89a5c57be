"""How far a feature lies beyond its own worst."""

from __future__ import annotations

from typing import ClassVar

HALF = 24000
"""Samples at five minutes or more within which a record fades by half."""
FINE = 300.0
"""Seconds; samples closer than that fade by time: half within 83 days."""
RAMP = 500.0
"""Seconds a rise is measured over, where samples are closer than that; at five minutes each value counts at once."""
MOST_LAG = 600
SURGE = 3.0
"""A record grows at most to this many times what was known: one absurd value must not blind the detector for weeks.
The first of all is taken as it is."""


def fading(interval: float) -> float:
    """What remains of a record after one sample, for samples `interval` seconds apart."""
    return float(0.5 ** (min(interval, FINE) / FINE / HALF))


class Record:
    """Decayed high-water marks of a feature, one for each sign, and its running mean size.

    A metric is compared with its own worst and not with a distribution: operational metrics come in bursts, where
    z-scores and median deviations either never or always alarm. A mark counts once `RAMP` is over: else each value
    of a slow ramp would be measured by the one before.
    """

    __slots__ = ("above", "age", "below", "fade", "floor", "higher", "lag", "lower", "mean", "seen", "slow")
    NUMBERS: ClassVar[tuple[str, ...]] = ("above", "age", "below", "fade", "higher", "lag", "lower", "mean", "seen")

    def __init__(self, floor: float, slow: float) -> None:
        self.floor = floor  # a record counts at least this many times the mean size
        self.slow = slow  # samples the mean looks back
        self.above = self.below = self.mean = 0.0
        self.higher = self.lower = 0.0  # marks that do not count yet
        self.seen = self.age = 0
        self.lag = 1  # samples until they do
        self.fade = fading(FINE)

    def settle(self, interval: float) -> None:
        """The usual distance of samples is known, in seconds."""
        self.fade = fading(interval)
        self.lag = int(min(max(RAMP / interval, 1.0), MOST_LAG))

    def ratio(self, feature: float, least: float, learn: bool) -> float:
        """|feature| against the record on its side; `least` > 0 is the size below which nothing counts."""
        size = feature if feature >= 0.0 else -feature
        record = self.above if feature >= 0.0 else self.below
        usual = self.floor * self.mean
        if usual > record:
            record = usual
        if least > record:
            record = least
        if learn:
            most = SURGE * record
            self._learn(feature, most if size > most and record > least else size)
        return size / record

    def _learn(self, feature: float, size: float) -> None:
        self.above *= self.fade
        self.below *= self.fade
        if feature >= 0.0:
            if size > self.higher:
                self.higher = size
        elif size > self.lower:
            self.lower = size
        self.age += 1
        if self.age >= self.lag:
            self.age = 0
            if self.higher > self.above:
                self.above = self.higher
            if self.lower > self.below:
                self.below = self.lower
            self.higher = self.lower = 0.0
        self.seen += 1
        self.mean += (size - self.mean) / (self.seen if self.seen < self.slow else self.slow)
