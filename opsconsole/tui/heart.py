"""One pulse for all that the console does again and again: to wake up costs more than most of what is done then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

_BEAT_S = 1.0
_LATE_S = 0.25
"""A look at the host that comes by then beats in time."""
_ALMOST_S = 0.5
"""What is due so soon is done now."""


class Heart:
    """Beats with each look at the host, and by itself where none comes for a second. `call_later` runs something
    inside Textual, and nothing any more once the app has ended."""

    def __init__(self, call_later: Callable[[Callable[[], None]], object]) -> None:
        self._call_later = call_later
        self._jobs: list[_Job] = []
        self._next: asyncio.TimerHandle | None = None

    def every(self, seconds: float, call: Callable[[], object]) -> None:
        """Call this about so often, a second or more, from now on."""
        self._jobs.append(_Job(seconds, call))
        if self._next is None:
            self._wait(_BEAT_S)

    @property
    def next_beat(self) -> float | None:
        """On the loop's clock, unless a look comes before; None: there is nothing to do."""
        return None if self._next is None else self._next.when()

    def beat(self) -> None:
        """A look at the host has come: what is due is done with it."""
        if self._jobs:
            self._wait(_BEAT_S + _LATE_S)
            self._do()

    def _beat_alone(self) -> None:
        self._wait(_BEAT_S)
        self._do()

    def _wait(self, seconds: float) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = asyncio.get_running_loop().call_later(seconds, self._call_later, self._beat_alone)

    def _do(self) -> None:
        now = monotonic()
        for job in tuple(self._jobs):
            job.do(now)


class _Job:
    def __init__(self, seconds: float, call: Callable[[], object]) -> None:
        self._seconds, self._call = seconds, call
        self._due = monotonic() + seconds

    def do(self, now: float) -> None:
        if now >= self._due - _ALMOST_S:
            self._due = now + self._seconds
            self._call()
