"""Who uses a resource: processes, processes of one name together, our own runs, and what no sample saw.

Who uses the CPU and the memory is measured. Who uses the drives is known only of processes whose /proc/N/io this user
may read; of the others it is said that it is not known, and who waits for a drive just now is named instead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opsconsole.monitoring.analysis.model import Cause, clean, label
from opsconsole.samples import ProcessSample, RunUsage, Sample

NAMED = 3
"""Causes of a resource that are named."""
_CPU_PERCENT = 10.0
"""Of one core, below which a process causes nothing."""
_MEMORY_SHARE = 0.05
_IO_BPS = 100_000.0
_MORE = 1.2
"""Of what the drives moved: more than they can have by the inexactness of two looks."""
WITH_CHILDREN = "with what its ended children moved before"
_TOGETHER = 3
"""Processes of one name that are named together, when the largest of them is less than half of all of them."""
_SHORT_LIVED = 20.0
"""Percent of one core in processes too short to be seen, from which that is said."""
_GROUP_PIDS = 20


@dataclass(frozen=True, slots=True)
class ProcessIo:
    """Bytes a second that a process moved to and from the drives."""

    pid: int
    read_bps: float
    write_bps: float


@dataclass(frozen=True, slots=True)
class IoSeen:
    """What /proc/N/io gave between two looks; `unreadable` processes belong to somebody else."""

    rates: tuple[ProcessIo, ...] = ()
    unreadable: int = 0


def causes(
    sample: Sample | None, processes: Sequence[ProcessSample], runs: Sequence[RunUsage], io: IoSeen | None
) -> dict[str, tuple[Cause, ...]]:
    """Of cpu, memory, io and processes, the largest first; a resource nobody stands out for has none."""
    return {
        "cpu": _cpu(sample, processes, runs),
        "memory": _memory(sample, processes, runs),
        "io": _io(sample, processes, io),
        "processes": _zombies(processes),
    }


def _cpu(sample: Sample | None, processes: Sequence[ProcessSample], runs: Sequence[RunUsage]) -> tuple[Cause, ...]:
    cores = sample.cpu.cores if sample is not None else 0.0

    def share(percent: float) -> float | None:
        return min(1.0, percent / (100 * cores)) if cores > 0 else None

    found = [
        _cause("cpu", members, percent, "% of a core", share(percent))
        for members, percent in _grouped(processes, {one.pid: one.cpu_percent for one in processes})
        if percent >= _CPU_PERCENT
    ][:NAMED]
    found += [
        Cause("cpu", "run", f"run {clean(run.execution_id)}", run.cpu_percent, "% of a core", share(run.cpu_percent),
              note=f"{run.processes} processes, {run.source}")
        for run in sorted(runs, key=lambda each: -(each.cpu_percent or 0.0))
        if run.cpu_percent is not None and run.cpu_percent >= _CPU_PERCENT
    ][:NAMED]  # fmt: skip
    unseen = sample.short_lived_percent if sample is not None else None
    if unseen is not None and unseen >= _SHORT_LIVED:
        note = "ended before a sample saw them"
        if sample is not None and sample.forks_per_s is not None:
            note += f"; {sample.forks_per_s:.0f} new processes/s"
        found.append(Cause("cpu", "unseen", "short-lived processes", unseen, "% of a core", share(unseen), note=note))
    return tuple(found)


def _memory(sample: Sample | None, processes: Sequence[ProcessSample], runs: Sequence[RunUsage]) -> tuple[Cause, ...]:
    total = sample.memory.total if sample is not None else 0
    if total <= 0:
        return ()
    found = [
        _cause(
            "memory",
            members,
            rss,
            "B",
            min(1.0, rss / total),
            "pages they share are counted in each" if len(members) > 1 else "",
        )
        for members, rss in _grouped(processes, {one.pid: float(one.rss_bytes) for one in processes})
        if rss >= _MEMORY_SHARE * total
    ][:NAMED]
    found += [
        Cause("memory", "run", f"run {clean(run.execution_id)}", float(run.rss_bytes), "B",
              min(1.0, run.rss_bytes / total), note=f"{run.processes} processes, {run.source}")
        for run in sorted(runs, key=lambda each: -each.rss_bytes)
        if run.rss_bytes >= _MEMORY_SHARE * total
    ][:NAMED]  # fmt: skip
    return tuple(found)


def _io(sample: Sample | None, processes: Sequence[ProcessSample], io: IoSeen | None) -> tuple[Cause, ...]:
    by_pid = {one.pid: one for one in processes}
    found = []
    if io is not None:
        # The kernel adds what a child moved in all its life to its parent when that collects it.
        most = _drives_bps(sample)
        moved = {each.pid: each.read_bps + each.write_bps for each in io.rates if each.pid in by_pid}
        found = [
            _cause("io", members, rate, "B/s", None, WITH_CHILDREN if rate > most else "")
            for members, rate in _grouped([by_pid[pid] for pid in moved], moved)
            if rate >= _IO_BPS
        ][:NAMED]
    known = {pid for cause in found for pid in cause.pids}
    waiting = [one for one in processes if one.state == "D" and one.pid not in known and not kernel_thread(one)]
    for one in sorted(waiting, key=lambda each: each.pid)[:NAMED]:
        found.append(Cause("io", "process", label(one), None, "", None, (one.pid,), "waits for I/O just now"))
    return tuple(found)


def _drives_bps(sample: Sample | None) -> float:
    rates = [
        rate
        for drive in (sample.drives if sample is not None else ())
        for rate in (drive.read_bps, drive.write_bps)
        if rate is not None
    ]
    return _MORE * sum(rates) if rates else float("inf")


def _zombies(processes: Sequence[ProcessSample]) -> tuple[Cause, ...]:
    """Parents that do not collect their children."""
    by_pid = {one.pid: one for one in processes}
    count: dict[int, int] = defaultdict(int)
    for one in processes:
        if one.state == "Z":
            count[one.ppid] += 1
    worst = sorted(count.items(), key=lambda each: (-each[1], each[0]))[:NAMED]
    return tuple(
        Cause("processes", "process", label(by_pid[pid]), float(number), "zombie" if number == 1 else "zombies", None,
              (pid,), "does not collect its children")
        for pid, number in worst
        if pid in by_pid
    )  # fmt: skip


def _grouped(
    processes: Sequence[ProcessSample], amounts: Mapping[int, float]
) -> list[tuple[list[ProcessSample], float]]:
    """Single processes, or all of one name where no one of them stands out, with what they use; the most first."""
    # Of the programs that one interpreter runs, this console is a cause of its own: nobody else's load is put on it.
    alike: dict[tuple[str, bool], list[ProcessSample]] = defaultdict(list)
    for one in processes:
        alike[one.name, is_console(one.name, one.cmdline)].append(one)
    found: list[tuple[list[ProcessSample], float]] = []
    for members in alike.values():
        members.sort(key=lambda one: (-amounts[one.pid], one.pid))
        whole = sum(amounts[one.pid] for one in members)
        if len(members) >= _TOGETHER and amounts[members[0].pid] < whole / 2:
            found.append(([one for one in members if amounts[one.pid] > 0], whole))
        else:
            found += [([one], amounts[one.pid]) for one in members]
    return sorted(found, key=lambda each: (-each[1], each[0][0].pid if each[0] else 0))


def _cause(
    resource: str, members: Sequence[ProcessSample], value: float, unit: str, share: float | None, shared: str = ""
) -> Cause:
    first = members[0]
    if len(members) > 1:
        pids = tuple(one.pid for one in members[:_GROUP_PIDS])
        return Cause(resource, "group", f"{clean(first.name)} ×{len(members)}", value, unit, share, pids, shared)
    notes = [shared] if shared else []
    if first.user:
        notes.append(f"user {clean(first.user)}")
    if first.nice > 0:
        notes.append(f"nice {first.nice}")
    return Cause(resource, "process", label(first), value, unit, share, (first.pid,), "; ".join(notes))


def is_console(name: str, cmdline: str) -> bool:
    """Whether it is an opsconsole, told by its name."""
    return name == "opsconsole" or " -m opsconsole" in cmdline


def kernel_thread(process: ProcessSample) -> bool:
    """Whether it is the kernel's own: kthreadd or a child of it."""
    return process.rss_bytes == 0 and (process.pid == 2 or process.ppid == 2)
