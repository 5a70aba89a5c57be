"""Hosts in typical situations, built by hand: every figure is what such a host shows, none is asserted here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.clock import Clock
from opsconsole.monitoring.analysis import Analysis, analyze
from opsconsole.monitoring.analysis.model import History
from opsconsole.samples import Cpu, Disk, Drive, Interface, Memory, Pressure, ProcessSample, Sample, Swap, series
from opsconsole.storage.metrics import Graph, Point
from opsconsole.storage.metrics.graphs import step_of

NOW = 1_790_000_040_000_000
"""A whole minute, 20 past an hour or so."""
MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
GIB = 1024**3
MIB = 1024**2

CALM = Pressure(cpu_some=1.0, memory_some=0.0, memory_full=0.0, io_some=1.0, io_full=0.5)


def disk(mount: str = "/", percent: float = 40.0, **changes: Any) -> Disk:
    total = 100 * GIB
    used = int(total * percent / 100)
    return Disk(mount, "/dev/sda1", "ext4", total, used, total - used, percent, drive="sda", **changes)


QUIET = Sample(
    time_us=NOW,
    monotonic_s=1000.0,
    interval_s=1.0,
    cpu=Cpu(12.0, (12.0,) * 4, user=8.0, system=3.0, iowait=1.0, steal=0.0, cores=4.0),
    load=(0.5, 0.4, 0.3),
    memory=Memory(40.0, 16 * GIB, int(6.4 * GIB), int(9.6 * GIB)),
    swap=Swap(0.0, 2 * GIB, 0, 0.0, 0.0),
    pressure=CALM,
    disks=(disk(),),
    drives=(Drive("sda", 1e6, 1e6, 10.0, 10.0, 5.0, 1.0),),
    interfaces=(Interface("eth0", 1e5, 1e5, 100.0, 100.0, 0.0, 0.0), Interface("lo", 1e6, 1e6, 500.0, 500.0, 0.0, 0.0)),
    open_files=2000,
    open_files_max=100_000,
    forks_per_s=3.0,
    runnable=1,
    blocked=0,
    oom_kills=0,
    processes=120,
    threads=300,
    zombies=0,
    short_lived_percent=1.0,
)


def cpu(sample: Sample, percent: float, some: float | None, *, steal: float = 0.0, **changes: Any) -> Sample:
    """The sample with that CPU; `some` None: without PSI."""
    used = replace(sample.cpu, percent=percent, user=percent - steal, steal=steal, **changes)
    pressure = None if some is None else replace(sample.pressure or CALM, cpu_some=some)
    return replace(sample, cpu=used, pressure=pressure)


def memory(sample: Sample, percent: float, **pressure: Any) -> Sample:
    total = sample.memory.total
    used = int(total * percent / 100)
    found = Memory(percent, total, used, total - used)
    return replace(sample, memory=found, pressure=replace(sample.pressure or CALM, **pressure))


def process(pid: int, name: str, cpu_percent: float = 0.0, rss: int = 10 * MIB, **changes: Any) -> ProcessSample:
    fields: dict[str, Any] = {"ppid": 1, "state": "S", "user": "bob", "start_ticks": pid * 10} | changes
    return ProcessSample(
        pid=pid, start_time=NOW / 1e6 - 100, name=name, uid=1000, cpu_percent=cpu_percent, rss_bytes=rss, **fields
    )


def episode(kind: str, severity: Severity = Severity.HIGH, subject: str = "", **changes: Any) -> Anomaly:
    begun = changes.pop("began_at", NOW - 10 * MINUTE)
    fields: dict[str, Any] = {"state": AnomalyState.OPEN, "message": f"{kind} {subject}".strip()} | changes
    return Anomaly(
        id=fields.pop("id", 1), kind=kind, subject=subject, host="here", severity=severity, began_at=begun,
        opened_at=begun, last_at=NOW, closed_at=None, value=90.0, peak=95.0, mean=91.0, count=30, threshold=85.0,
        unit="%", **fields,
    )  # fmt: skip


class Recorded:
    """A history in memory that answers as the real one does: (time_us, value) of each series."""

    def __init__(self, values: dict[str, list[tuple[int, float]]]) -> None:
        self.values = values

    def names(self) -> list[str]:
        return sorted(self.values)

    def stats(self, series: str, since_us: int, until_us: int) -> Point | None:
        found = [value for when, value in self.values.get(series, ()) if since_us <= when < until_us]
        return Point(since_us, len(found), min(found), max(found), sum(found) / len(found)) if found else None

    def graph(self, series: str, since_us: int, until_us: int, points: int = 600) -> Graph:
        step = step_of(until_us - since_us, points)
        begins = range(since_us // step * step, until_us, step)
        return Graph(begins[0], step, [self.stats(series, begin, begin + step) for begin in begins])

    def same_hour(self, series: str, time_us: int, days: int = 7) -> list[Point | None]:
        hour = 60 * MINUTE
        begin = time_us - time_us % hour
        return [self.stats(series, begin - day * DAY, begin - day * DAY + hour) for day in range(1, days + 1)]


def history(minutes: int, missing: Sequence[int] = (), **series: float | Sequence[float]) -> Recorded:
    """A value a minute, the last of them half a minute ago; `missing` minutes (0: the oldest) have none.

    `__` in a name stands for the colon of a subject: disk__/ is disk:/."""
    found = {}
    for name, given in series.items():
        listed = [given] * minutes if isinstance(given, int | float) else list(given)
        assert len(listed) == minutes
        found[name.replace("__", ":")] = [
            (NOW - (minutes - place) * MINUTE + MINUTE // 2, float(value))
            for place, value in enumerate(listed)
            if place not in missing
        ]
    return Recorded(found)


NO_PSI = replace(QUIET, pressure=None)
CPU_BOUND = replace(cpu(QUIET, 98.0, 42.0), runnable=12)
IO_BOUND = replace(
    cpu(QUIET, 9.0, 1.0),
    pressure=replace(CALM, io_some=80.0, io_full=38.0),
    drives=(Drive("sda", 9e7, 1e6, 900.0, 10.0, 97.0, 55.0), Drive("sdb", busy=10.0, latency_ms=1.0)),
    blocked=4,
)
THRASHING = replace(
    memory(QUIET, 97.0, memory_some=70.0, memory_full=40.0, io_some=75.0, io_full=45.0),
    swap=Swap(80.0, 2 * GIB, int(1.6 * GIB), 40.0 * MIB, 35.0 * MIB),
    drives=(Drive("sda", busy=95.0, latency_ms=20.0),),
)


def now(sample: Sample, **others: Any) -> Analysis:
    """Of that moment alone; no process is opsconsole's unless it is told."""
    others.setdefault("own", 0)
    return analyze(sample, others.pop("processes", ()), None, others.pop("anomalies", ()), **others)


def states(found: Analysis) -> dict[str, str]:
    return {use.resource: use.state.value for use in found.resources}


def over(sample: Sample | None, store: History, minutes: float = 15, **others: Any) -> Analysis:
    """With a history."""
    processes, anomalies = others.pop("processes", ()), others.pop("anomalies", ())
    others.setdefault("own", 0)
    return analyze(sample, processes, store, anomalies, minutes=minutes, clock=Hand(), **others)


class Hand(Clock):
    def now(self) -> int:
        return NOW


def calm() -> dict[str, Any]:
    """The series of a quiet host."""
    return {name: value for name, value in series(QUIET).items() if not name.startswith(("core", "net"))}


def calm_history(minutes: int = 15, **others: Any) -> Recorded:
    """Of a quiet host, but for these series."""
    return history(minutes, **{**calm(), **{name.replace("__", ":"): given for name, given in others.items()}})
