"""The band of the values around the same time yesterday and the day before."""

from __future__ import annotations

from array import array
from math import inf
from typing import ClassVar

from opsconsole.monitoring.learning.features import TRIFLE
from opsconsole.monitoring.learning.record import Record

DAY = 86400.0
SLOT = 300.0
"""Seconds of the finest slot; a slot is never shorter than the usual distance of two samples."""
RING = 2 * 288 + 4
"""Slots kept: two days of the finest and their neighbours."""
BACK = (1, 2)
"""Days looked back."""
LEAST = 8
"""Samples a day below which there is no time of day to speak of."""
WARM = 150
"""Values compared before the first one counts."""


class Season:
    """Lowest and highest value of each slot of the day, for two days; float32, so 5 KB."""

    __slots__ = ("band", "head", "high", "low", "per_day", "record", "slot", "width")
    NUMBERS: ClassVar[tuple[str, ...]] = ("head", "slot", "width", "per_day")

    def __init__(self) -> None:
        self.width = 0.0  # seconds; 0 until the distance of the samples is known
        self.per_day = 0
        self.head = -1  # newest slot, counted from the epoch
        self.slot = -1  # slot that `band` belongs to
        self.band: tuple[float, float] = (inf, -inf)  # empty: low above high
        self.low = array("f", [inf]) * RING
        self.high = array("f", [-inf]) * RING
        self.record = Record(2.0, 1000)

    def start(self, interval: float) -> None:
        """Slots from the usual distance of two samples, in seconds."""
        self.width = max(SLOT, interval)
        self.per_day = round(DAY / self.width)

    def update(self, at: float, value: float, learn: bool) -> float:
        """Record ratio of the distance outside the band; 0 inside, and where nothing is known."""
        if self.per_day < LEAST:
            return 0.0
        slot = int(at // self.width)
        if slot != self.slot:
            self._enter(slot)
        low, high = self.band
        ratio = 0.0
        if low <= high:
            out = value - high if value > high else value - low if value < low else 0.0
            ratio = self.record.ratio(out, TRIFLE * abs(value) + 1e-30, learn)
            if self.record.seen <= WARM:
                ratio = 0.0
        if learn:
            place = slot % RING
            if value < self.low[place]:
                self.low[place] = value
            if value > self.high[place]:
                self.high[place] = value
        return ratio

    def resume(self) -> None:
        """After a restored state: the band is not kept in it."""
        self.band = self._band(self.slot)

    def _enter(self, slot: int) -> None:
        if slot > self.head + RING or slot <= self.head - RING or self.head < 0:
            self._forget()
            self.head = slot
        while self.head < slot:
            self.head += 1
            self.low[self.head % RING] = inf
            self.high[self.head % RING] = -inf
        self.slot = slot
        self.band = self._band(slot)

    def _forget(self) -> None:
        for place in range(RING):
            self.low[place] = inf
            self.high[place] = -inf

    def _band(self, slot: int) -> tuple[float, float]:
        low, high = inf, -inf
        oldest = self.head - RING
        for days in BACK:
            first = slot - days * self.per_day - 1
            if first <= oldest:
                continue
            place = first % RING
            if place > RING - 3:
                places = (place, (place + 1) % RING, (place + 2) % RING)
                low = min(low, *(self.low[each] for each in places))
                high = max(high, *(self.high[each] for each in places))
            else:
                low = min(low, *self.low[place : place + 3])
                high = max(high, *self.high[place : place + 3])
        return low, high
