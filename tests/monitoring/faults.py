"""Seeded series at one value a minute, clean ones and ones with a fault injected; no file, no clock."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from opsconsole.monitoring.learning.detector import Detector

MINUTE, DAY = 60.0, 1440
START = 1_700_006_400.0
"""A midnight, UTC."""
CLOSES = 5
"""Values in a row below the threshold that end an episode."""

Series = list[float]


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault: `inject` changes the series from `at` on; it is one `after` values later, by definition."""

    inject: Callable[[Series, int, random.Random], None]
    after: int
    meaning: str


def cycle(days: float, seed: int) -> Series:
    """Load that follows the day: 50 ± 20 and noise of 2."""
    luck = random.Random(seed)
    return [50 + 20 * math.sin(2 * math.pi * n / DAY) + luck.gauss(0, 2) for n in range(int(days * DAY))]


def noise(days: float, seed: int) -> Series:
    """Gaussian, 40 ± 8: noisy, but normal."""
    luck = random.Random(seed)
    return [luck.gauss(40, 8) for _ in range(int(days * DAY))]


def bursts(days: float, seed: int) -> Series:
    """A quiet level with a burst of 3 to 12 minutes every couple of hours, at random: a build host."""
    luck = random.Random(seed)
    left, height = 0, 0.0
    series = []
    for _ in range(int(days * DAY)):
        if left:
            left -= 1
        elif luck.random() < 1 / 120:
            left, height = luck.randint(3, 12), luck.uniform(30, 60)
        series.append(5 + luck.expovariate(1) + (height + luck.gauss(0, 3) if left else 0.0))
    return series


def jobs(days: float, seed: int) -> Series:
    """Cron: five busy minutes at each full hour, an hour of backup at three in the night."""
    luck = random.Random(seed)
    return [
        10 + luck.gauss(0, 1) + (35 if n % 60 < 5 else 0) + (40 if 180 <= n % DAY < 240 else 0)
        for n in range(int(days * DAY))
    ]


def steady(days: float, seed: int) -> Series:
    """A slow random walk pulled to its mean: memory in use, in bytes."""
    luck = random.Random(seed)
    level, series = 0.0, []
    for _ in range(int(days * DAY)):
        level += luck.gauss(0, 1) - 0.02 * level
        series.append(8e9 + 2e7 * level)
    return series


def constant(days: float, seed: int) -> Series:
    """The same value always: a mount nobody writes to."""
    return [37.0 + seed] * int(days * DAY)


CLEAN = {"cycle": cycle, "noise": noise, "bursts": bursts, "jobs": jobs, "steady": steady, "constant": constant}


def spread(series: Sequence[float]) -> float:
    """Standard deviation of the day before the fault, at least 1 part in 100 of the level."""
    mean = sum(series) / len(series)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in series) / len(series))
    return max(deviation, abs(mean) / 100)


def _peak(series: Series, at: int) -> tuple[float, float]:
    past = series[max(0, at - 2 * DAY) : at]
    return max(past), spread(past)


def _step(series: Series, at: int, luck: random.Random) -> None:
    highest, deviation = _peak(series, at)
    rise = highest - series[at] + 2.5 * deviation
    for n in range(at, min(at + 60, len(series))):
        series[n] += rise


def _spike(series: Series, at: int, luck: random.Random) -> None:
    highest, deviation = _peak(series, at)
    for n in range(at, at + 2):
        series[n] = highest + 5 * deviation


def _shift(series: Series, at: int, luck: random.Random) -> None:
    highest, deviation = _peak(series, at)
    rise = highest - min(series[at : at + 30]) + 1.5 * deviation
    for n in range(at, len(series)):
        series[n] += rise


def _ramp(series: Series, at: int, luck: random.Random) -> None:
    """Leaves what was ever seen after 30 minutes, and goes on."""
    highest, deviation = _peak(series, at)
    slope = (highest - series[at] + deviation) / 30
    for n in range(at, min(at + 90, len(series))):
        series[n] += slope * (n - at)


def _drop(series: Series, at: int, luck: random.Random) -> None:
    past = series[max(0, at - 2 * DAY) : at]
    lowest = min(past) - 2.5 * spread(past)
    for n in range(at, min(at + 60, len(series))):
        series[n] = lowest + luck.gauss(0, 0.05) * spread(past)


def _flat(series: Series, at: int, luck: random.Random) -> None:
    for n in range(at, min(at + 180, len(series))):
        series[n] = series[at]


FAULTS = {
    "step": Fault(_step, 0, "an hour at 2.5 standard deviations above the highest of two days"),
    "spike": Fault(_spike, 0, "two values at 5 standard deviations above the highest of two days"),
    "shift": Fault(_shift, 0, "from now on 1.5 standard deviations above the highest of two days"),
    "ramp": Fault(_ramp, 40, "rises past the highest of two days, a standard deviation above it 10 minutes ago"),
    "drop": Fault(_drop, 0, "an hour at 2.5 standard deviations below the lowest of two days"),
    "flatline": Fault(_flat, 15, "the very same value; a fault once it stood for 15 minutes"),
}


def faulty(base: str, fault: str, seed: int, *, days: float = 4.0) -> tuple[Series, int]:
    """(series with the fault in its last day, row from which it is one)."""
    luck = random.Random(f"{base} {fault} {seed}")
    series = CLEAN[base](days, seed)
    at = int((days - 0.9) * DAY) + luck.randrange(DAY // 2)
    FAULTS[fault].inject(series, at, luck)
    return series, at + FAULTS[fault].after


@dataclass(slots=True)
class Watch:
    """A detector that is fed as the product feeds: nothing is learned while an episode is open."""

    threshold: float = Detector.threshold
    spacing: float = MINUTE
    detector: Detector = field(default_factory=Detector)
    rows: int = 0
    begun: list[int] = field(default_factory=list)
    """Rows at which an episode began."""
    calm: int = 0
    opened: bool = False

    def feed(self, values: Iterable[float]) -> None:
        for row, value in enumerate(values, self.rows):
            score = self.detector.update(START + row * self.spacing, value, learn=not self.opened)
            if score >= self.threshold:
                self.calm = 0
                if not self.opened:
                    self.opened = True
                    self.begun.append(row)
            elif self.opened:
                self.calm += 1
                self.opened = self.calm < CLOSES
            self.rows = row + 1


def episodes(series: Series, *, threshold: float | None = None, spacing: float = MINUTE) -> list[int]:
    """Rows at which an episode began."""
    watch = Watch(Detector.threshold if threshold is None else threshold, spacing)
    watch.feed(series)
    return watch.begun
