"""Episodes in a table: open ones first, then the newest; the cursor is on an episode, not on a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from opsconsole.anomalies import Anomaly
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.screens.anomalies.facts import STATE_WIDTH, cells
from opsconsole.tui.screens.tasks.rows import Column
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.cursor_list import CursorList
from opsconsole.tui.widgets.tones import Toned

COLUMNS = (
    Column("glyph", "", 1),
    Column("severity", "SEV", 4),
    Column("kind", "KIND", 16, from_width=46),
    Column("subject", "SUBJECT", 14, from_width=100),
    Column("state", "STATE", STATE_WIDTH, from_width=36),
    Column("since", "SINCE", 5, right=True),
    Column("lasted", "FOR", 6, right=True),
    Column("peak", "PEAK", 10, right=True, from_width=84),
    Column("message", "MESSAGE", 0),
)
_LEAST_MESSAGE = 8


class EpisodeTable(Toned, CursorList, can_focus=True, inherit_bindings=False):
    """← and → are not its own. Line 0 is the heading; `selected` is where the cursor is."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--heading", "table--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.MOTION)

    @dataclass
    class Moved(Message):
        """The cursor is on another episode (None: there is none)."""

        episode: Anomaly | None

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._episodes: list[Anomaly] = []
        self._now = 0
        self._cursor = 0
        self._empty: tuple[str, ...] = ()
        self._drawn: dict[int, tuple[dict[str, Cell] | None, bool]] = {}

    # -- what it shows

    @property
    def selected(self) -> Anomaly | None:
        return self._episodes[self._cursor] if self._episodes else None

    @property
    def episodes(self) -> Sequence[Anomaly]:
        return self._episodes

    def show(self, episodes: Iterable[Anomaly], now: int) -> None:
        """The cursor stays on its episode, or on its line when the episode is gone."""
        before = self.selected
        found = sorted(episodes, key=lambda one: (not one.state.is_open, -one.opened_at, -one.id))
        if bool(found) != bool(self._episodes):
            self.refresh()
        self._episodes, self._now = found, now
        was, self._cursor = self._cursor, max(0, min(self._cursor, len(found) - 1))
        if before is not None:
            self._cursor = next((at for at, one in enumerate(found) if one.id == before.id), self._cursor)
        self.set_extent(1, len(found) + 1)
        if self._cursor != was:
            self._reveal()
        self._draw_changes()
        if before != self.selected:
            self.post_message(self.Moved(self.selected))

    def say_empty(self, *lines: str) -> None:
        """What stands in the middle while there is no episode."""
        if lines != self._empty:
            self._empty = lines
            if not self._episodes:
                self.refresh()

    def tick(self, now: int) -> None:
        """Time has passed: draw what reads differently now."""
        self._now = now
        self._draw_changes()

    def select(self, episode_id: int) -> None:
        """Put the cursor on an episode, if it is shown."""
        for at, one in enumerate(self._episodes):
            if one.id == episode_id:
                self._go(at)
                return

    # -- moving

    @property
    def _count(self) -> int:
        return len(self._episodes)

    def _moved_to(self) -> Message:
        return self.Moved(self.selected)

    # -- drawing

    def _draw_changes(self) -> None:
        if not self._episodes:
            return
        for y in range(1, self.size.height):
            if self._drawn.get(y) != self._line(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def _line(self, y: int) -> tuple[dict[str, Cell] | None, bool]:
        line = y - 1 + self.scroll_offset.y
        if not 0 <= line < len(self._episodes):
            return None, False
        return cells(self._episodes[line], self._now), line == self._cursor

    def _spans(self) -> list[tuple[Column, int]]:
        """The columns that fit, with their widths."""
        total = self.size.width - 1  # a column for the scrollbar, whether it is there or not
        shown = [column for column in COLUMNS if total >= column.from_width]
        left = max(_LEAST_MESSAGE, total - 2 - sum(column.width + 1 for column in shown))
        return [(column, column.width or left) for column in shown]

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if not self._episodes:
            line = y - (self.size.height - len(self._empty)) // 2
            text = self._empty[line] if 0 <= line < len(self._empty) else ""
            said = Segment(text.center(width), base + self.tone("muted" if line else "plain"))
            return Strip([said]).adjust_cell_length(width, base)
        if y == 0:
            heading = self.get_component_rich_style("table--heading")
            return self._strip({c.key: Cell(c.title, "") for c in COLUMNS}, " ", heading, heading, width)
        content, cursor = self._drawn[y] = self._line(y)
        if content is None:
            return Strip.blank(width, base)
        if not cursor:
            return self._strip(content, " ", base, base, width)
        style = self.get_component_rich_style("table--cursor")
        return self._strip(content, "▌" if self.has_focus else " ", style, style + self.tone("accent"), width)

    def _strip(self, content: dict[str, Cell], mark: str, base: Style, marked: Style, width: int) -> Strip:
        segments = [Segment(mark, marked)]
        for column, cell_width in self._spans():
            text, tone = content[column.key]
            fitted = fit(text, cell_width, right=column.right)
            style = base + self.tone(tone) if tone else base
            segments += [Segment(fitted, style), Segment(" ", base)]
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, base)
