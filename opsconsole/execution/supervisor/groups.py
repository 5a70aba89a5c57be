"""The group of one run: made before it, entered for the moment of the spawn, read and removed after it.

The child must be inside before it execs. In cgroup v2 it is born there (`fork`): moving the slot would wait for every
core of the host. In v1 moving one thread is quick, so the slot steps in, spawns, and steps out. While it is inside, the
limits must not strike the slot itself: pids allows for one more, memory is not below what makes the slot the larger
prey, and the CPU quota comes last.
"""

from __future__ import annotations

import errno
import functools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from . import clone, controllers, kernel
from .controllers import Place, write

ROOMY = 64 << 20
"""Bytes: well above the size of a slot, so that the kernel's choice of a victim does not fall on it."""
PERIOD_US = 100_000
LONG_PERIOD_US = 1_000_000
_count = 0


class RunGroup:
    """One group per hierarchy that bears a limit. `members`, `kill` and `freeze` work where `is_unified`."""

    def __init__(self, places: Mapping[str, Place], console: int) -> None:
        """Make the groups. Raises ControllerFailed, with nothing left behind."""
        global _count
        _count += 1
        self.places = places
        self.path: dict[str, str] = {}
        self._homes: dict[str, str] = {}
        self._folders: list[str] = []
        self._tight: list[tuple[str, str]] = []
        self.burst = False
        name = f"{controllers.RUN_PREFIX}-{os.getpid()}-{kernel.start_ticks(os.getpid())}-{_count}"
        try:
            for controller, place in places.items():
                self._make(controller, place, f"{place.folder}/{name}", console)
        except OSError:
            self.remove()
            raise

    def _make(self, controller: str, place: Place, folder: str, console: int) -> None:
        try:
            controllers.enable(place, controller, console)
            if folder not in self._folders:
                os.mkdir(folder)
                self._folders.append(folder)
                if place.tier == "cgroup1":
                    self._homes[folder] = place.folder
            self.path[controller] = folder
        except OSError as error:
            raise ControllerFailed(controller, error) from error

    @property
    def unified(self) -> str | None:
        """The folder in cgroup v2, where the kernel kills and freezes the whole group, or None."""
        return next((self.path[name] for name, place in self.places.items() if place.tier == "cgroup2"), None)

    def tier(self, controller: str) -> str | None:
        place = self.places.get(controller)
        return place.tier if place else None

    # -- limits

    def limit_memory(self, memory: int | None, swap: int | None) -> bool:
        """Bytes. v1 counts memory and swap together. Whether swap is limited. Raises ControllerFailed."""
        unified = self.tier("memory") == "cgroup2"
        name = "memory.max" if unified else "memory.limit_in_bytes"
        swaps = "memory.swap.max" if unified else "memory.memsw.limit_in_bytes"
        held = swap is not None and os.path.exists(f"{self.path['memory']}/{swaps}") and (unified or memory is not None)
        if unified:
            self._set("memory", "memory.oom.group", "1")
        if memory is not None:
            self._set_then("memory", name, max(memory, ROOMY), memory)
        if held and swap is not None:
            total = 0 if unified else memory or 0
            self._set_then("memory", swaps, swap if unified else max(total, ROOMY) + swap, total + swap)
        return held

    def limit_pids(self, count: int) -> None:
        """Processes and threads of the run. Raises ControllerFailed."""
        self._set_then("pids", "pids.max", count + 1, count)

    def limit_cpu(self, share: float) -> None:
        """A share of one core: 0.5 is half of one, 2.0 two."""
        period = PERIOD_US if share >= 0.01 else LONG_PERIOD_US
        quota = max(1000, int(share * period))
        folder = self.path["cpu"]
        if self.tier("cpu") == "cgroup2":
            self._tight.append((folder + "/cpu.max", f"{quota} {period}"))
        else:
            self._set("cpu", "cpu.cfs_period_us", str(period))
            self._tight.append((folder + "/cpu.cfs_quota_us", str(quota)))

    def limit_io(self, devices: list[str], read_bps: int | None, write_bps: int | None) -> None:
        """Bytes per second on each device (`MAJ:MIN`). Raises ControllerFailed."""
        for device in devices:
            for key, value in (("rbps", read_bps), ("wbps", write_bps)):
                if value is None:
                    continue
                if self.tier("io") == "cgroup2":
                    self._set("io", "io.max", f"{device} {key}={value}")
                else:
                    name = "read" if key == "rbps" else "write"
                    self._set("io", f"blkio.throttle.{name}_bps_device", f"{device} {value}")

    def _set_then(self, controller: str, name: str, first: int, then: int) -> None:
        """`first` while the slot is inside, `then` when it is out."""
        self._set(controller, name, str(first))
        if then != first:
            self._tight.append((f"{self.path[controller]}/{name}", str(then)))

    def _set(self, controller: str, name: str, value: str) -> None:
        try:
            write(f"{self.path[controller]}/{name}", value)
        except OSError as error:
            raise ControllerFailed(controller, error) from error

    # -- inside and out

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What `fork` makes in here is born in the group. Raises OSError before anything was forked."""
        try:
            for folder in self._homes:
                write(folder + "/tasks", "0")
            yield
        finally:
            self._step_out()
        self._tighten()

    @property
    def fork(self) -> Callable[[], int] | None:
        """Fork into the group in cgroup v2, or None: any way to spawn does."""
        folder = self.unified
        return None if folder is None else functools.partial(clone.fork_into, folder)

    def _step_out(self) -> None:
        try:
            for home in self._homes.values():
                write(home + "/tasks", "0")
        except OSError as error:  # a slot inside of a run's group must not go on: its parent tidies up and says so
            raise RuntimeError(f"the slot cannot leave the group of its run: {error}") from error

    def _tighten(self) -> None:
        for path, value in self._tight:
            if self.burst and os.path.basename(path).startswith("memory."):
                continue  # memory and swap together must not be below the memory alone, which kept its first limit
            try:
                write(path, value)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise RuntimeError(f"the limit {path} cannot be set: {error}") from error
                self.burst = True  # it has outgrown its memory already
                self.kill_members()

    def members(self) -> list[int]:
        """Pids, whichever hierarchy names the most."""
        found: set[int] = set()
        for folder in set(self.path.values()):
            found |= {int(word) for word in controllers.read(folder + "/cgroup.procs").split()}
        return sorted(found - {os.getpid()})

    def kill_members(self) -> None:
        for pid in self.members():
            kernel.signal_process(pid, 9)

    def remove(self, within_s: float = 0.02) -> bool:
        """Take the groups away. False: a process lives in one; its limits hold on, and a later parent tidies up."""
        until = time.monotonic() + within_s
        left = [folder for folder in self._folders if not controllers.remove(folder)]
        while left and not self.members() and time.monotonic() < until:
            time.sleep(0.001)  # the last of them has been reaped, but the kernel has not let go yet
            left = [folder for folder in left if not controllers.remove(folder)]
        return not left

    # -- figures

    def number(self, controller: str, *names: str) -> int | None:
        """The first of these files that is there, as a number."""
        for name in names:
            text = controllers.read(f"{self.path[controller]}/{name}").strip() if controller in self.path else ""
            if text.isdecimal():
                return int(text)
        return None

    def keyed(self, controller: str, name: str) -> dict[str, int]:
        """A file of `key value` lines."""
        text = controllers.read(f"{self.path[controller]}/{name}") if controller in self.path else ""
        pairs = (line.split() for line in text.splitlines())
        return {words[0]: int(words[1]) for words in pairs if len(words) == 2 and words[1].isdecimal()}


class ControllerFailed(OSError):
    """A controller that looked usable is not."""

    def __init__(self, controller: str, error: OSError) -> None:
        super().__init__(error.errno, error.strerror or str(error), error.filename)
        self.controller = controller
