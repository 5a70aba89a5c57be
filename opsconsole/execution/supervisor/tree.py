"""The processes of one run: naming, signalling, stopping and killing all of them.

Below a slot there is nothing but its run: the slot is a subreaper, so whoever forks away, however often, becomes its
child. With a cgroup leaf the kernel kills and freezes at once; the sweep works without any privilege.
"""

from __future__ import annotations

import os
import signal

from . import kernel
from .cgroup import Leaf


class Tree:
    """All descendants of this process (and all members of its cgroup leaf, where there is one)."""

    def __init__(self, leaf: Leaf | None) -> None:
        self.leaf = leaf
        self.frozen = False
        self._outside = False

    @property
    def mechanism(self) -> str:
        """What a kill uses, for the record."""
        return "cgroup.kill+subreaper" if self.leaf else ("subreaper" if kernel.LINUX else "process group")

    def members(self) -> list[int]:
        """Living and dead pids of the run, parents first."""
        if self.leaf:
            try:
                inside = self.leaf.members()
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
        if self.leaf:
            try:
                self._step_out()
                self.leaf.kill()
            except OSError:
                self.leaf = None  # the group was taken away under us: sweep
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
        if self.leaf:
            try:
                self._step_out()
                self.leaf.freeze(True)
                self.frozen = True
                return "cgroup.freeze"
            except OSError:
                self._step_in()
        self.signal(leader, signal.SIGSTOP)
        self._stop_breeding()
        return "SIGSTOP"

    def resume(self, leader: int) -> None:
        if self.leaf and self.frozen:
            try:
                self.leaf.freeze(False)
                self.frozen = False
                self._step_in()
            except OSError:
                self.leaf = None
        self.signal(leader, signal.SIGCONT)

    def settle(self) -> None:
        """The run is over and nothing of it lives: be ready for the next."""
        if self.leaf and self._outside:
            try:
                if self.frozen:
                    self.leaf.freeze(False)
                    self.frozen = False
                self._step_in()
            except OSError:
                self.leaf = None  # the group was taken away under us: the next runs are swept

    def _step_out(self) -> None:
        if self.leaf and not self._outside:
            self.leaf.leave()
            self._outside = True

    def _step_in(self) -> None:
        if self.leaf and self._outside:
            self.leaf.enter()
            self._outside = False


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return -1
