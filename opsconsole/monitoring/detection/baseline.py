"""What is usual for a value: a robust, exponentially weighted mean that stands still while something is wrong."""

from __future__ import annotations

import math

TAU_S = 300.0
CLIP = 15.0
"""One value moves it as if it were at most so far away, in the value's unit."""
WARM_SAMPLES, WARM_S = 30, 60.0
"""Before so many values and so much time nothing is said of it."""
FROZEN_MOST_S = 1800.0
"""What lasts longer than this is how things are now: it learns again."""


class Baseline:
    def __init__(self) -> None:
        self.mean: float | None = None
        self._samples = 0
        self._seen_s = 0.0
        self._frozen_s = 0.0

    @property
    def ready(self) -> bool:
        return self._samples >= WARM_SAMPLES and self._seen_s >= WARM_S

    def learn(self, value: float, step_s: float, *, frozen: bool) -> None:
        """A value that stood for the last `step_s` seconds."""
        self._frozen_s = self._frozen_s + step_s if frozen else 0.0
        if frozen and self._frozen_s < FROZEN_MOST_S:
            return
        if self.mean is None:
            self.mean = value
        else:
            # Until it has seen as much as it remembers, a plain mean: the first value has no special weight.
            share = max(1 - math.exp(-step_s / TAU_S), 1 / (self._samples + 1))
            self.mean += share * max(-CLIP, min(CLIP, value - self.mean))
        self._samples = min(self._samples + 1, 1_000_000)
        self._seen_s = min(self._seen_s + step_s, 1e9)

    def state(self) -> list[float | None]:
        return [self.mean, self._samples, self._seen_s]

    @classmethod
    def restored(cls, state: object) -> Baseline:
        """What `state` gave. Raises ValueError."""
        self = cls()
        match state:
            case [int() | float() as mean, int() as samples, int() | float() as seen_s] if (
                math.isfinite(mean) and math.isfinite(seen_s) and samples >= 0
            ):
                self.mean, self._samples, self._seen_s = float(mean), samples, float(seen_s)
            case [None, _, _]:
                pass
            case _:
                raise ValueError("not the state of a baseline")
        return self
