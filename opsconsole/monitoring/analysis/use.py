"""The USE method (Brendan Gregg): of every resource its utilisation, its saturation and its errors.

Busy is not the same as waiting: a CPU at 95 % for which nobody waits is doing its work. What is compared between
resources is therefore how much of the time work waited: cpu.some, memory.full, io.full of PSI, and steal. Two kinds of
waiting are counted by the kernel under two names, and here under one:

- a task that waits for a page which was pushed out waits for memory *and* for I/O: that part is memory's;
- what the hypervisor takes makes tasks queue for a core as well: that part is steal's.

`full` says that nothing else went on meanwhile; where others worked, half of `some` stands for it. Without PSI run
queue, iowait and swap rates are estimates, and `basis` says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from opsconsole.models import MIB
from opsconsole.monitoring.analysis.model import Reading, State, clean, percent_words
from opsconsole.samples import Sample
from opsconsole.wording import long_duration, rate

USED = {"cpu": 85.0, "memory": 90.0, "io": 90.0, "disk": 85.0, "processes": 80.0}
"""Percent from which a resource is busy: the mildest levels of the kinds of anomaly; of a drive, its time."""
SHORT = {"memory": 98.0, "disk": 95.0, "processes": 90.0}
"""Percent from which so little is left that the next one will not get it."""
GONE = 99.5
"""Percent from which next to nothing is left."""
NOTHING_LEFT = 99.99
"""Percent at which that is said: a large drive still has room at less."""
WAITS = {"cpu": 10.0, "memory": 5.0, "io": 10.0, "steal": 5.0}
"""Score from which it is said that work waits. memory: half of what is called high (10 % of full)."""
NOBODY = 5.0
"""Percent of the time below which nobody waits."""
THRASH_BPS = 1.0 * MIB
"""Swapping, both in and out, that is no mere tidying up."""
PACKETS = 1.0
"""Lost packets a second, and percent of all, from which a network fails: the kind network_errors."""
ZOMBIES = 10
FORKS = 200.0
"""New processes a second that are no ordinary shell work."""


@dataclass(frozen=True, slots=True)
class Host:
    """What the rules need besides series. Of a span there is no momentary run queue: None."""

    cores: float = 0.0
    kernel_cores: float = 0.0
    """Those that the run queue is for: a container's limit does not shorten it."""
    throttled: float | None = None
    runnable: int | None = None
    oom_kills: int | None = None
    open_files_max: int | None = None
    packets: Mapping[str, float] = field(default_factory=dict)
    """Packets a second of an interface."""
    read_only: frozenset[str] = frozenset()
    """Mounts that cannot fill up."""
    failing_drives: tuple[str, ...] = ()


def host_of(sample: Sample | None, *, momentary: bool, failing_drives: Collection[str] = ()) -> Host:
    """What of a sample is no series; `momentary`: with what is true of that moment only."""
    if sample is None:
        return Host(failing_drives=tuple(failing_drives))
    standing = Host(
        cores=sample.cpu.cores,
        kernel_cores=float(len(sample.cpu.per_core)) or sample.cpu.cores,
        open_files_max=sample.open_files_max,
        read_only=frozenset(disk.mount for disk in sample.disks if disk.read_only),
        failing_drives=tuple(failing_drives),
    )
    if not momentary:
        return standing
    return Host(
        cores=standing.cores,
        kernel_cores=standing.kernel_cores,
        open_files_max=standing.open_files_max,
        read_only=standing.read_only,
        failing_drives=standing.failing_drives,
        throttled=sample.cpu.throttled_percent,
        runnable=sample.runnable,
        oom_kills=sample.oom_kills,
        packets={
            card.name: card.rx_pps + card.tx_pps
            for card in sample.interfaces
            if card.rx_pps is not None and card.tx_pps is not None
        },
    )


def readings(values: Mapping[str, float], host: Host) -> dict[str, Reading]:
    """Every resource from the values of `samples.series`, of a moment or as means of a span."""
    memory = memory_use(values, host)
    return {
        "cpu": cpu_use(values, host),
        "memory": memory,
        "io": io_use(values, host, memory),
        "disk": disk_use(values, host),
        "network": network_use(values, host),
        "processes": process_use(values, host),
    }


