"""What the supervisor asks of the kernel: subreaper, process tree, hole punching, pipe size, cgroup.

Linux has it all; elsewhere the calls say so by returning False or nothing, and the caller degrades aloud.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys

LINUX = sys.platform.startswith("linux")
PIPE_BYTES = 1 << 20
READ_BYTES = 1 << 18  # a quarter of the pipe: the script fills the rest while this is written

_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NAME = 15
_F_SETPIPE_SZ = 1031
_FALLOC_FL_KEEP_SIZE = 1
_FALLOC_FL_PUNCH_HOLE = 2
_PF_EXITING = 4
_MARK = b"OPSCONSOLE_RUN_FOLDER="

if LINUX:
    import ctypes

    _libc = ctypes.CDLL(None, use_errno=True)
    _libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def become_subreaper() -> bool:
    """Orphans below this process become its children, however they forked. Not inherited by fork."""
    return LINUX and _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def name_process(name: str) -> None:
    """The name `ps` and `top` show, at most 15 bytes."""
    if LINUX:
        _libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def punch_hole(fd: int, start: int, end: int) -> bool:
    """Give the blocks of [start, end) back; offsets and size stay. False: this file system cannot."""
    if not LINUX:
        return False
    flags = _FALLOC_FL_PUNCH_HOLE | _FALLOC_FL_KEEP_SIZE
    while _libc.fallocate(fd, flags, start, end - start) != 0:
        if ctypes.get_errno() != errno.EINTR:
            return False
    return True


def wake_pipe() -> tuple[int, int]:
    """Both ends of a pipe for signal numbers; neither blocks."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


def widen_pipe(fd: int) -> None:
    """1 MiB in place of 64 KiB where the user's pipe quota allows."""
    if LINUX:
        try:
            fcntl.fcntl(fd, _F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:
            pass  # the default size only costs more wake-ups


def start_ticks(pid: int) -> int | None:
    """Start time in clock ticks since boot; None when it is gone or a zombie."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fields = os.read(fd, 1024).rpartition(b")")[2].split()
    except OSError:
        return None
    finally:
        os.close(fd)
    return None if not fields or fields[0] in b"ZX" else int(fields[19])


def is_ending(pid: int) -> bool:
    """Whether a child of ours has begun to exit; only from then on can its children become ours."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return bool(int(file.read(1024).rpartition(b")")[2].split()[6]) & _PF_EXITING)
    except OSError:
        return True


def process_name(pid: int) -> str:
    """The kernel's name of the process; raw bytes of an attacker, to be sanitised by whoever shows it."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            return file.read(64).rstrip(b"\n").decode("utf-8", "backslashreplace")
    except OSError:
        return ""


def run_folder(pid: int) -> str | None:
    """The folder of the run that a process was started in; None when it cannot be told."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            values = file.read().split(b"\0")
    except OSError:
        return None
    marks = [value[len(_MARK) :] for value in values if value.startswith(_MARK)]
    return os.fsdecode(marks[0]) if marks else None


def children(pid: int) -> list[int]:
    """Direct children, adopted ones included, zombies too."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found.extend(int(word) for word in file.read().split())
        except OSError:
            continue
    return found


def descendants(pid: int) -> list[int]:
    """Everything below `pid`, parents before children."""
    found: list[int] = []
    level = [pid]
    while level:
        level = [child for parent in level for child in children(parent)]
        found.extend(level)
    return found


def signal_process(pid: int, number: int) -> bool:
    """False when it is gone or not ours to signal."""
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


def lines(path: str) -> list[str]:
    """Of a file that names paths: whatever bytes one has, it is no end of a line. Raises OSError."""
    with open(path, "rb") as file:
        return [os.fsdecode(line) for line in file.read().split(b"\n") if line]


def cgroup_base() -> str | None:
    """Own cgroup v2 folder if a child group can be made in it, else None."""
    if not LINUX:
        return None
    try:
        mounts = [line.split(" ") for line in lines("/proc/self/mountinfo")]
        own = next(line[3:] for line in lines("/proc/self/cgroup") if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    for words in mounts:
        kind = words[words.index("-") + 1]
        if kind == "cgroup2":
            folder = words[4] + own.rstrip("/")
            writable = os.access(folder, os.W_OK) and os.access(folder + "/cgroup.procs", os.W_OK)
            return folder if writable else None
    return None
