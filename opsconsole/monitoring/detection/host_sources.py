"""Sources for the host itself: CPU, memory, file systems, drives, network, descriptors.

Where Linux says how long tasks waited (PSI), that decides how bad a busy resource is: a CPU at 90 % for which nothing
waits is well used.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator

from opsconsole.anomalies import Severity
from opsconsole.models import MIB
from opsconsole.monitoring.detection import messages
from opsconsole.monitoring.detection.baseline import Baseline
from opsconsole.monitoring.detection.fill_rate import NEVER_S, FillTrend
from opsconsole.monitoring.detection.observation import Look, Observation, Source
from opsconsole.samples import Disk, Sample
from opsconsole.wording import long_duration, size

Frozen = Callable[[str, str], bool]

CPU_WAITING = 5.0
LOAD_WAITING = 10.0
IO_WAITING = 5.0
MEMORY_WAITING = 5.0
"""Percent of the time that tasks wait, below which nothing is wrong with a busy resource."""
SPIKE_FLOOR = 50.0
SPIKE_OF, SPIKE_LEAST = 5, 3
"""So many of the last samples must be over the baseline."""
OOM_SPAN_S = 300.0
GIB = 1024**3
DISK_FREE = ((200 * GIB, Severity.LOW), (50 * GIB, Severity.MEDIUM), (5 * GIB, Severity.HIGH))
"""With so many bytes free it is no worse than that, whatever the percentage."""
FULL_SHARE, ROOM_SHARE, ROOM = 1e-4, 0.01, 5 * GIB
"""A file system is full with no more than the first share of it free, until there is the second, or so many bytes."""
_OF_DISKS = ("disk_full", "disk_fill_rate", "inode_full")
_SMOOTH_S = 10.0
_FORGET_TRENDS_S = 600.0


def host_sources(frozen: Frozen) -> list[Source]:
    """One of each; `frozen(kind, subject)` is the book's."""
    return [CpuSource(frozen), MemorySource(), DiskSource(frozen), IoSource(), NetworkSource(), SystemSource()]


def _waiting(sample: Sample, *names: str) -> float | None:
    """The largest of these pressures; None: not known."""
    if sample.pressure is None:
        return None
    found = [value for name in names if (value := getattr(sample.pressure, name)) is not None]
    return max(found, default=None)


class CpuSource:
    """cpu_high, cpu_spike, cpu_steal, cpu_throttled, cpu_pressure, load_high. Its baseline is that of cpu_spike."""

    name = "cpu_baseline"

    def __init__(self, frozen: Frozen) -> None:
        self._frozen = frozen
        self._baseline = Baseline()
        self._over: deque[float] = deque(maxlen=SPIKE_OF)
        self._last_s: float | None = None

    def observe(self, look: Look) -> Iterator[Observation]:
        sample = look.sample
        cpu, some = sample.cpu, _waiting(sample, "cpu_some")
        idle = some is not None and some < CPU_WAITING
        if idle:
            words = "it is busy, but hardly anything waits for it"
            yield Observation("cpu_high", "", cpu.percent, most=Severity.LOW, words=words)
        else:
            yield Observation("cpu_high", "", cpu.percent)
        yield self._spike(sample)
        yield Observation("cpu_steal", "", cpu.steal)
        yield Observation("cpu_throttled", "", cpu.throttled_percent)
        yield Observation("cpu_pressure", "", some)
        yield self._load(sample)

    def _spike(self, sample: Sample) -> Observation:
        """The value is what at least three of the last five samples were over the baseline."""
        percent, baseline = sample.cpu.percent, self._baseline
        last, self._last_s = self._last_s, sample.monotonic_s
        if percent is None:
            return Observation("cpu_spike")
        usual, ready = baseline.mean, baseline.ready
        if last is not None and sample.gap in (None, "clock"):
            baseline.learn(percent, sample.monotonic_s - last, frozen=self._frozen("cpu_spike", ""))
        if usual is None or not ready:
            return Observation("cpu_spike")
        self._over.append(percent - usual)
        if len(self._over) < SPIKE_LEAST:
            return Observation("cpu_spike")
        over = sorted(self._over, reverse=True)[SPIKE_LEAST - 1]
        most = None if percent > SPIKE_FLOOR else Severity.INFO
        details = {"cpu_percent": round(percent, 1)}
        return Observation("cpu_spike", "", over, details, round(usual, 1), most=most)

    def _load(self, sample: Sample) -> Observation:
        cores = max(len(sample.cpu.per_core), 1) if sample.cpu.per_core else sample.cpu.cores
        value = sample.load[0] / cores if cores > 0 else None
        waiting = _waiting(sample, "cpu_some", "io_some", "memory_some")
        if waiting is not None and waiting < LOAD_WAITING:
            words = "but hardly anything waits"
            return Observation("load_high", "", value, most=Severity.INFO, words=words)
        return Observation("load_high", "", value)

    def state(self) -> bytes:
        return json.dumps(self._baseline.state()).encode()

    def restore(self, state: bytes) -> None:
        """Raises ValueError."""
        self._baseline = Baseline.restored(json.loads(state))


