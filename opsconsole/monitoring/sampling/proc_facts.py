"""What rarely changes about a process: its user, its command line, its cgroup."""

from __future__ import annotations

import os
import pwd
from collections import deque
from collections.abc import Container
from contextlib import suppress

from opsconsole.monitoring.sampling import proc_stat
from opsconsole.monitoring.sampling.proc_row import Row, stack

SETTLED_S = 2.0
"""A new process may still change its user or cgroup without an exec (a daemon, a login): it is read once more."""

_SETTLED_PER_PASS = 16

_DESCRIBED_PER_PASS = 512
"""Command lines and cgroups read in one pass at most: the first pass over thousands must not stop the console."""

_OWED = 16_384
"""Descriptions owed at most: in a storm of forks the oldest are forgotten, most of them have ended."""

_INITIAL_PID_NAMESPACE = 0xEFFFFFFC  # include/linux/proc_ns.h


class Facts:
    """Reads them under the open /proc, some in this pass, some in the next ones."""

    def __init__(self, folder: int) -> None:
        self._folder = folder
        self._users: dict[int, str] = {}
        self._budget = 0
        self._undescribed: deque[Row] = deque(maxlen=_OWED)
        self._unsettled: deque[tuple[float, Row]] = deque(maxlen=_OWED)

    def begin_pass(self) -> None:
        self._budget = _DESCRIBED_PER_PASS

    def describe(self, row: Row, comm: bytes, field: list[bytes]) -> None:
        """What an exec may change: name, user, and, while the budget lasts, command line and cgroup.

        Raises OSError if it has ended.
        """
        old = row.sample
        row.comm, row.stack = comm, stack(field)
        name, uid, cmdline, cgroup = proc_stat.text(comm), old.uid, old.cmdline, old.cgroup
        if not (old.name and int(field[proc_stat.FLAGS]) & proc_stat.KERNEL_THREAD):
            # (A kworker takes the name of what it works on: that alone.)
            uid = proc_stat.real_uid(proc_stat.read(self._folder, row.key + "/status"))
            if self._budget > 0 or len(comm) >= proc_stat.CUT:
                self._budget -= 1
                raw = proc_stat.read(self._folder, row.key + "/cmdline")
                name, cmdline = proc_stat.full_name(comm, raw), proc_stat.command_line(raw)
                cgroup = proc_stat.control_group(proc_stat.read(self._folder, row.key + "/cgroup"))
            else:
                self._undescribed.append(row)
        row.describe(name, uid, self.user(uid), cmdline, cgroup)

    def expect_more(self, row: Row, now: float) -> None:
        """Read it again once it has settled."""
        self._unsettled.append((now + SETTLED_S, row))

    def catch_up(self, now: float, alive: Container[str]) -> None:
        """Descriptions that are owed, as far as the budget goes; then some of those that may have changed."""
        while self._undescribed and self._budget > 0:
            self._describe_again(self._undescribed.popleft(), alive)
        self._budget = min(self._budget, _SETTLED_PER_PASS)
        while self._unsettled and self._unsettled[0][0] <= now and self._budget > 0:
            self._describe_again(self._unsettled.popleft()[1], alive)

    def _describe_again(self, row: Row, alive: Container[str]) -> None:
        if row.key not in alive:
            return
        with suppress(OSError):
            # By name: the pid may be another's by now, so its start is compared in the same breath.
            parsed = proc_stat.fields(proc_stat.read(self._folder, row.key + "/stat"))
            if parsed and int(parsed[1][proc_stat.START]) == row.sample.start_ticks:
                self.describe(row, *parsed)

    def user(self, uid: int) -> str:
        """The account's name, asked once; its number where it has none."""
        found = self._users.get(uid)
        if found is None:
            try:
                found = pwd.getpwuid(uid).pw_name
            except KeyError:
                found = str(uid)
            self._users[uid] = found
        return found

    def sees_all(self) -> bool:
        """Whether these are the processes of the whole machine: no PID namespace, no hidepid."""
        try:
            proc_stat.read(self._folder, "1/stat", 1)
        except OSError:
            return False
        for who in ("1", "self"):  # another user may not look at the first
            try:
                return os.stat(f"{who}/ns/pid", dir_fd=self._folder).st_ino == _INITIAL_PID_NAMESPACE
            except OSError:
                continue
        return False

    def schedstat_works(self) -> bool:
        """Whether schedstat counts: built in, and not switched off (then it is all zeros)."""
        try:
            return any(int(word) for word in proc_stat.read(self._folder, "self/schedstat").split())
        except (OSError, ValueError):
            return False
