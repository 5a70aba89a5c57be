"""Processes that are busy, large, growing, or dead and not collected; one pass over them a look.

What is remembered is of a few processes only. A process is listed under the name it had when it was first seen.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import exp
from operator import attrgetter
from typing import Any

from opsconsole.monitoring.detection import messages, process_identity
from opsconsole.monitoring.detection.observation import Look, Observation
from opsconsole.monitoring.detection.process_leaks import Leaks
from opsconsole.monitoring.detection.thresholds import Thresholds
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample, Sample

CPU, MEMORY, ZOMBIES = "process_cpu_high", "process_memory_high", "zombie_processes"

MOST = 16
"""Processes listed for one reason at one look."""
SMOOTH_S = 10.0
"""A process's CPU is smoothed over this time: a dip of a second does not end a minute of work."""
HOST_BUSY, WAITING, SHARE, LONG_S = 70.0, 10.0, 25.0, 300.0
"""A busy process matters once the host's CPU is busy to that percent, or tasks wait for a CPU that percent of the time,
or it alone has that percent of what the host may use, or it has been busy for so long; then until it is calm."""
ALWAYS = 0.9
"""While the CPU is fought for, a process that could run at this share of the looks wants a whole core, whatever it
gets: with three others on two cores that is half of one."""
OFTEN = 0.5
"""So one is taken on, until it could run at less than this share: what it wants goes down with that, and not at once to
what little it gets."""
PARENTS = 5

_by_cpu = attrgetter("cpu_percent")
_by_rss = attrgetter("rss_bytes")


class _Listed:
    """A process that is listed for one reason."""

    __slots__ = ("_who", "at", "busy_since", "held_back", "identity", "load", "matters", "ready", "subject")

    def __init__(self, process: ProcessSample, subject: str) -> None:
        self.identity = process.identity
        self.subject = subject
        self.load = process.cpu_percent
        self.ready = float(process.state == "R")
        """Share of the looks at which it ran, or could have."""
        self.held_back = False
        self.at: float | None = None
        self.busy_since: float | None = None
        self.matters = False
        self._who: dict[str, Any] | None = None

    def details(self, process: ProcessSample) -> dict[str, Any] | None:
        """None at the first look: most are never listed twice, and this costs more than the rest."""
        if self._who is None:
            if self.at is None:
                return None
            self._who = process_identity.details(process)
        return self._who


class ProcessSource:
    """`process_cpu_high` (percent of one core), `process_memory_high` (percent of the memory), `process_memory_leak`
    (percent of the memory an hour) and `zombie_processes` (how many, with their parents).
    """

    def __init__(self, thresholds: Thresholds, frozen: Callable[[str, str], bool]) -> None:
        self._frozen = frozen
        self._busy: dict[int, _Listed] = {}
        self._large: dict[int, _Listed] = {}
        self._leaks = Leaks(frozen)
        self._resumed = False
        self._fought_s: float | None = None
        self.reload(thresholds)

    def reload(self, thresholds: Thresholds) -> None:
        """Other levels are in force: from where on a process is looked at follows from them."""
        self._busy_from = max(_least(thresholds, CPU) / 2, 5.0)
        self._busy_level = thresholds.general(CPU).enter
        self._large_from = max(_least(thresholds, MEMORY) / 2, 1.0)
        self._zombies_from = max(_least(thresholds, ZOMBIES), 1.0)

    def observe(self, look: Look) -> Iterator[Observation]:
        processes = look.processes
        sample = look.sample
        if not processes:
            if sample.zombies is not None:
                yield Observation(ZOMBIES, "", float(sample.zombies))
            return
        if not self._resumed:
            self._resumed = True
            self._resume(processes)
        total = sample.memory.total
        large_from = total * self._large_from / 100
        growing_from = self._leaks.least_rss(total)
        least_rss, busy_from = min(large_from, growing_from), self._busy_from
        known = {*self._busy, *self._large, *self._leaks.pids}
        alive: dict[int, ProcessSample] = {}
        busy, large, zombies = [], [], []
        for process in processes:
            if process.cpu_percent >= busy_from:
                busy.append(process)
            if process.rss_bytes >= least_rss:
                large.append(process)
            if process.state == "Z":
                zombies.append(process)
            if process.pid in known:
                alive[process.pid] = process
        yield from self._cpu(sample, busy, alive)
        if total > 0:  # what is no share of anything is no data
            yield from self._memory(sample, [one for one in large if one.rss_bytes >= large_from], alive)
            yield from self._leaks.observe(look, [one for one in large if one.rss_bytes >= growing_from], alive)
        yield self._zombies(processes, zombies)

    def _resume(self, processes: Sequence[ProcessSample]) -> None:
        """Episodes from before a restart: their processes are listed again, however calm they are now."""
        for process in processes:
            subject = process_identity.subject(process)
            if self._frozen(CPU, subject):
                self._busy[process.pid] = listed = _Listed(process, subject)
                listed.matters = True
            if self._frozen(MEMORY, subject):
                self._large[process.pid] = _Listed(process, subject)
            self._leaks.resume(process, subject)

    # -- CPU

    def _cpu(
        self, sample: Sample, busy: list[ProcessSample], alive: Mapping[int, ProcessSample]
    ) -> Iterator[Observation]:
        gone = _without_gone(self._busy, alive)
        yield from (Observation(CPU, listed.subject, gone=True) for listed in gone if listed.matters)
        if len(busy) > MOST:
            self._make_room(busy)
        _admit(self._busy, busy, _by_cpu, gone)
        now = sample.monotonic_s
        if _fought_for(sample):
            self._fought_s = now
        fought_for = self._fought_s is not None and now - self._fought_s <= SMOOTH_S
        by_pid = {process.pid: process for process in busy}
        for pid, listed in list(self._busy.items()):
            process = alive.get(pid) or by_pid[pid]
            if listed.at is not None:
                weight = 1 - exp(-(now - listed.at) / SMOOTH_S)
                listed.load += (process.cpu_percent - listed.load) * weight
                listed.ready += ((process.state == "R") - listed.ready) * weight
            if listed.load < self._busy_level:
                listed.busy_since = None
            elif listed.busy_since is None:
                listed.busy_since = now
            listed.matters = listed.matters or fought_for or _matters(sample, listed)
            frozen = self._frozen(CPU, listed.subject)
            if listed.load < self._busy_from and not frozen:
                del self._busy[pid]
            elif listed.matters:
                yield _busy(sample, listed, process, fought_for=fought_for)
            listed.at = now

    def _make_room(self, busy: list[ProcessSample]) -> None:
        """More are busy than can be listed: those that are not among the busiest give their places back."""
        busiest = {process.pid for process in heapq.nlargest(MOST, busy, key=_by_cpu)}
        for pid, listed in list(self._busy.items()):
            if pid not in busiest and not self._frozen(CPU, listed.subject):
                del self._busy[pid]

    # -- memory

    def _memory(
        self, sample: Sample, large: list[ProcessSample], alive: Mapping[int, ProcessSample]
    ) -> Iterator[Observation]:
        gone = _without_gone(self._large, alive)
        yield from (Observation(MEMORY, listed.subject, gone=True) for listed in gone)
        _admit(self._large, large, _by_rss, gone)
        by_pid = {process.pid: process for process in large}
        least = sample.memory.total * self._large_from / 100
        for pid, listed in list(self._large.items()):
            process = alive.get(pid) or by_pid[pid]
            if process.rss_bytes < least and not self._frozen(MEMORY, listed.subject):
                del self._large[pid]
                continue
            share = process.rss_bytes / sample.memory.total * 100
            yield Observation(MEMORY, listed.subject, share, listed.details(process))
            listed.at = sample.monotonic_s

    # -- zombies

    def _zombies(self, processes: Sequence[ProcessSample], zombies: list[ProcessSample]) -> Observation:
        if len(zombies) < self._zombies_from:
            return Observation(ZOMBIES, "", float(len(zombies)))
        children = Counter(one.ppid for one in zombies)
        most = dict(children.most_common(PARENTS))
        names = {one.pid: one.name for one in processes if one.pid in most}
        parents = [
            {"pid": pid, "name": sanitise_name(names.get(pid, "?"), limit=process_identity.NAME), "count": count}
            for pid, count in most.items()
        ]
        first = parents[0]
        words = f"{first['name']}[{first['pid']}] is the parent of {first['count']} of them"
        return Observation(ZOMBIES, "", float(len(zombies)), {"parents": parents}, words=words)


