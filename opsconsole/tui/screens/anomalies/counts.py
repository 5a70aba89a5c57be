"""The line above the episodes: how many, how grave, of which kinds, and what is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.anomalies import Severity
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.anomalies.filter import PLACEHOLDER
from opsconsole.tui.severities import GLYPHS, TONES
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.filter_line import FilterLine
from opsconsole.tui.widgets.tones import Toned
from opsconsole.tui.wording import count_of

if TYPE_CHECKING:
    from opsconsole.storage.anomalies import AnomalyCounts

_GAP = "  "


class CountLine(Toned, Widget):
    """As many of its words as there is room for; they must be harmless."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._cells: Sequence[Cell] = ()

    def show(self, cells: Sequence[Cell]) -> None:
        if cells != self._cells:
            self._cells = cells
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        segments = [Segment(" ", base)]
        room = width - 2
        for at, cell in enumerate(self._cells):
            last = at == len(self._cells) - 1
            if cell_len(cell.text) > (room if last else room - len(_GAP) - 1):  # "…" says that there is more
                segments.append(Segment(fit(cell.text, room).rstrip() if not at else "…", base + self.tone("muted")))
                break
            room -= cell_len(cell.text) + len(_GAP)
            segments += [Segment(cell.text, base + self.tone(cell.tone)), Segment(_GAP, base)]
        return Strip(segments).adjust_cell_length(width, base)


def counted(counts: AnomalyCounts, left_out: Sequence[str], shown: int, *, more: bool, watched: bool) -> Iterator[Cell]:
    """`left_out`: what the quick filters say, harmless; `shown` episodes pass them."""
    alive = f", {counts.open} open" if watched else f", {counts.open} open when the monitor stopped"
    yield Cell(count_of(counts.total, "episode") + (alive if counts.open else ""), "strong")
    if left_out:
        yield Cell(f"{', '.join(left_out)}: {shown:,} shown", "accent")
    if more:
        yield Cell(f"the newest {shown:,} of them are read: a shorter time shows all", "warning")
    for severity in reversed(Severity):
        if number := counts.by_severity.get(severity.word, 0):
            yield Cell(f"{GLYPHS[severity]} {number:,} {severity.word}", TONES[severity])
    for kind, number in counts.by_kind.items():
        yield Cell(f"{sanitise_name(kind, limit=40)} {number:,}", "muted")


class EpisodeFilterLine(FilterLine):
    """The line to type a filter of episodes in."""

    HINT = PLACEHOLDER
