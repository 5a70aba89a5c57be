"""The lean parent: forks slots for a console, outlives it, and inherits the tree of a slot that was killed.

Started as `python -I -S` with its control socket on descriptor 0; the argument `no-cgroup` keeps it from making a
control group. It leaves when the console has gone and the last slot with it.
"""

from __future__ import annotations

import array
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any

from . import cgroup, kernel
from .run import KILLS_AT_LEAST
from .slot import BUSY, Note, Slot

NO_CGROUP = "no-cgroup"
KILL_WAIT_S = 2.0


class Parent:
    """Keeps the list of living slots; everything else that becomes its child is an orphan."""

    def __init__(self, control: socket.socket, *, use_cgroup: bool) -> None:
        self.control: socket.socket | None = control
        self.slots: dict[int, tuple[Note, str | None]] = {}
        self.left_alone: set[int] = set()
        self.console = os.getppid()
        self.home = kernel.cgroup_base()
        self.group = cgroup.make_group() if use_cgroup else None
        self._count = 0
        self._wake, self._wake_write = kernel.wake_pipe()

    def serve(self) -> None:
        poller = select.poll()
        poller.register(self._wake, select.POLLIN)
        if self.control is not None:
            poller.register(self.control.fileno(), select.POLLIN)
        while self.control is not None or self.slots:
            for fd, _ in poller.poll():
                if fd == self._wake:
                    self._signals()
                elif not self._serve_console():
                    poller.unregister(fd)
        if self.group and self.home:
            cgroup.remove_group(self.group, self.home)

    def _signals(self) -> None:
        if signal.SIGTERM in os.read(self._wake, 512):
            for pid in self.slots:
                kernel.signal_process(pid, signal.SIGTERM)
        self._reap()

    def _serve_console(self) -> bool:
        """Fork a slot for every socket that arrives. False: the console has gone."""
        assert self.control is not None  # noqa: S101 - it is registered while it is open
        fds = array.array("i")
        try:
            data, ancillary, _, _ = self.control.recvmsg(64, socket.CMSG_SPACE(16 * fds.itemsize))
        except OSError:
            data, ancillary = b"", []
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
        for fd in fds:
            os.set_inheritable(fd, False)
            self._fork_slot(fd)
        if not data:
            self.control.close()
            self.control = None
        return bool(data)

    def _fork_slot(self, fd: int) -> None:
        note = Note()
        name = f"slot-{self._count}"
        self._count += 1
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                self._be_slot(fd, note, name)
                code = 0
            except BaseException:  # noqa: BLE001 - the end of this process, told to the console's log
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(code)
        os.close(fd)
        self.slots[pid] = (note, f"{self.group}/{name}" if self.group else None)
        if self._count == 1:
            self._tidy()  # now, that the first slot is on its way

    def _be_slot(self, fd: int, note: Note, name: str) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._wake)
        os.close(self._wake_write)
        if self.control is not None:
            self.control.close()
        kernel.become_subreaper()
        kernel.name_process("opsconsole-slot")
        leaf = None
        if self.group:
            try:
                leaf = cgroup.Leaf(self.group, name, self.console)
            except OSError:
                leaf = None  # the record names the mechanism that was in force
        slot = Slot(socket.socket(fileno=fd), note, leaf)
        slot.serve()
        if leaf:
            leaf.remove()

    # -- the dead

    def _reap(self) -> None:
        ended: list[tuple[int, int, Note, str | None]] = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            self.left_alone.discard(pid)
            slot = self.slots.pop(pid, None)
            if slot is not None:
                ended.append((pid, status, *slot))
        busy = [entry for entry in ended if entry[2].get()[0] == BUSY]
        if not busy:
            self._leave_alone(self._orphans())
        for _, _, note, leaf in ended:
            if leaf and note.get()[0] != BUSY:
                _remove(leaf)
        for entry in busy:
            self._died(*entry)

    def _died(self, pid: int, status: int, note: Note, leaf: str | None) -> None:
        folder = note.get()[1]
        survivors = self._kill_orphans(leaf, folder)
        self._tidy(pid)
        if folder:
            _write_result(folder, pid, status, survivors, "cgroup.kill+subreaper" if leaf else "subreaper")
        if leaf and not survivors:
            _remove(leaf)

    def _tidy(self, dead: int | None = None) -> None:
        """Take away the groups of runs that dead slots left; `dead` is one of ours."""
        from . import controllers

        controllers.tidy(controllers.find(self.console, self.group, use_v2=self.group is not None), dead)

    def _leave_alone(self, orphans: list[int]) -> None:
        """No slot died in its run: these come from a run that is over, unless a slot is dying right now."""
        if not any(kernel.is_ending(pid) for pid in self.slots):
            self.left_alone.update(orphans)

    def _orphans(self) -> list[int]:
        return [pid for pid in kernel.children(os.getpid()) if pid not in self.slots and pid not in self.left_alone]

    def _orphans_of(self, folder: str) -> list[int]:
        """Orphans that do not say they are of another run: such a one was left alone, and stays so."""
        orphans = self._orphans()
        others = {pid for pid in orphans if kernel.run_folder(pid) not in (None, folder)}
        self.left_alone.update(others)
        return [pid for pid in orphans if pid not in others]

    def _kill_orphans(self, leaf: str | None, folder: str) -> list[int]:
        """Kill what the dead slot had running; returns the pids that would not die."""
        until = time.monotonic() + KILL_WAIT_S
        turns = 0
        while True:
            turns += 1
            if leaf:
                cgroup.kill_path(leaf)
            orphans = self._orphans_of(folder)
            targets = [pid for orphan in orphans for pid in (orphan, *kernel.descendants(orphan))]
            for pid in targets:
                kernel.signal_process(pid, signal.SIGKILL)
            alive = [pid for pid in targets if kernel.start_ticks(pid) is not None]
            for orphan in orphans:
                try:
                    os.waitpid(orphan, os.WNOHANG)
                except ChildProcessError:
                    continue
            if not alive and not self._orphans_of(folder):
                return []
            if turns > KILLS_AT_LEAST and time.monotonic() >= until:
                self.left_alone.update(self._orphans_of(folder))
                return alive
            select.select([], [], [], 0.002)


