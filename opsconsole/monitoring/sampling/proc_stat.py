"""The files of /proc/N as values: proc_pid_stat(5), proc_pid_status(5), proc_pid_cgroup(5)."""

from __future__ import annotations

import errno
import os

LINE = 256
"""Bytes of a stat line that are compared and parsed: up to `rss` always, in practice past `startstack`. What follows
(signals, the last core) is not shown, so a change there is none."""

WHOLE = 4096

CUT = 15
"""Bytes the kernel keeps of a name."""

# Positions in the fields after the name; proc_pid_stat(5) counts from 3.
STATE, PPID, FLAGS, UTIME, STIME, NICE, THREADS, START, RSS, STACK = 0, 1, 6, 11, 12, 16, 17, 19, 21, 25

KERNEL_THREAD = 0x00200000
"""PF_KTHREAD in `flags` (include/linux/sched.h)."""


def fields(line: bytes) -> tuple[bytes, list[bytes]] | None:
    """(name, fields from `state` on) of a stat line. None: cut off before `rss` was complete, or no stat line.

    A name may hold anything, ") R 1" and newlines too: it ends at the last parenthesis.
    """
    head, _, tail = line.rpartition(b") ")
    found = tail.split(b" ", STACK + 1)
    if len(found) <= RSS + 1:
        return None
    return head.partition(b"(")[2], found


def resident(statm: bytes) -> int:
    """Resident pages from /proc/N/statm: exact since Linux 6.16 (and what psutil and top show), where `rss` of stat
    lacks what the CPUs count on their own, up to 32 pages (or twice the number of CPUs) for each CPU and each sort of
    page. Raises ValueError, IndexError.
    """
    return int(statm.split(b" ", 2)[1])


def text(raw: bytes) -> str:
    """Bytes from a process as text that every encoder takes: what is no UTF-8 becomes \\xNN. Still hostile."""
    return raw.decode("utf-8", "backslashreplace")


def command_line(raw: bytes) -> str:
    """/proc/N/cmdline, arguments joined by spaces. A process may have written anything there, or nothing."""
    return text(raw.rstrip(b"\0").replace(b"\0", b" "))


def full_name(comm: bytes, cmdline: bytes) -> str:
    """The kernel cuts a name after 15 bytes: where the program's file name starts with it, that one (as psutil)."""
    if len(comm) >= CUT:
        first, _, others = cmdline.partition(b"\0")
        program = first if others else first.partition(b" ")[0]  # a rewritten title separates by spaces
        whole = program.rpartition(b"/")[2]
        if whole.startswith(comm):
            return text(whole)
    return text(comm)


def real_uid(status: bytes) -> int:
    """The real user id from /proc/N/status. Raises ProcessLookupError if it is not there: nothing left to read."""
    _, found, rest = status.partition(b"\nUid:\t")
    if not found:
        raise ProcessLookupError(errno.ESRCH, "no Uid in /proc/N/status")
    return int(rest.partition(b"\t")[0])


def control_group(raw: bytes) -> str:
    """The group that says most: the unified one, unless it is the root and a v1 hierarchy knows better."""
    paths: dict[bytes, bytes] = {}
    for line in raw.splitlines():
        _, controllers, path = (*line.split(b":", 2), b"", b"")[:3]
        for controller in controllers.split(b","):
            paths[controller] = path
    for controller in (b"", b"memory", b"cpu", b"name=systemd"):
        if paths.get(controller, b"/") != b"/":
            return text(paths[controller])
    return text(paths.get(b"", b"/")) if paths else ""


def read(folder: int, path: str, size: int = WHOLE) -> bytes:
    """The first `size` bytes of a file under the open /proc. Raises OSError as open and read do."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def boot_time(stat: bytes) -> int:
    """`btime` of /proc/stat: seconds since the epoch. Raises ValueError if it is not there."""
    return number(stat, b"btime")


def number(stat: bytes, word: bytes) -> int:
    """The number after `word` at the start of a line of /proc/stat. Raises ValueError if it is not there."""
    _, found, rest = stat.partition(b"\n" + word + b" ")
    if not found:
        raise ValueError(f"no {word.decode()} in /proc/stat")
    return int(rest.partition(b"\n")[0])
