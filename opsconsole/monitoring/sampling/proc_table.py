"""All processes of a Linux host, in one pass over /proc.

Descriptors are kept for each process: they stay bound to it, so reading after its end says ESRCH and a pid used again
cannot be mistaken. What did not change is not parsed. Of a process with one thread only schedstat is read, which costs
a third of stat, less when caches are cold: while the thread has not run, only its parent (which then has ended), its
niceness and its memory (reclaimed) can have changed. The memory of what changed is read from statm, which is exact
(`proc_stat.resident`), or taken from stat where no descriptor is kept. What rarely changes (user, command line, cgroup)
is read once, and again after an exec.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from itertools import compress, repeat
from operator import attrgetter, ne

from opsconsole.monitoring.sampling import proc_stat
from opsconsole.monitoring.sampling.proc_births import GONE, Births
from opsconsole.monitoring.sampling.proc_descriptors import Allowance
from opsconsole.monitoring.sampling.proc_facts import SETTLED_S, Facts
from opsconsole.monitoring.sampling.proc_row import HZ, Row, stack
from opsconsole.samples import ProcessSample

_HASTENED_PER_PASS = 1024
"""Descriptors of schedstat opened in one pass at most."""

_REFRESHED_S = 10.0
"""In this time the whole line is read of every process, though it did not run: pages may have been reclaimed."""

_FULL = (errno.EMFILE, errno.ENFILE)
_sample = attrgetter("sample")


class ProcTable:
    """The processes under `proc`. `take` is one pass; the attributes are of the last one.

    Raises OSError if there is no /proc, ValueError if it is none.
    """

    def __init__(self, proc: str = "/proc") -> None:
        self._folder = os.open(proc, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._boot = proc_stat.boot_time(proc_stat.read(self._folder, "stat", 1 << 20))
        except (OSError, ValueError):
            os.close(self._folder)
            raise
        self._facts = Facts(self._folder)
        self.sees_all = self._facts.sees_all()
        self.threads = 0
        self.cpu_time_delta_s = 0.0
        # Side by side: position n of each is the same process.
        self._rows: list[Row] = []
        self._probes: list[int] = []
        self._lines: list[bytes | None] = []
        self._known: set[str] = set()
        self._busy: list[Row] = []
        self._states: dict[str, int] = {}
        self._orphaned: set[int] = set()
        self._passes = self._may_keep = self._waiting = self._refreshed = 0
        self._births = Births(self._folder)
        self._hastens = self._facts.schedstat_works()
        self._allowance = Allowance()
        self._ceiling = 100.0 * (os.cpu_count() or 1)

    @property
    def zombies(self) -> int:
        return self._states.get("Z", 0)

    @property
    def runnable(self) -> int:
        return self._states.get("R", 0)

    @property
    def kept(self) -> int:
        """Descriptors held for processes."""
        return sum(probe >= 0 for probe in self._probes) + sum(row.stat >= 0 for row in self._rows)

    def close(self) -> None:
        for descriptor in (*self._probes, *(row.stat for row in self._rows), self._folder):
            if descriptor >= 0:
                os.close(descriptor)
        self._rows, self._probes, self._lines, self._folder = [], [], [], -1

    def take(self, now: float, interval_s: float | None) -> list[ProcessSample]:
        """All processes, in no particular order. `now` in monotonic seconds; `interval_s` since the pass before, None
        where shares cannot be told."""
        self._passes += 1
        self._facts.begin_pass()
        self._may_keep = self._allowance.ask(self._probes.count(-1) + self._waiting)
        if self._may_keep < 0:
            self._give_back(-self._may_keep + 64)
        elif self._waiting:
            self._hasten()
        self._take_changes(interval_s)
        self._admit_new(now)
        self._facts.catch_up(now, self._known)
        return list(map(_sample, self._rows))

    # Reading

    def _read_probes(self) -> list[bytes | None]:
        """What each probe says now, None if its process has ended."""
        fresh: list[bytes | None] = []
        append = fresh.append
        lines = map(os.pread, self._probes, repeat(proc_stat.LINE), repeat(0))
        while True:
            try:
                for line in lines:
                    append(line)
                return fresh
            except OSError as error:  # the map has gone on to the next one
                append(None if error.errno in GONE else self._read_by_name(len(fresh)))

    def _read_by_name(self, position: int) -> bytes | None:
        """The whole line of a process without a descriptor; it gets one where there is room again."""
        try:
            descriptor = self._open(self._rows[position].key)
        except OSError as error:
            return self._lines[position] if error.errno in _FULL else None
        try:
            line = os.pread(descriptor, proc_stat.WHOLE, 0)
        except OSError:
            line = b""
        if self._may_keep > 0 and proc_stat.fields(line[: proc_stat.LINE]):
            self._may_keep -= 1
            self._probes[position] = descriptor
            return line[: proc_stat.LINE]
        os.close(descriptor)
        return line or None

    def _open(self, key: str, file: str = "/stat") -> int:
        return os.open(key + file, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._folder)

    # Known processes

    def _take_changes(self, interval_s: float | None) -> None:
        """Samples of the processes that changed; the others' stay."""
        passes, rows, was_busy = self._passes, self._rows, self._busy
        scale = 100.0 / HZ / interval_s if interval_s else 0.0
        fresh = self._read_probes()
        self._busy, self._orphaned = [], set()
        ended, spent = False, 0
        for position in compress(range(len(fresh)), map(ne, fresh, self._lines)):
            row, line = rows[position], fresh[position]
            used = self._update(position, row, line, scale) if line else None
            if used is None:
                fresh[position] = None
                ended = True
                self._orphaned.add(row.sample.pid)
            else:
                spent += used
        self._lines = fresh
        spent += self._refresh(interval_s, scale)
        if self._orphaned:
            spent += self._ask_orphans(scale)
        for row in was_busy:
            if row.seen != passes:
                row.idle()
        self.cpu_time_delta_s = spent / HZ
        if ended:
            self._forget_ended()

    def _update(self, position: int, row: Row, line: bytes, scale: float) -> int | None:
        """Clock ticks used by a process whose probe says something else than before; None if it has ended."""
        pages = -1
        kept = row.stat if row.stat >= 0 else self._probes[position]
        if kept >= 0:
            pages = self._pages(row.key)  # by name, and then its stat can be read: so the pid was still this process's
            try:
                line = os.pread(kept, proc_stat.LINE, 0)
            except OSError:
                return None
        parsed = proc_stat.fields(line)
        if parsed is None and row.stat < 0 <= self._probes[position]:
            # Longer than what is compared: from now on it is read whole, by name.
            with suppress(OSError):
                parsed = proc_stat.fields(os.pread(self._probes[position], proc_stat.WHOLE, 0))
            os.close(self._probes[position])
            self._probes[position] = -1
        if parsed is None:
            return None
        if int(parsed[1][proc_stat.START]) != row.sample.start_ticks:  # read by name, and another one has this pid
            self._births.miss()
            return None
        used = self._show(row, line, parsed, scale, pages)
        if row.stat >= 0 and not self._may_hasten(row):
            self._slow_down(position)
        return used

    def _pages(self, key: str) -> int:
        """Resident pages, -1 where statm does not tell."""
        try:
            return proc_stat.resident(proc_stat.read(self._folder, key + "/statm", 64))
        except (OSError, ValueError, IndexError):
            return -1

    def _show(self, row: Row, line: bytes, parsed: tuple[bytes, list[bytes]], scale: float, pages: int) -> int:
        comm, field = parsed
        row.seen, row.line = self._passes, line
        used = row.spend(field)
        share = min(used * scale, self._ceiling) if used > 0 else 0.0
        if comm != row.comm or stack(field) != row.stack:  # an exec, or a new name
            with suppress(OSError):  # it has ended meanwhile: found out next time
                self._facts.describe(row, comm, field)
        old, new = row.show(field, share, pages), row.sample
        if share:
            self._busy.append(row)
        if new.state != old.state:
            self._states[old.state] -= 1
            self._states[new.state] = self._states.get(new.state, 0) + 1
        if new.state in "ZX":
            self._orphaned.add(new.pid)
        self.threads += new.threads - old.threads
        return used

    def _refresh(self, interval_s: float | None, scale: float) -> int:
        """Read the line of some that did not run, in turn: of all where the passes are far apart."""
        total = len(self._rows)
        wanted = total if interval_s is None else min(total, int(total * interval_s / _REFRESHED_S) + 1)
        begin = self._refreshed if self._refreshed < total else 0
        self._refreshed = begin + wanted
        return self._read_again(
            self._rows[begin : begin + wanted] + self._rows[: max(0, begin + wanted - total)], scale
        )

    def _read_again(self, rows: list[Row], scale: float) -> int:
        """Of these the ones that are known by schedstat alone."""
        spent = 0
        for row in rows:
            if row.stat < 0:
                continue
            try:
                if os.pread(row.stat, proc_stat.LINE, 0) == row.line:
                    continue
                pages = self._pages(row.key)
                line = os.pread(row.stat, proc_stat.LINE, 0)
            except OSError:  # found out next time
                continue
            if parsed := proc_stat.fields(line):
                spent += self._show(row, line, parsed, scale, pages)
        return spent

    def _ask_orphans(self, scale: float) -> int:
        """Who the parent is now of those whose parent ended: they need not have run for that."""
        orphans = [
            (at, row) for at, row in enumerate(self._rows) if row.stat >= 0 and row.sample.ppid in self._orphaned
        ]
        spent = self._read_again([row for _, row in orphans], scale)
        for position, row in orphans:
            if not self._may_hasten(row):  # the new one is hidden from us
                self._slow_down(position)
        return spent

    def _forget_ended(self) -> None:
        """Close up the lists: a line of None has ended."""
        for probe, line, row in zip(self._probes, self._lines, self._rows, strict=True):
            if line is None:
                for descriptor in (probe, row.stat):
                    if descriptor >= 0:
                        os.close(descriptor)
                row.stat = -1
                self._waiting -= row.waiting
                self._known.discard(row.key)
                self._states[row.sample.state] -= 1
                self.threads -= row.sample.threads
        alive = [line is not None for line in self._lines]
        self._probes = list(compress(self._probes, alive))
        self._lines = list(compress(self._lines, alive))
        self._rows = list(compress(self._rows, alive))

    # Descriptors

    def _may_hasten(self, row: Row) -> bool:
        """Whether schedstat tells all: one thread, and a parent whose end would be noticed."""
        sample = row.sample
        return sample.threads == 1 and (sample.pid <= 2 or str(sample.ppid) in self._known)

    def _hasten(self) -> None:
        """Give those who wait for it a descriptor of schedstat as their probe."""
        left = min(_HASTENED_PER_PASS, self._may_keep)
        for position, row in enumerate(self._rows):
            if not row.waiting or self._probes[position] < 0:
                continue
            if left <= 0:
                return
            row.waiting = False
            self._waiting -= 1
            if not self._may_hasten(row):
                continue
            stat = self._probes[position]
            try:
                descriptor = self._open(row.key, "/schedstat")
            except OSError:
                continue
            try:
                # Its stat can be read after the open: so the pid was still this process's, and this is its schedstat.
                line = os.pread(descriptor, proc_stat.LINE, 0)
                unchanged = os.pread(stat, proc_stat.LINE, 0) == self._lines[position]
            except OSError:
                os.close(descriptor)
                continue
            left -= 1
            self._may_keep -= 1
            row.stat, self._probes[position] = stat, descriptor
            self._lines[position] = line if unchanged else b""

    def _slow_down(self, position: int) -> None:
        """Back to stat as the probe."""
        row = self._rows[position]
        os.close(self._probes[position])
        self._probes[position], row.stat = row.stat, -1
        self._lines[position] = row.line

    def _give_back(self, count: int) -> None:
        """Close this many descriptors, the youngest processes' first: second ones, then those read by name instead."""
        for position in range(len(self._rows) - 1, -1, -1):
            if count > 0 and self._rows[position].stat >= 0:
                self._slow_down(position)
                count -= 1
        for position in range(len(self._rows) - 1, -1, -1):
            if count > 0 and self._probes[position] >= 0:
                os.close(self._probes[position])
                self._probes[position] = -1
                count -= 1

    # New processes

    def _admit_new(self, now: float) -> None:
        fresh = self._births.names(self._known)
        if fresh:
            self._may_keep = self._allowance.ask(len(fresh))
        for key in fresh:
            try:
                self._admit(key, now)
            except OSError as error:
                if error.errno in _FULL:  # somebody else took what we left: make room, and look again next time
                    self._give_back(64)
                    self._births.miss()
                    return
                if error.errno not in GONE:
                    self._births.deny(key)

    def _admit(self, key: str, now: float) -> None:
        """Raises OSError: it has ended, or may not be read."""
        probe = self._open(key)
        try:
            pages = self._pages(key)
            line = os.pread(probe, proc_stat.LINE, 0)
            parsed = proc_stat.fields(line)
            long = parsed is None
            if long:
                line = os.pread(probe, proc_stat.WHOLE, 0)
                parsed = proc_stat.fields(line)
            if parsed is None:
                raise OSError(errno.EPROTO, "not a stat line", key)
            row = Row(key, line)
            row.begin(self._boot, parsed[1], pages)
            self._facts.describe(row, *parsed)
        except OSError:
            os.close(probe)
            raise
        if long or self._may_keep <= 0:
            os.close(probe)
            probe = -1
        self._may_keep -= 1
        row.waiting = self._hastens and not long
        self._waiting += row.waiting
        sample = row.sample
        if self._passes > 1 or sample.start_ticks / HZ > time.clock_gettime(time.CLOCK_BOOTTIME) - SETTLED_S:
            self._facts.expect_more(row, now)
        self._states[sample.state] = self._states.get(sample.state, 0) + 1
        self.threads += sample.threads
        self._probes.append(probe)
        self._lines.append(line)
        self._rows.append(row)
        self._known.add(key)
