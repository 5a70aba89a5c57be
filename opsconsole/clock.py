"""Time, passed in so that tests need no sleeping."""

from __future__ import annotations

import time


class Clock:
    """The host's clocks."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC. May jump."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


SYSTEM = Clock()
