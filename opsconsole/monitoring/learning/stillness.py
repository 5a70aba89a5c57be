"""A value that stands still where it never did: a sensor that died, a counter that hangs."""

from __future__ import annotations

from typing import ClassVar

LEAST = 15
"""Equal values in a row before it can be one."""
LONGER = 3
"""Times the longest run there ever was."""
LIVELY = 60
"""Changes after which a metric is known to move at all."""


class Stillness:
    """The run of equal values, and the longest one that ended."""

    __slots__ = ("changes", "last", "longest", "run")
    NUMBERS: ClassVar[tuple[str, ...]] = ("changes", "last", "longest", "run")

    def __init__(self) -> None:
        self.last = 0.0
        self.run = self.longest = self.changes = 0

    def update(self, value: float, learn: bool) -> bool:
        """Whether the run just became too long; with `learn=False` whether it is."""
        if value != self.last:
            if learn:
                self.changes += 1
                if self.run > self.longest:
                    self.longest = self.run
            self.last = value
            self.run = 1
            return False
        self.run += 1
        if self.run < LEAST or self.changes < LIVELY:
            return False
        limit = max(LEAST, LONGER * self.longest)
        return self.run == limit or (self.run > limit and not learn)
