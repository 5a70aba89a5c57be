"""Episodes in a table: first what is open, the worst before all; the cursor is on an episode, not on a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from opsconsole.anomalies import Anomaly
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.screens.anomalies.facts import STATE_WIDTH, cells
from opsconsole.tui.widgets.column_list import Column, ColumnList, Content

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


def in_order(episodes: Iterable[Anomaly]) -> list[Anomaly]:
    """The worst of what is open before all else; what is over stands in the order of time."""

    def place(one: Anomaly) -> tuple[bool, int, int, int]:
        return not one.state.is_open, -one.severity if one.state.is_open else 0, -one.opened_at, -one.id

    return sorted(episodes, key=place)


class EpisodeTable(ColumnList, can_focus=True, inherit_bindings=False):
    """← and → are not its own. Line 0 is the heading; `selected` is where the cursor is."""

    COLUMNS = COLUMNS
    LEAST = 8
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
        self._drawn = {}

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
        found = in_order(episodes)
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

    def _content(self, line: int) -> Content:
        return cells(self._episodes[line], self._now)
