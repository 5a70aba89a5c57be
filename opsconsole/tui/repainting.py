"""Of a screen that has changed in places, those lines are drawn, all and only those, by widgets that are seen there.

Textual asks every widget that lies somewhere between the first change and the last one for all of its lines, those
behind others too. A second of an idle Overview takes a third of that time here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from textual._compositor import ChopsUpdate, Compositor, ReflowResult
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

Span = tuple[int, int, int]
"""Line, first column, one past the last column."""
Pieces = dict[int, Strip | None]
"""By their first column: what lies between two edges of widgets. None: not to be drawn."""


class SparingCompositor(Compositor):
    """Draws the same as its parent."""

    def reflow(self, parent: Widget, size: Size) -> ReflowResult:
        """Who has another size than before is told of it, and drawn; whoever looked at the new places first.

        After a scroll, Textual finds the places of all widgets anew for the first who asks for them. If that is before
        a change of layout has been worked off, the old places are forgotten, and nothing seems to have changed: what a
        widget had drawn for its old size stays on the screen.
        """
        hidden, shown, resized = super().reflow(parent, size)
        untold = {one for one, place in self._full_map.items() if one._size != place.region.size} - shown - resized
        if untold:
            self._dirty_regions = {size.region}
        return ReflowResult(hidden, shown, resized | untold)

    def render_partial_update(self) -> ChopsUpdate | None:
        """What is to be sent; None: nothing has changed."""
        regions, self._dirty_regions = self._dirty_regions, set()
        if not regions:
            return None
        spans = list(self._regions_to_spans(regions))
        cuts = self.cuts
        return ChopsUpdate(self._drawn(spans, cuts), spans, [line[1:] for line in cuts])

    def _drawn(self, spans: Iterable[Span], cuts: list[list[int]]) -> list[Pieces]:
        """A line each; widgets in front come first, and what they have drawn stays."""
        found: list[Pieces] = [{} for _ in cuts]
        open_: dict[int, dict[int, int]] = {}
        for y, x1, x2 in spans:
            if 0 <= y < len(cuts):
                found[y] = dict.fromkeys(cuts[y][:-1])
                line = open_.setdefault(y, {})
                line.update((at, end) for at, end in pairwise(cuts[y]) if at < x2 and end > x1)
        for widget, (region, clip) in self.visible_widgets.items():
            if not open_:
                break
            seen = region.intersection(clip)
            for first, last in _stretches(_lines(open_, seen)):
                crop = Region(seen.x - region.x, first - region.y, seen.width, last - first)
                for y, strip in zip(range(first, last), widget.render_lines(crop), strict=False):
                    line = open_[y]
                    for at in [at for at in line if seen.x <= at < seen.right]:
                        found[y][at] = strip.crop(at - seen.x, line.pop(at) - seen.x)
                    if not line:
                        del open_[y]
        return found


def _lines(open_: dict[int, dict[int, int]], seen: Region) -> list[int]:
    """Those on which there is something to draw in this place."""
    left, right, found = seen.x, seen.right, []
    for y in range(seen.y, seen.bottom):
        for at in open_.get(y, ()):
            if left <= at < right:
                found.append(y)
                break
    return found


def _stretches(lines: list[int]) -> Iterator[tuple[int, int]]:
    """First and one past the last of lines that follow each other; they come in order."""
    if not lines:
        return
    first = before = lines[0]
    for y in lines[1:]:
        if y != before + 1:
            yield first, before + 1
            first = y
        before = y
    yield first, before + 1
