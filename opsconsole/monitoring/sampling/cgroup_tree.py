"""Where our control groups are, and the limits that stand there. Linux only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from opsconsole.monitoring.sampling.kept import read_text
from opsconsole.values import dataclass


class Limit(NamedTuple):
    """`amount`: cores, or bytes of memory. `folder` is the group that has it. `period_us` of a CPU quota, else 0."""

    amount: float
    folder: str
    unified: bool
    period_us: int = 0


@dataclass(frozen=True)
class _Group:
    """A group and its ancestors, up to the outermost that can be seen."""

    folder: str
    top: str
    unified: bool

    def upwards(self) -> Iterator[str]:
        folder = self.folder
        yield folder
        while folder != self.top:
            folder = os.path.dirname(folder)
            yield folder


class Groups:
    """The groups that hold everything we can see, by controller. `""` is the unified hierarchy (cgroup v2)."""

    def __init__(self, proc: str, sys: str) -> None:
        ours, first = _paths(f"{proc}/self/cgroup"), _paths(f"{proc}/1/cgroup")
        self.by_controller: dict[str, _Group] = {}
        for controller, (root, folder) in _mounted(f"{proc}/self/mountinfo", sys).items():
            # A path that leaves our namespace ("/../..") is the host's: we see all of it, whatever our own limit is.
            if controller in ours and "/.." not in ours[controller] + first.get(controller, ""):
                path = os.path.commonpath([ours[controller], first.get(controller, root)])
                below = path[len(root.rstrip("/")) :] if f"{path}/".startswith(f"{root.rstrip('/')}/") else ""
                found = os.path.normpath(folder + below)
                found = found if os.path.isdir(found) else folder
                self.by_controller[controller] = _Group(found, folder, controller == "")

    def cpu_limit(self) -> Limit | None:
        """The fewest cores that a quota or a set of CPUs allows. None: neither stands anywhere."""
        limits: list[Limit] = []
        for controller in ("", "cpu"):
            group = self.by_controller.get(controller)
            for folder in group.upwards() if group else ():
                if (quota := _quota(folder, controller == "")) is not None:
                    limits.append(Limit(quota[0] / quota[1], folder, controller == "", quota[1]))
        for controller in ("", "cpuset"):
            if (group := self.by_controller.get(controller)) is None:
                continue
            names = ("cpuset.cpus.effective",) if group.unified else ("cpuset.effective_cpus", "cpuset.cpus")
            texts = (read_text(f"{group.folder}/{name}") for name in names)
            if (cpus := next((text for text in texts if text), None)) is not None:
                used_by = self.by_controller.get("cpu", group)
                limits.append(Limit(float(_count(cpus)), used_by.folder, used_by.unified))
        return min(limits, key=lambda limit: limit.amount, default=None)

    def memory_limit(self) -> Limit | None:
        """The lowest limit of memory. None: none stands anywhere."""
        limits: list[Limit] = []
        for controller, name in (("", "memory.max"), ("memory", "memory.limit_in_bytes")):
            group = self.by_controller.get(controller)
            for folder in group.upwards() if group else ():
                text = read_text(f"{folder}/{name}") or ""
                if text.isdecimal():  # else "max"
                    limits.append(Limit(float(text), folder, controller == ""))
        return min(limits, key=lambda limit: limit.amount, default=None)

    def accounting(self, limit: Limit) -> str:
        """The file that counts the CPU time of the group with this limit."""
        if limit.unified:
            return f"{limit.folder}/cpu.stat"
        cpu, accounting = self.by_controller.get("cpu"), self.by_controller.get("cpuacct")
        if cpu is None or accounting is None:
            return f"{limit.folder}/cpuacct.usage"
        return f"{accounting.top}{limit.folder[len(cpu.top) :]}/cpuacct.usage"


def _paths(file: str) -> dict[str, str]:
    """/proc/N/cgroup: the path of each controller."""
    found: dict[str, str] = {}
    for line in (read_text(file) or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        found.update(dict.fromkeys(controllers.split(","), path))
    return found


def _mounted(file: str, sys: str) -> dict[str, tuple[str, str]]:
    """The root of the tree that can be seen, and the folder where, by controller."""
    found: dict[str, tuple[str, str]] = {}
    for line in (read_text(file) or "").splitlines():
        head, _, tail = line.partition(" - ")
        if not tail.startswith("cgroup"):
            continue
        root, point = head.split(" ")[3:5]
        kind, _, options = tail.split(" ", 2)
        folder = sys + point.removeprefix("/sys") if point.startswith("/sys/") else point
        for controller in ("",) if kind == "cgroup2" else options.split(","):
            found[controller] = (root, folder)
    return found


def _quota(folder: str, unified: bool) -> tuple[int, int] | None:
    """Microseconds of CPU time in each period of so many. None: as much as there is."""
    if unified:
        quota, _, period = (read_text(f"{folder}/cpu.max") or "max").partition(" ")
    else:
        quota = read_text(f"{folder}/cpu.cfs_quota_us") or "-1"
        period = read_text(f"{folder}/cpu.cfs_period_us") or ""
    if not (quota.isdecimal() and period.isdecimal() and int(period)):
        return None
    return int(quota), int(period)


def _count(cpus: str) -> int:
    """How many CPUs a list such as 0-3,8 names."""
    ends = (part.partition("-") for part in cpus.split(","))
    return sum(int(last or first) - int(first) + 1 for first, _, last in ends)
