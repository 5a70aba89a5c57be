"""The seam to the operating system: what differs between platforms is asked here and nowhere else.

The supervisor has its own, stdlib-only seam: `execution/supervisor/kernel.py`.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from opsconsole.errors import PlatformUnsupported

LINUX = sys.platform.startswith("linux")


open_files_before: int | None = None
"""The soft RLIMIT_NOFILE we were started with, where we raised it for ourselves: scripts get it back."""


def require_execution() -> None:
    """Raises PlatformUnsupported where scripts cannot be executed."""
    if sys.platform == "win32":
        raise PlatformUnsupported(
            "execution is not supported on Windows",
            hint="run opsconsole on the Linux host itself, or in WSL",
        )


def lacking() -> list[str]:
    """What this platform cannot do, in sentences."""
    if LINUX:
        return []
    if sys.platform == "win32":
        return ["execution is not supported on Windows"]
    return [
        "no subreaper: a process that forks twice into its own session escapes a cancel",
        "no cgroups: no freeze and no kernel-side kill of a tree; pause stops the process group",
    ]


@cache
def boot_id() -> str:
    """Identifies this boot; a process of another boot cannot be alive."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        import psutil

        return f"boot-{int(psutil.boot_time())}"


def start_time(pid: int) -> int | None:
    """Start of a living process in clock ticks since boot; with `pid` it identifies a process. None: not alive."""
    if LINUX:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            return None
        return None if fields[0] in b"ZX" else int(fields[19])
    import psutil

    try:
        return int(psutil.Process(pid).create_time() * 100)
    except psutil.Error:
        return None


def is_alive(pid: int | None, started: int | None) -> bool:
    """Whether exactly this process (not a later one with its pid) is alive."""
    return pid is not None and started is not None and start_time(pid) == started


def processes_marked(run_folder: Path) -> Iterator[tuple[int, int]]:
    """(pid, start time) of every living process whose environment says `OPSCONSOLE_RUN_FOLDER=<run_folder>`.

    Linux only; a process that erased its environment, or belongs to somebody else, is not seen.
    """
    needle = b"OPSCONSOLE_RUN_FOLDER=" + os.fsencode(run_folder)
    if not LINUX:
        return
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            with open(f"/proc/{entry.name}/environ", "rb") as file:
                marked = needle in file.read().split(b"\0")
        except OSError:
            continue
        if marked and (started := start_time(int(entry.name))) is not None:
            yield int(entry.name), started


def processes_of_session(leader: int, started: int) -> Iterator[tuple[int, int]]:
    """(pid, start time) of every living process in the session of a leader that may have ended. Linux only."""
    if not LINUX or start_time(leader) not in (None, started):
        return  # a number is not given out again while a session has it: this is somebody else's
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            with open(f"/proc/{entry.name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] not in b"ZX":
            yield int(entry.name), int(fields[19])


def harmless_name(name: str) -> str:
    """A name that others have given to this host or to a user, as text that can be stored and shown: on one line, in
    one colour, in UTF-8. What is no visible character in it is escaped as Python would: `bad\\xff`.
    """
    if name.isprintable():
        return name
    return "".join(
        one if one.isprintable() else f"\\x{ord(one) - 0xDC00:02x}" if 0xDC80 <= ord(one) <= 0xDCFF
        else one.encode("unicode_escape").decode("ascii")
        for one in name
    )  # fmt: skip


def host_name() -> str:
    """As it was set, made harmless."""
    return harmless_name(socket.gethostname())


def actor() -> str:
    """The user this process acts for: through sudo, the one who called it. Harmless."""
    caller = harmless_name(os.environ.get("SUDO_USER", "")) if _uid() == 0 else ""
    name = _user_name()
    return f"{caller} as {name}" if caller and caller != name else name


def _user_name() -> str:
    if sys.platform == "win32":
        return harmless_name(os.environ.get("USERNAME", "unknown"))
    import pwd

    try:
        return harmless_name(pwd.getpwuid(os.geteuid()).pw_name)
    except KeyError:
        return f"uid {os.geteuid()}"


def _uid() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else -1


def ssh_client() -> str | None:
    """Address of the SSH client behind this session, where known. Harmless."""
    words = (os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_CLIENT") or "").split()
    return harmless_name(words[0]) if words else None


def free_bytes(folder: Path) -> int:
    """Bytes an ordinary user may still write on the folder's file system."""
    info = os.statvfs(folder)
    return info.f_bavail * info.f_frsize


def memory_bytes() -> int:
    """What the machine has; 0: the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 0
