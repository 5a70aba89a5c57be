"""Suggestions for what runs out: space, inodes, drives, places in the kernel's tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opsconsole.anomalies import Anomaly
from opsconsole.monitoring.analysis.evidence import (
    BY_SEVERITY,
    HIGH,
    LOW,
    MEDIUM,
    Found,
    at_least,
    care_for,
    of_resource,
    quoted_name,
    said,
    with_care,
)
from opsconsole.monitoring.analysis.model import State, Suggestion, clean, percent_words
from opsconsole.monitoring.analysis.use import FORKS, GONE, NOTHING_LEFT, SHORT, USED, ZOMBIES
from opsconsole.samples import Disk
from opsconsole.wording import long_duration, size


def space(found: Found) -> Iterator[Suggestion]:
    by_mount = {disk.mount: disk for disk in found.sample.disks} if found.sample is not None else {}
    for prefix, template in (("disk:", "disk_full"), ("inodes:", "inode_full")):
        episodes = {each.subject: each for each in found.open(template)}
        for name, used in sorted(found.values.items()):
            mount = name.removeprefix(prefix)
            if not name.startswith(prefix) or mount in found.host.read_only:
                continue
            known = [episodes[mount]] if mount in episodes else []
            if used < USED["disk"] and not known:
                continue
            yield _full(mount, used, template, by_mount.get(mount), known)


def _full(mount: str, used: float, template: str, disk: Disk | None, known: Sequence[Anomaly]) -> Suggestion:
    rank = 95.0 if used >= GONE else 80.0 if used >= SHORT["disk"] else 45.0
    where, quoted = clean(mount), quoted_name(mount)
    if template == "inode_full":
        counts = f", {disk.inodes_used:,} of {disk.inodes_total:,}" if disk is not None and disk.inodes_total else ""
        return Suggestion(
            "disk", f"Remove small files from {where}: it runs out of inodes",
            (f"{percent_words(used)} % of the inodes of {where} are used{counts}", *said(known)),
            "files can be created again; how much space is free does not matter for that", HIGH, template,
            (f"du --inodes -x -d 3 {quoted} | sort -n | tail -20",) if quoted else (),
            at_least(rank, known),
        )  # fmt: skip
    free = f", {size(disk.free)} of {size(disk.total)} free" if disk is not None else ""
    return Suggestion(
        "disk", f"Make room on {where}",
        (f"{where} is {percent_words(used)} % full{free}", *said(known)),
        "writes succeed again"
        if used >= NOTHING_LEFT
        else "room for what is written next; how much depends on what may go",
        HIGH, template,
        (f"du -xh -d 2 {quoted} | sort -h | tail -20", "lsof -nP +L1") if quoted else (),
        at_least(rank, known),
    )  # fmt: skip


def filling(found: Found) -> Iterator[Suggestion]:
    for anomaly in found.open("disk_fill_rate"):
        eta = (anomaly.details or {}).get("eta_s")
        when = f" in about {long_duration(eta, whole=True)}" if isinstance(eta, int | float) and eta > 0 else " soon"
        quoted = quoted_name(anomaly.subject)
        yield Suggestion(
            "disk",
            f"Find what writes to {clean(anomaly.subject)}: it will be full{when} at this rate",
            said([anomaly]),
            "no full file system; what writes there is not known here",
            LOW,
            "disk_fill_rate",
            (f"find {quoted} -xdev -type f -mmin -10 -size +10M -ls",) if quoted else (),
            BY_SEVERITY[anomaly.severity],
        )


def drive_health(found: Found) -> Iterator[Suggestion]:
    for anomaly in found.open("disk_health"):
        drive = clean(anomaly.subject)
        quoted = quoted_name(anomaly.subject.removeprefix("/dev/"))
        yield Suggestion(
            "disk",
            f"See that {drive} is backed up, then replace it",
            said([anomaly]),
            "nothing lost when it dies; how long it lasts nobody knows",
            LOW,
            "disk_health",
            (f"smartctl -x /dev/{quoted}",) if quoted else (),
            max(70.0, BY_SEVERITY[anomaly.severity]),
        )


def deleted(found: Found) -> Iterator[Suggestion]:
    for anomaly in found.open("deleted_open_files"):
        yield Suggestion(
            "disk",
            f"Find who holds deleted files open on {clean(anomaly.subject) or 'this host'}, have it open them anew",
            said([anomaly]),
            "their space is free again; many daemons do so on a reload",
            MEDIUM,
            "deleted_open_files",
            ("lsof -nP +L1",),
            BY_SEVERITY[anomaly.severity],
        )


def zombies(found: Found) -> Iterator[Suggestion]:
    count, episodes = found.values.get("zombies", 0.0), found.open("zombie_processes")
    if count < ZOMBIES and not episodes:
        return
    parents = of_resource(found, "processes", "process")
    named = [f"{cause.label} has not collected {cause.value:.0f} of its children" for cause in parents]
    title, risk = "Find the parent of the zombies", MEDIUM
    care = care_for(found, parents[0]) if parents else None
    if care is not None:
        label = parents[0].label
        title, why, risk = with_care(label, care, f"why {label} does not collect its children")
        named.append(why)
    elif parents:
        title = f"Restart {parents[0].label}: it does not collect its children"
    yield Suggestion(
        "processes",
        title,
        (f"{count:.0f} zombies", *named, *said(episodes)),
        "their places in the process table are free again; they use no memory and no CPU",
        risk,
        "zombie_processes" if care is None else None,
        ("ps -eo pid,ppid,stat,etime,comm | awk '$3 ~ /^Z/'",),
        at_least(30.0, episodes),
    )


def files(found: Found) -> Iterator[Suggestion]:
    reading, episodes = found.readings["processes"], found.open("fd_exhaustion")
    used = reading.utilisation or 0.0
    if used < USED["processes"] and not episodes:
        return
    files, most = found.values.get("open_files", 0.0), found.host.open_files_max or 0
    yield Suggestion(
        "processes",
        "Raise fs.file-max, or find who holds so many files open; restart it only if it may be",
        (
            f"{files:,.0f} of {most:,} open files ({percent_words(used)} %)" if most else f"{files:,.0f} open files",
            *said(episodes),
        ),
        "programs can open files and connections again" if used >= GONE else "room before opening a file fails",
        MEDIUM,
        "fd_exhaustion",
        ("cat /proc/sys/fs/file-nr", "lsof -nP | awk '{print $2, $1}' | sort | uniq -c | sort -n | tail"),
        at_least(95.0 if used >= GONE else 80.0 if used >= SHORT["processes"] else 50.0, episodes),
    )


def forks(found: Found) -> Iterator[Suggestion]:
    forks, short = found.values.get("forks", 0.0), found.values.get("short_lived", 0.0)
    if forks < FORKS:
        return
    children: dict[int, int] = {}
    for one in found.processes:
        children[one.ppid] = children.get(one.ppid, 0) + 1
    by_pid = {one.pid: one for one in found.processes if one.pid > 2}
    most = max((pid for pid in children if pid in by_pid), key=lambda pid: (children[pid], -pid), default=None)
    evidence = [f"{forks:.0f} new processes/s, {found.over}"]
    if short > 0:
        evidence.append(f"{short:.0f} % of a core in processes that no sample saw alive")
    if most is not None:
        evidence.append(f"{clean(by_pid[most].name)}[{most}] has the most children alive, {children[most]}")
    yield Suggestion(
        "processes",
        "Find what starts so many processes",
        tuple(evidence),
        "the cost of starting them; who starts them is not recorded",
        LOW,
        "runaway_fork",
        ("ps -eo ppid= | sort | uniq -c | sort -n | tail",),
        55.0 if short >= 50 or found.readings["cpu"].state is State.SATURATED else 35.0,
    )
