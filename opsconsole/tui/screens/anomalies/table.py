"""Episodes in a table: first what is open, the worst before all; the cursor is on an episode, not on a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.message import Message

from opsconsole.anomalies import Anomaly
from opsconsole.tui.actions import Where, bindings
from opsconsole.tui.episodes import kind_words, sentence, subject_name, what, with_now
from opsconsole.tui.screens.anomalies.facts import STATE_WIDTH, cells
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.column_list import Column, ColumnList, Content

_LEAST_SAID = 8
"""Cells of a sentence that is cut; of a shorter one nothing is understood."""
COLUMNS = (
    Column("glyph", "", 1),
    Column("severity", "SEV", 4),
    Column("what", "WHAT", 22, from_width=60),
    Column("kind", "KIND", 13, from_width=46),
    Column("state", "STATE", STATE_WIDTH, from_width=36),
    Column("since", "SINCE", 5, right=True),
    Column("lasted", "LASTED", 6, right=True, from_width=120),
    Column("peak", "PEAK", 6, right=True, from_width=84),
    Column("message", "MESSAGE", 0),
)


def in_order(episodes: Iterable[Anomaly]) -> list[Anomaly]:
    """The worst of what is open before all else; what is over stands in the order of time."""

    def place(one: Anomaly) -> tuple[bool, int, int, int]:
        return not one.state.is_open, -one.severity if one.state.is_open else 0, -one.opened_at, -one.id

    return sorted(episodes, key=place)


def brief(was: str, now: str) -> str:
    """A sentence and ` · now 94 %`; of one that was cut to nearly nothing only how it is now."""
    return now.removeprefix(" · ") if now and was.endswith("…") and len(was) < _LEAST_SAID else was + now


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
        self._values: Mapping[str, float] | None = None
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
        lines = {one.id: at for at, one in enumerate(found)}
        self._stay(before and before.id, lines.get)
        self.set_extent(1, len(found) + 1)
        if self._cursor != was:
            self._reveal()
        self._draw_changes()
        if before != self.selected:
            self.post_message(self.Moved(self.selected))

    def tick(self, now: int, values: Mapping[str, float] | None = None) -> None:
        """Time has passed: draw what reads differently now. `values`: the newest of `samples.series`."""
        self._now, self._values = now, values
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

    @property
    def _whose(self) -> int | None:
        return None if self.selected is None else self.selected.id

    def _moved_to(self) -> Message:
        return self.Moved(self.selected)

    def _content(self, line: int) -> Content:
        return cells(self._episodes[line], self._now, self._values)

    def _line(self, y: int) -> tuple[Content | None, bool]:
        """What finds no room in a message is not how it is now; what stands in another column is not said again."""
        content, cursor = super()._line(y)
        if content is not None:
            one = self._episodes[y - 1 + self.scroll_offset.y]
            spans = self._spans()
            said, whose, shown = spans[-1][1], "", dict[str, Cell]()
            if room := next((width for column, width in spans if column.key == "what"), 0):
                subject = subject_name(one)
                shown["what"] = Cell(what(subject, kind_words(one.kind), room), content["what"].tone)
                whose = f"{subject} " if subject and sentence(one).startswith(f"{subject} ") else ""
            was, now = with_now(one, self._values, said + cell_len(whose), whole_name=bool(shown))
            shown["message"] = Cell(brief(was.removeprefix(whose), now), content["message"].tone)
            content = {**content, **shown}
        return content, cursor

    def _shown(self, total: int) -> list[Column]:
        """Where there is room for whose it is, what is wrong stands beside it."""
        shown = super()._shown(total)
        whose = any(column.key == "what" for column in shown)
        return [column for column in shown if column.key != "kind" or not whose]
