"""A cgroup v2 leaf per slot: the slot lives in it, so every child is born inside, at no cost per run.

To kill or freeze the tree the slot steps out into the parent group first, and back in when the tree is gone.
"""

from __future__ import annotations

import os

from . import kernel

HOME = "opsconsole-home"
"""The leaf into which a console is moved out of a scope that was delegated to it."""
PARENT = "parent"
"""The leaf of the lean parent: a group that hands controllers down must not have processes of its own."""


class Group:
    """A cgroup v2 group at `path`, and all that lives in it but this process."""

    def __init__(self, path: str) -> None:
        self.path = path

    def members(self) -> list[int]:
        own = os.getpid()
        with open(self.path + "/cgroup.procs", "rb") as file:
            return [pid for pid in map(int, file.read().split()) if pid != own]

    def kill(self) -> None:
        """SIGKILL to all in the group at once; nobody can fork out of it. The slot must not be inside."""
        _write(self.path + "/cgroup.kill", b"1")

    def freeze(self, frozen: bool) -> None:
        _write(self.path + "/cgroup.freeze", b"1" if frozen else b"0")


class Leaf(Group):
    """One slot's group. `members` are the run's processes; the slot itself does not count."""

    def __init__(self, group: str, name: str, console: int = 0) -> None:
        """Create `group/name` and enter it. `console`: the pid that all of this was started for. Raises OSError."""
        super().__init__(f"{group}/{name}")
        self.group = group
        self.console = console
        os.mkdir(self.path)
        if not os.path.exists(self.path + "/cgroup.kill"):  # Linux < 5.14
            os.rmdir(self.path)
            raise OSError("this kernel has no cgroup.kill")
        self.enter()

    def enter(self) -> None:
        _write(self.path + "/cgroup.procs", b"0")

    def leave(self) -> None:
        _write(f"{self.group}/{PARENT}/cgroup.procs", b"0")

    def remove(self) -> None:
        """Take the group away if it is empty."""
        try:
            self.leave()
            os.rmdir(self.path)
        except OSError:
            pass  # a leftover lives in it; the next parent tidies up


def make_group() -> str | None:
    """A group for one lean parent and its slots, or None where cgroup v2 is not writable."""
    base = kernel.cgroup_base()
    if base is None:
        return None
    if os.path.basename(base) == HOME:
        base = os.path.dirname(base)
    _tidy(base)
    path = f"{base}/opsconsole-{os.getpid()}-{kernel.start_ticks(os.getpid())}"
    try:
        os.mkdir(path)
        os.mkdir(f"{path}/{PARENT}")
        _write(f"{path}/{PARENT}/cgroup.procs", b"0")
    except OSError:
        return None
    return path


def remove_group(path: str, home: str) -> None:
    """Step back into `home` (or the leaf it was cleared into) and remove the group with its empty leaves."""
    for back in (home, f"{home}/{HOME}"):
        try:
            _write(back + "/cgroup.procs", b"0")
        except OSError:
            continue
        _remove_empty(path)
        return


def kill_path(path: str) -> bool:
    """SIGKILL to everything in the group at `path`. False where that cannot be done."""
    try:
        _write(path + "/cgroup.kill", b"1")
    except OSError:
        return False
    return True


def _tidy(base: str) -> None:
    """Take away the groups of parents that are dead; one that lives may be about to use an empty leaf."""
    for name in os.listdir(base):
        kind, _, rest = name.partition("-")
        pid, _, started = rest.partition("-")
        if kind == "opsconsole" and pid.isdigit() and str(kernel.start_ticks(int(pid))) != started:
            _remove_empty(f"{base}/{name}")


def _remove_empty(path: str) -> None:
    try:
        for name in os.listdir(path):
            if os.path.isdir(f"{path}/{name}"):
                _rmdir(f"{path}/{name}")
        os.rmdir(path)
    except OSError:
        pass  # somebody lives in it


def _rmdir(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError:
        pass  # somebody lives in it


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)