class MemorySource:
    """memory_high, memory_pressure, swap_thrash, oom_killed, limit_killed."""

    def __init__(self) -> None:
        self._both: float | None = None
        self._last_s: float | None = None
        self._killed: dict[str, deque[tuple[float, int]]] = {"oom_killed": deque(), "limit_killed": deque()}

    def observe(self, look: Look) -> Iterator[Observation]:
        sample = look.sample
        yield Observation("memory_high", "", sample.memory.percent)
        yield Observation("memory_pressure", "", _waiting(sample, "memory_full"))
        last, self._last_s = self._last_s, sample.monotonic_s
        yield self._swap(sample, 0.0 if last is None else sample.monotonic_s - last)
        yield self._kills("oom_killed", sample.monotonic_s, sample.oom_kills)
        yield self._kills("limit_killed", sample.monotonic_s, sample.limit_kills)

    def _swap(self, sample: Sample, step_s: float) -> Observation:
        """Pages that go out and come back at once: twice the smaller rate, over about ten seconds. Pushing out what
        is not needed is not thrashing."""
        swap = sample.swap
        if swap.in_bps is None or swap.out_bps is None:
            return Observation("swap_thrash")
        rate = 2 * min(swap.in_bps, swap.out_bps) / MIB
        share = 1.0 if self._both is None else min(1.0, step_s / _SMOOTH_S)
        self._both = rate if self._both is None else self._both + share * (rate - self._both)
        waiting = _waiting(sample, "memory_some")
        if waiting is not None and waiting < MEMORY_WAITING:
            words = "but hardly anything waits for memory"
            return Observation("swap_thrash", "", self._both, most=Severity.INFO, words=words)
        return Observation("swap_thrash", "", self._both)

    def _kills(self, kind: str, now_s: float, count: int | None) -> Observation:
        """At a limit of its own a group is as small as somebody wanted it: known, and nothing that is wrong here."""
        if count is None:
            return Observation(kind)
        known = self._killed[kind]
        if count > 0:
            known.append((now_s, count))
        while known and now_s - known[0][0] > OOM_SPAN_S:
            known.popleft()
        most = Severity.INFO if kind == "limit_killed" else None
        return Observation(kind, "", float(sum(each for _, each in known)), most=most)


