"""Clocks of a demo: the trace's second 0 is the moment it opens; time then goes on, or stands still for a picture."""

from __future__ import annotations

import time
from datetime import datetime

from opsconsole.clock import Clock
from opsconsole.errors import UsageError


class DemoClock(Clock):
    """`zero_us`: microseconds since the epoch of second 0. Frozen, it is always second 0."""

    def __init__(self, zero_us: int, *, frozen: bool = False) -> None:
        self.zero_us = zero_us
        self.frozen = frozen
        self._began = time.monotonic()

    def now(self) -> int:
        return self.zero_us + (0 if self.frozen else round((time.monotonic() - self._began) * 1e6))

    def monotonic(self) -> float:
        return self._began if self.frozen else time.monotonic()

    def second(self, time_us: int | None = None) -> float:
        """The trace's second of a time, of now where none is given."""
        return ((self.now() if time_us is None else time_us) - self.zero_us) / 1e6

    def at(self, second: float) -> int:
        """Microseconds since the epoch of a second of the trace."""
        return self.zero_us + round(second * 1e6)


def moment(text: str) -> int:
    """Microseconds since the epoch of `2026-11-20T14:02:07`, local time where no zone is named. Raises UsageError."""
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1e6)
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{text!r} is no time", hint="such as 2026-11-20T14:02:07") from None
