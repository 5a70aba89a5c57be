"""Screens that were closed are taken away while nobody types.

A screen and its widgets refer to one another: only the collector of garbage finds out that nobody needs them. By itself
it looks at what is new, and hardly ever at what has been there for a while, as a dialog that was read has; meanwhile
the next one is made in new memory, and what lies between two that are needed cannot be given back.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

from textual._time import get_time

from opsconsole.tui.spare_heap import give_back

_STILL_S = 5.0
"""Looking through everything takes as long as drawing some frames: nobody should be about to press a key."""


class Sweeper:
    """Looks through all there is once each time that somebody has done something and then nothing for a while.
    `touched_at` says when somebody last did, on the clock of `now`; 0: nobody has yet."""

    def __init__(self, touched_at: Callable[[], float], now: Callable[[], float] = get_time) -> None:
        self._touched_at, self._now = touched_at, now
        self._swept_for = 0.0

    def look(self) -> bool:
        """To be called every few seconds; whether it was time to sweep."""
        touched = self._touched_at()
        if touched == self._swept_for or self._now() - touched < _STILL_S:
            return False
        self._swept_for = touched
        gc.collect()
        give_back()
        return True
