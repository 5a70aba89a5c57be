"""Tones by height: the rows of a graph go from a darker shade at its foot to the tone itself at its top."""

from __future__ import annotations

from functools import lru_cache

from textual.color import Color

SHADED = {"graph": "graph-foot", "warning": "graph-warning-foot", "bad": "graph-bad-foot", "strong": ""}
"""Tones that have shades → the variable by which a theme gives the colour of the lowest row itself."""
STEPS = 12
"""No graph needs more: neighbours would look alike."""
_WHOLE_FROM = 5
"""Rows of a graph that reaches its lowest shade: two rows that far apart would be two stripes."""
_DARKEST = 50
"""Percent of the tone."""
_ALIKE = 2
_SEEN = 3.0
"""The least contrast of what is no text (WCAG 1.4.11)."""


@lru_cache(1024)
def shade_of(tone: str, row: int, rows: int) -> str:
    """The tone in a row, the upper one first, which has it whole: `graph@3`, say, which `TonedApp.tone` knows too."""
    step = STEPS - STEPS * row // max(rows - 1, _WHOLE_FROM - 1)
    return tone if tone not in SHADED or step >= STEPS else f"{tone}@{max(0, step)}"


def shaded(tone: Color, foot: Color | None, ground: Color, step: int) -> Color:
    """The colour of a step up to STEPS; `foot` None: as near the ground as can be seen well. One like the tone: no
    shades are wished for, whatever sheets have made of either by rounding."""
    end = foot or foot_of(tone, ground)
    apart = max(abs(a - b) for a, b in zip(end.rgb, tone.rgb, strict=True))
    return tone if apart <= _ALIKE else end.blend(tone, step / STEPS)


@lru_cache(64)
def foot_of(tone: Color, ground: Color) -> Color:
    """Between the two; what hardly stands out from the ground is left as it is."""
    candidates = (ground.blend(tone, share / 100) for share in range(_DARKEST, 100, 5))
    return next((one for one in candidates if contrast(one, ground) >= _SEEN), tone)


def contrast(one: Color, other: Color) -> float:
    """From 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
