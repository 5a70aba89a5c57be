"""One process between two passes."""

from __future__ import annotations

import os

from opsconsole.monitoring.sampling import proc_stat
from opsconsole.samples import ProcessSample

HZ = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LETTERS = {letter.encode(): letter for letter in "RSDZTtIXPWK"}


class Row:
    """What is remembered of a process. `key` is its name in /proc, `comm` and `stack` tell an exec.

    `probe` is the descriptor read in each pass: that of its stat, or where `stat` is one, of its schedstat (-1: neither
    is kept). `line` is the last stat line. `seen` is the pass that last had something to say about it.
    """

    __slots__ = ("comm", "jiffies", "key", "line", "sample", "seen", "stack", "stat", "waiting")

    def __init__(self, key: str, line: bytes) -> None:
        self.key = key
        self.line = line
        self.comm = self.stack = b""
        self.jiffies = self.seen = 0
        self.stat = -1
        self.waiting = False
        """May get a schedstat descriptor."""
        self.sample: ProcessSample

    def begin(self, boot: int, field: list[bytes], pages: int) -> None:
        """The first sample, without a description. `pages`: resident ones by statm, -1 where that is not known."""
        ticks = int(field[proc_stat.START])
        self.jiffies = int(field[proc_stat.UTIME]) + int(field[proc_stat.STIME])
        self.sample = ProcessSample(
            int(self.key), int(field[proc_stat.PPID]), boot + ticks / HZ, "", _letter(field), -1, 0.0,
            _resident(field, pages), int(field[proc_stat.THREADS]), ticks, self.jiffies / HZ,
            "", "", "", int(field[proc_stat.NICE]),
        )  # fmt: skip

    def spend(self, field: list[bytes]) -> int:
        """Clock ticks used since the line before."""
        jiffies = int(field[proc_stat.UTIME]) + int(field[proc_stat.STIME])
        used = jiffies - self.jiffies
        self.jiffies = jiffies
        return used

    def show(self, field: list[bytes], share: float, pages: int) -> ProcessSample:
        """The next sample; the old one. `pages` as in `begin`."""
        old = self.sample
        self.sample = ProcessSample(
            old.pid, int(field[proc_stat.PPID]), old.start_time, old.name, _letter(field), old.uid, share,
            _resident(field, pages), int(field[proc_stat.THREADS]), old.start_ticks, self.jiffies / HZ,
            old.user, old.cmdline, old.cgroup, int(field[proc_stat.NICE]),
        )  # fmt: skip
        return old

    def idle(self) -> None:
        """The same, having used no CPU. (dataclasses.replace takes four times as long.)"""
        old = self.sample
        self.sample = ProcessSample(
            old.pid, old.ppid, old.start_time, old.name, old.state, old.uid, 0.0, old.rss_bytes, old.threads,
            old.start_ticks, old.cpu_time_s, old.user, old.cmdline, old.cgroup, old.nice,
        )  # fmt: skip

    def describe(self, name: str, uid: int, user: str, cmdline: str, cgroup: str) -> None:
        old = self.sample
        self.sample = ProcessSample(
            old.pid, old.ppid, old.start_time, name, old.state, uid, old.cpu_percent, old.rss_bytes, old.threads,
            old.start_ticks, old.cpu_time_s, user, cmdline, cgroup, old.nice,
        )  # fmt: skip


def stack(field: list[bytes]) -> bytes:
    """Where the stack starts: another one is another program (an exec), even under the same name."""
    return field[proc_stat.STACK] if len(field) > proc_stat.STACK + 1 else b""


def _letter(field: list[bytes]) -> str:
    return _LETTERS.get(field[proc_stat.STATE]) or proc_stat.text(field[proc_stat.STATE])


def _resident(field: list[bytes], pages: int) -> int:
    return (pages if pages >= 0 else int(field[proc_stat.RSS])) * _PAGE
