"""Looks made by hand: a host that is calm but for what a test says, at times a test says."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from opsconsole.anomalies import Anomaly, Transition
from opsconsole.monitoring.detection.episodes import EpisodeBook
from opsconsole.monitoring.detection.host_sources import host_sources
from opsconsole.monitoring.detection.observation import Look, Observation, Source
from opsconsole.monitoring.detection.thresholds import Thresholds, parse
from opsconsole.monitoring.detection.watch import Watch
from opsconsole.samples import Cpu, Disk, Memory, ProcessSample, RunUsage, Sample, Swap, series

START_US = 1_790_000_000_000_000
GIB = 1024**3
HOST = "here"

CALM = Sample(
    time_us=START_US,
    monotonic_s=1000.0,
    interval_s=1.0,
    cpu=Cpu(percent=5.0, per_core=(5.0, 5.0), steal=0.0, cores=2.0),
    load=(0.1, 0.1, 0.1),
    memory=Memory(30.0, 8 * GIB, 2 * GIB, 6 * GIB),
    swap=Swap(0.0, GIB, 0, 0.0, 0.0),
    open_files=100,
    open_files_max=100_000,
    oom_kills=0,
    limit_kills=0,
)


def disk(mount: str = "/", percent: float = 10.0, total: int = 4 * GIB, **given: Any) -> Disk:
    used = round(total * percent / 100)
    values = {"device": "/dev/vda1", "kind": "ext4", "total": total, "used": used, "free": total - used, **given}
    return Disk(mount=mount, percent=percent, **values)


def process(pid: int, name: str = "worker", cpu: float = 0.0, rss: int = 1000) -> ProcessSample:
    return ProcessSample(pid, 1, 1.79e9, name, "R", 0, cpu, rss, start_ticks=pid * 10)


class Hands:
    """A book whose clock and values are moved by hand; `at_s` is the time since the first look."""

    def __init__(self, settings: dict[str, Any] | None = None, sources: list[Source] | None = None) -> None:
        self.at_s = 0.0
        self.wall_us = 0
        self.seen: list[Transition] = []
        self.ids = count(1)
        self.settings = settings or {}
        self.book = self.new_book(parse(self.settings))
        self.watch = Watch(self.book.thresholds, HOST, sources or [], self.book)

    def new_book(self, thresholds: Thresholds) -> EpisodeBook:
        return EpisodeBook(HOST, self.ids.__next__, thresholds)

    def watching(self) -> Hands:
        """With all the sources of the host."""
        self.watch = Watch(self.book.thresholds, HOST, host_sources(self.book.frozen), self.book)
        return self

    def sample(self, after_s: float = 1.0, **changed: Any) -> Sample:
        """The next moment of a calm host, but for what is given."""
        self.at_s += after_s
        time_us = START_US + round(self.at_s * 1e6) + self.wall_us
        return replace(CALM, time_us=time_us, monotonic_s=1000.0 + self.at_s, interval_s=after_s, **changed)

    def look(
        self,
        after_s: float = 1.0,
        processes: tuple[ProcessSample, ...] = (),
        runs: tuple[RunUsage, ...] = (),
        **changed: Any,
    ) -> list[Transition]:
        """Through the sources."""
        sample = self.sample(after_s, **changed)
        return self._keep(self.watch.look(Look(sample, series(sample), processes, runs)))

    def tell(
        self, *observations: Observation, after_s: float = 1.0, processes: tuple[ProcessSample, ...] = (),
        runs: tuple[RunUsage, ...] = (), **changed: Any,
    ) -> list[Transition]:  # fmt: skip
        """Straight to the book."""
        sample = self.sample(after_s, **changed)
        return self._keep(self.book.update(Look(sample, series(sample), processes, runs), observations))

    def cpu(self, *values: float | None, after_s: float = 1.0, **changed: Any) -> list[str]:
        """One look each; what happened, as words."""
        return [
            said(each)
            for value in values
            for each in self.tell(Observation("cpu_high", "", value), after_s=after_s, **changed)
        ]

    def _keep(self, found: list[Transition]) -> list[Transition]:
        self.seen += found
        return found

    @property
    def one(self) -> Anomaly:
        """The only episode there is."""
        (found,) = self.book.recent()
        return found

    def words(self) -> list[str]:
        return [said(each) for each in self.seen]


def said(transition: Transition) -> str:
    return f"{transition.change} {transition.anomaly.kind}" + (f": {transition.what}" if transition.what else "")
