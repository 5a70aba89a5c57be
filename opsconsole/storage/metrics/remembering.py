"""A recorder that writes nothing: the last samples stay in memory, and end with their console."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from opsconsole.storage.metrics.recorder import Recorder


class RememberingRecorder(Recorder):
    """Keeps as many samples as one waiting for its file does (`WAITING`)."""

    def _start(self) -> None:
        """There is nothing to commit."""

    def flush(self) -> bool:
        return True

    def attempt(self, job: Callable[[sqlite3.Connection], object]) -> bool:
        return False

    def trim(self) -> bool:
        return False

    def clear(self) -> bool:
        self._forget(self._number)
        return True

    def close(self) -> None:
        """What was remembered is gone with the store."""