class DiskSource:
    """disk_full, disk_fill_rate, inode_full of every file system that can be written. One that is made read-only cannot
    fill any further: its episodes end with that."""

    def __init__(self, frozen: Frozen) -> None:
        self._frozen = frozen
        self._trends: dict[str, tuple[float, FillTrend]] = {}
        self._are_full: set[str] = set()

    def observe(self, look: Look) -> Iterator[Observation]:
        now_s = look.sample.monotonic_s
        for disk in look.sample.disks:
            if disk.total <= 0:
                continue
            if disk.read_only:  # a full image that nobody can write to is as it should be
                yield from self._ended(disk)
                continue
            aliases = (disk.device,)
            trend = self._trend(disk, now_s)
            yield self._full(disk, trend, aliases)
            yield from self._filling(disk, trend, aliases)
            if disk.inodes_percent is not None:
                yield Observation("inode_full", disk.mount, disk.inodes_percent, aliases=aliases)
        for mount in [mount for mount, (seen_s, _) in self._trends.items() if now_s - seen_s > _FORGET_TRENDS_S]:
            del self._trends[mount]
            self._are_full.discard(mount)

    def _ended(self, disk: Disk) -> Iterator[Observation]:
        self._trends.pop(disk.mount, None)
        for kind in _OF_DISKS:
            if self._frozen(kind, disk.mount):
                yield Observation(kind, disk.mount, words=messages.READ_ONLY, aliases=(disk.device,), gone=True)

    def _trend(self, disk: Disk, now_s: float) -> FillTrend:
        known = self._trends.get(disk.mount)
        trend = FillTrend() if known is None else known[1]
        trend.add(now_s, disk.used, disk.total)
        self._trends[disk.mount] = (now_s, trend)
        return trend

    def _filling(self, disk: Disk, trend: FillTrend, aliases: tuple[str, ...]) -> Iterator[Observation]:
        """When it will be full, until it is: then disk_full says all there is to say, until there is room again."""
        mount, room = disk.mount, disk.free
        if room <= FULL_SHARE * disk.total:
            self._are_full.add(mount)
        elif room >= min(ROOM_SHARE * disk.total, ROOM):
            self._are_full.discard(mount)
        if mount in self._are_full:
            if self._frozen("disk_fill_rate", mount):
                yield Observation("disk_fill_rate", mount, words=messages.FULL, aliases=aliases, gone=True)
            return
        eta = trend.eta_s(room)
        details = None if eta is None or eta >= NEVER_S else {"eta_s": round(eta, 1), "free_bytes": room}
        yield Observation("disk_fill_rate", mount, eta, details, aliases=aliases)

    def _full(self, disk: Disk, trend: FillTrend, aliases: tuple[str, ...]) -> Observation:
        if disk.percent < 50:
            return Observation("disk_full", disk.mount, disk.percent, aliases=aliases)
        most, words = None, []
        for least, severity in DISK_FREE:
            if disk.free >= least:
                most = severity
                words.append(f"but {size(disk.free)} are free")
                break
        eta = trend.rough_eta_s(disk.free)
        if eta is not None and eta < NEVER_S and disk.free > 0:
            soon = "within a second" if eta < 1 else f"in about {long_duration(eta, whole=True)}"
            words.append(f"full {soon} at this rate")
        details = {"eta_s": None if eta is None or eta >= NEVER_S else round(eta, 1), "free_bytes": disk.free}
        return Observation(
            "disk_full", disk.mount, disk.percent, details, most=most, words=", ".join(words), aliases=aliases
        )


class IoSource:
    """io_pressure, drive_latency, drive_saturated."""

    def observe(self, look: Look) -> Iterator[Observation]:
        sample = look.sample
        yield Observation("io_pressure", "", _waiting(sample, "io_full"))
        waiting = _waiting(sample, "io_some")
        idle = waiting is not None and waiting < IO_WAITING
        words = "but hardly anything waits for it" if idle else ""
        most = Severity.INFO if idle else None
        for drive in sample.drives:
            latency = drive.latency_ms
            if latency is None and drive.busy is not None and drive.busy < 1:
                latency = 0.0  # nothing was asked of it
            yield Observation("drive_latency", drive.name, latency, most=most, words=words)
            yield Observation("drive_saturated", drive.name, drive.busy, most=most, words=words)


class NetworkSource:
    """network_errors: which share of the packets was damaged or dropped; a single one now and then is nothing."""

    def observe(self, look: Look) -> Iterator[Observation]:
        for card in look.sample.interfaces:
            if card.errors_ps is None and card.drops_ps is None:
                yield Observation("network_errors", card.name)
                continue
            bad = (card.errors_ps or 0.0) + (card.drops_ps or 0.0)
            packets = (card.rx_pps or 0.0) + (card.tx_pps or 0.0) + bad
            yield Observation("network_errors", card.name, 100 * bad / packets if bad >= 1 else 0.0)


class SystemSource:
    """fd_exhaustion."""

    def observe(self, look: Look) -> Iterator[Observation]:
        files, most = look.sample.open_files, look.sample.open_files_max
        yield Observation("fd_exhaustion", "", 100 * files / most if files is not None and most else None)
