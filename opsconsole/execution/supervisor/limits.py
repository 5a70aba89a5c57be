"""The resource limits of one run: which tier bears each, put in force before the spawn, told afterwards.

Tiers, strongest first: `cgroup2`, `cgroup1` (both hold for the tree), `rlimit` (per process, weaker). Values: `memory`,
`swap`, `file_size` in bytes, `cpu` a share of one core, `pids`, `open_files` counts, `read_bps`, `write_bps` bytes per
second on the disks of the run's folder and working directory, `core` bytes of a core dump.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from . import blame, controllers
from .cgroup import Leaf
from .controllers import Places
from .groups import ControllerFailed, RunGroup

_CONTROLLER = {"memory": "memory", "swap": "memory", "pids": "pids", "cpu": "cpu", "read_bps": "io", "write_bps": "io"}
_RLIMIT = {
    "file_size": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
    "core": resource.RLIMIT_CORE,
    "memory": resource.RLIMIT_DATA,
    "pids": getattr(resource, "RLIMIT_NPROC", -1),
}
_MEASURES = ("memory", "cpuacct")
REMEDY = "run opsconsole as root, or in `systemd-run --user --scope -p Delegate=yes opsconsole`"

Values = Mapping[str, int | float]


class Bearer(NamedTuple):
    """What bears a limit: a tier, or None when nothing does. `words`: what is weaker than a limit should be, if so."""

    tier: str | None
    words: str = ""


class Unenforceable(Exception):
    """Raised when a limit that was asked for has nothing to bear it."""


def outlook(values: Values, places: Places, *, root_run: bool, devices: Iterable[str] = ()) -> dict[str, Bearer]:
    """What would bear each limit. `root_run`: the script runs as uid 0, which RLIMIT_NPROC does not bind."""
    return {name: _bearer(name, places, root_run, list(devices)) for name in values}


def refusal(lacking: Iterable[str]) -> str:
    """Why a run does not start, from the words of what was asked for and is borne by nothing."""
    return f"a limit that nothing here can enforce: {'; '.join(lacking)}. Leave it out, or {REMEDY}"


def _bearer(name: str, places: Places, root_run: bool, devices: list[str]) -> Bearer:
    if name not in _CONTROLLER:
        return Bearer("rlimit")
    controller = _CONTROLLER[name]
    why = f"; no cgroup bears it: {places.why_not or f'the controller {controller} is not handed down to you'}"
    place = places.found.get(controller)
    if place is not None:
        return _by_group(name, place, devices)
    if name == "memory":
        return Bearer("rlimit", f"memory: rlimit (RLIMIT_DATA) per process, not for the tree{why}")
    if name == "pids" and not root_run and _RLIMIT["pids"] >= 0:
        return Bearer("rlimit", f"pids: rlimit (RLIMIT_NPROC) counts all processes of the user, not the tree{why}")
    unbound = " (RLIMIT_NPROC does not bind root)" if name == "pids" else ""
    return Bearer(None, f"{name}: not limited{unbound}{why}")


def _by_group(name: str, place: controllers.Place, devices: list[str]) -> Bearer:
    if name in ("read_bps", "write_bps") and not devices:
        return Bearer(None, f"{name}: not limited; the run's folders lie on no block device of their own")
    if place.tier == "cgroup1" and name == "write_bps":
        return Bearer(
            "cgroup1", "write_bps: cgroup1 holds back direct and synchronous writes, not what is written back later"
        )
    if place.tier == "cgroup1" and name == "swap" and not os.path.exists(place.folder + "/memory.memsw.limit_in_bytes"):
        return Bearer(None, "swap: not limited; this kernel does not account for it (swapaccount=1)")
    return Bearer(place.tier)


class Limits:
    """The limits of one run in a slot: `prepare`, spawn `inside`, `close`."""

    def __init__(self, values: Values, asked: Iterable[str], *, run_uid: int | None = None) -> None:
        """`asked`: those that must hold, or the run does not start; the others are degraded aloud."""
        self.values = dict(values)
        self._asked = frozenset(asked)
        self._uid = os.geteuid() if run_uid is None else run_uid
        self._bearers: dict[str, Bearer] = {}
        self.group: RunGroup | None = None
        self.events: dict[str, int | float] = {}
        self.notes: list[str] = []
        self.reason: str | None = None

    def prepare(self, folders: Iterable[str], leaf: Leaf | None) -> None:
        """Make the group and set it up; falls to a weaker tier where the stronger one fails. Raises Unenforceable."""
        places = _places(leaf)
        devices = sorted({device for device in map(device_of, folders) if device}) if self._has_io else []
        while True:
            self._bearers = outlook(self.values, places, root_run=self._uid == 0, devices=devices)
            lacking = [each.words for name, each in self._bearers.items() if each.tier is None and name in self._asked]
            if lacking:
                raise Unenforceable(refusal(lacking))
            try:
                self._build(places, leaf, devices)
                return
            except ControllerFailed as error:
                self.close()
                places = places.without(error.controller, f"{error.strerror}: {error.filename}")

    @property
    def _has_io(self) -> bool:
        return "read_bps" in self.values or "write_bps" in self.values

    def _build(self, places: Places, leaf: Leaf | None, devices: list[str]) -> None:
        borne = {name for name, bearer in self._bearers.items() if (bearer.tier or "").startswith("cgroup")}
        wanted = {_CONTROLLER[name] for name in borne}
        if not wanted:
            return
        chosen = {name: place for name, place in places.found.items() if name in wanted or name in _MEASURES}
        values = {name: value for name, value in self.values.items() if name in borne}
        group = self.group = RunGroup(chosen, leaf.console if leaf else 0)
        if "memory" in wanted:
            held = group.limit_memory(_whole(values, "memory"), _whole(values, "swap"))
            if "swap" in values and not held:
                self._bearers["swap"] = Bearer(None, "swap: not limited; this kernel does not account for it")
        if "pids" in values:
            group.limit_pids(int(values["pids"]))
        if "cpu" in values:
            group.limit_cpu(float(values["cpu"]))
        if "io" in wanted:
            group.limit_io(devices, _whole(values, "read_bps"), _whole(values, "write_bps"))

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What is spawned in here is in the group from its first instruction. Raises OSError before any spawn."""
        if self.group is None:
            yield
            return
        with self.group.inside():
            yield

    @property
    def fork(self) -> Callable[[], int] | None:
        """How the child must be forked to be in the group, where that is not by stepping `inside` alone."""
        return self.group.fork if self.group else None

    def rlimits(self) -> dict[int, int]:
        """`resource.RLIMIT_*` → value for both limits, to be set in the child; never above the hard limit it has."""
        wanted = {}
        for name, bearer in self._bearers.items():
            if bearer.tier != "rlimit":
                continue
            value = int(self.values[name])
            if name == "pids":
                value += _threads_of(self._uid)
            hard = resource.getrlimit(_RLIMIT[name])[1]
            wanted[_RLIMIT[name]] = value if hard == resource.RLIM_INFINITY else min(value, hard)
        return wanted

    @property
    def unified(self) -> str | None:
        """The folder of its group in cgroup v2, or None."""
        return self.group.unified if self.group else None

    # -- what became of it

    def runaway(self, stderr: str) -> bool:
        """The run was refused processes, or says so in the file `stderr`: what it left would breed for ever."""
        if self.group and self.group.keyed("pids", "pids.events").get("max"):
            return True
        bearer = self._bearers.get("pids")
        return bool(bearer and bearer.tier == "rlimit" and blame.said("pids", blame.tail(stderr)))

    def observe(self, ending: blame.Ending) -> None:
        """Read the counters, once, at the end: fills `events`, `notes` and `reason` (None: no limit had a part)."""
        if self.group:
            self.events = _events(self.group)
        tiers = {name: bearer.tier for name, bearer in self._bearers.items()}
        self.reason, self.notes = blame.judge(self.values, tiers, self.events, ending)

    def metrics(self) -> dict[str, Any]:
        """Figures of the whole tree, where a group took them."""
        if self.group is None:
            return {}
        peak = self.group.number("memory", "memory.peak", "memory.max_usage_in_bytes")
        figures: dict[str, Any] = {} if peak is None else {"memory_peak_bytes": peak}
        cpu_s = _cpu_s(self.group)
        return figures if cpu_s is None else {**figures, "tree_cpu_s": cpu_s}

    @property
    def tier(self) -> str | None:
        """The strongest tier in force, for the provider's name."""
        tiers = {bearer.tier for bearer in self._bearers.values()}
        return next((tier for tier in ("cgroup2", "cgroup1", "rlimit") if tier in tiers), None)

    def record(self) -> dict[str, dict[str, Any]]:
        return {name: {"value": self.values[name], "tier": bearer.tier} for name, bearer in self._bearers.items()}

    @property
    def degraded(self) -> list[str]:
        """A sentence for each limit that holds less than it says."""
        return [bearer.words for bearer in self._bearers.values() if bearer.words]

    def close(self) -> None:
        """Take the group away, unless something lives on in it."""
        if self.group and self.group.remove():
            self.group = None


