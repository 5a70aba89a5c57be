"""Now against before: means of a span, since when it has been so, and what this hour of the day usually has."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsconsole.anomalies import Anomaly
from opsconsole.monitoring.analysis.model import History, Since, Span, Trend, Usual, clean
from opsconsole.monitoring.analysis.use import USED, WAITS, ZOMBIES
from opsconsole.wording import quantity

if TYPE_CHECKING:
    from opsconsole.storage.metrics import Graph, Point

MINUTE_US = 60_000_000
_DAY_US = 24 * 60 * MINUTE_US
_BUCKETS = 600
_BACK_BUCKETS = 1440
_DAYS = 7
_LEAST_DAYS = 2
"""One earlier day is no habit."""
_NEAR_NOTHING = {"%": 1.0, "B/s": 1000.0, "": 0.1}
"""Medians below which a ratio says nothing."""
_RATED = ("cpu", "memory", "load1", "swap_in", "swap_out", "cpu_steal", "cpu_iowait", "blocked", "open_files", "forks",
          "processes", "zombies", "pressure_", "drive_busy:", "drive_latency:", "disk:", "inodes:", "net_")  # fmt: skip
"""What the rules of `use` look at; a hundred cores are not averaged in vain."""


class Past:
    """What a store has of the span before `until_us`, read as needed and once."""

    def __init__(self, store: History, until_us: int, minutes: float) -> None:
        self._store = store
        self._until_us = until_us
        self._since_us = until_us - int(minutes * MINUTE_US)
        self._minutes = minutes
        # A bucket a minute: samples may be 30 s apart, and a bucket between two of them is no gap.
        self._buckets = max(1, min(_BUCKETS, round(minutes)))
        self._stats: dict[str, Point | None] = {}
        self._graphs: dict[str, Graph] = {}
        self.names = frozenset(name for name in store.names() if name.startswith(_RATED))

    def means(self) -> dict[str, float]:
        """Every series that has data in the span."""
        found = {name: self.stats(name) for name in sorted(self.names)}
        return {name: point.mean for name, point in found.items() if point is not None}

    def stats(self, series: str) -> Point | None:
        """The whole span as one bucket."""
        if series not in self._stats:
            self._stats[series] = self._store.stats(series, self._since_us, self._until_us)
        return self._stats[series]

    def graph(self, series: str) -> Graph:
        """The span in buckets of a minute or more."""
        if series not in self._graphs:
            self._graphs[series] = self._store.graph(series, self._since_us, self._until_us, self._buckets)
        return self._graphs[series]

    def span(self) -> Span:
        """How much of the span is on record, by the series that every sample has."""
        buckets = self.graph("memory")
        whole: list[tuple[int, bool]] = []
        for index, point in enumerate(buckets):
            begin = buckets.begin_us + index * buckets.step_us
            # The first and the last one may be cut by the span's ends: empty, they prove nothing.
            cut = begin < self._since_us or begin + buckets.step_us > self._until_us
            if point is not None or not cut:
                whole.append((begin, point is not None))
        gaps: list[tuple[int, int]] = []
        for begin in (begin for begin, known in whole if not known):
            end = begin + buckets.step_us
            if gaps and gaps[-1][1] == begin:
                gaps[-1] = (gaps[-1][0], end)
            else:
                gaps.append((begin, end))
        return Span(self._since_us, self._until_us, len(whole), sum(known for _, known in whole), tuple(gaps))

    def trend(self, series: str) -> Trend | None:
        """None without data."""
        whole = self.stats(series) if series in self.names else None
        if whole is None:
            return None
        limit = limit_of(series)
        known = [point for point in self.graph(series) if point is not None]
        above = sum(point.mean > limit for point in known) / len(known) if limit is not None and known else None
        return Trend(series, unit_of(series), whole.mean, whole.max, limit, above, len(known))

    def usual(self, series: str, value: float | None = None) -> Usual | None:
        """The span's mean (else `value`) against the same hour of earlier days; None with fewer than 2 of these."""
        whole = self.stats(series) if series in self.names else None
        here = whole.mean if whole is not None else value
        if here is None or series not in self.names:
            return None
        days = [point.mean for point in self._store.same_hour(series, self._until_us, _DAYS) if point is not None]
        if len(days) < _LEAST_DAYS:
            return None
        median = statistics.median(days)
        ratio = here / median if median >= _NEAR_NOTHING[unit_of(series)] else None
        return Usual(series, unit_of(series), here, median, len(days), ratio)

    def crossed(self, resource: str, series: str) -> Since | None:
        """When the series last rose above its limit, if it is above it at the end of the span.

        A single bucket below the limit or without data does not end the time above."""
        limit = limit_of(series)
        if limit is None or series not in self.names:
            return None
        buckets = self.graph(series)
        first = _begin_of_end(buckets, limit)
        if first is None:
            return None
        if first <= 1 and self._since_us > self._until_us - _DAY_US:
            earlier = self._store.graph(series, self._until_us - _DAY_US, self._until_us, _BACK_BUCKETS)
            further = _begin_of_end(earlier, limit)
            if further is not None:
                buckets, first = earlier, further
        begin = buckets[first]
        if begin is None:
            return None
        # Where nothing is on record before, it may have begun before as well.
        at_least = all(point is None for point in buckets[:first])
        why = f"{words_of(series)} above {quantity(limit, unit_of(series))}"
        return Since(resource, begin.time_us, at_least, "history", why)


