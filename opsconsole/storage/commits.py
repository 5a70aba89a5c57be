"""Word of what is committed, from the kernel: to ask for it five times a second costs an idle console a tenth of all it
costs, since each time a process wakes up is dear, whatever for."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

_MODIFIED = 0x2
_EVENTS = 4096


class Commits:
    """Hears what any connection writes to the log of a database in WAL mode; for the loop that it is made in.

    Raises OSError where there is no such thing, or too many have it already: then one has to ask.
    """

    def __init__(self, database: Path) -> None:
        self._fd = _watch(database.with_name(database.name + "-wal"))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._hear)
        self._heard = False
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self, seconds: float) -> bool:
        """Until somebody has written since the last time, for so long at most; whether somebody has."""
        if not self._heard:
            self._waiter = self._loop.create_future()
            timer = self._loop.call_later(max(0.0, seconds), self._wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        heard, self._heard = self._heard, False
        return heard

    def close(self) -> None:
        """Twice is once."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _hear(self) -> None:
        try:
            os.read(self._fd, _EVENTS)
        except BlockingIOError:
            return
        self._heard = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _watch(path: Path) -> int:
    """A descriptor that can be read when the file was written. Raises OSError."""
    if sys.platform != "linux":
        raise OSError("there is no inotify here")
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0 or libc.inotify_add_watch(fd, os.fsencode(path), ctypes.c_uint32(_MODIFIED)) < 0:
        failure = ctypes.get_errno()
        if fd >= 0:
            os.close(fd)
        raise OSError(failure, os.strerror(failure))
    return int(fd)