def cpu_use(values: Mapping[str, float], host: Host) -> Reading:
    """The CPU, without what the hypervisor takes (`steal_score`)."""
    used, some, steal = values.get("cpu"), values.get("pressure_cpu"), values.get("cpu_steal", 0.0)
    waiting, basis, score = some, "cpu.some", max(0.0, (some or 0.0) - steal)
    queue = _run_queue(values, host)
    if some is None:
        waiting, basis, score = None, "", 0.0
        if queue is not None:
            basis = "run queue"
            # A queue on a CPU that had time to spare was gone a moment later.
            if queue > host.kernel_cores and (used or 0.0) >= USED["cpu"]:
                score = max(0.0, 100 * (queue - host.kernel_cores) / queue - steal)
    if host.throttled is not None and host.throttled > max(score, NOBODY):
        waiting, basis, score = host.throttled, "cpu limit", host.throttled
    said = []
    if queue is not None and queue > host.kernel_cores > 0:
        said.append(f"{queue:.0f} tasks for {host.kernel_cores:g} cores")
    if steal >= WAITS["steal"]:
        said.append(f"{steal:.0f} % taken by the hypervisor")
    if basis == "cpu limit":
        said.append(f"held back by its limit of {host.cores:g} cores")
    if used is None and waiting is None and not basis:
        return Reading()
    waits = score >= WAITS["cpu"] or steal >= WAITS["steal"]
    busy = used is not None and used >= USED["cpu"]
    state = State.SATURATED if waits else State.BUSY if busy else State.OK
    return Reading(state, used, "", waiting, basis, score, tuple(said))


def _run_queue(values: Mapping[str, float], host: Host) -> float | None:
    if host.kernel_cores <= 0:
        return None
    if host.runnable is not None:
        return float(host.runnable)
    load = values.get("load1")
    return None if load is None else max(0.0, load - values.get("blocked", 0.0))


def steal_score(values: Mapping[str, float]) -> float:
    """Percent of the CPU that the hypervisor took."""
    return values.get("cpu_steal", 0.0)


def memory_use(values: Mapping[str, float], host: Host) -> Reading:
    """Memory: how much, whether work waits for it, whom the kernel killed for it."""
    used = values.get("memory")
    swap_in, swap_out = values.get("swap_in"), values.get("swap_out")
    waiting, basis, score = _stalled("memory", values, WAITS["memory"])
    both_ways = min(swap_in or 0.0, swap_out or 0.0)
    if not basis and swap_in is not None and swap_out is not None:
        basis, score = "swap rate", min(100.0, 10 * both_ways / MIB) if both_ways >= THRASH_BPS else 0.0
    said: tuple[str, ...] = ()
    if both_ways >= THRASH_BPS:
        said = (f"swapping in {rate(swap_in or 0)}, out {rate(swap_out or 0)}",)
    errors = (f"the kernel killed {host.oom_kills} for lack of memory",) if host.oom_kills else ()
    if used is None and waiting is None and not errors:
        return Reading(basis=basis, score=score, saturation=said)
    if errors:
        state = State.FAILING
    elif score >= WAITS["memory"] or (used or 0.0) >= SHORT["memory"]:
        state = State.SATURATED
    else:
        state = State.BUSY if (used or 0.0) >= USED["memory"] else State.OK
    return Reading(state, used, "", waiting, basis, score, said, errors)


def io_use(values: Mapping[str, float], host: Host, memory: Reading) -> Reading:
    """The drives; what waits for pages that were pushed out is memory's."""
    drive, busy = _most(values, "drive_busy:")
    latency, blocked = values.get(f"drive_latency:{drive}"), values.get("blocked")
    waiting, basis, score = _stalled("io", values, WAITS["io"])
    iowait = values.get("cpu_iowait")
    if not basis and iowait is not None:
        # iowait is a share of all cores; one task that waits all the time shows as 1/cores.
        waiting, basis, score = iowait, "iowait", min(100.0, max(iowait, iowait * host.kernel_cores / 2))
    elif not basis and blocked is not None:
        basis = "blocked tasks"
        score = 2 * WAITS["io"] if blocked >= 1 and (busy or 0.0) >= USED["io"] else 0.0
    said = []
    if blocked is not None and round(blocked) >= 1:
        said.append(f"{blocked:.0f} {'task' if round(blocked) == 1 else 'tasks'} blocked")
    if latency is not None and busy is not None and busy >= USED["io"]:
        said.append(f"{long_duration(latency / 1000)} a request")
    if memory.score > 0 and memory.state in (State.SATURATED, State.FAILING) and score >= WAITS["io"]:
        said.append("part of it memory's")
        score = max(0.0, score - memory.score)
    errors = tuple(f"{clean(name)} shows signs of failing" for name in host.failing_drives)
    if busy is None and not basis and not errors:
        return Reading()
    state = State.SATURATED if score >= WAITS["io"] else State.BUSY if (busy or 0.0) >= USED["io"] else State.OK
    return Reading(State.FAILING if errors else state, busy, drive, waiting, basis, score, tuple(said), errors)


