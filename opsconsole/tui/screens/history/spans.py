"""How far back statistics look."""

from __future__ import annotations

from collections.abc import Sequence

SPANS: Sequence[tuple[str, int | None]] = (
    ("hour", 3600), ("6 hours", 6 * 3600), ("24 hours", 24 * 3600), ("7 days", 7 * 86_400), ("30 days", 30 * 86_400),
    ("all", None),
)  # fmt: skip
"""What it is called, and how many seconds."""
_USUAL = 3
"""Of a record that goes on for longer."""


def fitting(extent: tuple[int, int] | None, now_us: int) -> int:
    """Which span to open at, for a record of which the first run ended at the one time and the last at the other: the
    shortest that holds all of it; of a longer record the last days, if anything is in them."""
    if extent is None:
        return _USUAL
    whole, newest = (_shortest(max(0, now_us - moment)) for moment in extent)
    return max(min(whole, _USUAL), newest)


def _shortest(length_us: int) -> int:
    return next(at for at, (_, length) in enumerate(SPANS) if length is None or length_us <= length * 1_000_000)