def device_of(path: str) -> str | None:
    """`MAJ:MIN` of the whole disk under a path, or None (tmpfs, overlay, network)."""
    try:
        number = os.stat(path).st_dev
        if os.major(number) == 0:
            source = controllers.source_of(f"0:{os.minor(number)}")
            number = os.stat(source).st_rdev if source.startswith("/dev/") else 0
    except OSError:
        return None
    folder = os.path.realpath(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if os.path.exists(folder + "/partition"):
        folder = os.path.dirname(folder)
    return controllers.read(folder + "/dev").strip() or None


_known: dict[str, Places] = {}


def _places(leaf: Leaf | None) -> Places:
    """Looked for once by each slot."""
    key = leaf.group if leaf else ""
    if key not in _known:
        found = controllers.find(leaf.console if leaf else 0, leaf.group if leaf else None, use_v2=leaf is not None)
        _known[key] = found
    return _known[key]


def _whole(values: Values, name: str) -> int | None:
    return int(values[name]) if name in values else None


def _events(group: RunGroup) -> dict[str, int | float]:
    """What the kernel counted: OOM kills, refused forks, seconds held back."""
    events: dict[str, int | float] = {}
    memory = group.keyed("memory", "memory.events") or group.keyed("memory", "memory.oom_control")
    kills = memory.get("oom_kill")
    if kills is None:
        kills = 0
        events["memory_refusals"] = group.number("memory", "memory.failcnt") or 0
    events["oom_kills"] = kills + group.burst
    events["pids_refused"] = group.keyed("pids", "pids.events").get("max", 0)
    held = group.keyed("cpu", "cpu.stat")
    seconds = held["throttled_usec"] / 1e6 if "throttled_usec" in held else held.get("throttled_time", 0) / 1e9
    events["cpu_throttled_s"] = round(seconds, 6)
    return {name: count for name, count in events.items() if count}


def _cpu_s(group: RunGroup) -> float | None:
    nanoseconds = group.number("cpuacct", "cpuacct.usage")
    if nanoseconds is not None:
        return round(nanoseconds / 1e9, 6)
    usage = group.keyed(next(iter(group.path)), "cpu.stat").get("usage_usec")
    return None if usage is None else round(usage / 1e6, 6)


def _threads_of(uid: int) -> int:
    """Tasks of that user on this host now: what RLIMIT_NPROC counts."""
    count = 0
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        try:
            if name.isdecimal() and os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return count