def _begin_of_end(buckets: Sequence[Point | None], limit: float) -> int | None:
    """The index at which the values that lie above the limit at the end began to; one exception in a row is bridged."""
    begin: int | None = None
    # The last bucket is often one that has only just begun.
    missed = -1 if buckets and buckets[-1] is None else 0
    for index in range(len(buckets) - 1, -1, -1):
        point = buckets[index]
        if point is not None and point.mean > limit:
            begin, missed = index, 0
            continue
        missed += 1
        if missed > 1:
            break
    return begin


def of_anomaly(resource: str, anomalies: Sequence[Anomaly]) -> Since | None:
    """The begin of the earliest of these open episodes."""
    first = min(anomalies, key=lambda each: each.began_at, default=None)
    if first is None:
        return None
    subject = f" of {clean(first.subject)}" if first.subject else ""
    return Since(resource, first.began_at, False, "anomaly", f"{first.kind}{subject} began")


def limit_of(series: str) -> float | None:
    """The value above which a series counts as high here."""
    prefix = series.partition(":")[0]
    return {
        "cpu": USED["cpu"], "pressure_cpu": WAITS["cpu"], "cpu_steal": WAITS["steal"], "cpu_iowait": WAITS["io"],
        "memory": USED["memory"], "pressure_memory_full": WAITS["memory"], "pressure_memory": 2 * WAITS["memory"],
        "pressure_io_full": WAITS["io"], "pressure_io": 2 * WAITS["io"], "drive_busy": USED["io"],
        "disk": USED["disk"], "inodes": USED["disk"], "zombies": float(ZOMBIES), "net_errors": 1.0, "net_drops": 1.0,
    }.get(prefix)  # fmt: skip


def unit_of(series: str) -> str:
    """The unit of a series, "" for a count."""
    prefix = series.partition(":")[0]
    if prefix in ("net_rx", "net_tx", "swap_in", "swap_out"):
        return "B/s"
    counted = ("load1", "blocked", "open_files", "forks", "processes", "zombies", "net_errors", "net_drops")
    return "" if prefix in counted else "%"


_WORDS = {
    "cpu": "CPU used", "pressure_cpu": "waiting for a core", "cpu_steal": "taken by the hypervisor",
    "cpu_iowait": "iowait", "load1": "load", "memory": "memory used", "pressure_memory": "some waiting for memory",
    "pressure_memory_full": "waiting for memory", "pressure_io": "some waiting for I/O",
    "pressure_io_full": "waiting for I/O", "drive_busy": "busy", "disk": "full", "inodes": "inodes used",
    "net_rx": "received", "net_tx": "sent", "net_errors": "errors/s", "net_drops": "drops/s",
    "open_files": "open files", "swap_in": "swapping in", "swap_out": "swapping out",
}  # fmt: skip


def words_of(series: str) -> str:
    """A series for people: "sda busy"."""
    prefix, _, subject = series.partition(":")
    words = _WORDS.get(prefix, prefix)
    return f"{clean(subject)} {words}" if subject else words
