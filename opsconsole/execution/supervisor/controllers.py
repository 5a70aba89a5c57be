"""Where a group of a run can be made, controller by controller: cgroup v2 below our own group, v1 beside it.

In v2 a group with processes in it cannot hand controllers down ("no internal processes"), so each console's processes
have leaves of their own, and a scope that was delegated to nobody but a console is cleared into one. Root may use
the top instead, as container engines do. (NamedTuples, because importing dataclasses takes longer than a run.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Literal, NamedTuple

from . import kernel
from .cgroup import HOME, kill_path

Tier = Literal["cgroup2", "cgroup1"]

RUN_PREFIX = "opsconsole.run"
"""Groups of runs are `opsconsole.run-<pid of the slot>-<its start>-<number>`."""

_V1 = {"memory": "memory", "pids": "pids", "cpu": "cpu", "cpuacct": "cpuacct", "blkio": "io"}
_V2 = frozenset({"memory", "pids", "cpu", "io"})
_BORN_BY = {"memory": "memory.limit_in_bytes", "cpu": "cpu.cfs_quota_us", "io": "blkio.throttle.read_bps_device"}


class Place(NamedTuple):
    """A folder in which groups with this controller can be made."""

    tier: Tier
    folder: str


class Places(NamedTuple):
    """Controller (`memory`, `pids`, `cpu`, `io`, `cpuacct`) → its place. `why_not`: what keeps v2 from serving."""

    found: dict[str, Place]
    why_not: str = ""

    def without(self, controller: str, why: str) -> Places:
        """The same after that controller has turned out not to work."""
        return Places({name: place for name, place in self.found.items() if name != controller}, why)


def find(console: int, group: str | None = None, *, as_root: bool = False, use_v2: bool = True) -> Places:
    """Look, change nothing. `console`: the pid whose processes may be moved into a leaf; `group`: that of the slots,
    where there is one already. `as_root`: what root would find.
    """
    if not kernel.LINUX:
        return Places({}, "this is not Linux")
    root = as_root or os.geteuid() == 0
    own = dict(_own_groups())
    found: dict[str, Place] = {}
    why_not = "this host has no cgroup v2"
    for kind, top, point, options in _mounts():
        if kind == "cgroup2":
            base = os.path.dirname(group) if group else _base(_below(point, top, own.get("", "/")))
            controllers, folder, why_not = _second(point, base, group, console, root=root)
            if use_v2:
                found |= {controller: Place("cgroup2", folder) for controller in controllers}
            continue
        for name in options:
            controller = _V1.get(name)
            if controller is None:
                continue
            folder = _below(point, top, own.get(name, "/"))
            if os.path.exists(f"{folder}/{_BORN_BY.get(controller, 'tasks')}") and _may_make(folder, "tasks", root):
                found[controller] = Place("cgroup1", folder)
    return Places(found, why_not)


def enable(place: Place, controller: str, console: int) -> None:
    """Make `controller` available to the groups made in a v2 place. Raises OSError."""
    if place.tier == "cgroup1" or controller in _words(place.folder + "/cgroup.subtree_control"):
        return
    if controller not in _words(place.folder + "/cgroup.controllers"):
        above = os.path.dirname(place.folder)
        try:
            write(above + "/cgroup.subtree_control", f"+{controller}")
        except OSError:
            clear(above, console)
            write(above + "/cgroup.subtree_control", f"+{controller}")
    write(place.folder + "/cgroup.subtree_control", f"+{controller}")


def clear(folder: str, console: int) -> None:
    """Move the console and what it started out of a scope of its own into a leaf. Raises OSError."""
    if not _only_ours(folder, console):
        raise OSError(f"other programs live in {folder}")
    leaf = f"{folder}/{HOME}"
    os.makedirs(leaf, exist_ok=True)
    for _ in range(5):
        members = _members(folder)
        if not members:
            return
        for pid in members:
            try:
                write(leaf + "/cgroup.procs", str(pid))
            except ProcessLookupError:
                continue


def tidy(places: Places, dead: int | None = None) -> None:
    """Take away the empty groups of slots that are gone; of `dead` in particular, which has just been reaped."""
    for folder in {place.folder for place in places.found.values()}:
        for name in _listed(folder):
            prefix, _, rest = name.partition("-")
            words = rest.split("-")
            if prefix == RUN_PREFIX and len(words) == 3 and words[0].isdecimal():
                pid = int(words[0])
                if pid == dead:
                    kill_path(f"{folder}/{name}")
                if pid == dead or str(kernel.start_ticks(pid)) != words[1]:
                    remove(f"{folder}/{name}")


def remove(folder: str) -> bool:
    """False: something lives in it."""
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def write(path: str, text: str) -> None:
    """One write, as the kernel wants it. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def read(path: str) -> str:
    """The whole of a control file, or nothing."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


# -- what there is


def _mounts() -> Iterator[tuple[str, str, str, list[str]]]:
    """(file system, root, mount point, options of the file system) of each cgroup mount."""
    for words in _mounted():
        after = words.index("-")
        if words[after + 1] in ("cgroup", "cgroup2"):
            yield words[after + 1], words[3], words[4], words[after + 3].split(",")


def _mounted() -> list[list[str]]:
    """The words of each line of the mount table."""
    try:
        return [line.split(" ") for line in kernel.lines("/proc/self/mountinfo")]
    except OSError:
        return []


def source_of(device: str) -> str:
    """What is mounted as the file system with this number (`MAJ:MIN`), as the mount table names it."""
    for words in _mounted():
        if words[2] == device:
            return words[words.index("-") + 2]
    return ""


def _own_groups() -> Iterator[tuple[str, str]]:
    """(controller, path) of this process; the controller of v2 is the empty text."""
    try:
        groups = kernel.lines("/proc/self/cgroup")
    except OSError:
        return
    for line in groups:
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            yield name, path


def _below(point: str, top: str, own: str) -> str:
    inner = own.removeprefix(top.rstrip("/")) if own.startswith(top) else own
    return point + inner.rstrip("/")


def _base(folder: str) -> str:
    return os.path.dirname(folder) if os.path.basename(folder) == HOME else folder


def _may_make(folder: str, members: str, root: bool) -> bool:
    if root and os.geteuid() != 0:
        return os.path.isdir(folder) and not os.statvfs(folder).f_flag & os.ST_RDONLY
    return os.access(folder, os.W_OK) and os.access(f"{folder}/{members}", os.W_OK)


def _second(point: str, base: str, group: str | None, console: int, *, root: bool) -> tuple[frozenset[str], str, str]:
    """(controllers, folder, why not) of cgroup v2, mounted at `point`, where the console lives in `base`."""
    offered = _words(base + "/cgroup.controllers") & _V2
    mine = _may_make(base, "cgroup.procs", root)
    if offered and mine:
        undivided = _is_top(base) or _only_ours(base, console)
        controllers = offered if undivided else offered & _words(base + "/cgroup.subtree_control")
        if controllers:
            return controllers, group or base, ""
    at_top = _words(point + "/cgroup.controllers") & _V2
    if root and at_top and _is_top(point) and _may_make(point, "cgroup.procs", root):
        return at_top, point, ""
    if not offered:
        return frozenset(), base, "cgroup v2 hands no controllers to your group"
    if not mine:
        return frozenset(), base, "your cgroup v2 group is not delegated to you"
    return frozenset(), base, "other programs live in your cgroup v2 group"


def _is_top(folder: str) -> bool:
    """Only the very top may both have processes and hand controllers down."""
    return not os.path.exists(folder + "/cgroup.type")


def _only_ours(folder: str, console: int) -> bool:
    own = {os.getpid(), console, *(kernel.descendants(console) if console > 1 else ())}
    return set(_members(folder)) <= own


def _members(folder: str) -> list[int]:
    return [int(word) for word in read(folder + "/cgroup.procs").split()]


def _words(path: str) -> frozenset[str]:
    return frozenset(read(path).split())


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