def _least(thresholds: Thresholds, kind: str) -> float:
    """The lowest value that means anything to anybody."""
    return min(each.clear for each in (thresholds.general(kind), *thresholds.special(kind).values()))


def _without_gone(kept: dict[int, _Listed], alive: Mapping[int, ProcessSample]) -> list[_Listed]:
    """Takes out those that have ended, also where their number belongs to another process now."""
    gone = []
    for pid, listed in list(kept.items()):
        process = alive.get(pid)
        if process is None or process.identity != listed.identity:
            gone.append(kept.pop(pid))
    return gone


def _admit(
    kept: dict[int, _Listed],
    found: list[ProcessSample],
    key: Callable[[ProcessSample], float],
    gone: Iterable[_Listed],
) -> None:
    """The greatest that are not kept yet, while there is room. Not one that has taken over a subject that is gone just
    now: both would be said of the same subject at once.
    """
    room = MOST - len(kept)
    if room <= 0 or not found:
        return
    taken = {listed.subject for listed in gone}
    for process in heapq.nlargest(room, (one for one in found if one.pid not in kept), key=key):
        subject = process_identity.subject(process)
        if subject not in taken:
            kept[process.pid] = _Listed(process, subject)


def _busy(sample: Sample, listed: _Listed, process: ProcessSample, *, fought_for: bool) -> Observation:
    if sample.interval_s is None and sample.gap != "late":  # no rate: the first look, or the first after suspend
        return Observation(CPU, listed.subject, None)
    wanted = 100 * listed.ready
    listed.held_back = fought_for and listed.ready >= (OFTEN if listed.held_back else ALWAYS) and listed.load < wanted
    details = listed.details(process)
    if not listed.held_back:
        return Observation(CPU, listed.subject, listed.load, details)
    gets = {**(details or {}), messages.GETS: round(listed.load)}
    return Observation(CPU, listed.subject, wanted, gets, words="others want the CPU too")


def _fought_for(sample: Sample) -> bool:
    """Whether more wants to run than can."""
    cpu, pressure = sample.cpu, sample.pressure
    if pressure is not None and pressure.cpu_some is not None and pressure.cpu_some >= WAITING:
        return True
    return cpu.percent is not None and cpu.percent >= HOST_BUSY


def _matters(sample: Sample, listed: _Listed) -> bool:
    return listed.load >= SHARE * sample.cpu.cores or (
        listed.busy_since is not None and sample.monotonic_s - listed.busy_since >= LONG_S
    )
