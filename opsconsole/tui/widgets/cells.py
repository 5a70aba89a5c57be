"""A piece of a line: harmless text and the tone it is drawn in."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rich.cells import set_cell_size


class Cell(NamedTuple):
    """`tone` is one of `tones.TONES`; empty: as its surroundings."""

    text: str
    tone: str


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly `width` cells; what does not fit ends in an ellipsis."""
    if text.isascii():
        if len(text) > width:
            return text[: width - 1] + "…"
        return text.rjust(width) if right else text.ljust(width)
    return _fit_wide(text, width, right)


@lru_cache(2048)
def _fit_wide(text: str, width: int, right: bool) -> str:
    fitted = set_cell_size(text, width)
    if fitted.rstrip() != text.rstrip() and len(fitted.rstrip()) < len(text.rstrip()):
        fitted = set_cell_size(text, width - 1) + "…"
    return fitted.rstrip().rjust(width) if right else fitted
