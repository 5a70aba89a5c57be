"""Which processes are new, asked as cheaply as it can be.

Listing /proc costs as much as reading it. `processes` in /proc/stat counts every process and thread at the moment it
appears, in any namespace: unchanged, nothing is new. Pids are handed out in order, and /proc/loadavg tells the last
one: where few were, those are tried one by one. Every tenth time /proc is listed all the same.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Set

from opsconsole.monitoring.sampling import proc_stat

GONE = (errno.ESRCH, errno.ENOENT)

_LISTED_EVERY = 10
"""Looks between two listings, though nothing calls for one: what was hidden may have become visible."""

_PER_LISTING = 16384
"""Where /proc/stat is longer than this (hundreds of cores), listing /proc is cheaper than asking it for forks."""

_TRIED = 16
"""Trying a pid costs as much as listing so many, at most."""


class Births:
    """Looks for new processes under the open /proc."""

    def __init__(self, folder: int) -> None:
        self._folder = folder
        self._in_order = self._own_namespace()
        self._looks = 0
        self._forks = -1
        self._last = self._before_last = -1
        self._others: set[str] = set()
        self._denied: set[str] = set()

    def deny(self, key: str) -> None:
        """Not to be read: leave it out, until its pid may be another's."""
        self._denied.add(key)

    def miss(self) -> None:
        """Something was overlooked: list /proc the next time."""
        self._forks = -1

    def names(self, known: Set[str]) -> Collection[str]:
        """Processes that may be new; some of them may have ended by now."""
        regular = self._looks % _LISTED_EVERY == 0
        self._looks += 1
        before, self._forks = self._forks, self._count()
        if self._forks == before > 0 and not regular:
            return ()
        # From the look before last on: a pid is handed out a moment before its process can be seen.
        since, self._before_last, self._last = self._before_last, self._last, self._last_pid()
        span, forked = self._last - since, self._forks - before
        few = len(known) // _TRIED
        if regular or since <= 0 or before <= 0 or not 0 <= span <= few or not 0 <= forked <= few:
            return self._listed(known, regular)
        keys = (str(pid) for pid in range(since + 1, self._last + 1))
        return [key for key in keys if key not in known and key not in self._denied and self._leads(key)]

    def _listed(self, known: Set[str], regular: bool) -> Collection[str]:
        if regular:
            self._denied.clear()
        names = set(os.listdir(self._folder)).difference(known, self._denied, self._others)
        others = {name for name in names if not name.isdecimal()}  # "cpuinfo", "self", …
        self._others |= others
        return names - others

    def _count(self) -> int:
        """Processes and threads since boot; 0 where it is not told, or dear to ask."""
        if self._forks == 0:
            return 0
        try:
            return proc_stat.number(proc_stat.read(self._folder, "stat", _PER_LISTING), b"processes")
        except (OSError, ValueError):
            return 0

    def _last_pid(self) -> int:
        if not self._in_order:
            return -1
        try:
            return int(proc_stat.read(self._folder, "loadavg").split()[4])
        except (OSError, ValueError, IndexError):
            return -1

    def _leads(self, key: str) -> bool:
        """Whether this is a process. (Any thread can be asked for by its number, but is not listed.)"""
        try:
            return b"\nTgid:\t%b\n" % key.encode() in proc_stat.read(self._folder, key + "/status")
        except OSError as error:
            return error.errno not in GONE

    def _own_namespace(self) -> bool:
        """Whether this /proc numbers processes as our own PID namespace does, whose last pid loadavg tells."""
        try:
            status = proc_stat.read(self._folder, "self/status")
        except OSError:
            return False
        _, found, numbers = status.partition(b"\nNSpid:\t")
        return bool(found) and numbers.partition(b"\n")[0].split() == [str(os.getpid()).encode()]
