"""One clock: how long it is since the last sample, and whether that interval is an ordinary one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from opsconsole.clock import Clock

LATE = 2.5
"""An interval this many times the expected one is a gap: ticks were missed."""
AT_ONCE_S = 0.1
"""Clocks that were read within this time were read together: a busy host may leave us standing in between."""
_TRIES = 5
JUMP_S = 1.0
"""A wall clock that moved this much more or less than the monotonic one was set. A slewed clock stays far below."""


class Moment(NamedTuple):
    """When a sample is taken. `elapsed_s` is the awake time since the last one (None: there is none) and right in every
    case, since the kernel's counters stand still in suspend as the monotonic clock does; `interval_s` is the same, but
    None where the interval is not an ordinary one ("late", "suspend"). `clock_jump_s` may come with any gap."""

    time_us: int
    monotonic_s: float
    elapsed_s: float | None
    interval_s: float | None
    gap: str | None = None
    clock_jump_s: float | None = None


def suspended_s() -> float:
    """Seconds this system has slept since some fixed moment; 0 where that cannot be known."""
    for longer, shorter in (("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"), ("CLOCK_MONOTONIC", "CLOCK_UPTIME_RAW")):
        if hasattr(time, longer) and hasattr(time, shorter):  # Linux; macOS, where CLOCK_MONOTONIC goes on in sleep
            with_sleep: float = time.clock_gettime(getattr(time, longer))
            return with_sleep - time.clock_gettime(getattr(time, shorter))
    return 0.0


class Timeline:
    """Gives each sample its Moment, compared with the one before."""

    def __init__(self, clock: Clock, suspended: Callable[[], float] = suspended_s) -> None:
        self._clock = clock
        self._suspended = suspended
        self._last: Moment | None = None
        self._slept_s = 0.0

    def next(self, expected_s: float | None = None) -> Moment:
        """`expected_s`: when this sample was due after the last one; None: nobody waits, so it cannot be late."""
        last = self._last
        slept_s, time_us, monotonic_s = self._now()
        if last is None or monotonic_s <= last.monotonic_s:
            moment = Moment(time_us, monotonic_s, None, None)
        else:
            elapsed_s = monotonic_s - last.monotonic_s
            asleep_s = slept_s - self._slept_s
            jump_s = (time_us - last.time_us) / 1e6 - elapsed_s - asleep_s
            jumped = abs(jump_s) > JUMP_S
            gap = None
            if asleep_s > JUMP_S:
                gap = "suspend"
            elif expected_s is not None and elapsed_s > LATE * expected_s:
                gap = "late"
            elif jumped:
                gap = "clock"
            interval_s = None if gap in ("suspend", "late") else elapsed_s
            moment = Moment(time_us, monotonic_s, elapsed_s, interval_s, gap, jump_s if jumped else None)
        self._last, self._slept_s = moment, slept_s
        return moment

    def _now(self) -> tuple[float, int, float]:
        """All clocks, as of one moment: suspended seconds, wall clock, monotonic clock."""
        for _ in range(_TRIES):
            begun_s = self._clock.monotonic()
            slept_s, time_us, monotonic_s = self._suspended(), self._clock.now(), self._clock.monotonic()
            if monotonic_s - begun_s < AT_ONCE_S:
                break
        return slept_s, time_us, monotonic_s
