"""Drawn lines (`textual.strip.Strip`) that take the memory of what they are, not of all that may be asked of them.

Textual gives every line seven caches when it is made. Most lines are asked for one or two of them, and each takes a
hundred bytes when it is empty: all modes once visited hold ten thousand lines, which is ten megabytes of nothing. Here
a cache is made when it is first asked for; what is in it, and for how long, is Textual's.

Where a part of a line is the whole line, Textual puts the line into its own cache: nothing refers to it any more, and
still only the collector of garbage can take it away, which seldom looks. Here it is not kept in itself, and goes at
once when it was drawn for the last time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import MemberDescriptorType
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.cache import FIFOCache
from textual.strip import Strip

_PLAIN = {"_segments", "_cell_length", "_render_cache", "_link_ids", "_cell_count"}
"""What a line has beside caches; `_init` gives it."""


def _sizes() -> dict[str, int]:
    """Which caches Textual gives a line, and how many entries each may have."""
    one = Strip([])
    found = {name: getattr(one, name) for name in Strip.__slots__}
    return {name: value._maxsize for name, value in found.items() if isinstance(value, FIFOCache)}


def _asked_for(slot: MemberDescriptorType, size: int) -> Callable[[Strip], FIFOCache[Any, Any]]:
    """The cache in this place of a line."""
    get, put = slot.__get__, slot.__set__

    def cache(strip: Strip) -> FIFOCache[Any, Any]:
        try:
            found: FIFOCache[Any, Any] = get(strip)
        except AttributeError:
            put(strip, found := FIFOCache(size))
        return found

    return cache


def _init(self: Strip, segments: Iterable[Segment], cell_length: int | None = None) -> None:
    self._segments = list(segments)
    self._cell_length = cell_length
    self._render_cache = self._link_ids = self._cell_count = None


_divided, _cropped = Strip.divide, Strip.crop_extend


def _divide(self: Strip, cuts: Iterable[int]) -> Sequence[Strip]:
    length = self.cell_length
    cuts = [cut for cut in cuts if cut <= length]
    return [self] if cuts == [length] else _divided(self, cuts)


def _crop_extend(self: Strip, start: int, end: int, style: Style | None) -> Strip:
    return self if start <= 0 and end == self.cell_length else _cropped(self, start, end, style)


def make_spare() -> None:
    """From now on; a second time changes nothing. A Strip that holds what is not known here stays as it is."""
    if Strip.__init__ is _init:
        return
    sizes = _sizes()
    if set(Strip.__slots__) - sizes.keys() != _PLAIN:
        return
    for name, size in sizes.items():
        slot = Strip.__dict__[name]
        setattr(Strip, name, property(_asked_for(slot, size), slot.__set__))
    Strip.__init__ = _init  # type: ignore[method-assign]
    Strip.divide, Strip.crop_extend = _divide, _crop_extend  # type: ignore[method-assign]
