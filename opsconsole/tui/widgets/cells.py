"""A piece of a line: harmless text and the tone it is drawn in."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size


class Cell(NamedTuple):
    """`tone` is one of `tones.TONES`, or a shade of one (`shades`); empty: as its surroundings."""

    text: str
    tone: str


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly `width` cells; what does not fit ends in an ellipsis."""
    if text.isascii():
        if len(text) > width:
            return text[: width - 1] + "…"
        return text.rjust(width) if right else text.ljust(width)
    return _fit_wide(text, width, right)


@lru_cache(512)
def fit_path(text: str, width: int) -> str:
    """At most `width` cells of a harmless path or name: what does not fit gives way on the left, whole folders first,
    since what tells two of them apart stands at the end."""
    if cell_len(text) <= width:
        return text
    parts = text.split("/")
    for first in range(1, len(parts)):
        said = "…/" + "/".join(parts[first:])
        if parts[first] and cell_len(said) <= width:
            return said
    end = text
    while end and cell_len(end) >= max(1, width):
        end = end[1:]
    return f"…{end}"[: max(0, width)]


def squeezed(text: str, path: str, width: int, least: int = 4) -> str:
    """The text in `width` cells, where `path` in it can give way for that, as `fit_path` has it: down to `least` cells,
    so that what does not fit even then is longer still."""
    beside = cell_len(text) - cell_len(path)
    if cell_len(text) <= width or not path or path not in text:
        return text
    return text.replace(path, fit_path(path, max(least, width - beside)), 1)


@lru_cache(2048)
def _fit_wide(text: str, width: int, right: bool) -> str:
    fitted = set_cell_size(text, width)
    if fitted.rstrip() != text.rstrip() and len(fitted.rstrip()) < len(text.rstrip()):
        fitted = set_cell_size(text, width - 1) + "…"
    return fitted.rstrip().rjust(width) if right else fitted
