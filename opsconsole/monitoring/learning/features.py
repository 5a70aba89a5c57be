"""Two features of the last few values: where they lie, and how far they spread."""

from __future__ import annotations

from typing import ClassVar

from opsconsole.monitoring.learning.record import SURGE, Record

RECENT = 8
"""Values the spread is taken over."""
SLOW = 1600
"""Samples the slow level looks back."""
FAR = 1e6
"""Steps beyond so many times the level, and one, are cut: no metric moves so far."""
TRIFLE = 1e-6
"""Differences below this part of the value itself are rounding, never an anomaly."""


class Recent:
    """The last few values against what they usually are."""

    __slots__ = ("centre", "level", "seen", "spread", "values")
    NUMBERS: ClassVar[tuple[str, ...]] = ("centre", "seen")

    def __init__(self) -> None:
        self.values: list[float] = []  # oldest first, at most RECENT
        self.centre = 0.0  # the slow level
        self.seen = 0
        self.level = Record(2.0, SLOW)
        self.spread = Record(2.0, 1000)

    def update(self, value: float, learn: bool) -> tuple[float, float]:
        """Record ratios of (level, spread)."""
        centre = self.centre if self.seen else value
        far = FAR * (abs(centre) + 1.0)
        if abs(value - centre) > far:
            value = centre + (far if value > centre else -far)
        values = self.values
        values.append(value)
        if len(values) > RECENT:
            del values[0]
        known = max(self.level.above, self.level.below, self.spread.above)
        trifle = TRIFLE * (abs(centre) + (known or abs(value))) + 1e-30
        most = SURGE * known if known > trifle else far
        level = self.level.ratio(value - centre, trifle, learn)
        spread = self.spread.ratio(max(values) - min(values), trifle, learn)
        if learn:
            values[-1] = self._follow(centre, value - centre, most)
        return level, spread

    def _follow(self, centre: float, step: float, most: float) -> float:
        """Move the slow level; returns the value as it is remembered, cut where it is absurd."""
        self.seen += 1
        if step > most:
            step = most
        elif step < -most:
            step = -most
        self.centre = centre + step / (self.seen if self.seen < SLOW else SLOW)
        return centre + step
