"""When the operator looked, and since when what happened is told.

What was seen is written down when the overview is left by a key after it was looked at for a while, or when the
operator says so. A crash, a kill or a lost connection writes nothing: what happened is then told once more.
"""

from __future__ import annotations

from opsconsole.tui.screens.overview.since import FIRST_LOOK_US

_SECOND_US = 1_000_000
GLANCE_US = 3 * _SECOND_US
"""Who looks for less has seen nothing."""
AWAY_US = 300 * _SECOND_US
"""Who was in other modes for less has not been away: nothing that was listed is gone when they come back."""


class Looking:
    """Times are microseconds since the epoch."""

    def __init__(self) -> None:
        self._known: int | None = None
        self._first = 0
        self._began: int | None = None
        self._left: int | None = None

    @property
    def known(self) -> int | None:
        """What happened before is known; None: nobody ever looked."""
        return self._known

    @property
    def since(self) -> int:
        """What ended at this time or later is told."""
        return self._first - FIRST_LOOK_US if self._known is None else self._known

    def start(self, last: int | None, now: int) -> None:
        """`last`: what was written down."""
        self._known, self._first = last, now

    def begin(self, now: int) -> None:
        """The overview is on top; again, where a dialog that lay over it was closed."""
        if self._began is not None:
            return
        self._began = now
        if self._left is not None and now - self._left >= AWAY_US:
            self._known = self._left

    def end(self, now: int) -> int | None:
        """It was left by a key; returns what is to be written down, if anything."""
        began, self._began = self._began, None
        if began is None or now - began < GLANCE_US:
            return None
        self._left = now
        return now

    def all_seen(self, now: int) -> int:
        """The operator says so; returns what is to be written down."""
        self._known = self._left = now
        return now
