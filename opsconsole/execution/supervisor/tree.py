"""The processes of one run: naming, signalling, stopping and killing all of them.

Below a slot there is nothing but its run: the slot is a subreaper, so whoever forks away, however often, becomes its
child. With a cgroup leaf the kernel kills and freezes at once; the sweep works without any privilege.
"""

from __future__ import annotations

import os
import signal

from . import kernel
from .cgroup import Group, Leaf


class Tree:
    """All descendants of this process (and all members of its cgroup, where there is one)."""

    def __init__(self, leaf: Leaf | None) -> None:
        """`leaf`: the slot's own, in which its runs are born; until `enclose` it is the run's group, too."""
        self.leaf = leaf
        self.group: Group | None = leaf
        self.frozen = False
        self._outside = False
        self._enclosed = False

    def enclose(self, path: str) -> None:
        """Until `settle` the run has a cgroup v2 group of its own at `path`, in which the slot is not."""
        self.group, self._enclosed = Group(path), True

    @property
    def mechanism(self) -> str:
        """What a kill uses, for the record."""
        return "cgroup.kill+subreaper" if self.group else ("subreaper" if kernel.LINUX else "process group")

    def members(self) -> list[int]:
        """Living and dead pids of the run, parents first."""
        if self.group:
            try:
                inside = self.group.members()
            except OSError:
                inside = []
            below = kernel.descendants(os.getpid())
            return below + [pid for pid in inside if pid not in set(below)]
        return kernel.descendants(os.getpid())

    def living(self) -> list[int]:
        """Members that are not zombies."""
        return [pid for pid in self.members() if kernel.start_ticks(pid) is not None]

    def signal(self, leader: int, number: int) -> None:
        """Send to the leader's process group and to every member outside of it."""
        try:
            os.killpg(leader, number)
        except OSError:
            pass  # the group is gone; members that left it are below
        for pid in self.members():
            if _group_of(pid) != leader:
                kernel.signal_process(pid, number)

    def terminate(self, leader: int) -> None:
        """Ask everybody to end. Stopped ones are woken, or they would not hear it."""
        self.resume(leader)
        self.signal(leader, signal.SIGTERM)
        self.signal(leader, signal.SIGCONT)

    def kill(self, leader: int) -> None:
        """One blow with all there is; call again while anything lives."""
        if self.group:
            try:
                self._step_out()
                self.group.kill()
            except OSError:
                self._lose_group()
        self._stop_breeding()
        try:
            os.killpg(leader, signal.SIGKILL)
        except OSError:
            pass
        for pid in self.members():
            kernel.signal_process(pid, signal.SIGKILL)

    def _stop_breeding(self) -> None:
        """Stop all members until no new one appears, so that killing cannot be outrun by forking."""
        seen: set[int] = set()
        for _ in range(50):
            fresh = [pid for pid in self.members() if pid not in seen]
            if not fresh:
                return
            for pid in fresh:
                kernel.signal_process(pid, signal.SIGSTOP)
            seen.update(fresh)

    def pause(self, leader: int) -> str:
        """Stop the tree; returns how: `cgroup.freeze` or `SIGSTOP`."""
        if self.group:
            try:
                self._step_out()
                self.group.freeze(True)
                self.frozen = True
                return "cgroup.freeze"
            except OSError:
                self._step_in()
        self.signal(leader, signal.SIGSTOP)
        self._stop_breeding()
        return "SIGSTOP"

    def resume(self, leader: int) -> None:
        if self.group and self.frozen:
            try:
                self.group.freeze(False)
                self.frozen = False
                self._step_in()
            except OSError:
                self._lose_group()
        self.signal(leader, signal.SIGCONT)

    def settle(self) -> None:
        """The run is over and nothing of it lives: be ready for the next."""
        if self._enclosed:
            self.group, self._enclosed, self.frozen = self.leaf, False, False
        elif self.group and self._outside:
            try:
                if self.frozen:
                    self.group.freeze(False)
                    self.frozen = False
                self._step_in()
            except OSError:
                self._lose_group()

    def _lose_group(self) -> None:
        """It was taken away under us: from now on the tree is swept."""
        self.group = None
        if not self._enclosed:
            self.leaf = None

    def _step_out(self) -> None:
        if self.leaf and not self._outside and not self._enclosed:
            self.leaf.leave()
            self._outside = True

    def _step_in(self) -> None:
        if self.leaf and self._outside and not self._enclosed:
            self.leaf.enter()
            self._outside = False


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return -1