def _stalled(resource: str, values: Mapping[str, float], limit: float) -> tuple[float | None, str, float]:
    """Waiting, its basis, and the score, from PSI; no basis without."""
    some, full = values.get(f"pressure_{resource}"), values.get(f"pressure_{resource}_full")
    if full is None and some is None:
        return None, "", 0.0
    if full is None or (some is not None and full < limit <= some / 2):
        return some, f"{resource}.some", (some or 0.0) / 2
    return full, f"{resource}.full", max(full, (some or 0.0) / 2)


def disk_use(values: Mapping[str, float], host: Host) -> Reading:
    """Space and inodes of the fullest file system that can be written."""
    found: list[tuple[float, str, str]] = []
    for prefix, basis in (("disk:", "space"), ("inodes:", "inodes")):
        found += [(used, mount, basis) for mount, used in _subjects(values, prefix) if mount not in host.read_only]
    if not found:
        return Reading()
    found.sort(key=lambda each: (-each[0], each[1]))
    used, mount, basis = found[0]
    said = tuple(
        f"{'inodes of ' if kind == 'inodes' else ''}{clean(where)} {percent_words(share)} %"
        for share, where, kind in found
        if share >= USED["disk"]
    )
    if used >= GONE:
        errors = tuple(
            f"{'' if share >= NOTHING_LEFT else 'almost '}no {'inodes' if kind == 'inodes' else 'space'} left on "
            f"{clean(where)}"
            for share, where, kind in found
            if share >= GONE
        )
        return Reading(State.FAILING, used, mount, None, basis, 0.0, said, errors)
    state = State.SATURATED if used >= SHORT["disk"] else State.BUSY if used >= USED["disk"] else State.OK
    return Reading(state, used, mount, None, basis, 0.0, said)


def network_use(values: Mapping[str, float], host: Host) -> Reading:
    """Errors and drops. How fast a link could be is not known, so nothing is said of its utilisation."""
    cards = {name for prefix in ("net_rx:", "net_tx:", "net_errors:") for name, _ in _subjects(values, prefix)}
    cards.discard("lo")
    if not cards:
        return Reading()
    busiest = max(sorted(cards), key=lambda name: values.get(f"net_rx:{name}", 0.0) + values.get(f"net_tx:{name}", 0.0))
    dropped = tuple(f"{clean(name)} drops {lost_s:.0f} packets/s" for name, lost_s in lost(values, host, "net_drops:"))
    damaged = tuple(f"{clean(name)} has {errors:.0f} errors/s" for name, errors in lost(values, host, "net_errors:"))
    state = State.FAILING if damaged else State.SATURATED if dropped else State.OK
    return Reading(state, None, busiest, None, "", 0.0, dropped, damaged)


def lost(values: Mapping[str, float], host: Host, prefix: str) -> list[tuple[str, float]]:
    """Interfaces that lose packets worth naming, with packets a second."""
    return [
        (name, rate)
        for name, rate in _subjects(values, prefix)
        if name != "lo" and rate >= PACKETS and 100 * rate >= PACKETS * host.packets.get(name, 0.0)
    ]


def process_use(values: Mapping[str, float], host: Host) -> Reading:
    """The kernel's tables: open files, and what fills the process table."""
    files, zombies, forks = values.get("open_files"), values.get("zombies"), values.get("forks")
    used = 100 * files / host.open_files_max if files is not None and host.open_files_max else None
    if used is None and zombies is None and "processes" not in values:
        return Reading()
    said, errors = [], []
    if used is not None and used >= USED["processes"]:
        said.append(f"{files:.0f} of {host.open_files_max} open files")
    if forks is not None and forks >= FORKS:
        said.append(f"{forks:.0f} new processes/s")
    if zombies is not None and zombies >= ZOMBIES:
        errors.append(f"{zombies:.0f} zombies")
    state = State.BUSY if said or errors else State.OK
    if used is not None and used >= SHORT["processes"]:
        state = State.FAILING if used >= GONE else State.SATURATED
    return Reading(state, used, "", None, "open files" if used is not None else "", 0.0, tuple(said), tuple(errors))


def _subjects(values: Mapping[str, float], prefix: str) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix), value


def _most(values: Mapping[str, float], prefix: str) -> tuple[str, float | None]:
    found = sorted(_subjects(values, prefix), key=lambda each: (-each[1], each[0]))
    return found[0] if found else ("", None)
