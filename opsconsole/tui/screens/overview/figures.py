"""What a sample says in figures and words: shares, rates, who is busiest. Pure; all of it is harmless."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from opsconsole import wording
from opsconsole.anomalies import Anomaly
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import Disk, Drive, ProcessSample, Sample
from opsconsole.wording import duration, short_size

_SHOWN_INTERFACES = 4
_NAME = 20
_MOUNT = 200
_OF_MOUNTS = frozenset({"disk_full", "disk_fill_rate", "inode_full"})
"""Kinds of anomaly whose subject is a file system."""
_LAYERS = ("dm-", "md", "loop", "zram")


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} %"


def rate(value: float | None) -> str:
    return wording.rate(value) or "–"


# -- CPU and memory


def busiest(processes: Iterable[ProcessSample], most: int = 3) -> list[str]:
    """Names with the CPU they use together, in percent of a core."""
    shares: dict[str, float] = {}
    for one in processes:
        if one.cpu_percent >= 0.5:
            shares[one.name] = shares.get(one.name, 0.0) + one.cpu_percent
    found = sorted(shares.items(), key=lambda pair: (-round(pair[1]), pair[0]))
    return [f"{sanitise_name(name, limit=_NAME)} {value:.0f}" for name, value in found[:most] if value >= 1]


def largest(processes: Iterable[ProcessSample], most: int = 3) -> list[str]:
    """Names with the memory of the largest process each: those of one program share much of theirs."""
    sizes: dict[str, int] = {}
    for one in processes:
        if one.rss_bytes > sizes.get(one.name, 0):
            sizes[one.name] = one.rss_bytes
    found = sorted(sizes.items(), key=lambda pair: -pair[1])[:most]
    return [f"{sanitise_name(name, limit=_NAME)} {short_size(value)}" for name, value in found if value]


# -- disks


def fullest(sample: Sample) -> Disk | None:
    """The file system that has the least room left, those that cannot be written to left out."""
    found = [one for one in sample.disks if not one.read_only] or list(sample.disks)
    return max(found, key=lambda one: max(one.percent, one.inodes_percent or 0.0), default=None)


def disk_trouble(found: Iterable[Anomaly]) -> list[Anomaly]:
    """Open episodes about file systems, the worst first; of equals what is full goes before what fills."""
    of_mounts = [one for one in found if one.kind in _OF_MOUNTS]
    return sorted(of_mounts, key=lambda one: (-one.severity, eta(one) if one.kind == "disk_fill_rate" else -1.0))


def shown_mount(sample: Sample | None, found: Sequence[Anomaly]) -> str | None:
    """The file system that the graph is about: that of the worst open episode, else the fullest."""
    worst = next(iter(disk_trouble(found)), None)
    if worst is not None:
        return worst.subject
    disk = fullest(sample) if sample is not None else None
    return None if disk is None else disk.mount


class DiskShown(NamedTuple):
    """What the graph of the disks is about. `series` is what it draws, `value` the newest of it and `words` the same
    for people; `more` is harmless."""

    mount: str = ""
    series: str = ""
    value: float | None = None
    words: str = "–"
    more: tuple[str, ...] = ()


def disk_shown(sample: Sample, found: Sequence[Anomaly]) -> DiskShown:
    """The file system that is shown, how full it is (its inodes, where fewer of those are left), and when it will
    be."""
    mount = shown_mount(sample, found)
    if mount is None:
        return DiskShown()
    own = [one for one in disk_trouble(found) if one.subject == mount]
    disk = next((one for one in sample.disks if one.mount == mount), None)
    full = next((one.value for one in own if one.kind == "disk_full"), None) if disk is None else disk.percent
    inodes = next((one.value for one in own if one.kind == "inode_full"), None) if disk is None else disk.inodes_percent
    more = [f"full in {duration(eta(one), ticking=True)}" for one in own if one.kind == "disk_fill_rate"][:1]
    if (inodes or 0.0) > (full or 0.0):
        known = inodes if disk is not None else None  # what an episode says of what nobody sees is no value of now
        return DiskShown(mount, f"inodes:{mount}", known, f"inodes {inodes:.0f} %", (*more, f"space {percent(full)}"))
    return DiskShown(mount, f"disk:{mount}", None if disk is None else full, percent(full), tuple(more))


def mount_name(mount: str) -> str:
    """Harmless; of an endless one the end."""
    return sanitise_name(mount[-_MOUNT:], limit=_MOUNT)


def eta(one: Anomaly) -> float:
    """Seconds until it is full."""
    said = (one.details or {}).get("eta_s")
    return float(said) if isinstance(said, int | float) else one.value


def drives(sample: Sample) -> list[Drive]:
    """Without those that lie on others (LVM, RAID, loops), whose traffic would count twice; unless there are only
    such."""
    return [one for one in sample.drives if not one.name.startswith(_LAYERS)] or list(sample.drives)


def drive_traffic(sample: Sample) -> tuple[float | None, float | None]:
    """Bytes per second read and written; None: not known yet."""
    known = [one for one in drives(sample) if one.read_bps is not None or one.write_bps is not None]
    if not known:
        return None, None
    return sum(one.read_bps or 0 for one in known), sum(one.write_bps or 0 for one in known)


def busiest_drive(sample: Sample) -> Drive | None:
    return max((one for one in sample.drives if one.busy), key=lambda one: one.busy or 0.0, default=None)


# -- network


def traffic(sample: Sample) -> tuple[float | None, float | None]:
    """Bytes per second down and up, of all interfaces but the loopback; None: not known yet."""
    real = [one for one in sample.interfaces if one.name != "lo" and one.rx_bps is not None]
    if not real:
        return None, None
    return sum(one.rx_bps or 0 for one in real), sum(one.tx_bps or 0 for one in real)


def busiest_interfaces(sample: Sample) -> list[str]:
    """The few that most has gone through; a host can have hundreds."""
    real = sorted(
        (one for one in sample.interfaces if one.name != "lo"), key=lambda one: -(one.rx_bytes + one.tx_bytes)
    )
    return [one.name for one in real[:_SHOWN_INTERFACES]]


def interface_words(sample: Sample, most: int = 2) -> list[str]:
    """The busiest now, with both directions together."""
    real = [one for one in sample.interfaces if one.name != "lo" and one.rx_bps is not None]
    real.sort(key=lambda one: (-round(((one.rx_bps or 0) + (one.tx_bps or 0)) / 1000), one.name))
    return [
        f"{sanitise_name(one.name, limit=_NAME)} {rate((one.rx_bps or 0) + (one.tx_bps or 0))}" for one in real[:most]
    ]


# -- pressure


def waits(sample: Sample) -> list[tuple[str, float]]:
    """What tasks waited for, in percent of the time, the worst first."""
    pressure = sample.pressure
    if pressure is None:
        return []
    named = (("CPU", pressure.cpu_some), ("memory", pressure.memory_some), ("I/O", pressure.io_some))
    return sorted(((name, value) for name, value in named if value is not None), key=lambda one: -one[1])


def waiting(value: float | None) -> list[str]:
    """Said only when somebody waited."""
    return [f"some {value:.0f} % waiting"] if value is not None and value >= 1 else []