def _remove(leaf: str) -> None:
    try:
        os.rmdir(leaf)
    except OSError:
        pass  # something lives in it; the next parent tidies up


def _write_result(folder: str, pid: int, status: int, survivors: list[int], mechanism: str) -> None:
    """The result of a run whose supervisor died, unless it managed to write its own."""
    how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit code {os.WEXITSTATUS(status)}"
    left = f"; still alive: {', '.join(map(str, survivors))}" if survivors else "; its tree was killed"
    result: dict[str, Any] = {
        "op": "result",
        "status": "abandoned",
        "reason": f"the supervisor died ({how}){left}",
        "exit_code": None,
        "signal": None,
        "finished_at": time.time_ns() // 1000,
        "supervisor": pid,
        "kill": mechanism,
        "survivors": [
            {"pid": pid, "start": kernel.start_ticks(pid), "name": kernel.process_name(pid)} for pid in survivors
        ],
    }
    target = folder + "/result.json"
    if os.path.exists(target):
        return
    try:
        fd = os.open(folder + "/result.tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        os.write(fd, json.dumps(result).encode())
        info = os.stat(folder)
        os.fchown(fd, info.st_uid, info.st_gid)
        os.close(fd)
        os.rename(folder + "/result.tmp", target)
    except OSError:
        return  # the folder is gone or the disk is full: the consoles find the lock free and say so


def main() -> None:
    gc.freeze()
    gc.set_threshold(20_000)
    kernel.become_subreaper()
    kernel.name_process("opsconsole-runs")
    os.chdir("/")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    parent = Parent(control, use_cgroup=NO_CGROUP not in sys.argv)
    signal.set_wakeup_fd(parent._wake_write, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    parent.serve()
