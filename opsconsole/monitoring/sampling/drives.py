"""/proc/diskstats: what whole block devices did since the last look. Linux only.

Fields: https://docs.kernel.org/admin-guide/iostats.html. A sector is 512 bytes there, whatever the device says."""

from __future__ import annotations

import os
from collections.abc import Collection

from opsconsole.monitoring.sampling.counters import per_second
from opsconsole.monitoring.sampling.kept import KeptFile, shown
from opsconsole.samples import Drive

_SECTOR = 512
_NOT_HARDWARE = (b"loop", b"ram", b"zram", b"fd", b"sr")
"""Shown only where a watched file system lies on them."""


class DriveFiles:
    def __init__(self, proc: str, sys: str) -> None:
        self._file = KeptFile(f"{proc}/diskstats")
        self._block = f"{sys}/block"
        self._whole: dict[bytes, bool] = {}
        self._before: dict[bytes, bytes] = {}
        self._mentioned: set[bytes] = set()

    def look(self, elapsed_s: float | None, mounted: Collection[str]) -> tuple[Drive, ...]:
        """Whole devices that had I/O since boot, or that are among `mounted`. Raises OSError, ValueError."""
        drives: list[Drive] = []
        now: dict[bytes, bytes] = {}
        for line in self._file.read().splitlines():
            _, _, name, figures = line.split(None, 3)
            if not self._is_whole(name):
                continue
            label = shown(name)
            if label not in mounted and (name.startswith(_NOT_HARDWARE) or not _had_io(figures)):
                continue
            now[name] = figures
            drives.append(_drive(label, figures, self._before.get(name), elapsed_s))
        self._before = now
        return tuple(drives)

    def _is_whole(self, name: bytes) -> bool:
        """Not a partition. Where /sys is not to be seen, every device is taken for a whole one."""
        whole = self._whole.get(name)
        if whole is None:
            try:
                known = os.listdir(os.fsencode(self._block))
            except OSError:
                known = []
            whole = self._whole[name] = not known or name.replace(b"/", b"!") in known
        return whole

    def close(self) -> None:
        self._file.close()


def _had_io(figures: bytes) -> bool:
    reads, _, _, _, writes, _ = figures.split(None, 5)
    return reads != b"0" or writes != b"0"


def _drive(name: str, figures: bytes, before: bytes | None, elapsed_s: float | None) -> Drive:
    if before is None or not elapsed_s:
        return Drive(name)
    if figures == before:
        return Drive(name, 0.0, 0.0, 0.0, 0.0, 0.0)
    reads, _, read_sectors, read_ms, writes, _, write_sectors, write_ms, _, busy_ms = _numbers(figures)
    was = _numbers(before)
    busy = per_second(busy_ms, was[9], elapsed_s)
    ended = reads + writes - was[0] - was[4]
    spent_ms = read_ms + write_ms - was[3] - was[7]
    if reads < was[0] or writes < was[4]:
        return Drive(name)  # another device under the same name
    return Drive(
        name,
        per_second(_SECTOR * read_sectors, _SECTOR * was[2], elapsed_s),
        per_second(_SECTOR * write_sectors, _SECTOR * was[6], elapsed_s),
        (reads - was[0]) / elapsed_s,
        (writes - was[4]) / elapsed_s,
        None if busy is None else min(busy / 10.0, 100.0),
        spent_ms / ended if ended > 0 and spent_ms >= 0 else None,
    )


def _numbers(figures: bytes) -> list[int]:
    return [int(figure) for figure in figures.split(None, 10)[:10]]
