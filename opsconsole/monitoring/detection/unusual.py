"""The learning detector, one for each informative series: raises "unusual", which notifies nobody by itself.

A detector is fed the mean of each minute. One series alone is unusual now and then; how many are so together says
whether the host is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from opsconsole.anomalies import Severity
from opsconsole.monitoring.detection.observation import Look, Observation

KIND = "unusual"
EVERY_S = 60.0
TOGETHER_S = 300.0
"""Series that were unusual within that time count as unusual together."""
CONSENSUS = 3
"""So many together are more than chance: below it the severity stays low, whatever the settings say."""
FORGET_S = 86_400.0
"""A series that has not been seen for so long makes room."""
MOST_SUBJECTS = 5
"""Series of one metric: five mounts, five drives, five interfaces."""
JOINS = 4
_CALM = 0.05
_SLOTS = 60
_log = logging.getLogger("opsconsole.monitor")

_OF_HOST = frozenset({
    "cpu", "cpu_iowait", "cpu_steal", "load1", "memory", "swap", "swap_in", "swap_out", "pressure_cpu",
    "pressure_memory", "pressure_memory_full", "pressure_io", "pressure_io_full", "open_files", "forks", "processes",
    "blocked", "zombies",
})  # fmt: skip
_OF_SUBJECT = frozenset({"disk", "drive_busy", "drive_latency", "net_rx", "net_tx", "net_errors", "net_drops"})
MOST = len(_OF_HOST) + MOST_SUBJECTS * len(_OF_SUBJECT)
"""Detectors at the most (53)."""
_PASSING = ("lo", "veth", "br-")  # interfaces that come and go with containers, or go nowhere

# While one of these is open for the same thing, its series shows the incident, which is not to be learned.
_INCIDENTS = {
    "cpu": "cpu_high", "load1": "load_high", "memory": "memory_high", "swap_in": "swap_thrash",
    "swap_out": "swap_thrash", "pressure_memory": "memory_pressure", "pressure_memory_full": "memory_pressure",
    "pressure_io": "io_pressure", "pressure_io_full": "io_pressure", "pressure_cpu": "cpu_pressure",
    "open_files": "fd_exhaustion", "zombies": "zombie_processes", "disk": "disk_full", "drive_busy": "drive_saturated",
    "drive_latency": "drive_latency", "net_errors": "network_errors", "net_drops": "network_errors",
}  # fmt: skip


class Learning(Protocol):
    """A detector; `learning.detector.Detector` is one."""

    @property
    def ready(self) -> bool: ...

    def update(self, timestamp_s: float, value: float, learn: bool = True) -> float: ...

    def state(self) -> bytes: ...


class Learnings(Protocol):
    """The class of it: makes a new one, or one that continues. `threshold` is the score that is unusual."""

    @property
    def threshold(self) -> float: ...

    def __call__(self) -> Learning: ...

    def restored(self, data: bytes, /) -> Learning: ...


def informative(name: str) -> bool:
    """Whether a series is worth a detector: not each core, nor what another series says as well."""
    metric, _, subject = name.partition(":")
    if not subject:
        return metric in _OF_HOST
    return metric in _OF_SUBJECT and not (metric.startswith("net_") and subject.startswith(_PASSING))


class _Series:
    __slots__ = (
        "bucket", "detector", "fed_s", "last_us", "metric", "offset", "score", "seen_s", "subject", "sum", "unusual_s",
        "value", "weight",
    )  # fmt: skip

    def __init__(self, name: str, detector: Learning, offset: float) -> None:
        self.metric, _, self.subject = name.partition(":")
        self.detector = detector
        self.offset = offset
        self.bucket: int | None = None
        self.sum = self.weight = self.seen_s = self.score = self.value = 0.0
        self.last_us = 0
        self.unusual_s: float | None = None
        self.fed_s: float | None = None


class UnusualSource:
    """`frozen(kind, subject)`: whether an episode is open. `threshold`: a score, or 0 for the detector's own."""

    def __init__(
        self,
        frozen: Callable[[str, str], bool],
        *,
        threshold: float = 0.0,
        detector_factory: Learnings | None = None,
        series_filter: Callable[[str], bool] = informative,
    ) -> None:
        if detector_factory is None:
            from opsconsole.monitoring.learning.detector import Detector

            detector_factory = Detector
        self._make: Learnings = detector_factory
        self._threshold = threshold or detector_factory.threshold
        self._frozen = frozen
        self._wanted = series_filter
        self._series: dict[str, _Series | None] = {}  # None: known, and not watched
        self._watched = 0
        self._of_metric: dict[str, int] = {}
        self._saved: dict[str, bytes] = {}
        self._swept_s: float | None = None
        self._slot = 0
        self._joins = JOINS

    def observe(self, look: Look) -> Iterator[Observation]:
        now = look.sample.monotonic_s
        time_us = look.sample.time_us
        weight = min(max(look.sample.interval_s or 1.0, 0.1), EVERY_S)
        if self._swept_s is None or now - self._swept_s >= EVERY_S:
            self._sweep(now)
        self._joins = JOINS
        threshold, frozen = self._threshold, self._frozen
        series = self._series
        for name, value in look.values.items():
            one = series[name] if name in series else self._join(name)
            if one is None:
                continue
            bucket = int((now + one.offset) // EVERY_S)
            if bucket != one.bucket:
                if one.weight:
                    self._feed(name, one, now)
                one.bucket = bucket
            one.sum += value * weight
            one.weight += weight
            one.seen_s, one.last_us = now, time_us
            if one.score > _CALM * threshold or frozen(KIND, name):
                yield self._told(name, one, now)

    @property
    def watched(self) -> int:
        """Number of series that have a detector."""
        return self._watched

    def _feed(self, name: str, one: _Series, now: float) -> None:
        one.value = one.sum / one.weight
        one.sum = one.weight = 0.0
        one.fed_s = now
        incident = _INCIDENTS.get(one.metric)
        learn = not (self._frozen(KIND, name) or (incident is not None and self._frozen(incident, one.subject)))
        one.score = one.detector.update(one.last_us / 1e6, one.value, learn)
        if one.score > self._threshold:
            one.unusual_s = now

    def _told(self, name: str, one: _Series, now: float) -> Observation:
        if one.fed_s is None or now - one.fed_s > 2 * EVERY_S or not one.detector.ready:
            return Observation(KIND, name, None)
        value = one.score / self._threshold
        if one.score <= self._threshold:
            return Observation(KIND, name, value)
        others = [other for other in self._together(now) if other != name]
        rate = (len(others) + 1) / self._watched * 100
        details: dict[str, Any] = {
            "score": round(one.score, 4), "mean": one.value, "host_rate": round(rate, 1), "others": others[:10],
        }  # fmt: skip
        most = Severity.LOW if len(others) + 1 < CONSENSUS else None
        words = f"{len(others)} other series too" if others else "no other series is"
        return Observation(KIND, name, value, details, most=most, words=words)

    def _together(self, now: float) -> list[str]:
        return [
            name
            for name, one in self._series.items()
            if one is not None and one.unusual_s is not None and now - one.unusual_s <= TOGETHER_S
        ]

    # -- which series

    def _join(self, name: str) -> _Series | None:
        """A new series, watched if it is wanted and there is room; a few a look, since each has its arrays to fill."""
        found = None
        metric, _, subject = name.partition(":")
        most = MOST_SUBJECTS if subject else 1
        if self._wanted(name) and self._of_metric.get(metric, 0) < most and self._watched < MOST:
            if not self._joins:
                return None
            self._joins -= 1
            found = _Series(name, self._detector(name), self._slot * 37 % _SLOTS * EVERY_S / _SLOTS)
            self._slot += 1
            self._watched += 1
            self._of_metric[metric] = self._of_metric.get(metric, 0) + 1
        self._series[name] = found
        return found

    def _detector(self, name: str) -> Learning:
        data = self._saved.pop(name, None)
        if data is not None:
            try:
                return self._make.restored(data)
            except ValueError as error:
                _log.warning("what was learned of %r cannot be read, it begins anew: %s", name, error)
        return self._make()

    def _sweep(self, now: float) -> None:
        """Once a minute: forget what has been gone for a day, and look again at what was turned away."""
        self._swept_s = now
        for name, one in list(self._series.items()):
            if one is None:
                del self._series[name]
            elif now - one.seen_s > FORGET_S:
                self.reset(name)

    # -- over restarts

    def states(self) -> dict[str, bytes]:
        """What was learned of each series, for `restore` after a restart."""
        found = {name: one.detector.state() for name, one in self._series.items() if one is not None}
        return {**self._saved, **found}

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Called before the first look. What cannot be read is logged when its series comes, and begins anew."""
        self._saved = {name: states[name] for name in [name for name in states if self._wanted(name)][:MOST]}

    def reset(self, series: str) -> None:
        """Forget what was learned of one series."""
        self._saved.pop(series, None)
        one = self._series.pop(series, None)
        if one is not None:
            self._watched -= 1
            self._of_metric[one.metric] -= 1
