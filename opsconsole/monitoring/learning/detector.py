"""The learning detector: how unusual is this value, compared with everything this one metric did before."""

from __future__ import annotations

from math import isfinite, log2, sqrt
from typing import ClassVar

from opsconsole.monitoring.learning import packing
from opsconsole.monitoring.learning.features import RECENT, Recent
from opsconsole.monitoring.learning.novelty import Novelty
from opsconsole.monitoring.learning.record import FINE, fading
from opsconsole.monitoring.learning.season import Season
from opsconsole.monitoring.learning.stillness import Stillness

WARM = 140
"""Values before the first score."""
INTERVALS = 64
"""Distances of samples whose median becomes the usual one."""
HUGE = 1e37
"""Values are cut here: beyond it float32 ends, and no metric lives."""
WEIGHTS = (1.0, 0.3, 0.7, 1.0)
"""Level, spread, season, novelty."""
MOST = 4.0
"""What one ratio approaches at most, so that no feature drowns the others."""
BLOCK, BLOCKS = 10, 5
"""A score counts in full when it is the highest of the last BLOCK * BLOCKS values."""
YOUNG = 20.0
"""Values after which a record counts half: early ones fall by chance alone."""
BAR = 0.03
"""How much higher the bar is for each halving of the distance of samples below FINE: a day has more of them."""
STILL = 1.3
"""What a value counts that stands still for too long; above the threshold."""
ECHO = 1e-3
"""What remains of a score that is not."""
FROZEN = 240
"""Values in a row that may go unlearned; what stays longer is the new normal."""


