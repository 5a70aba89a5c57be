"""How full the mounted file systems are. A file system whose server does not answer never holds up a look."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable

from opsconsole.monitoring.sampling.mounts import Mount
from opsconsole.samples import Disk
from opsconsole.wording import long_duration

ASK_EVERY_S = 5.0
"""How often a network or user-space file system is asked: each time is a request to its server."""
FIRST_WAIT_S = 0.02
"""How long the look that finds such a file system waits for its first answer."""

Statvfs = Callable[[bytes], os.statvfs_result]


class Disks:
    """`statvfs`: asks the kernel; whatever it does for a mount that `may_hang`, it does in a thread of its own."""

    def __init__(self, statvfs: Statvfs = os.statvfs) -> None:
        self._statvfs = statvfs
        self._distant: dict[bytes, _Question] = {}
        self.notes: list[str] = []
        """What could not be read at the last look."""

    def look(self, mounts: Iterable[Mount], monotonic_s: float) -> tuple[Disk, ...]:
        disks: list[Disk] = []
        distant: dict[bytes, _Question] = {}
        self.notes = []
        for mount in mounts:
            try:
                if mount.may_hang:
                    question = distant[mount.path] = self._distant.get(mount.path) or _Question(self._statvfs, mount)
                    figures = question.answer(monotonic_s, self.notes)
                else:
                    figures = self._statvfs(mount.path)
            except OSError as error:
                self.notes.append(f"{mount.mount} cannot be read: {error.strerror or error}")
                continue
            if figures is not None and figures.f_blocks:
                disks.append(_disk(mount, figures))
        self._distant = distant
        return tuple(disks)


class _Question:
    """Asks about one mount in a thread, one at a time: a thread that hangs in the kernel is not joined by others."""

    def __init__(self, statvfs: Statvfs, mount: Mount) -> None:
        self._statvfs = statvfs
        self._mount = mount
        self._asked_at: float | None = None
        self._answered = threading.Event()
        self._answer: os.statvfs_result | OSError | None = None

    def answer(self, monotonic_s: float, notes: list[str]) -> os.statvfs_result | None:
        """The last answer, however old. None: none yet. Raises OSError, the mount's own."""
        if self._asked_at is None:
            self._ask(monotonic_s)
            self._answered.wait(FIRST_WAIT_S)
        if not self._answered.is_set():
            waited_s = monotonic_s - (self._asked_at or 0.0)
            known = "the figures are older" if self._answer is not None else "nothing is known"
            if waited_s >= ASK_EVERY_S or self._answer is None:
                waited = long_duration(waited_s, whole=True)
                notes.append(f"{self._mount.mount} ({self._mount.kind}) does not answer for {waited}: {known}")
        elif monotonic_s - (self._asked_at or 0.0) >= ASK_EVERY_S:
            self._ask(monotonic_s)
        if isinstance(self._answer, OSError):
            raise self._answer.with_traceback(None)  # raised again and again, it would gather frames
        return self._answer

    def _ask(self, monotonic_s: float) -> None:
        self._asked_at = monotonic_s
        self._answered.clear()
        threading.Thread(target=self._wait, name="statvfs", daemon=True).start()

    def _wait(self) -> None:
        try:
            self._answer = self._statvfs(self._mount.path)
        except OSError as error:
            self._answer = error
        self._answered.set()


def _disk(mount: Mount, figures: os.statvfs_result) -> Disk:
    block = figures.f_frsize or figures.f_bsize
    used = figures.f_blocks - figures.f_bfree
    usable = used + figures.f_bavail
    inodes_used = figures.f_files - figures.f_ffree
    inodes_usable = inodes_used + figures.f_favail
    counted = figures.f_files > 0
    return Disk(
        mount.mount,
        mount.device,
        mount.kind,
        figures.f_blocks * block,
        used * block,
        figures.f_bavail * block,
        100.0 * used / usable if usable > 0 else 0.0,
        figures.f_files if counted else None,
        inodes_used if counted else None,
        100.0 * inodes_used / inodes_usable if counted and inodes_usable > 0 else None,
        bool(figures.f_flag & os.ST_RDONLY),
        mount.drive,
    )
