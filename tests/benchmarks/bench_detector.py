"""The learning detector: microseconds a value and bytes of state, against a windowed Gaussian and an EWMA."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence

from opsconsole.monitoring.learning.detector import Detector
from tests.benchmarks.rounds import compare
from tests.monitoring.faults import CLEAN, MINUTE, START

DAYS = 7
TARGET_US, TARGET_KIB = 15, 64


class Gaussian:
    """NAB's windowed Gaussian: how far out in the distribution of the last 1,000 values, fitted anew each 100."""

    def __init__(self) -> None:
        self.values: deque[float] = deque(maxlen=1000)
        self.mean, self.deviation, self.seen = 0.0, 1.0, 0

    def update(self, timestamp_s: float, value: float) -> float:
        self.values.append(value)
        self.seen += 1
        if self.seen % 100 == 0:
            self.mean = statistics.fmean(self.values)
            self.deviation = math.sqrt(statistics.fmean((each - self.mean) ** 2 for each in self.values)) or 1e-6
        return math.erf(abs(value - self.mean) / self.deviation / math.sqrt(2))


class Ewma:
    """Exponentially weighted mean and variance: the least that can be called a detector."""

    def __init__(self) -> None:
        self.mean, self.variance = 0.0, 1.0

    def update(self, timestamp_s: float, value: float) -> float:
        gap = value - self.mean
        self.mean += 0.02 * gap
        self.variance += 0.02 * (gap * gap - self.variance)
        return abs(gap) / math.sqrt(self.variance + 1e-12)


def spent(update: Callable[[float, float], float], values: Sequence[float]) -> float:
    """CPU microseconds a value."""
    start = time.process_time()
    for row, value in enumerate(values):
        update(START + row * MINUTE, value)
    return (time.process_time() - start) / len(values) * 1e6


def slowest(values: Sequence[float]) -> float:
    """Milliseconds of the slowest single update, the best of three runs: noise of the machine is not ours."""
    runs = []
    for _ in range(3):
        detector, most = Detector(), 0.0
        for row, value in enumerate(values):
            start = time.thread_time()
            detector.update(START + row * MINUTE, value)
            most = max(most, time.thread_time() - start)
        runs.append(most * 1e3)
    return min(runs)


def held(value: object, seen: set[int]) -> int:
    """Bytes of an object and of all it holds."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    inside = list(value) if isinstance(value, (list, tuple)) else []
    inside += [getattr(value, name) for name in getattr(type(value), "__slots__", ())]
    return sys.getsizeof(value) + sum(held(each, seen) for each in inside)


def main() -> None:
    for name in ("cycle", "bursts", "noise"):
        values = CLEAN[name](DAYS, 1)
        for peer in (Gaussian, Ewma):
            compare(
                f"detector on {name}, against {peer.__name__}",
                lambda values=values: spent(Detector().update, values),
                lambda values=values, peer=peer: spent(peer().update, values),
                rounds=5,
                target=f"{TARGET_US} us",
                unit="us/value",
            )
        detector = Detector()
        spent(detector.update, values)
        print(
            f"detector on {name}: {held(detector, set()) / 1024:.1f} KiB held, target {TARGET_KIB}; "
            f"state {len(detector.state()) / 1024:.1f} KiB; slowest update {slowest(values):.2f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