class Detector:
    """One metric's scores. Causal, deterministic, of constant size.

    Four record ratios (`Record`): the value itself, the spread of the last 8, the distance outside what was at this
    time of day (`Season`), and the rarity of the last steps at two resolutions (`Novelty`). They are joined by a mean
    of fourth powers. An anomaly is told once, by its rise, and for the next 50 values only by what tops it.
    """

    threshold: ClassVar[float] = 0.5145
    """Score from which a value counts as unusual."""

    __slots__ = (
        "at",
        "bar",
        "block",
        "frozen",
        "intervals",
        "novelty",
        "peaks",
        "recent",
        "season",
        "seen",
        "stillness",
    )
    NUMBERS: ClassVar[tuple[str, ...]] = ("at", "bar", "block", "frozen", "seen")

    def __init__(self) -> None:
        self.recent = Recent()
        self.season = Season()
        self.novelty = Novelty()
        self.stillness = Stillness()
        self.seen = 0
        self.frozen = 0
        self.at = 0.0  # seconds since the epoch, of the last value
        self.intervals: list[float] = []
        self.bar = 1.0
        self.block = 0
        self.peaks = [0.0] * (BLOCKS + 1)  # highest of each block, the newest last

    @property
    def ready(self) -> bool:
        """Whether there has been enough to compare with; until then every score is 0."""
        return self.seen >= WARM

    @property
    def expected(self) -> tuple[float, float] | None:
        """(lowest, highest) value that would be no record now; None during warm-up. For graphs."""
        if not self.ready:
            return None
        low, high = self.season.band
        if low <= high:
            return low - self.season.record.below, high + self.season.record.above
        recent = self.recent
        return recent.centre - recent.level.below, recent.centre + recent.level.above

    def update(self, timestamp_s: float, value: float, learn: bool = True) -> float:
        """Score of the next value, 0 … 1; 0 in warm-up and for a value that is no finite number.

        `timestamp_s`: seconds since the epoch. Other units are not told apart from them: what lies beyond 1e12 (as
        microseconds do) has no time of day, and milliseconds have a wrong one; the rest of the score is as ever.

        `learn=False` while an episode is open: scored against what was known before it, told as long as it lasts.
        After FROZEN such values in a row learning resumes.
        """
        try:
            if not isfinite(value):
                return 0.0
        except OverflowError:  # an integer beyond every float
            return 0.0
        value = HUGE if value > HUGE else -HUGE if value < -HUGE else float(value)
        if learn:
            self.frozen = 0
        else:
            self.frozen += 1
        learns = learn or self.frozen > FROZEN or self.seen < WARM
        level, spread = self.recent.update(value, learns)
        novelty = self.novelty.update(value, learns)
        season = self._seasonal(timestamp_s, value, learns)
        still = self.stillness.update(value, learns)
        if learns:
            self.seen += 1
        if self.seen <= WARM:
            return 0.0
        raw = _joined(level, spread, season, novelty)
        raw *= self.seen / (self.seen + YOUNG) / self.bar
        if still and raw < STILL:
            raw = STILL
        if learn:
            raw = self._told(raw)
        return raw / (raw + 1.0)

    def _seasonal(self, at: float, value: float, learn: bool) -> float:
        if not -1e12 < at < 1e12:
            return 0.0
        if not self.season.width:
            step = at - self.at
            if self.seen and step > 0.0:
                self.intervals.append(step)
            self.at = at
            if len(self.intervals) < INTERVALS:
                return 0.0
            self._settle(sorted(self.intervals)[INTERVALS // 2])
            self.intervals.clear()
        return self.season.update(at, value, learn)

    def _settle(self, interval: float) -> None:
        """The usual distance of samples is known, in seconds."""
        self.season.start(interval)
        for record in (self.recent.level, self.recent.spread, self.season.record):
            record.settle(interval)
        for contexts in (*self.novelty.pair, *self.novelty.fresh):
            contexts.fade = fading(interval)
        if interval < FINE:
            self.bar = 1.0 + BAR * log2(FINE / interval)

    def _told(self, raw: float) -> float:
        """The score in full where it tops the last ones, else an echo of it."""
        peaks = self.peaks
        told = raw if raw > max(peaks) else raw * ECHO
        self.block += 1
        if self.block >= BLOCK:
            self.block = 0
            del peaks[0]
            peaks.append(0.0)
        if raw > peaks[-1]:
            peaks[-1] = raw
        return told

    def state(self) -> bytes:
        """Everything it knows, compressed; `restored` continues with the very same scores."""
        return packing.pack(*self._contents())

    @classmethod
    def restored(cls, data: bytes) -> Detector:
        """The detector that `state` described. Raises ValueError if it is broken, from elsewhere or no bytes."""
        detector = cls()
        packing.unpack(data, *detector._contents())
        novelty = detector.novelty
        symbols = [(each, symbol) for each in (*novelty.pair, *novelty.fresh) for symbol in (each.last, each.before)]
        if len(detector.peaks) != BLOCKS + 1 or not all(0 <= symbol < each.side for each, symbol in symbols):
            raise ValueError("the state of a detector is of another make")
        if detector.season.width:
            detector.season.resume()
        return detector

    def _contents(self) -> tuple[list[packing.Part], list[tuple[packing.Store, int]]]:
        recent, season, novelty = self.recent, self.season, self.novelty
        contexts = (*novelty.pair, *novelty.fresh)
        parts: list[packing.Part] = [self, recent, recent.level, recent.spread]
        parts += [self.stillness, season, season.record, novelty, *contexts]
        stores: list[tuple[packing.Store, int]] = [(recent.values, RECENT), (self.intervals, INTERVALS)]
        stores += [(self.peaks, BLOCKS + 1), (season.low, 0), (season.high, 0), (novelty.window, 0)]
        stores += [(each.counts, 0) for each in contexts]
        return parts, stores


def _joined(*ratios: float) -> float:
    total = 0.0
    for weight, ratio in zip(WEIGHTS, ratios, strict=True):
        if ratio > 1.0:
            over = ratio - 1.0
            ratio = 1.0 + (MOST - 1.0) * over / (over + MOST - 1.0)
        ratio *= weight
        ratio *= ratio
        total += ratio * ratio
    return sqrt(sqrt(total))
