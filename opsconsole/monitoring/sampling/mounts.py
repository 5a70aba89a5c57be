"""/proc/self/mountinfo: which file systems can fill up, and the devices they lie on. Linux only."""

from __future__ import annotations

import fnmatch
import os
import re
import select
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from opsconsole.monitoring.sampling.kept import KeptFile, shown

READ_EVERY_S = 30.0
_PSEUDO = frozenset(
    b"autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fuse.gvfsd-fuse fuse.lxcfs "
    b"fuse.portal fuse.snapfuse fusectl hugetlbfs mqueue nsfs proc pstore ramfs resctrl rpc_pipefs securityfs "
    b"selinuxfs smackfs sysfs tracefs".split()
)
_IMAGES = frozenset((b"cramfs", b"erofs", b"iso9660", b"romfs", b"squashfs", b"udf"))
"""Always full, by their nature."""
_DISTANT = frozenset(
    b"9p afs beegfs ceph cifs coda davfs fuseblk glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs smb3 smbfs "
    b"virtiofs vboxsf vmhgfs".split()
)
"""Somebody else answers for them, or nobody."""
_BENEATH = (b"/proc/", b"/sys/", b"/run/credentials/", b"/var/lib/docker/", b"/var/lib/containers/", b"/snap/")
_OCTAL = re.compile(rb"\\([0-7]{3})")


class Mount(NamedTuple):
    """`path` is what the kernel is asked about, `mount` and `device` are for people. `may_hang`: a network or
    user-space file system, whose statvfs may never return."""

    path: bytes
    mount: str
    device: str
    kind: str
    drive: str | None
    may_hang: bool


class _Line(NamedTuple):
    number: bytes
    root: bytes
    path: bytes
    options: bytes
    kind: bytes
    device: bytes


class MountTable:
    """The mounts that are watched; read again when the kernel says that they changed, or after READ_EVERY_S."""

    def __init__(self, proc: str, sys: str, ignored: Sequence[str]) -> None:
        self._file = KeptFile(f"{proc}/self/mountinfo")
        self._sys = sys
        self._ignored = ignored
        self._poll: select.poll | None = None
        self._read_at = float("-inf")
        self._mounts: tuple[Mount, ...] = ()
        self.hides_processes = False
        """/proc is mounted so that other people's processes are not seen (hidepid)."""

    def look(self, monotonic_s: float) -> tuple[Mount, ...]:
        """Raises OSError, ValueError."""
        if monotonic_s - self._read_at >= READ_EVERY_S or self._changed():
            lines = _lines(self._file.read())
            self.hides_processes = b"hidepid=" in lines.get(b"/proc", _NONE).options.replace(b"hidepid=0", b"")
            self._mounts = tuple(self._watched(lines))
            self._read_at = monotonic_s
        return self._mounts

    def _changed(self) -> bool:
        """Whether mounts came or went since this was asked last; the kernel tells each descriptor once."""
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._file.fileno(), select.POLLPRI)
        return bool(self._poll.poll(0))

    def _watched(self, lines: dict[bytes, _Line]) -> Iterator[Mount]:
        """One mount of each file system: that of its root, then that with the shortest path."""
        chosen: set[bytes] = set()
        for line in sorted(lines.values(), key=lambda line: (line.root != b"/", len(line.path), line.path)):
            if not _can_fill(line) or line.number in chosen:
                continue
            may_hang = line.kind in _DISTANT or line.kind.startswith(b"fuse.")
            if not may_hang and line.root != b"/" and not os.path.isdir(line.path):
                continue  # a file mounted over a file, as containers have /etc/hosts
            chosen.add(line.number)
            if not self._is_ignored(line):
                drive = None if may_hang else _drive(self._sys, line)
                yield Mount(line.path, shown(line.path), shown(line.device), shown(line.kind), drive, may_hang)

    def _is_ignored(self, line: _Line) -> bool:
        return any(fnmatch.fnmatchcase(shown(line.path), pattern) for pattern in self._ignored)

    def close(self) -> None:
        self._poll = None
        self._file.close()


_NONE = _Line(b"", b"", b"", b"", b"", b"")


def _lines(data: bytes) -> dict[bytes, _Line]:
    """By mount point; what was mounted last hides what lies under it."""
    lines: dict[bytes, _Line] = {}
    for text in data.splitlines():
        head, _, tail = text.partition(b" - ")
        fields, (kind, device, *options) = head.split(b" "), tail.split(b" ")
        path = _unescaped(fields[4])
        options_all = b",".join([fields[5], *options])
        lines[path] = _Line(fields[2], _unescaped(fields[3]), path, options_all, kind, _unescaped(device))
    return lines


def _can_fill(line: _Line) -> bool:
    if line.kind in _PSEUDO or line.kind in _IMAGES or line.path.startswith(_BENEATH) or line.path == b"/dev":
        return False
    if line.kind == b"overlay":
        return line.path == b"/"  # a container's own root; seen from the host, it is the disk beneath once more
    if line.kind == b"tmpfs":  # read-only ones and those of pods hold a few secrets, and there are hundreds
        return b"ro" not in line.options.split(b",") and not line.path.startswith(b"/var/lib/kubelet/")
    return True


def _drive(sys: str, line: _Line) -> str | None:
    """The whole device, as /proc/diskstats names it."""
    number = line.number
    if number.startswith(b"0:"):  # btrfs, zfs and others with a number of their own
        if not line.device.startswith(b"/dev/"):
            return None
        try:
            about = os.stat(line.device)
        except OSError:
            return None
        if not about.st_rdev:
            return None
        number = b"%d:%d" % (os.major(about.st_rdev), os.minor(about.st_rdev))
    folder = os.path.realpath(f"{sys}/dev/block/{number.decode()}")
    if not os.path.isdir(folder):
        return None
    if os.path.exists(f"{folder}/partition"):
        folder = os.path.dirname(folder)
    return os.path.basename(folder).replace("!", "/")


def _unescaped(field: bytes) -> bytes:
    return _OCTAL.sub(lambda found: bytes((int(found[1], 8) & 255,)), field)
