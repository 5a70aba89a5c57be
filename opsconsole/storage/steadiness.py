"""Whether the wall clock may be believed when something is to be deleted for its age.

A wall clock that is wrong by years for some minutes (a dead battery before NTP answers, a typing error) must not cost
the history. Nothing in the process can know that a clock is right, but that it was set is seen: it disagrees with the
monotonic one.
"""

from __future__ import annotations

import threading

from opsconsole.clock import Clock

WAIT_S = 3600.0
"""So long both clocks must have agreed before anything is deleted."""
STEP_S = 5.0
"""A larger disagreement is a clock that was set (or a host that slept)."""
SLEW = 0.001
"""Twice what adjtime slews at most (500 ppm), by which the clocks may part between two looks."""


class Steadiness:
    """Asked at least every few minutes, from any thread: a jump there and back between two questions is not seen, and
    does no harm either, since whoever asks deletes only right after an answer.
    """

    def __init__(self, clock: Clock, wait_s: float = WAIT_S) -> None:
        self._clock = clock
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._now_us, self._at_s = clock.now(), clock.monotonic()
        self._since_s = self._at_s

    def trusted_now(self) -> int | None:
        """The time in microseconds, once the wall clock has gone with the monotonic one for long enough; else None."""
        with self._lock:
            now_us, at_s = self._clock.now(), self._clock.monotonic()
            went_s = at_s - self._at_s
            if abs((now_us - self._now_us) / 1e6 - went_s) > STEP_S + SLEW * max(0.0, went_s):
                self._since_s = at_s
            self._now_us, self._at_s = now_us, at_s
            return now_us if at_s - self._since_s >= self._wait_s else None


def horizon(now_us: int, newest_us: int | None, keep_us: int) -> int:
    """Before which something is too old, in microseconds: by the clock, but never more than a day beyond what the
    newest row says the time is. A table in which nothing happens any more keeps what it has.
    """
    if newest_us is not None:
        now_us = min(now_us, newest_us + 24 * 3600 * 1_000_000)
    return now_us - keep_us
