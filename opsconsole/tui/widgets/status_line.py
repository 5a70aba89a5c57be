"""The first line of the screen (where am I, what is going on) and the last (which keys matter here)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.models import Status
from opsconsole.tui.facts import summary_counts
from opsconsole.tui.widgets.task_table import Cell
from opsconsole.tui.widgets.tones import TONE_CLASSES, Toned


class HeaderLine(Toned, Widget):
    """Name, host and user on the left, counts in the middle, the engine's state on the right."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES

    def __init__(self, host: str, user: str) -> None:
        super().__init__()
        self._place = [Cell("opsconsole", "accent"), Cell(host, "strong"), Cell(user, "muted")]
        self._counts: list[Cell] = []
        self._state = Cell("starting …", "muted")

    def show_counts(self, counts: Mapping[Status, int]) -> None:
        running, waiting, failed = summary_counts(counts)
        cells = [
            Cell(f"▶ {running} running", "good" if running else "faint"),
            Cell(f"◦ {waiting} queued", "plain" if waiting else "faint"),
            Cell(f"✗ {failed} failed in 24 h", "bad" if failed else "faint"),
        ]
        if cells != self._counts:
            self._counts = cells
            self.refresh()

    def show_state(self, text: str, tone: str = "faint") -> None:
        """Where the record is, or what is wrong with it."""
        if (text, tone) != self._state:
            self._state = Cell(text, tone)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        left, middle, state = self._place, self._counts, self._state
        room = width - _width(left) - _width(middle) - 2
        if room < len(state.text) + 3:
            state = Cell("", "faint") if middle else state
        if room < 0:
            left = left[:2]
        if width - _width(left) - _width(middle) < 2:
            left = left[:1]
        gap = max(1, width - 2 - _width(left) - _width(middle) - cell_len(state.text) - (3 if state.text else 0))
        segments = [Segment(" ", base), *self._cells(left), Segment(" " * gap, base), *self._cells(middle)]
        if state.text:
            segments += [Segment("   ", base), Segment(state.text, base + self.tone(state.tone))]
        return Strip(segments).adjust_cell_length(width, base)

    def _cells(self, cells: Sequence[Cell]) -> list[Segment]:
        segments: list[Segment] = []
        for cell in cells:
            if segments:
                segments.append(Segment("   ", self.rich_style))
            segments.append(Segment(cell.text, self.rich_style + self.tone(cell.tone)))
        return segments


def _width(cells: Sequence[Cell]) -> int:
    return sum(cell_len(cell.text) for cell in cells) + 3 * max(0, len(cells) - 1)


class Key(NamedTuple):
    key: str
    label: str


class KeyLine(Toned, Widget):
    """The keys that make sense now; what does not fit is in the help."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[Key] = []
        self._always: list[Key] = []

    def show(self, keys: list[Key], always: list[Key]) -> None:
        """`always` stands at the right end whatever the width."""
        if (keys, always) != (self._keys, self._always):
            self._keys, self._always = keys, always
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        right = sum(_key_width(key) for key in self._always)
        segments, used = [Segment(" ", base)], 1
        for key in self._keys:
            if used + _key_width(key) + right > width:
                break
            segments += self._hint(key)
            used += _key_width(key)
        segments.append(Segment(" " * max(0, width - used - right), base))
        for key in self._always:
            segments += self._hint(key)
        return Strip(segments).adjust_cell_length(width, base)

    def _hint(self, key: Key) -> list[Segment]:
        base = self.rich_style
        return [
            Segment(key.key, base + self.tone("accent")),
            Segment(f" {key.label}  ", base + self.tone("muted")),
        ]


def _key_width(key: Key) -> int:
    return cell_len(key.key) + cell_len(key.label) + 3
