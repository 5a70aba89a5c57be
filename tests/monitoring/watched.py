"""A host whose time and samples a test makes by hand, watched by real sources, thresholds and episodes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opsconsole.anomalies import Anomaly, Transition
from opsconsole.clock import Clock
from opsconsole.monitoring.detection.episodes import EpisodeBook
from opsconsole.monitoring.detection.observation import Look, Source
from opsconsole.monitoring.detection.thresholds import Thresholds, parse
from opsconsole.monitoring.detection.watch import Watch
from opsconsole.samples import Cpu, Memory, Pressure, ProcessSample, RunUsage, Sample, Swap, series

START_US = 1_790_000_000_000_000
GIB = 1024**3


class Hand(Clock):
    """Both clocks stand still until a test moves them."""

    def __init__(self) -> None:
        self.now_us, self.at_s = START_US, 1000.0

    def now(self) -> int:
        return self.now_us

    def monotonic(self) -> float:
        return self.at_s

    def advance(self, seconds: float) -> None:
        self.now_us += int(seconds * 1e6)
        self.at_s += seconds


def process(pid: int = 100, name: str = "worker", **given: Any) -> ProcessSample:
    """Idle, small, and started an hour before the test."""
    values: dict[str, Any] = {
        "ppid": 1, "start_time": START_US / 1e6 - 3600, "state": "S", "uid": 1000, "cpu_percent": 0.0,
        "rss_bytes": 10 << 20, "start_ticks": pid * 7,
    }  # fmt: skip
    return ProcessSample(pid=pid, name=name, **{**values, **given})


class Host:
    """`tick` makes a look and gives what the episodes did."""

    def __init__(
        self,
        make: Callable[[Thresholds, EpisodeBook], Source],
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        clock: Hand | None = None,
    ) -> None:
        self.clock = Hand() if clock is None else clock
        self.thresholds = parse(settings)
        ids = itertools.count(1)
        self.book = EpisodeBook("here", lambda: next(ids), self.thresholds)
        self.source = make(self.thresholds, self.book)
        self.failures: list[str] = []
        self.watch = Watch(self.thresholds, "here", [self.source], self.book, self.failures.append)
        self.cpu = 20.0
        self.cores = 2.0
        self.memory = 8 * GIB
        self.available = 4 * GIB
        self.first = True

    def sample(self, seconds: float, **given: Any) -> Sample:
        memory = Memory(50.0, self.memory, self.memory - self.available, self.available)
        values: dict[str, Any] = {
            "interval_s": None if self.first else seconds, "cpu": Cpu(self.cpu, cores=self.cores),
            "load": (0.1, 0.1, 0.1), "memory": memory, "swap": Swap(0.0, 0, 0), "pressure": Pressure(cpu_some=0.0),
        }  # fmt: skip
        return Sample(time_us=self.clock.now_us, monotonic_s=self.clock.at_s, **{**values, **given})

    def look(
        self,
        processes: Sequence[ProcessSample] = (),
        seconds: float = 1.0,
        *,
        runs: Sequence[RunUsage] = (),
        values: Mapping[str, float] | None = None,
        **given: Any,
    ) -> Look:
        """The next look, after so much time."""
        if not self.first:
            self.clock.advance(seconds)
        sample = self.sample(seconds, **given)
        self.first = False
        return Look(sample, series(sample) if values is None else values, processes, runs)

    def tick(self, *given: Any, **named: Any) -> list[Transition]:
        found = self.watch.look(self.look(*given, **named))
        assert not self.failures
        return found

    def open(self, kind: str = "") -> list[Anomaly]:
        return [one for one in self.book.open() if kind in ("", one.kind)]
