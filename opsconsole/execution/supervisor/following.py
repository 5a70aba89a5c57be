"""A reader that wants every byte (`opsconsole --run` into a pipe or file), as the supervisor sees it.

It holds a lock on the run's file `following` and writes there how far it has read each stream (two little-endian
64-bit numbers). Up to there the middle of a stream may be given back; a reader that has not moved for `HOLD_S` seconds
is not waited for any more, so that a script is never blocked by a screen that stands still.
"""

from __future__ import annotations

import fcntl
import os

HOLD_S = 2.0


class Following:
    """How far the reader of one stream has come. `index`: 0 for stdout, 1 for stderr."""

    def __init__(self, path: str, index: int) -> None:
        self._path = path
        self._offset = 8 * index
        self._fd = -1
        self._seen = -1
        self._moved_at = 0.0
        self._forfeited = False

    def position(self) -> int | None:
        """Bytes read; None when nobody reads, or no longer in earnest."""
        if self._forfeited or not self._is_held():
            return None
        return int.from_bytes(os.pread(self._fd, 8, self._offset), "little")

    def is_worth_waiting_for(self, now: float) -> bool:
        """Whether it has moved within the last seconds."""
        position = self.position()
        if position is None:
            return False
        if position != self._seen:
            self._seen, self._moved_at = position, now
        self._forfeited = now - self._moved_at > HOLD_S
        return not self._forfeited

    def _is_held(self) -> bool:
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return False
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        return False

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
